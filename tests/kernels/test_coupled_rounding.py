"""Rounding of plans: every chance kept, and as few boxes as promised."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.errors import FieldError
from omsim.kernels.allocation import rounding
from omsim.kernels.allocation.batch import NO_SITE
from omsim.kernels.allocation.rounding import (
    COUPLED,
    INDEPENDENT,
    SPARSE,
    least_boxes,
    planned_fractions,
    round_plan,
)
from omsim.kernels.allocation.transport import transport_prices

RULES = (INDEPENDENT, COUPLED, SPARSE)


def some_fractions(seed, n_lines, n_sites, most_sites=99):
    """Chances of each line over the sites, at most so many of them above 0, some rows short of 1."""
    rng = np.random.default_rng(seed)
    fraction = rng.dirichlet(np.full(n_sites, rng.choice([0.2, 1.0, 5.0])), n_lines)
    order = np.argsort(rng.random(fraction.shape), axis=1)
    np.put_along_axis(fraction, order[:, most_sites:], 0.0, axis=1)
    fraction = np.maximum(fraction, 1e-9 * (fraction > 0))
    fraction /= fraction.sum(axis=1, keepdims=True)
    return np.floor(fraction * 64) / 64 if rng.random() < 0.3 else fraction  # ties, and rows a little short


def repeated(fraction, times):
    """Arguments `first_line` and `fraction` of the same order many times."""
    q = fraction.shape[0]
    return np.arange(0, q * times + 1, q), np.tile(fraction, (times, 1))


def with_nowhere(fraction):
    """The chances with the one of no site behind."""
    return np.hstack([fraction, np.maximum(1 - fraction.sum(axis=1, keepdims=True), 0)])


def chance_used_independent(fraction):
    """Chance that some line goes to each column, drawn one by one."""
    return 1 - np.prod(1 - fraction, axis=0)


def chance_used_coupled(fraction):
    """The same under the shared clocks, by inclusion and exclusion over the lines.

    All lines of a set see column k open first if its time is below the time of every other column l divided by the
    largest u[l] / u[k] of the set: with chance 1 / sum over l of those ratios.
    """
    used = np.zeros(fraction.shape[1])
    for k in range(used.size):
        lines = np.flatnonzero(fraction[:, k] > 0)
        for size in range(1, lines.size + 1):
            for some in itertools.combinations(lines, size):
                ratios = (fraction[list(some)] / fraction[list(some), k][:, None]).max(axis=0)
                used[k] += (-1) ** (size + 1) / ratios.sum()
    return used


def chance_used_sparse(fraction):
    """The same where each column draws one uniform: every cell between the lines' thresholds, one by one."""
    turns = [[k for k in np.argsort(row, kind="stable") if row[k] > 0] for row in fraction]
    threshold = np.zeros(fraction.shape)
    for i, turn in enumerate(turns):
        rest = 1.0
        for k in turn:
            threshold[i, k] = 1.0 if k == turn[-1] else fraction[i, k] / rest
            rest -= fraction[i, k]
    cuts = [np.unique(np.concatenate([[0.0, 1.0], threshold[:, k]])) for k in range(fraction.shape[1])]
    used = np.zeros(fraction.shape[1])
    for cell in itertools.product(*(range(cut.size - 1) for cut in cuts)):
        chance = math.prod(float(cut[at + 1] - cut[at]) for cut, at in zip(cuts, cell, strict=True))
        taken = {next(k for k in turn if cuts[k][cell[k]] < threshold[i, k] - 1e-15) for i, turn in enumerate(turns)}
        used[list(taken)] += chance
    return used


EXACT = {INDEPENDENT: chance_used_independent, COUPLED: chance_used_coupled, SPARSE: chance_used_sparse}


@pytest.mark.parametrize("rule", RULES)
def test_every_chance_is_kept(rule):
    """Of 60,000 draws each line gets each site, and no site, as often as its fraction says (5 standard errors)."""
    for seed, (q, n_sites) in enumerate([(1, 3), (2, 5), (5, 4), (3, 9)]):
        fraction = some_fractions(seed, q, n_sites, 3 if seed == 2 else 99) * (0.8 if seed == 1 else 1.0)
        times = 60_000
        site = round_plan(*repeated(fraction, times), rule, seed=7, stream=rule, order_key=np.arange(times))
        site = site.reshape(times, q)
        for i, chances in enumerate(with_nowhere(fraction)):
            drawn = np.bincount(np.where(site[:, i] == NO_SITE, n_sites, site[:, i]), minlength=n_sites + 1)
            error = np.sqrt(times * chances * (1 - chances))
            assert (np.abs(drawn - times * chances) <= 5 * error + 1e-6 * times).all()


@pytest.mark.parametrize("rule", RULES)
def test_sites_are_used_as_often_as_worked_out_by_hand(rule):
    """The chance that any line of an order goes to a site is the one of exact enumeration (5 standard errors)."""
    for seed, (q, n_sites) in enumerate([(2, 3), (3, 3), (4, 4)]):
        fraction = some_fractions(10 + seed, q, n_sites) * (0.9 if seed == 1 else 1.0)
        times = 60_000
        site = round_plan(*repeated(fraction, times), rule, seed=3, stream=rule, order_key=np.arange(times))
        site = np.where(site == NO_SITE, n_sites, site).reshape(times, q)
        drawn = np.array([(site == k).any(axis=1).mean() for k in range(n_sites + 1)])
        exact = EXACT[rule](with_nowhere(fraction))
        assert np.abs(drawn - exact).max() <= 5 * 0.5 / math.sqrt(times)


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(2, 4), st.integers(2, 4))
def test_no_site_is_used_more_than_guaranteed(seed, q, n_sites, most_sites):
    """By exact enumeration: each site at most 1 + ln q (coupled) or d (sparse) times its least chance (Ma 2023)."""
    fraction = with_nowhere(some_fractions(seed, q, n_sites, most_sites))
    fraction /= fraction.sum(axis=1, keepdims=True)
    least = fraction.max(axis=0)
    d = int((fraction > 0).sum(axis=1).max())
    for rule, factor in ((COUPLED, 1 + math.log(q)), (SPARSE, d)):
        used = EXACT[rule](fraction)
        assert (used <= np.minimum(factor * least, 1.0) + 1e-9).all()
        assert (used >= least - 1e-9).all()


def mean_boxes(site, q):
    """Mean number of different sites of orders of q lines."""
    ranked = np.sort(site.reshape(-1, q), axis=1)
    return 1 + (np.diff(ranked, axis=1) != 0).sum(axis=1).mean()


@pytest.mark.parametrize(("q", "n_sites"), [(2, 5), (2, 10), (3, 5), (4, 10), (5, 10)])
def test_coupled_rounding_saves_boxes(q, n_sites):
    """Random chances: 10 % fewer boxes than drawing line by line or better, at most 1.17 times the least possible."""
    n_orders = 20_000
    first = np.arange(0, n_orders * q + 1, q)
    fraction = np.random.default_rng(q * n_sites).dirichlet(np.ones(n_sites), n_orders * q)
    key = np.arange(n_orders)
    boxes = {r: mean_boxes(round_plan(first, fraction, r, seed=1, stream=2, order_key=key), q) for r in RULES}
    least = least_boxes(first, fraction).mean()
    assert boxes[COUPLED] <= 0.9 * boxes[INDEPENDENT]
    assert least <= boxes[COUPLED] <= 1.17 * least
    assert boxes[COUPLED] < boxes[SPARSE] < boxes[INDEPENDENT]


def test_lines_with_the_same_chances_stay_together():
    """Alike lines always share one box under both shared roundings, and the least boxes are one."""
    first, fraction = repeated(np.tile([0.2, 0.5, 0.3], (4, 1)), 2_000)
    for rule in (COUPLED, SPARSE):
        site = round_plan(first, fraction, rule, seed=1, stream=1, order_key=np.arange(2_000))
        assert mean_boxes(site, 4) == 1.0
    np.testing.assert_allclose(least_boxes(first, fraction), 1.0)


def test_an_order_draws_the_same_in_any_batch():
    """The sites of an order depend on its key alone, not on who else is in the batch."""
    fraction = some_fractions(4, 30, 6)
    first, key = np.arange(0, 31, 3), np.arange(100, 110)
    for rule in RULES:
        together = round_plan(first, fraction, rule, seed=9, stream=1, order_key=key)
        alone = round_plan(np.array([0, 3]), fraction[12:15], rule, seed=9, stream=1, order_key=key[4:5])
        assert together[12:15].tolist() == alone.tolist()


def test_certain_chances_leave_nothing_to_draw():
    """A fraction of 1 is always taken, no fraction at all is never served, and an order may be empty."""
    fraction = np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 0.0]])
    for rule in RULES:
        site = round_plan(np.array([0, 2, 2, 3]), fraction, rule, seed=0, stream=0, order_key=np.arange(3))
        assert site.tolist() == [1, NO_SITE, 0]
    np.testing.assert_allclose(least_boxes(np.array([0, 2, 2, 3]), fraction), [1.0, 0.0, 1.0])


def test_a_transport_plan_becomes_chances():
    """Region 0 gets half of its 4 units from each site, region 1 a third of its 3; SKU 1 is asked for by nobody."""
    planned = transport_prices(
        np.array([[2, 5], [3, 5]]), np.array([[4, 0], [3, 0]]), np.array([[1, 2], [9, 3]]), np.array([9, 9]),
        with_plan=True,
    )  # fmt: skip
    fraction = planned_fractions(planned.plan, planned.demand, np.array([0, 1, 1]), np.array([0, 0, 1]))
    np.testing.assert_allclose(fraction, [[0.5, 0.5], [0.0, 1 / 3], [0.0, 0.0]])


def test_the_source_uncompiled_gives_the_same():
    """The compiled rounding and its plain Python source give the same sites."""
    fraction = some_fractions(8, 60, 5, 3) * 0.9
    first, key = np.arange(0, 61, 4), np.arange(15)
    for rule in RULES:
        ours = round_plan(first, fraction, rule, seed=2, stream=3, order_key=key)
        plain = rounding._round_orders.py_func(first, fraction, rule, 2, 3, key)
        assert ours.tolist() == plain.tolist()


@pytest.mark.parametrize(
    ("fraction", "rule", "key", "message"),
    [
        ([[0.5, 0.6]], COUPLED, [0], r"fraction must be at least 0, and at most 1 together for every line"),
        ([[-0.1, 0.6]], COUPLED, [0], r"fraction must be at least 0, and at most 1 together"),
        ([[np.nan, 0.6]], COUPLED, [0], r"fraction must be at least 0, and at most 1 together"),
        ([[0.5, 0.5]], 3, [0], r"rule must be one of INDEPENDENT, COUPLED, SPARSE .* got 3"),
        ([[0.5, 0.5]] * 2, COUPLED, [0], r"fraction must be one row for each of the 1 lines, got \(2, 2\)"),
        ([[0.5, 0.5]], COUPLED, [0, 1], r"order_key must be one for each of the 1 orders, got \(2,\)"),
    ],
)
def test_bad_plans_are_refused(fraction, rule, key, message):
    """Chances that are none, a rule that does not exist and columns that do not fit name themselves."""
    with pytest.raises(FieldError, match=message):
        round_plan(np.array([0, 1]), np.array(fraction), rule, seed=0, stream=0, order_key=np.array(key))
