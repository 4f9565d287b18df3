"""(s, S): the search against a Markov chain, enumeration and a replay, and its links to the other policies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.policies import fill_rate_by_sum, min_max_cost_by_chain, replay_fill_rate, scaled

from omsim.demand.lead_time import (
    Periods,
    convolved_demand,
    negative_binomial_demand,
    observed_demand,
    poisson_demand,
    read_distributions,
)
from omsim.errors import FieldError, SolveError
from omsim.optimize.policies.base_stock import base_stock_for_cost, base_stock_for_fill_rate
from omsim.optimize.policies.min_max import cost_of_min_max, min_max_for_fill_rate, solve_min_max
from omsim.optimize.policies.stock_position import measure_policy, min_max_drop

rows = st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(lambda row: sum(row[1:]) > 0)


@given(period=rows, order_cost=st.integers(0, 60), shortage=st.integers(1, 30), lead=st.integers(0, 2))
@settings(deadline=None, max_examples=60)
def test_no_neighbouring_policy_is_cheaper(period, order_cost, shortage, lead):
    """Among all (s, S) around, priced by a Markov chain, none beats the one found, and its cost is the chain's."""
    day = read_distributions([scaled(period)])
    after = convolved_demand(day, Periods.fixed(lead + 1))
    best = solve_min_max(day, after, order_cost, 1.0, shortage)
    low, top = int(best.reorder_point_units[0]), int(best.order_up_to_units[0])
    prices = {
        (s, S): min_max_cost_by_chain(day.row(0), after.row(0), s, S, order_cost, 1.0, shortage)
        for s in range(low - 2, low + 3)
        for S in range(max(s, top - 3) + 1, top + 4)
    }
    assert best.cost_per_period[0] == pytest.approx(prices[low, top], rel=1e-8, abs=1e-12)
    assert min(prices.values()) >= best.cost_per_period[0] * (1 - 1e-8) - 1e-12  # a cost of nothing has no share


def test_whole_range_of_policies_is_no_cheaper():
    """One instance by full enumeration: nothing anywhere is cheaper."""
    day = poisson_demand(3.0, Periods.fixed(1))
    best = solve_min_max(day, day, 30.0, 1.0, 8.0)
    every = [(s, S) for s in range(-6, 14) for S in range(s + 1, 40)]
    costs = [cost_of_min_max(day, day, s, S, 30.0, 1.0, 8.0)[0] for s, S in every]
    assert every[int(np.argmin(costs))] == (best.reorder_point_units[0], best.order_up_to_units[0])
    assert min(costs) == pytest.approx(best.cost_per_period[0])


def test_cost_of_a_policy_is_computed_apart_and_agrees():
    """The evaluation by expected stock agrees with the search's own cost on a thousand random items."""
    rng = np.random.default_rng(5)
    mean = rng.uniform(0.05, 30, 1_000)
    variance = mean * rng.uniform(1, 5, 1_000)
    day = negative_binomial_demand(mean, variance, Periods.fixed(1))
    after = negative_binomial_demand(mean, variance, Periods.random([0, 0, 0.25, 0.5, 0.25]))
    costs = rng.uniform(0, 200, 1_000), rng.uniform(0.1, 2, 1_000), rng.uniform(3, 40, 1_000)
    best = solve_min_max(day, after, *costs)
    again = cost_of_min_max(day, after, best.reorder_point_units, best.order_up_to_units, *costs)
    np.testing.assert_allclose(again, best.cost_per_period, rtol=1e-9)


def test_table_call_is_the_single_item_call():
    """An item's policy does not depend on its neighbours in the table."""
    mean = np.array([0.0, 0.1, 2.0, 17.0])
    day, after = (poisson_demand(mean, Periods.fixed(n)) for n in (1, 5))
    best = solve_min_max(day, after, 20.0, 1.0, 9.0)
    for item in range(4):
        alone = solve_min_max(day.select([item]), after.select([item]), 20.0, 1.0, 9.0)
        assert alone.reorder_point_units[0] == best.reorder_point_units[item]
        assert alone.order_up_to_units[0] == best.order_up_to_units[item]
        assert alone.cost_per_period[0] == best.cost_per_period[item]


@given(period=rows, shortage=st.integers(1, 50), lead=st.integers(0, 3))
@settings(deadline=None)
def test_without_an_order_cost_it_is_base_stock(period, shortage, lead):
    """K = 0 gives s = S - 1 at a level that costs what the newsvendor ratio's costs."""
    day = read_distributions([scaled(period)])
    after = convolved_demand(day, Periods.fixed(lead + 1))
    best = solve_min_max(day, after, 0.0, 1.0, shortage)
    _, cost = base_stock_for_cost(after, 1.0, shortage)
    assert best.cost_per_period[0] == pytest.approx(cost[0], rel=1e-9, abs=1e-9)
    low, top = best.reorder_point_units, best.order_up_to_units
    assert cost_of_min_max(day, after, low, top, 0.0, 1.0, shortage)[0] == pytest.approx(cost[0], abs=1e-9)


@given(period=rows, spread=st.integers(1, 8), target=st.floats(0.3, 0.999), lead=st.integers(0, 2))
@settings(deadline=None, max_examples=60)
def test_fill_rate_is_met_and_one_unit_less_misses_it(period, spread, target, lead):
    """The (s, S) found reaches the target by the term-by-term sum; the pair one unit lower does not."""
    day = read_distributions([scaled(period)])
    before, after = (convolved_demand(day, Periods.fixed(lead + n)) for n in (0, 1))
    low, top = min_max_for_fill_rate(day, before, after, spread, target)
    assert top[0] - low[0] == spread
    drop = min_max_drop(day, spread).row(0)
    fill = [
        fill_rate_by_sum({S - j: w for j, w in enumerate(drop)}, before.row(0), after.row(0))
        for S in (int(top[0]), int(top[0]) - 1)
    ]
    assert fill[0] >= target - 1e-9
    assert fill[1] < target + 1e-9


def test_spread_of_one_is_base_stock():
    """S - s = 1 is the base stock that meets the same target."""
    mean = [0.2, 3.0, 12.0]
    day, before, after = (poisson_demand(mean, Periods.fixed(n)) for n in (1, 5, 6))
    low, top = min_max_for_fill_rate(day, before, after, 1, 0.95)
    assert top.tolist() == base_stock_for_fill_rate(before, after, 0.95).tolist()
    assert (top - low).tolist() == [1, 1, 1]


def test_fill_rate_is_what_a_replay_shows():
    """Forty thousand replayed days of an (s, S) fill the computed share of units, within sampling error."""
    rng = np.random.default_rng(2)
    history = rng.negative_binomial(2, 0.3, 40_000)
    day = observed_demand(history[None, :])
    before, after = (convolved_demand(day, Periods.fixed(n)) for n in (4, 5))
    low, top = min_max_for_fill_rate(day, before, after, 15, 0.93)
    computed = measure_policy(top, min_max_drop(day, 15), before, after).fill_rate[0]
    s, S = int(low[0]), int(top[0])
    replayed = replay_fill_rate(history.tolist(), 4, 1, lambda y: S - y if y <= s else 0, S)
    assert computed >= 0.93
    assert replayed == pytest.approx(computed, abs=0.006)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"order_cost": float("nan")}, "order_cost"),
        ({"order_cost": -1.0}, "order_cost"),
        ({"holding_cost": 0.0}, "holding_cost"),
        ({"holding_cost": float("inf")}, "holding_cost"),
        ({"shortage_cost": 0.0}, "shortage_cost"),
        ({"shortage_cost": [1.0, 2.0, 3.0]}, "shortage_cost"),
        ({"period": poisson_demand([1.0, 1.0, 1.0], Periods.fixed(1))}, "period"),
    ],
)
def test_unusable_costs_are_refused_by_name(changed, field):
    """A cost that is not finite, out of range or of another length stops the call."""
    day = poisson_demand([1.0, 2.0], Periods.fixed(1))
    given_costs = {"order_cost": 5.0, "holding_cost": 1.0, "shortage_cost": 9.0}
    with pytest.raises(FieldError) as refused:
        solve_min_max(**{"period": day, "after": day, **given_costs, **changed})
    assert refused.value.args[0] == field


def test_reorder_point_must_lie_below():
    """A pair with s = S is refused."""
    day = poisson_demand(1.0, Periods.fixed(1))
    with pytest.raises(FieldError, match="below order_up_to_units"):
        cost_of_min_max(day, day, 5, 5, 1.0, 1.0, 1.0)


def test_absurd_order_cost_ends_in_a_named_error(monkeypatch):
    """An order cost that asks for a spread beyond the limit raises, naming the item."""
    monkeypatch.setattr("omsim.optimize.policies.min_max.MOST_SPREAD_UNITS", 1_000)
    day = poisson_demand([1.0, 5.0], Periods.fixed(1))
    with pytest.raises(SolveError, match="item 1"):
        solve_min_max(day, day, [1.0, 1e12], 1.0, 9.0)
