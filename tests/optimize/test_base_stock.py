"""Base stock and (R, S): targets met exactly, against sums, enumeration and a replay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.policies import expected_short, fill_rate_by_sum, period_cost, replay_fill_rate, scaled

from omsim.demand.lead_time import Periods, convolved_demand, observed_demand, poisson_demand, read_distributions
from omsim.errors import FieldError
from omsim.optimize.policies.base_stock import (
    base_stock_for_cost,
    base_stock_for_cycle_service,
    base_stock_for_fill_rate,
    base_stock_for_unit_penalty,
)
from omsim.optimize.policies.stock_position import base_stock_drop, measure_policy

rows = st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(lambda row: sum(row[1:]) > 0)


@given(period=rows, target=st.floats(0.05, 0.9999), lead=st.integers(0, 3), review=st.integers(1, 3))
@settings(deadline=None)
def test_fill_rate_is_met_and_one_unit_less_misses_it(period, target, lead, review):
    """The level found reaches the target by the sum that defines it; one unit less does not."""
    day = read_distributions([scaled(period)])
    before, after = (convolved_demand(day, Periods.fixed(n)) for n in (lead, lead + review))
    level = int(base_stock_for_fill_rate(before, after, target)[0])
    assert fill_rate_by_sum({level: 1.0}, before.row(0), after.row(0)) >= target - 1e-9
    assert fill_rate_by_sum({level - 1: 1.0}, before.row(0), after.row(0)) < target + 1e-9


@given(period=rows, lead=st.integers(0, 3))
@settings(deadline=None)
def test_more_stock_never_fills_less(period, lead):
    """The computed fill rate rises with the level, from nothing at 0 to everything at the largest demand."""
    day = read_distributions([scaled(period)])
    before, after = (convolved_demand(day, Periods.fixed(n)) for n in (lead, lead + 1))
    drop = base_stock_drop(1)
    levels = range(after.row(0).size)
    fill = [measure_policy(level, drop, before, after).fill_rate[0] for level in levels]
    assert fill[0] == pytest.approx(0.0, abs=1e-12)
    assert fill[-1] == pytest.approx(1.0)
    assert (np.diff(fill) >= -1e-12).all()


@pytest.mark.parametrize(("lead", "review"), [(3, 1), (2, 4), (0, 2)])
def test_fill_rate_is_what_a_replay_shows(lead, review):
    """Forty thousand replayed days under (R, S) fill the computed share of units, within sampling error."""
    history = np.random.default_rng(1).poisson(2.5, 40_000)
    day = observed_demand(history[None, :])
    before, after = (convolved_demand(day, Periods.fixed(n)) for n in (lead, lead + review))
    level = int(base_stock_for_fill_rate(before, after, 0.9)[0])
    computed = measure_policy(level, base_stock_drop(1), before, after).fill_rate[0]
    replayed = replay_fill_rate(history.tolist(), lead, review, lambda position: level - position, level)
    assert replayed == pytest.approx(computed, abs=0.006)


@given(period=rows, shortage=st.integers(1, 60))
@settings(deadline=None)
def test_least_cost_level_is_the_best_of_all_levels(period, shortage):
    """No level costs less than the newsvendor's, and its cost is the sum that defines it."""
    after = read_distributions([scaled(period)])
    level, cost = base_stock_for_cost(after, 2.0, shortage)
    every = [period_cost(after.row(0), y, 2.0, shortage) for y in range(after.row(0).size + 1)]
    assert cost[0] == pytest.approx(min(every))
    assert every[int(level[0])] == pytest.approx(min(every))


@given(period=rows, penalty=st.floats(0.1, 50.0), lead=st.integers(0, 2))
@settings(deadline=None)
def test_unit_penalty_level_is_the_best_of_all_levels(period, penalty, lead):
    """No level costs less in holding and units short than the one found."""
    day = read_distributions([scaled(period)])
    before, after = (convolved_demand(day, Periods.fixed(lead + n)) for n in (0, 1))
    level, cost = base_stock_for_unit_penalty(before, after, 1.0, penalty)
    every = []
    for y in range(after.row(0).size + 2):
        owed_after, owed_before = expected_short(after.row(0), y), expected_short(before.row(0), y)
        left = y - after.mean()[0] + owed_after
        every.append(left + penalty * (owed_after - owed_before))
    assert cost[0] == pytest.approx(min(every))
    assert every[int(level[0])] == pytest.approx(min(every))


def test_cycle_service_is_the_quantile():
    """The type-1 level is the smallest that covers the protection interval this often."""
    after = poisson_demand([4.0, 0.0], Periods.fixed(1))
    level = base_stock_for_cycle_service(after, 0.95)
    assert level.tolist() == [8, 0]
    assert after.cdf(level)[0] >= 0.95 > after.cdf(level - 1)[0]


def test_items_without_demand_hold_nothing():
    """No demand: level 0, everything (nothing) filled."""
    before, after = (poisson_demand([0.0, 1.0], Periods.fixed(n)) for n in (1, 2))
    level = base_stock_for_fill_rate(before, after, 0.99)
    assert level[0] == 0
    measures = measure_policy(level, base_stock_drop(2), before, after)
    assert measures.fill_rate[0] == 1.0
    assert measures.on_hand_units[0] == 0.0


@pytest.mark.parametrize("target", [0.0, 1.0, -0.1, 1.5, float("nan"), float("inf")])
def test_impossible_targets_are_refused(target):
    """A fill rate that is no share strictly between 0 and 1 is refused, with the value."""
    before, after = (poisson_demand([1.0], Periods.fixed(n)) for n in (1, 2))
    with pytest.raises(FieldError, match="fill_rate"):
        base_stock_for_fill_rate(before, after, target)


def test_intervals_the_wrong_way_round_are_refused():
    """`after` must exceed `before`, and both must be of the same items."""
    before, after = (poisson_demand([1.0], Periods.fixed(n)) for n in (1, 2))
    with pytest.raises(FieldError, match="after"):
        base_stock_for_fill_rate(after, before, 0.9)
    with pytest.raises(FieldError, match="before"):
        base_stock_for_fill_rate(poisson_demand([1.0, 1.0], Periods.fixed(1)), after, 0.9)
