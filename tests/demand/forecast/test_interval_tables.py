"""Interval tables against convolution and enumeration done by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles.policies import convolve_by_hand, scaled
from scipy import stats

from omsim.demand.forecast import tables as tables_module
from omsim.demand.forecast.tables import (
    Interval,
    compound_tables,
    doubt_levels,
    in_order,
    joined,
    pascal_chances,
    pascal_tables,
    window_tables,
)
from omsim.demand.lead_time import read_distributions

PARTS = ("period", "before", "after")


def interval(share, review_days=1, day_factor=None):
    """An interval of days that are alike unless told otherwise."""
    share = np.atleast_2d(np.asarray(share, dtype=np.float64))
    factor = np.ones(max(1, share.shape[1])) if day_factor is None else np.asarray(day_factor, dtype=np.float64)
    return Interval(share=share, review_days=review_days, day_factor=factor)


def day_by_hand(chance, sizes):
    """Distribution of a day that sells with this chance."""
    day = chance * np.asarray(sizes)
    day[0] += 1 - chance
    return day


def assert_same(row, expected, atol=1e-12):
    """Equal where both reach, and nothing to speak of beyond."""
    n = min(row.size, expected.size)
    np.testing.assert_allclose(row[:n], expected[:n], atol=atol)
    assert row[n:].sum() + expected[n:].sum() < max(atol, 1e-9)


weights = st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(lambda row: sum(row) > 0)


@given(sizes=weights, share=weights, chance=st.floats(0.01, 1.0), review=st.integers(1, 3))
def test_compound_equals_convolving_days(sizes, share, chance, review):
    """Without doubt, the tables are those of independent days convolved one after the other."""
    pmf = np.concatenate(([0.0], scaled(sizes)))
    made = compound_tables(
        np.array([chance]), read_distributions([pmf]), interval(scaled(share), review),
        sigma=0.0, alive_share=np.ones(1), tail=1e-10,
    )  # fmt: skip
    day = day_by_hand(chance, pmf)
    assert_same(made.period.row(0), convolve_by_hand(day, np.eye(review + 1)[review]), 1e-9)
    assert_same(made.before.row(0), convolve_by_hand(day, scaled(share)), 1e-9)
    assert_same(made.after.row(0), convolve_by_hand(day, np.concatenate((np.zeros(review), scaled(share)))), 1e-9)


@given(sizes=weights, chance=st.floats(0.05, 0.9), alive=st.floats(0.1, 1.0))
def test_doubt_is_a_mixture_of_levels(sizes, chance, alive):
    """With doubt and a chance of being dead, the table is the levels' tables mixed, fractions shared."""
    pmf = np.concatenate(([0.0], scaled(sizes)))
    made = compound_tables(
        np.array([chance]), read_distributions([pmf]), interval([0, 0, 0, 1.0]),
        sigma=0.5, alive_share=np.array([alive]), tail=1e-9,
    )  # fmt: skip
    n_levels = int(
        tables_module._level_counts(np.array([chance]), read_distributions([pmf]), interval([0, 0, 0, 1.0]), 0.5)[0]
    )
    expected = np.zeros(4_000)
    expected[0] = 1 - alive
    for factor, weight in zip(*doubt_levels(0.5, n_levels), strict=True):
        scale = factor ** max(0.0, (chance - 0.25) / 0.75)
        often = chance * factor / scale
        scale, often = scale * max(1.0, often), min(1.0, often)
        day = np.zeros(200)
        for units, share in enumerate(pmf):
            low = int(units * scale)
            above = units * scale - low
            day[low] += share * (1 - above)
            day[low + 1] += share * above
        three = convolve_by_hand(day_by_hand(often, day), np.eye(4)[3])
        expected[: three.size] += alive * weight * three
    assert_same(made.before.row(0), expected, 1e-8)


def test_each_day_ahead_has_its_own_chance():
    """Day factors: a closed day adds nothing before the order arrives; a period is of average days."""
    made = compound_tables(
        np.array([0.3]), read_distributions([[0, 0.5, 0.5]]), interval([0, 0.25, 0, 0.75], 2, [0.0, 2.0, 1.0]),
        sigma=0.0, alive_share=np.ones(1), tail=1e-12,
    )  # fmt: skip
    busy, usual = day_by_hand(0.6, [0, 0.5, 0.5]), day_by_hand(0.3, [0, 0.5, 0.5])
    three = 0.75 * np.convolve(busy, usual)
    three[0] += 0.25
    assert_same(made.before.row(0), three)
    assert_same(made.period.row(0), np.convolve(usual, usual))
    assert_same(made.after.row(0), np.convolve(three, np.convolve(usual, usual)))


@pytest.mark.parametrize("sigma", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("chance", [0.2, 0.6, 0.85, 0.99])
def test_a_busy_day_keeps_the_mean_whatever_the_doubt(sigma, chance):
    """A shop closed one day in seven: where a busy day's chance would pass 1 the sizes grow, and nothing is lost."""
    week = np.array([7, 7, 7, 0, 7, 7, 7]) / 6
    made = compound_tables(
        np.array([chance]), read_distributions([[0, 0.5, 0.5]]), interval(np.eye(8)[7], 2, week),
        sigma=sigma, alive_share=np.ones(1), tail=1e-9,
    )  # fmt: skip
    assert made.before.mean()[0] == pytest.approx(7 * 1.5 * chance, rel=1e-6)
    assert made.period.mean()[0] == pytest.approx(2 * 1.5 * chance, rel=1e-6)


def test_items_have_their_own_lengths_and_neighbours_change_nothing():
    """One row of lengths for each item; an item alone gets the table it gets in company."""
    rng = np.random.default_rng(2)
    sizes = read_distributions([np.concatenate(([0.0], scaled(rng.integers(1, 9, k + 1)))) for k in range(40)])
    chance, alive = rng.uniform(0.01, 0.99, 40), rng.uniform(0.5, 1, 40)
    share = rng.random((40, 6))
    share /= share.sum(axis=1, keepdims=True)
    arguments = {"sigma": 0.4, "tail": 1e-6}
    whole = compound_tables(chance, sizes, interval(share, 2), alive_share=alive, **arguments)
    for item in (0, 17, 39):
        alone = compound_tables(
            chance[[item]], sizes.select([item]), interval(share[[item]], 2), alive_share=alive[[item]], **arguments
        )
        for part in PARTS:
            np.testing.assert_allclose(getattr(whole, part).row(item), getattr(alone, part).row(0), atol=1e-14)


@pytest.mark.parametrize("sigma", [0.0, 0.6])
def test_mass_and_mean_are_kept(sigma):
    """Tables sum to 1; the mean is chance x size x days, whatever the doubt, up to the tail left out."""
    rng = np.random.default_rng(3)
    chance = rng.uniform(0.001, 1.4, 60)  # above 1 sizes grow instead
    sizes = read_distributions([np.concatenate(([0.0], scaled(rng.integers(1, 9, 1 + k % 13)))) for k in range(60)])
    share = np.array([0.2, 0.0, 0.5, 0.3])
    made = compound_tables(chance, sizes, interval(share, 2), sigma=sigma, alive_share=np.ones(60), tail=1e-9)
    for part, days in zip(PARTS, (2.0, 1.9, 3.9), strict=True):
        table = getattr(made, part)
        np.testing.assert_allclose(np.add.reduceat(table.pmf, table.first[:-1]), 1.0, atol=1e-12)
        np.testing.assert_allclose(table.mean(), days * chance * sizes.mean(), rtol=1e-5)
        assert (table.pmf >= 0).all()


def test_long_demand_in_steps_of_several_units_keeps_the_mean(monkeypatch):
    """A coarse grid changes quantiles by no more than a step or two, and the chance of none by two percent."""
    rng = np.random.default_rng(5)
    pmf = np.zeros(900)
    pmf[rng.integers(1, 900, 40)] = 1 / 40
    sizes = read_distributions([pmf / pmf.sum()])
    arguments = {"sigma": 0.5, "alive_share": np.array([0.9]), "tail": 1e-7}
    fine = compound_tables(np.array([0.3]), sizes, interval([0, 0, 0, 0, 1.0]), **arguments)
    monkeypatch.setattr(tables_module, "MOST_POINTS", 4096)
    coarse = compound_tables(np.array([0.3]), sizes, interval([0, 0, 0, 0, 1.0]), **arguments)
    assert fine.after.pmf.size > 4096
    assert coarse.after.mean()[0] == pytest.approx(fine.after.mean()[0], rel=1e-4)
    assert coarse.after.row(0)[0] == pytest.approx(fine.after.row(0)[0], rel=0.02)
    assert coarse.after.pmf.sum() == pytest.approx(1.0, abs=1e-12)
    for share in (0.5, 0.9, 0.99):
        assert coarse.after.quantile(share)[0] == pytest.approx(fine.after.quantile(share)[0], abs=32)


def test_doubtful_pascals_are_scipys_mixed():
    """Negative binomials over lengths and levels, term by term."""
    mean, variance = np.array([0.7, 3.0]), np.array([1.9, 3.0])
    made = pascal_tables(mean, variance, interval([0.5, 0, 0.5], 2), sigma=0.4, tail=1e-10)
    k = np.arange(60)
    factors, levels = doubt_levels(0.4, 33)
    for item, law in ((0, stats.nbinom), (1, stats.poisson)):
        expected = np.zeros(60)
        for days in (2, 4):
            for factor, weight in zip(factors, levels, strict=True):
                m = days * factor * mean[item]
                shape = (m / (variance[0] / mean[0] - 1), mean[0] / variance[0]) if item == 0 else (m,)
                expected += 0.5 * weight * law.pmf(k, *shape)
        row = made.after.row(item)
        np.testing.assert_allclose(row[:60], expected[: row.size], atol=1e-9)
    np.testing.assert_allclose(made.before.mean(), mean, rtol=1e-6)


@given(
    mean=st.floats(0.01, 20.0),
    over=st.floats(1.0, 6.0),
    days=st.integers(1, 12),
    demand=st.integers(0, 120),
    usual=st.integers(0, 60),
    sigma=st.sampled_from([0.0, 0.3, 0.8]),
)
def test_chances_by_formula_are_the_tables(mean, over, days, demand, usual, sigma):
    """The probability of one demand, or of no more than the usual, as the negative binomial table has it."""
    moments = np.array([mean]), np.array([mean * over])
    table = pascal_tables(*moments, interval(np.eye(days)[-1], 1), sigma=sigma, tail=1e-12).after
    made = pascal_chances(*moments, days, np.array([demand]), np.array([usual]), sigma=sigma)[0]
    exact = table.cdf(demand) - table.cdf(demand - 1) if demand > usual else table.cdf(usual)
    assert made == pytest.approx(exact[0], rel=1e-4, abs=1e-9)


@given(
    history=st.lists(st.lists(st.integers(0, 6), min_size=7, max_size=7), min_size=1, max_size=4),
    share=weights,
    review=st.integers(1, 4),
    start=st.integers(0, 3),
)
def test_windows_are_counted_one_by_one(history, share, review, start):
    """Every overlapping window counts once; too short a history counts in proportion, its mean kept."""
    table = np.array(history)
    made = window_tables(table, interval(scaled(share), review), shortest=np.full(len(history), start))
    for i, row in enumerate(history):
        known = row[start:]
        for part, lengths, extra in (
            ("period", [1.0], review),
            ("before", scaled(share), 0),
            ("after", scaled(share), review),
        ):
            expected = np.zeros(200)
            for days, weight in enumerate(lengths):
                n = days + extra
                if n > len(known):
                    size = sum(known) * n / len(known)
                    expected[int(size)] += weight * (1 - (size - int(size)))
                    expected[int(size) + 1] += weight * (size - int(size))
                    continue
                sums = [sum(known[t : t + n]) for t in range(len(known) - n + 1)]
                for total in sums:
                    expected[total] += weight / len(sums)
            assert_same(getattr(made, part).row(i), expected)


def test_groups_are_put_back_in_order():
    """Tables made by group, joined and reordered, are the tables of the whole."""
    sizes = read_distributions([[0, 1.0], [0, 0.5, 0.5], [0, 0, 1.0]])
    chance = np.array([0.1, 0.5, 0.9])

    def make(items):
        return compound_tables(
            chance[items],
            sizes.select(items),
            interval([0, 1.0]),
            sigma=0.0,
            alive_share=np.ones(len(items)),
            tail=1e-9,
        )

    whole = make(np.arange(3))
    parts = in_order(joined([make(np.array([2, 0])), make(np.array([1]))]), np.array([2, 0, 1]))
    for part in PARTS:
        np.testing.assert_array_equal(getattr(parts, part).pmf, getattr(whole, part).pmf)
        np.testing.assert_array_equal(getattr(parts, part).first, getattr(whole, part).first)


@pytest.mark.parametrize(("sigma", "n"), [(0.1, 5), (0.58, 5), (0.58, 33), (1.0, 17)])
def test_levels_have_mean_one_and_the_spread_asked_for(sigma, n):
    """Probabilities sum to 1, the mean is 1, the log's standard deviation that of the doubt but for its far ends."""
    factor, weight = doubt_levels(sigma, n)
    assert weight.sum() == pytest.approx(1)
    assert weight @ factor == pytest.approx(1)
    log = np.log(factor)
    assert np.sqrt(weight @ log**2 - (weight @ log) ** 2) == pytest.approx(sigma, rel=0.03)
