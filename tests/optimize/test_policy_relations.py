"""How the policies relate: each is a special case of another, bounds another, or moves with its data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.policies import scaled

from omsim.demand.lead_time import Periods, convolved_demand, poisson_demand, read_distributions
from omsim.optimize.policies.base_stock import base_stock_for_cost
from omsim.optimize.policies.continuous_review import solve_continuous_review
from omsim.optimize.policies.lost_base_stock import erlang_loss_share
from omsim.optimize.policies.min_max import cost_of_min_max, min_max_for_fill_rate, solve_min_max
from omsim.optimize.policies.newsvendor import solve_newsvendor
from omsim.optimize.policies.order_quantity import (
    cost_of_order_quantity,
    reorder_point_for_fill_rate,
    solve_order_quantity,
)
from omsim.optimize.policies.stock_position import base_stock_drop, measure_policy, min_max_drop, order_quantity_drop

rows = st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(lambda row: sum(row[1:]) > 0)
costs = st.floats(0.1, 40)


def tables(row, lead):
    """Demand of a period, and of lead time + 1 periods."""
    day = read_distributions([scaled(row)])
    return day, convolved_demand(day, Periods.fixed(lead + 1))


@given(row=rows, lead=st.integers(0, 2), hold=costs, shortage=costs)
def test_ordering_by_the_unit_is_base_stock(row, lead, hold, shortage):
    """(r, 1), (s, S) without an order cost and the newsvendor of the interval all cost what base stock costs."""
    day, after = tables(row, lead)
    _, cost = base_stock_for_cost(after, hold, shortage)
    assert solve_newsvendor(after, hold, shortage).expected_cost[0] == pytest.approx(cost[0], rel=1e-9, abs=1e-12)
    assert solve_min_max(day, after, 0.0, hold, shortage).cost_per_period[0] == pytest.approx(cost[0], abs=1e-9)
    by_quantity = solve_order_quantity(day, after, 0.0, hold, shortage)
    assert by_quantity.cost_per_period[0] == pytest.approx(cost[0], abs=1e-9)
    unit = solve_continuous_review(after, 1.0, 0.0, hold, shortage)
    assert unit.cost_per_period[0] == pytest.approx(cost[0], abs=1e-9)


@given(row=rows, lead=st.integers(0, 2), low=st.integers(-3, 9), order_cost=costs, hold=costs, shortage=costs)
def test_spread_of_one_and_quantity_of_one_cost_the_same(row, lead, low, order_cost, hold, shortage):
    """(s, s + 1) and (r, n x 1) with s = r are one policy."""
    day, after = tables(row, lead)
    one = cost_of_min_max(day, after, low, low + 1, order_cost, hold, shortage)[0]
    assert cost_of_order_quantity(day, after, low, 1, order_cost, hold, shortage)[0] == pytest.approx(one, rel=1e-9)


@given(row=rows, lead=st.integers(0, 2), order_cost=costs, hold=costs, shortage=costs)
def test_min_max_is_never_dearer_than_a_fixed_quantity(row, lead, order_cost, hold, shortage):
    """(s, S) is best of all policies when an order costs the same whatever its size, so never above (r, nQ)."""
    day, after = tables(row, lead)
    free = solve_min_max(day, after, order_cost, hold, shortage).cost_per_period[0]
    assert free <= solve_order_quantity(day, after, order_cost, hold, shortage).cost_per_period[0] * (1 + 1e-9)


@given(mean=st.floats(0.2, 30), order_cost=costs, hold=costs, shortage=costs)
@settings(max_examples=50)
def test_unit_customers_make_the_two_policies_one(mean, order_cost, hold, shortage):
    """When every customer takes one unit there is no undershoot: (s, S) and (r, Q) cost the same."""
    customer, lead_time = read_distributions([[0.0, 1.0]]), poisson_demand(mean, Periods.fixed(1))
    by_pair = solve_min_max(customer, lead_time, order_cost, hold, shortage)
    by_quantity = solve_order_quantity(customer, lead_time, order_cost, hold, shortage)
    assert by_pair.cost_per_period[0] == pytest.approx(by_quantity.cost_per_period[0], rel=1e-9)


@given(row=rows, lead=st.integers(0, 2), order_cost=costs, hold=costs, shortage=costs, more=st.floats(1.0, 5.0))
@settings(max_examples=60)
def test_costs_move_with_their_causes(row, lead, order_cost, hold, shortage, more):
    """No optimal cost falls when any cost rises, and all scale with the currency."""
    day, after = tables(row, lead)
    for solve in (solve_min_max, solve_order_quantity):
        base = solve(day, after, order_cost, hold, shortage)
        for raised in ((more, 1, 1), (1, more, 1), (1, 1, more)):
            other = solve(day, after, *(c * f for c, f in zip((order_cost, hold, shortage), raised, strict=True)))
            assert other.cost_per_period[0] >= base.cost_per_period[0] * (1 - 1e-9)
        scaled_up = solve(day, after, order_cost * more, hold * more, shortage * more)
        assert scaled_up.cost_per_period[0] == pytest.approx(base.cost_per_period[0] * more, rel=1e-9)


@given(mean=st.floats(0.1, 40), hold=costs, shortage=costs, more=st.floats(1.0, 4.0))
@settings(max_examples=60)
def test_base_stock_moves_with_its_causes(mean, hold, shortage, more):
    """A dearer shortage never lowers the level, dearer holding never raises it, more demand never lowers it."""
    after, larger = (poisson_demand(m, Periods.fixed(1)) for m in (mean, mean * more))
    level = base_stock_for_cost(after, hold, shortage)[0][0]
    assert base_stock_for_cost(after, hold, shortage * more)[0][0] >= level
    assert base_stock_for_cost(after, hold * more, shortage)[0][0] <= level
    assert base_stock_for_cost(larger, hold, shortage)[0][0] >= level


@given(row=rows, lead=st.integers(0, 2), quantity=st.integers(1, 8), target=st.floats(0.3, 0.99))
@settings(max_examples=60)
def test_reorder_points_fall_as_orders_grow(row, lead, quantity, target):
    """At one fill rate a larger quantity needs a reorder point no higher, and a top no lower."""
    day, after = tables(row, lead)
    before = convolved_demand(day, Periods.fixed(lead))
    small, large = (int(reorder_point_for_fill_rate(before, after, q, target)[0]) for q in (quantity, quantity + 1))
    assert large <= small
    assert large + quantity + 1 >= small + quantity


@given(row=rows, lead=st.integers(0, 2), top=st.integers(0, 25), spread=st.integers(1, 9))
@settings(max_examples=60)
def test_measures_agree_with_each_other(row, lead, top, spread):
    """For each policy on hand less owed is the position less mean demand, and a higher top fills no less."""
    day, after = tables(row, lead)
    before = convolved_demand(day, Periods.fixed(lead))
    for drop in (base_stock_drop(1), order_quantity_drop(spread, 1), min_max_drop(day, spread)):
        at, above = (measure_policy(t, drop, before, after) for t in (top, top + 1))
        net = top - drop.mean()[0] - after.mean()[0]
        assert at.on_hand_units[0] - at.backordered_units[0] == pytest.approx(net, abs=1e-9)
        assert above.fill_rate[0] >= at.fill_rate[0] - 1e-12


@given(load=st.floats(0.1, 30), level=st.integers(0, 40))
@settings(max_examples=60)
def test_erlang_loss_is_the_truncated_poisson(load, level):
    """Lost share: the Poisson probability of the level among those up to it; and lost never exceeds backordered."""
    lead_time = poisson_demand(load, Periods.fixed(1))
    pmf = np.pad(lead_time.row(0), (0, 60))[: level + 1]
    lost = erlang_loss_share(load, level)[0]
    assert lost == pytest.approx(pmf[level] / pmf.sum(), rel=1e-6, abs=1e-12)
    filled = measure_policy(level, base_stock_drop(1), lead_time, lead_time.plus_units(1)).fill_rate[0]
    assert 1 - lost >= filled - 1e-9


def test_tables_of_many_items_are_each_item_alone():
    """Fill-rate levels of ragged items in one call equal those of each item by itself."""
    mean, spread = [0.0, 0.05, 3.0, 45.0], [1, 2, 7, 60]
    day, before, after = (poisson_demand(mean, Periods.fixed(n)) for n in (1, 3, 4))
    low, top = min_max_for_fill_rate(day, before, after, spread, 0.96)
    r = reorder_point_for_fill_rate(before, after, spread, 0.96)
    for item in range(4):
        one = [table.select([item]) for table in (day, before, after)]
        assert [c[0] for c in min_max_for_fill_rate(*one, spread[item], 0.96)] == [low[item], top[item]]
        assert reorder_point_for_fill_rate(*one[1:], spread[item], 0.96)[0] == r[item]
