"""Exact lost-sales policies against a plain Markov chain, and the simulated tables against them."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.demand.lead_time import Periods, poisson_demand, ragged
from omsim.errors import FieldError, SolveError
from omsim.kernels.lost_sales_paths import run_base_stock
from omsim.optimize.policies.lost_sales import (
    LostSalesItem,
    base_stock_policy,
    best_base_stock,
    best_constant_order,
    myopic_policy,
    solve_lost_sales,
    vector_base_stock_policy,
)
from omsim.optimize.policies.lost_sales_tables import solve_lost_base_stock


def chain_cost(item, order_of):
    """Average cost of a policy from the stationary distribution of its Markov chain, found state by state."""
    start = (0,) * item.lead_periods
    states, index, steps = [start], {start: 0}, []
    for state in states:
        order = order_of(state)
        row = {}
        for units, likely in enumerate(item.pmf):
            if likely == 0:
                continue
            pipe = (*state[1:], order)
            following = (max(state[0] - units, 0) + pipe[0], *pipe[1:])
            if following not in index:
                index[following] = len(states)
                states.append(following)
            row[index[following]] = row.get(index[following], 0.0) + likely
        steps.append(row)
    moves = np.zeros((len(states), len(states)))
    for at, row in enumerate(steps):
        for to, likely in row.items():
            moves[at, to] = likely
    # a run of periods without demand leads to one state from anywhere, so there is one recurrent class
    balance = moves.T - np.eye(len(states))
    balance[-1] = 1.0
    share = np.linalg.solve(balance, np.eye(len(states))[-1])
    cost = item.period_cost(max(state[0] for state in states))
    return float(share @ cost[[state[0] for state in states]])


def small_item(data):
    """An item of up to three units a period, lead time one to three."""
    weights = np.array(data.draw(st.lists(st.integers(0, 4), min_size=2, max_size=4)), dtype=float)
    weights[0] += 1
    weights[-1] += 1
    return LostSalesItem(
        pmf=weights / weights.sum(),
        lead_periods=data.draw(st.integers(1, 3)),
        holding_cost=data.draw(st.sampled_from([1.0, 0.3])),
        penalty_cost=data.draw(st.sampled_from([0.5, 2.0, 9.0])),
    )


@settings(max_examples=30)
@given(data=st.data())
def test_policies_cost_what_their_markov_chain_says(data):
    """Optimal, myopic, vector and base-stock policies cost what the stationary distribution gives."""
    item = small_item(data)
    level = data.draw(st.integers(0, int(item.levels_units[0]) + 1))
    cap = data.draw(st.integers(0, 3))
    for policy in (
        solve_lost_sales(item),
        myopic_policy(item),
        myopic_policy(item, periods=2),
        vector_base_stock_policy(item),
        base_stock_policy(item, level, cap_units=cap),
    ):
        cost = chain_cost(item, lambda state, policy=policy: policy.order(state[0], state[1:]))
        assert policy.cost == pytest.approx(cost, abs=2e-5)
        assert policy.bound <= cost + 1e-5


@pytest.mark.parametrize(
    ("pmf", "penalty"), [([0.5, 0.5], 9.0), ([0.3, 0.4, 0.3], 2.0), ([0.2, 0.3, 0.5], 4.0), ([0.6, 0.1, 0.3], 9.0)]
)
def test_no_policy_is_better_than_the_optimum(pmf, penalty):
    """With a lead time of one, every order-for-stock rule that could make sense costs at least the optimum."""
    item = LostSalesItem(pmf=np.array(pmf), lead_periods=1, holding_cost=1.0, penalty_cost=penalty)
    top, most = int(item.levels_units[0]), int(item.levels_units[-1]) + 1
    best = min(
        chain_cost(item, lambda state, rule=rule: rule[state[0]] if state[0] <= top else 0)
        for rule in product(range(most + 1), repeat=top + 1)
        if all(units + order <= top + 1 or order == 0 for units, order in enumerate(rule))
    )
    assert solve_lost_sales(item).cost == pytest.approx(best, abs=1e-5)


@settings(max_examples=20)
@given(data=st.data())
def test_the_order_of_the_policies(data):
    """The optimum costs least; a cap never makes base stock dearer; base stock's search is not beaten nearby."""
    item = small_item(data)
    best = solve_lost_sales(item)
    level, _, plain = best_base_stock(item)
    capped = best_base_stock(item, capped=True)[2]
    assert best.bound <= capped.cost <= plain.cost + 1e-9
    for other in range(int(item.levels_units[0]) + 2):
        assert base_stock_policy(item, other).cost >= plain.cost - 1e-5
    assert base_stock_policy(item, level).cost == plain.cost


def test_constant_orders_do_not_depend_on_the_lead_time():
    """Ordering the same every period costs what the chain of stock left says, any lead time."""
    day = poisson_demand([2.5], Periods.fixed(1)).row(0)
    item = LostSalesItem(pmf=day, lead_periods=2, holding_cost=1.0, penalty_cost=4.0)
    units, cost = best_constant_order(item)
    level = 60
    assert base_stock_policy(item, level, cap_units=units).cost == pytest.approx(cost, rel=1e-4)


def slow_base_stock(demand, lead, level, cap):
    """Units left and lost, period by period, by lists."""
    on_the_way, stock, left, lost = [0] * lead, level, 0, 0
    for wanted in demand:
        if lead:
            stock += on_the_way.pop(0)
        order = min(level - stock - sum(on_the_way), cap)
        if lead:
            on_the_way.append(order)
        else:
            stock += order
        lost += max(wanted - stock, 0)
        stock = max(stock - wanted, 0)
        left += stock
    return left, lost


@given(
    demand=st.lists(st.integers(0, 9), min_size=1, max_size=40),
    lead=st.integers(0, 5),
    level=st.integers(0, 30),
    cap=st.integers(1, 12),
)
def test_the_simulated_policy_does_what_a_clerk_does(demand, lead, level, cap):
    """The kernel's stock and losses are those of keeping lists, whatever the lead time."""
    left, lost = slow_base_stock(demand, lead, level, cap)
    cost, share = run_base_stock(
        np.array(demand), lead, level, cap, 1.0, 100.0, 0, np.zeros(max(lead, 1), dtype=np.int64)[: max(lead, 1)]
    )
    assert cost * len(demand) == pytest.approx(left + 100 * lost)
    assert share == pytest.approx(lost / max(sum(demand), 1))


def test_tables_find_what_exact_search_finds():
    """For lead times of one to three the simulated pairs cost within 0.5 % of the exact best capped base stock."""
    day = poisson_demand([5.0] * 3, Periods.fixed(1))
    leads = [1, 2, 3]
    found = solve_lost_base_stock(day, leads, 1, 9, n_periods=20_000)
    for at, lead in enumerate(leads):
        item = LostSalesItem(pmf=day.row(at), lead_periods=lead, holding_cost=1.0, penalty_cost=9.0)
        exact = best_base_stock(item, capped=True)[2].cost
        pair = base_stock_policy(item, int(found.level_units[at]), cap_units=int(found.cap_units[at]))
        assert exact - 1e-6 <= pair.cost <= 1.005 * exact
        assert abs(found.cost_per_period[at] - pair.cost) < 5 * found.cost_error[at]


def test_a_cap_saves_on_a_whole_table():
    """Over 200 items a cap never costs anything on the sample, and saves on fresh demand in total."""
    rng = np.random.default_rng(0)
    mean = rng.uniform(0.5, 10, 200)
    day = poisson_demand(mean, Periods.fixed(1))
    lead = rng.integers(0, 9, 200)
    plain = solve_lost_base_stock(day, lead, 1, 9, capped=False, n_periods=1000)
    capped = solve_lost_base_stock(day, lead, 1, 9, n_periods=1000)
    assert capped.cost_per_period.sum() < plain.cost_per_period.sum()
    assert (plain.cap_units == plain.level_units).all()
    again = solve_lost_base_stock(day, lead, 1, 9, n_periods=1000)
    assert (again.level_units == capped.level_units).all()


def test_no_demand_needs_no_stock():
    """An item nobody asks for gets level 0 in a table; alone it is refused, as is an empty table answered."""
    found = solve_lost_base_stock(ragged([np.array([1.0])]), 2, 1, 9, n_periods=200)
    assert (found.level_units[0], found.cost_per_period[0]) == (0, 0.0)
    assert solve_lost_base_stock(ragged([]), 2, 1, 9).level_units.size == 0
    with pytest.raises(FieldError, match="demand"):
        LostSalesItem(pmf=np.array([1.0]), lead_periods=1, holding_cost=1.0, penalty_cost=1.0)


def test_bad_input_is_named():
    """A distribution that is none, a lead time of nothing and one too long for exact work are refused."""
    with pytest.raises(FieldError, match="pmf"):
        LostSalesItem(pmf=np.array([0.5, 0.4]), lead_periods=1, holding_cost=1.0, penalty_cost=1.0)
    with pytest.raises(FieldError, match="lead_periods"):
        LostSalesItem(pmf=np.array([0.5, 0.5]), lead_periods=0, holding_cost=1.0, penalty_cost=1.0)
    day = poisson_demand([5.0], Periods.fixed(1)).row(0)
    with pytest.raises(SolveError, match="too long"):
        solve_lost_sales(LostSalesItem(pmf=day, lead_periods=9, holding_cost=1.0, penalty_cost=19.0))
