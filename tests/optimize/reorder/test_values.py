"""What a position is worth, against a policy played period by period, and the quantities offered."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.demand.lead_time import Periods, convolved_demand, poisson_demand, read_distributions
from omsim.errors import FieldError
from omsim.optimize.policies.base_stock import base_stock_for_cost
from omsim.optimize.policies.min_max import solve_min_max
from omsim.optimize.reorder.problem import (
    LineOptions,
    PurchaseLines,
    PurchaseOrders,
    ReorderProblem,
    Steps,
    StorageSites,
    names_of,
)
from omsim.optimize.reorder.solve import plan_purchases
from omsim.optimize.reorder.values import line_options, position_costs


def played_costs(pmf, after, s, top, fixed, hold, short, positions, n_periods):
    """Expected cost of n periods from each position just after ordering, by recursion on the definition."""
    reach = range(min(s - len(pmf), *positions), max(*positions, top) + 1)

    def charge(y):
        return sum(q * (hold * max(y - d, 0) + short * max(d - y, 0)) for d, q in enumerate(after))

    value = dict.fromkeys(reach, 0.0)
    for _ in range(n_periods):
        value = {
            y: charge(y)
            + sum(q * (fixed + value[top] if y - d <= s else value[y - d]) for d, q in enumerate(pmf) if q > 0)
            for y in reach
            if y > s
        } | {y: charge(y) + fixed + value[top] for y in reach if y <= s}
    return {y: value[y] for y in positions}


@pytest.mark.parametrize(
    ("pmf", "s", "top", "fixed"),
    [
        ([0.3, 0.4, 0.2, 0.1], 1, 6, 5.0),
        ([0.0, 0.5, 0.5], -2, 3, 2.0),
        ([0.7, 0.0, 0.0, 0.3], 0, 1, 0.0),
        ([0.9, 0.1], 2, 9, 30.0),
    ],
)
def test_differences_are_those_of_the_policy_played_forward(pmf, s, top, fixed):
    """After many periods, what one position has cost more than another is the difference of their values."""
    period = read_distributions([pmf])
    after = convolved_demand(period, Periods.fixed(3))
    at = np.arange(s - 3, top + 6)
    cost = position_costs(
        period, after, s, top, fixed, 1.0, 7.0, horizon_periods=0, first=np.array([0, at.size]), units=at
    )
    played = played_costs(pmf, after.row(0).tolist(), s, top, fixed, 1.0, 7.0, at.tolist(), 600)
    expected = np.array([played[y] - played[top] for y in at.tolist()])
    np.testing.assert_allclose(cost - cost[at == top], expected, atol=1e-6 * max(1.0, np.abs(expected).max()))
    assert cost[at == top] == pytest.approx(0.0, abs=1e-9)


def test_horizon_counts_the_policys_long_run_cost():
    """At the order-up-to level the horizon costs g a period, with the policy's own g."""
    day = poisson_demand([3.0, 0.4], Periods.fixed(1))
    after = poisson_demand([3.0, 0.4], Periods.fixed(6))
    best = solve_min_max(day, after, 40.0, [0.5, 2.0], 9.0)
    cost = position_costs(
        day,
        after,
        best.reorder_point_units,
        best.order_up_to_units,
        40.0,
        [0.5, 2.0],
        9.0,
        horizon_periods=28,
        first=np.array([0, 1, 2]),
        units=best.order_up_to_units,
    )
    np.testing.assert_allclose(cost, 28 * best.cost_per_period, rtol=1e-10)


def test_without_fixed_cost_differences_are_the_newsvendors():
    """Up to S with K = 0, two positions differ by one period's expected holding and shortage."""
    day, after = (poisson_demand([4.0], Periods.fixed(n)) for n in (1, 5))
    level, _ = base_stock_for_cost(after, 1.0, 12.0)
    top = int(level[0])
    at = np.arange(-5, top + 1)
    cost = position_costs(
        day, after, top - 1, top, 0.0, 1.0, 12.0, horizon_periods=28, first=np.array([0, at.size]), units=at
    )
    newsvendor = [float(after.expected_left_units(y)[0] + 12.0 * after.expected_short_units(y)[0]) for y in at.tolist()]
    np.testing.assert_allclose(cost - cost[-1], np.array(newsvendor) - newsvendor[-1], atol=1e-9)


def test_what_never_sells_is_kept_the_whole_horizon():
    """Without demand a unit too many costs its keep for the horizon, and an owed one is made good once."""
    never = read_distributions([[1.0]])
    at = np.array([-2, 0, 1, 4])
    cost = position_costs(never, never, -1, 0, 3.0, 1.0, 9.0, horizon_periods=10, first=np.array([0, 4]), units=at)
    assert cost.tolist() == [18.0 + 3.0, 0.0, 10.0, 40.0]


def test_far_above_the_values_follow_their_quadratic():
    """Beyond the recursion's reach the closed form continues it: second differences are holding over mean demand."""
    day = poisson_demand([0.5], Periods.fixed(1))
    at = np.arange(4_000_000, 4_000_003)
    cost = position_costs(day, day, 1, 4, 10.0, 1.0, 9.0, horizon_periods=0, first=np.array([0, 3]), units=at)
    assert np.diff(cost, 2)[0] == pytest.approx(1.0 / 0.5, rel=1e-3)
    near = np.array([1_000, 1_001, 1_002])
    near_cost = position_costs(day, day, 1, 4, 10.0, 1.0, 9.0, horizon_periods=0, first=np.array([0, 3]), units=near)
    assert np.diff(near_cost, 2)[0] == pytest.approx(1.0 / 0.5, rel=1e-6)


def one_line_night(day, after, s, top, fixed, position, *, pack=1):
    """A night of a single line without anything else in the way."""
    lines = PurchaseLines(
        name=("line",),
        order=[0],
        position_units=[position],
        unit_cost_cents=[100],
        pack_units=[pack],
        moq_units=[1],
        most_units=[10**6],
        reorder_point_units=[s],
        order_up_to_units=[top],
        units_per_day=[2.0],
    )
    options = line_options(
        lines, day, after, order_cost_cents=fixed, holding_cents=1.0, shortage_cents=9.0, most_options=200
    )
    return ReorderProblem(
        lines=lines,
        orders=PurchaseOrders(name=("order",), site=[0], fixed_cost_cents=[fixed]),
        sites=StorageSites(name=("site",), storage_left_mm3=[10**15]),
        options=options,
    )


@pytest.mark.parametrize("fixed", [0, 25, 100])
def test_an_untied_line_orders_as_its_policy_does(fixed):
    """Alone, the plan orders exactly when the optimal (s, S) does, and up to the same level."""
    day, after = (poisson_demand([2.0], Periods.fixed(n)) for n in (1, 4))
    best = solve_min_max(day, after, float(fixed), 1.0, 9.0)
    s, top = int(best.reorder_point_units[0]), int(best.order_up_to_units[0])
    for position in range(s - 6, top + 3):
        plan = plan_purchases(one_line_night(day, after, s, top, fixed, position))
        cost = [
            float(
                position_costs(
                    day, after, s, top, fixed, 1.0, 9.0, horizon_periods=28, first=np.array([0, 1]), units=np.array([y])
                )[0]
            )
            for y in (position, top)
        ]
        if abs(cost[0] - cost[1] - fixed) > 1e-3:  # at a tie either is right
            assert plan.units[0] == (top - position if position <= s else 0)
        assert plan.status == "optimal"


def test_packs_bring_the_level_as_near_as_they_can():
    """With packs of 5 an untied line goes to a multiple beside the policy's level."""
    day, after = (poisson_demand([2.0], Periods.fixed(n)) for n in (1, 4))
    best = solve_min_max(day, after, 50.0, 1.0, 9.0)
    s, top = int(best.reorder_point_units[0]), int(best.order_up_to_units[0])
    plan = plan_purchases(one_line_night(day, after, s, top, 50, s - 2, pack=5))
    assert plan.units[0] % 5 == 0
    assert abs(s - 2 + int(plan.units[0]) - top) < 5


@settings(max_examples=60)
@given(
    pack=st.integers(1, 12),
    moq=st.integers(1, 60),
    most=st.integers(0, 500),
    least=st.integers(0, 40),
    position=st.integers(-50, 300),
    top=st.integers(1, 400),
    start=st.integers(1, 400),
    most_options=st.integers(4, 30),
)
def test_options_are_legal_and_hold_what_matters(pack, moq, most, least, position, top, start, most_options):
    """Every option obeys its line, there are no more than asked for, and both sides of the level are among them."""
    lines = PurchaseLines(
        name=("line",),
        order=[0],
        position_units=[position],
        unit_cost_cents=[100],
        pack_units=[pack],
        moq_units=[moq],
        most_units=[most],
        least_units=[least],
        reorder_point_units=[0],
        order_up_to_units=[top],
        units_per_day=[1.0],
        price_breaks=Steps.of_rows(1, [(0, start, 90)]),
    )
    day = poisson_demand([1.0], Periods.fixed(1))
    options = line_options(
        lines, day, day, order_cost_cents=1.0, holding_cents=1.0, shortage_cents=9.0, most_options=most_options
    )
    ReorderProblem(
        lines=lines,
        orders=PurchaseOrders(name=("order",), site=[0]),
        sites=StorageSites(name=("site",), storage_left_mm3=[1]),
        options=options,
    )
    units = options.units.tolist()
    assert len(units) <= most_options
    low = -(-max(moq, least) // pack) * pack
    if low > most:
        assert units == ([] if least else [0])
        return
    want = max(top - position, 0)
    for wanted in (want // pack * pack, -(-want // pack) * pack):
        assert min(max(wanted, low), most // pack * pack) in units


def test_lines_that_cannot_be_ordered_have_nothing_to_choose():
    """No order tonight: the only option is nothing; a promise then is an error, not a silent zero."""
    day = poisson_demand([1.0, 1.0], Periods.fixed(1))
    given_lines = dict(
        name=names_of("line", 2),
        order=[0, 0],
        position_units=[0, 0],
        unit_cost_cents=[1, 1],
        pack_units=[1, 1],
        moq_units=[1, 1],
        most_units=[9, 9],
        reorder_point_units=[1, 1],
        order_up_to_units=[5, 5],
        units_per_day=[1.0, 1.0],
    )
    costs = dict(order_cost_cents=1.0, holding_cents=1.0, shortage_cents=9.0)
    options = line_options(PurchaseLines(**given_lines), day, day, orderable=[False, True], **costs)
    assert isinstance(options, LineOptions)
    assert np.diff(options.first).tolist() == [1, 10]
    with pytest.raises(FieldError, match="orderable"):
        line_options(PurchaseLines(**given_lines, least_units=[3, 0]), day, day, orderable=[False, True], **costs)


def test_numbers_that_are_not_finite_are_refused():
    """A NaN cost never becomes an option."""
    day = poisson_demand([1.0], Periods.fixed(1))
    for field, bad in (("order_cost", np.nan), ("holding_cost", np.inf), ("shortage_cost", -1.0)):
        costs = {"order_cost": 1.0, "holding_cost": 1.0, "shortage_cost": 9.0} | {field: bad}
        with pytest.raises(FieldError, match=field):
            position_costs(day, day, 0, 3, **costs, horizon_periods=28, first=np.array([0, 1]), units=np.array([2]))
