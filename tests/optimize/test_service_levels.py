"""Service targets of types 1 and 3, units owed, waits and implied costs: against sums, replays and the cost optimum."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.policies import scaled

from omsim.demand.lead_time import Periods, convolved_demand, observed_demand, poisson_demand, read_distributions
from omsim.errors import FieldError
from omsim.optimize.policies.base_stock import base_stock_for_cost, base_stock_for_cycle_service
from omsim.optimize.policies.min_max import cost_of_min_max, solve_min_max
from omsim.optimize.policies.review_period import demand_as_periods_end
from omsim.optimize.policies.service_levels import (
    drop_at_order,
    expected_wait_periods,
    implied_shortage_cost,
    nothing_owed_share,
    ready_rate,
    top_for_cycle_service,
    top_for_owed_units,
    top_for_ready_rate,
    top_for_wait,
)
from omsim.optimize.policies.stock_position import (
    base_stock_drop,
    measure_policy,
    min_max_drop,
    order_quantity_drop,
    top_for_fill_rate,
)

rows = st.lists(st.integers(0, 9), min_size=2, max_size=6).filter(lambda row: sum(row[1:]) > 0)


def drops_of(day, spread):
    """The drop of each policy: base stock, (r, nQ) and (s, S) of this quantity or spread."""
    return base_stock_drop(1), order_quantity_drop(spread, 1), min_max_drop(day, spread)


@given(
    row=rows, spread=st.integers(1, 9), lead=st.integers(0, 2), share=st.floats(0.05, 0.999), owed=st.floats(0.01, 9)
)
@settings(max_examples=80)
def test_every_target_is_met_and_one_unit_less_misses_it(row, spread, lead, share, owed):
    """For each policy and each target, by sums written out: reached at the top found, missed one unit lower."""
    day = read_distributions([scaled(row)])
    demand = convolved_demand(day, Periods.fixed(lead + 1))
    pmf = demand.row(0)
    for drop in drops_of(day, spread):
        stays = list(enumerate(drop.row(0)))

        def within(top, strictly, stays=stays):
            return sum(w * p for j, w in stays for k, p in enumerate(pmf) if k + strictly <= top - j)

        def mean_owed(top, stays=stays):
            return sum(w * p * max(k - top + j, 0) for j, w in stays for k, p in enumerate(pmf))

        at_order = int(top_for_cycle_service(drop, demand, share)[0])
        ready = int(top_for_ready_rate(drop, demand, share)[0])
        least = int(top_for_owed_units(drop, demand, owed)[0])
        assert within(at_order, 0) >= share - 1e-9 > within(at_order - 1, 0) - 2e-9
        assert within(ready, 1) >= share - 1e-9 > within(ready - 1, 1) - 2e-9
        assert mean_owed(least) <= owed + 1e-9 < mean_owed(least - 1) + 2e-9
        assert nothing_owed_share(at_order, drop, demand)[0] == pytest.approx(within(at_order, 0), abs=1e-12)
        assert ready_rate(ready, drop, demand)[0] == pytest.approx(within(ready, 1), abs=1e-12)
        assert expected_wait_periods(least, drop, demand, 2.0)[0] == pytest.approx(mean_owed(least) / 2, abs=1e-10)
        assert top_for_wait(drop, demand, 2.0, owed / 2.0)[0] == least


@given(row=rows, spread=st.integers(1, 7))
@settings(max_examples=60)
def test_drop_at_an_order_is_what_the_chain_of_positions_shows(row, spread):
    """Units below the top at which an order is placed, by following the position review by review."""
    day = read_distributions([scaled(row)])
    pmf = day.row(0)
    for drop in drops_of(day, spread):
        size = drop.row(0).size
        total = np.zeros(size + pmf.size)
        for j, w in enumerate(drop.row(0)):
            for k, p in enumerate(pmf):
                if j + k >= size:
                    total[j + k] += w * p
        found = drop_at_order(day, drop).row(0)
        np.testing.assert_allclose(found, (total / total.sum())[: found.size], atol=1e-12)


def test_cycle_service_of_a_textbook_policy():
    """Unit customers: the reorder point is the lead time's quantile, whatever Q; base stock by cycle alike."""
    lead_time = poisson_demand([4.0, 20.0], Periods.fixed(1))
    customer = read_distributions([[0.0, 1.0]] * 2)
    for quantity in (1, 7):
        drop = drop_at_order(customer, order_quantity_drop(quantity, 2))
        reorder_point = top_for_cycle_service(drop, lead_time, 0.95) - quantity
        assert reorder_point.tolist() == lead_time.quantile(0.95).tolist()
    by_cycle = top_for_cycle_service(base_stock_drop(2), lead_time, 0.95)
    assert by_cycle.tolist() == base_stock_for_cycle_service(lead_time, 0.95).tolist()


def replay(history, lead, review, order_of, start):
    """Share of periods that end with stock, share of replenishments that find nothing owed, and mean units owed."""
    net, on_order, ready, owed, came, clean = start, [], 0, 0, 0, 0
    for t, units in enumerate(history):
        if t % review == 0:
            ordered = order_of(net + sum(u for _, u in on_order))
            if ordered:
                on_order.append((t + lead, ordered))
        arrived = [u for due, u in on_order if due == t]
        came += len(arrived)
        clean += len(arrived) * (net >= 0)
        net += sum(arrived) - units
        on_order = [(due, u) for due, u in on_order if due > t]
        ready += net > 0
        owed += max(-net, 0)
    return ready / len(history), clean / came, owed / len(history)


@pytest.mark.parametrize(("lead", "review"), [(3, 1), (4, 5)])
def test_rates_are_what_a_replay_shows(lead, review):
    """Forty thousand replayed days of an (s, S): type 1, type 3 and units owed as computed, within sampling error."""
    history = np.random.default_rng(4).negative_binomial(2, 0.4, 40_000)
    one = observed_demand(history[None, :])
    cycle = convolved_demand(one, Periods.fixed(review))
    before = convolved_demand(one, Periods.fixed(lead))
    during = convolved_demand(one, demand_as_periods_end(Periods.fixed(lead), review))
    drop = min_max_drop(cycle, 12)
    top = int(top_for_ready_rate(drop, during, 0.8)[0])
    order_of = lambda position: top - position if position <= top - 12 else 0  # noqa: E731
    ready, clean, owed = replay(history.tolist(), lead, review, order_of, top)
    assert ready_rate(top, drop, during)[0] == pytest.approx(ready, abs=0.01)
    assert nothing_owed_share(top, drop_at_order(cycle, drop), before)[0] == pytest.approx(clean, abs=0.015)
    computed = expected_wait_periods(top, drop, during, 3.0)[0] * 3.0
    assert computed == pytest.approx(owed, rel=0.05)


@given(mean=st.floats(0.2, 60), spread=st.integers(1, 40), share=st.floats(0.3, 0.999), more=st.floats(1e-4, 0.3))
@settings(max_examples=60)
def test_a_higher_target_never_needs_less(mean, spread, share, more):
    """Levels rise with every target, and a longer drop needs a top at least as high, by at most its length."""
    lead_time = poisson_demand(mean, Periods.fixed(1))
    drop = order_quantity_drop(spread, 1)
    higher = share + (1 - share) * more
    for find in (top_for_cycle_service, top_for_ready_rate):
        alone, low, high = (
            find(base_stock_drop(1), lead_time, share),
            find(drop, lead_time, share),
            find(drop, lead_time, higher),
        )
        assert alone[0] <= low[0] <= alone[0] + spread - 1
        assert low[0] <= high[0]
    assert top_for_wait(drop, lead_time, 1.0, 2 * more)[0] <= top_for_wait(drop, lead_time, 1.0, more)[0]


@given(mean=st.floats(0.2, 40), spread=st.integers(1, 30), target=st.floats(0.5, 0.995))
@settings(max_examples=60)
def test_ready_rate_of_unit_customers_is_their_fill_rate(mean, spread, target):
    """Poisson customers see time averages: the ready rate's level is the fill rate's."""
    lead_time = poisson_demand(mean, Periods.fixed(1))
    drop = order_quantity_drop(spread, 1)
    by_fill = top_for_fill_rate(drop, lead_time, lead_time.plus_units(1), target)
    level = int(top_for_ready_rate(drop, lead_time, target)[0])
    filled = measure_policy(level, drop, lead_time, lead_time.plus_units(1)).fill_rate[0]
    assert filled == pytest.approx(ready_rate(level, drop, lead_time)[0], abs=1e-9)
    assert level == by_fill[0] or filled == pytest.approx(target, abs=1e-9)


@given(row=rows, hold=st.floats(0.1, 5), lead=st.integers(0, 2), level=st.integers(1, 12))
@settings(max_examples=60)
def test_implied_cost_makes_the_level_optimal_and_is_the_dearest_that_does(row, hold, lead, level):
    """With the implied cost, a hair less keeps the base stock and a hair more does not."""
    after = convolved_demand(read_distributions([scaled(row)]), Periods.fixed(lead + 1))
    level = min(level, after.row(0).size - 2)
    cost = implied_shortage_cost(after, base_stock_drop(1), level, hold)[0]
    assert cost >= 0
    if cost > 0:
        assert base_stock_for_cost(after, hold, cost * (1 - 1e-6))[0][0] <= level
    assert base_stock_for_cost(after, hold, cost * (1 + 1e-6) + 1e-9)[0][0] > level


@given(mean=st.floats(1, 30), order_cost=st.floats(1, 100), shortage=st.floats(1, 30))
@settings(max_examples=40)
def test_implied_cost_of_the_best_min_max_brackets_its_shortage_cost(mean, order_cost, shortage):
    """At the least-cost (s, S) the given shortage cost lies between those the level below and the level imply."""
    day, after = (poisson_demand(mean, Periods.fixed(n)) for n in (1, 3))
    best = solve_min_max(day, after, order_cost, 1.0, shortage)
    drop = min_max_drop(day, best.order_up_to_units - best.reorder_point_units)
    above, below = (implied_shortage_cost(after, drop, best.order_up_to_units - n, 1.0)[0] for n in (0, 1))
    assert below * (1 - 1e-9) <= shortage <= above * (1 + 1e-9)


def test_pricing_a_service_target_gives_the_target_back():
    """A level set by fill rate, priced, is the cheapest level of its spread at that price."""
    day, before, after = (poisson_demand([0.4, 6.0], Periods.fixed(n)) for n in (1, 4, 5))
    drop = min_max_drop(day, [3, 20])
    top = top_for_fill_rate(drop, before, after, 0.97)
    cost = implied_shortage_cost(after, drop, top, 1.0) * (1 - 1e-9)
    costs = [cost_of_min_max(day, after, top - [3, 20] + n, top + n, 0.0, 1.0, cost) for n in (-1, 0, 1)]
    assert (costs[1] <= costs[0]).all()
    assert (costs[1] <= costs[2]).all()


def test_implied_cost_stays_finite():
    """A level no demand exceeds implies a large cost, not an infinite one; a level always exceeded implies none."""
    week = read_distributions([[0.5, 0.5], [0.0, 0.0, 1.0], [1.0]])
    cost = implied_shortage_cost(week, base_stock_drop(3), [1, 1, 0], 2.0)
    assert cost.tolist() == [2e9, 0.0, 2e9]


@pytest.mark.parametrize("share", [0.0, 1.0, float("nan")])
def test_impossible_shares_are_refused(share):
    """A share not strictly between 0 and 1 is refused by name."""
    lead_time = poisson_demand([1.0], Periods.fixed(1))
    with pytest.raises(FieldError, match="cycle_service"):
        top_for_cycle_service(base_stock_drop(1), lead_time, share)
    with pytest.raises(FieldError, match="share"):
        top_for_ready_rate(base_stock_drop(1), lead_time, share)


def test_tables_of_other_items_are_refused():
    """Drop and demand must be of the same items."""
    with pytest.raises(FieldError, match="drop"):
        ready_rate(3, base_stock_drop(2), poisson_demand([1.0], Periods.fixed(1)))
