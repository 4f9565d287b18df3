"""Review periods: against enumeration over all policies, a replay, and the policies of one review period."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.policies import convolve_by_hand, min_max_cost_by_chain, period_cost, scaled

from omsim.demand.lead_time import Periods, convolved_demand, observed_demand, poisson_demand, read_distributions
from omsim.errors import FieldError
from omsim.optimize.policies.base_stock import base_stock_for_cost
from omsim.optimize.policies.min_max import solve_min_max
from omsim.optimize.policies.review_period import demand_as_periods_end, solve_review_period

rows = st.lists(st.integers(0, 6), min_size=2, max_size=4).filter(lambda row: sum(row[1:]) > 0)


def spent_of(pmf, lead, review, levels, hold, penalty):
    """Mean holding and shortage per period of each level just after a review, period by period."""
    total = dict.fromkeys(levels, 0.0)
    for k in range(1, review + 1):
        after = convolve_by_hand(pmf, np.eye(lead + k + 1)[lead + k])
        for y in levels:
            total[y] += period_cost(after, y, hold, penalty) / review
    return total


@given(row=rows, lead=st.integers(0, 2), review_cost=st.integers(0, 6), order_cost=st.integers(0, 12))
@settings(max_examples=25)
def test_review_period_and_level_are_the_best_of_all(row, lead, review_cost, order_cost):
    """(R, S): among all review periods offered and levels, priced period by period, none is cheaper."""
    pmf = scaled(row)
    best = solve_review_period(
        partial(convolved_demand, read_distributions([pmf])),
        Periods.fixed(lead),
        (1, 2, 4),
        review_cost,
        order_cost,
        1.0,
        6.0,
        order_always=True,
    )
    every = {}
    for review in (1, 2, 4):
        quiet = pmf[0] ** review
        for y, spent in spent_of(pmf, lead, review, range(20), 1.0, 6.0).items():
            every[review, y] = spent + (review_cost + order_cost * (1 - quiet)) / review
    found = int(best.review_periods[0]), int(best.order_up_to_units[0])
    assert best.cost_per_period[0] == pytest.approx(min(every.values()))
    assert every[found] == pytest.approx(min(every.values()))
    assert best.reorder_point_units[0] == found[1] - 1


def test_min_max_of_the_chosen_period_is_the_best_pair():
    """(R, s, S): the best pair of a review period, by a chain over positions, is what is found."""
    pmf, lead = np.array([0.5, 0.3, 0.2]), 1
    day = read_distributions([pmf])
    for review in (1, 3):
        best = solve_review_period(partial(convolved_demand, day), Periods.fixed(lead), (review,), 1.0, 8.0, 1.0, 6.0)
        cycle = convolve_by_hand(pmf, np.eye(review + 1)[review])
        # one moment among the cycle's ends is what the chain's single cost sees
        ends = [convolve_by_hand(pmf, np.eye(lead + k + 1)[lead + k]) for k in range(1, review + 1)]
        seen = sum(np.pad(end, (0, ends[-1].size - end.size)) for end in ends) / review
        every = {
            (s, top): min_max_cost_by_chain(cycle, seen, s, top, 8.0 / review, 1.0, 6.0) + 1.0 / review
            for s in range(-3, 6)
            for top in range(s + 1, 16)
        }
        found = int(best.reorder_point_units[0]), int(best.order_up_to_units[0])
        assert best.cost_per_period[0] == pytest.approx(min(every.values()))
        assert every[found] == pytest.approx(min(every.values()))


@pytest.mark.parametrize(("lead", "review"), [(2, 1), (3, 4)])
def test_cost_is_what_a_replay_shows(lead, review):
    """Forty thousand replayed days cost what was computed, within sampling error."""
    history = np.random.default_rng(8).negative_binomial(1, 0.25, 40_000)
    day = observed_demand(history[None, :])
    best = solve_review_period(partial(convolved_demand, day), Periods.fixed(lead), (review,), 3.0, 20.0, 1.0, 9.0)
    low, top = int(best.reorder_point_units[0]), int(best.order_up_to_units[0])
    net, on_order, spent = top, [], 0.0
    for t, units in enumerate(history.tolist()):
        if t % review == 0:
            spent += 3.0
            position = net + sum(u for _, u in on_order)
            if position <= low:
                spent += 20.0
                on_order.append((t + lead, top - position))
        net += sum(u for due, u in on_order if due == t) - units
        on_order = [(due, u) for due, u in on_order if due > t]
        spent += max(net, 0) + 9.0 * max(-net, 0)
    assert spent / len(history) == pytest.approx(best.cost_per_period[0], rel=0.02)


def test_reviewing_every_period_is_the_plain_policy():
    """With one review period offered, 1, the levels and costs are those of `solve_min_max` and base stock."""
    mean = [0.3, 7.0]
    day, after = (poisson_demand(mean, Periods.fixed(n)) for n in (1, 4))
    found = solve_review_period(partial(poisson_demand, mean), Periods.fixed(3), (1,), 0.0, 20.0, 1.0, 9.0)
    plain = solve_min_max(day, after, 20.0, 1.0, 9.0)
    assert found.reorder_point_units.tolist() == plain.reorder_point_units.tolist()
    assert found.order_up_to_units.tolist() == plain.order_up_to_units.tolist()
    np.testing.assert_allclose(found.cost_per_period, plain.cost_per_period, rtol=1e-12)
    free = solve_review_period(
        partial(poisson_demand, mean), Periods.fixed(3), (1, 2, 7), 0.0, 0.0, 1.0, 9.0, order_always=True
    )
    assert free.review_periods.tolist() == [1, 1]
    np.testing.assert_allclose(free.cost_per_period, base_stock_for_cost(after, 1.0, 9.0)[1], rtol=1e-12)


@given(mean=st.floats(0.1, 20), review_cost=st.floats(0, 50), more=st.floats(0, 50), order_cost=st.floats(0, 80))
@settings(max_examples=30)
def test_dearer_reviews_are_never_more_frequent(mean, review_cost, more, order_cost):
    """The review period does not shrink as a review costs more, and the cost never falls."""
    best = [
        solve_review_period(partial(poisson_demand, [mean]), Periods.fixed(2), (1, 3, 7), cost, order_cost, 0.5, 8.0)
        for cost in (review_cost, review_cost + more)
    ]
    assert best[0].review_periods[0] <= best[1].review_periods[0]
    assert best[0].cost_per_period[0] <= best[1].cost_per_period[0] + 1e-12


def test_interval_of_a_random_end():
    """Lead times of 1 or 3 periods and a cycle of 2: 2, 3, 4 or 5 periods, a quarter each."""
    share = demand_as_periods_end(Periods.random([0.0, 0.5, 0.0, 0.5]), 2).share
    assert share[0].tolist() == [0.0, 0.0, 0.25, 0.25, 0.25, 0.25]


@pytest.mark.parametrize("offered", [(), (0,), (1, -2), (1, 4_000)])
def test_impossible_review_periods_are_refused(offered):
    """No review period, or one below 1 or beyond ten years, is refused by name."""
    with pytest.raises(FieldError, match="review_periods"):
        solve_review_period(partial(poisson_demand, [1.0]), Periods.fixed(1), offered, 0, 1, 1, 1)
