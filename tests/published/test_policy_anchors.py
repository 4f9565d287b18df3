"""Published and textbook numbers for single-item policies: newsvendors, economic quantities, (r, Q), service levels.

Conventions: newsvendor costs fall on one period's end; L periods of lead time under review each period take L + 1
periods of demand. Under continuous review the lead time alone counts, and orders are placed at or below r.
`test_inventory_anchors` holds the (s, S) and (r, nQ) tables.
"""

import numpy as np
import pytest

from omsim.demand.lead_time import Periods, poisson_demand, read_distributions
from omsim.optimize.policies.continuous_demand import (
    LognormalDemand,
    NormalDemand,
    interval_moments,
    standard_normal_loss,
)
from omsim.optimize.policies.continuous_review import cost_of_continuous_review, solve_continuous_review
from omsim.optimize.policies.economic_quantity import (
    cost_of_quantity,
    solve_all_units_discount,
    solve_economic_quantity,
    solve_incremental_discount,
)
from omsim.optimize.policies.lost_base_stock import erlang_loss_share
from omsim.optimize.policies.min_max import cost_of_min_max, solve_min_max
from omsim.optimize.policies.newsvendor import expected_profit, margins, solve_newsvendor
from omsim.optimize.policies.newsvendor_budget import solve_budgeted_newsvendor
from omsim.optimize.policies.normal_review import normal_fill_rate, normal_reorder_point
from omsim.optimize.policies.order_quantity import cost_of_order_quantity, solve_order_quantity
from omsim.optimize.policies.service_levels import expected_wait_periods, ready_rate
from omsim.optimize.policies.stock_position import base_stock_drop, measure_policy, order_quantity_drop

ONE = Periods.fixed(1)


@pytest.mark.parametrize(
    ("demand", "left", "short", "level", "cost"),
    [
        (NormalDemand.of([50.0], [8.0]), 0.18, 0.70, 56.60395592743389, 1.997605193176645),  # example 4.3
        (NormalDemand.of([250.0], [8.0 * 5**0.5]), 0.18, 0.70, 264.7668943741548, 4.466781004149578),  # 4.4, L + 1 = 5
        (NormalDemand.of([900.0], [60.0]), 43.0, 79.0, 922.7214038234755, 2718.196781782411),  # problem 4.1
        (poisson_demand(6.0, ONE), 1.0, 4.0, 8, 3.570106945770946),  # example 4.7
        (poisson_demand(18.0, ONE), 200.0, 270.0, 19, 786.0884409351115),  # problem 4.8 (a)
        (LognormalDemand.of([6.0], [0.3]), 1.0, 0.1765, 295.6266448071368, 29.44254358213529),  # problem 4.8 (b)
        (
            read_distributions([[0.0, 0.25, 0.05, 0.1, 0.2, 0.15, 0.1, 0.1, 0.05]]),
            500_000.0,
            1_000_000.0,
            5,
            1_225_000.0,
        ),  # problem 4.7 (b)
    ],
)
def test_snyder_shen_newsvendors(demand, left, short, level, cost):
    """Snyder & Shen (2019), chapter 4: levels and costs on normal, Poisson, lognormal and listed demand."""
    best = solve_newsvendor(demand, left, short)
    assert best.level_units[0] == pytest.approx(level, rel=1e-7)
    assert best.expected_cost[0] == pytest.approx(cost, rel=1e-7)


def test_newsvendor_by_prices_is_the_same_decision():
    """Price 1, cost 0.3, salvage 0.12 are a shortage of 0.70 and a unit left of 0.18: Snyder & Shen's example 4.3."""
    by_unit = margins(1.0, 0.3, 0.12)
    assert (by_unit.short_cost[0], by_unit.left_cost[0]) == pytest.approx((0.7, 0.18))
    demand = NormalDemand.of([50.0], [8.0])
    best = solve_newsvendor(demand, by_unit.left_cost, by_unit.short_cost)
    assert best.level_units[0] == pytest.approx(56.60395592743389, rel=1e-9)
    assert expected_profit(demand, best.level_units, by_unit)[0] == pytest.approx(
        0.7 * 50 - 1.997605193176645, rel=1e-9
    )


@pytest.mark.parametrize(
    ("budget", "multiplier", "levels", "profit"),
    [
        (1e9, 0.0, [100, 159.469278, 200, 80, 123.492757], 3031.667383),
        (4500.0, 0.2642703606, [89.615231, 139.43065, 182.935525, 64.422846, 110.367794], 2940.462358),
        (4000.0, 0.4288078648, [81.569953, 126.072789, 170.708307, 52.354929, 100.866817], 2765.632653),
        (3500.0, 0.5503540133, [72.840334, 114.706286, 159.563431, 39.260501, 91.543077], 2518.883285),
    ],
)
def test_newsvendors_under_one_budget(budget, multiplier, levels, profit):
    """Five normal items under three budgets (values agreed by bisection and a general solver), and under none."""
    demand = NormalDemand.of([100, 150, 200, 80, 120], [20, 45, 40, 30, 25])
    plan = solve_budgeted_newsvendor(demand, [10, 15, 9, 30, 12], [6, 8, 5, 18, 7], [2, 3, 1, 6, 3], budget)
    assert plan.multiplier == pytest.approx(multiplier, abs=1e-8)
    assert plan.level_units.tolist() == pytest.approx(levels, abs=1e-5)
    assert plan.profit == pytest.approx(profit, abs=1e-5)
    assert plan.spent == pytest.approx(min(budget, 5180.203524), rel=1e-9)
    assert plan.profit_bound == pytest.approx(plan.profit, rel=1e-12)


@pytest.mark.parametrize(
    ("rate", "order_cost", "holding", "others", "quantity", "backordered", "cost"),
    [
        (1300, 8, 0.225, {}, 304.0467800264368, 0.0, 68.41052550594827),  # example 3.1
        (182_500, 2250, 275, {}, 1728.109844993551, 0.0, 475230.2073732266),  # problem 3.1
        (1300, 8, 0.225, {"shortage_cost": 5}, 310.8125551589646, 0.043062200956938, 66.92136355097325),  # 3.8
        (2080, 40, 40.05, {"shortage_cost": 60}, 83.23544812889804, 0.400299850074962, 1999.148244415212),  # 3.2 (b)
        (80, 4, 0.08, {"production_rate": 110}, 171.2697677155351, 0.0, 3.73679493197531),  # problem 3.22
    ],
)
def test_snyder_shen_economic_quantities(rate, order_cost, holding, others, quantity, backordered, cost):
    """Snyder & Shen (2019), chapter 3: plain, with planned backorders, with production at a finite rate."""
    best = solve_economic_quantity(rate, order_cost, holding, **others)
    assert best.order_units[0] == pytest.approx(quantity, rel=1e-8)
    assert best.backordered_share[0] == pytest.approx(backordered, rel=1e-8)
    assert best.cost_per_period[0] == pytest.approx(cost, rel=1e-8)
    assert cost_of_quantity(quantity, rate, order_cost, holding, **others)[0] == pytest.approx(cost, rel=1e-8)


@pytest.mark.parametrize(
    ("solve", "given", "quantity", "cost"),
    [
        (solve_all_units_discount, (1300, 8, 0.3, [0, 400, 800], [0.75, 0.72, 0.68]), 800, 978.6),
        (solve_incremental_discount, (1300, 8, 0.3, [0, 400, 800], [0.75, 0.72, 0.68]), 304.04678003, 1043.41052551),
        (
            solve_all_units_discount,
            (182_500, 2250, 0.25, [0, 1200, 2400], [1490, 1220, 1100]),
            2400,
            201251093.75,
        ),
        (
            solve_incremental_discount,
            (182_500, 2250, 0.25, [0, 1200, 2400], [1490, 1220, 1100]),
            28553.06065428,
            208678591.67992836,
        ),
    ],
)
def test_snyder_shen_quantity_discounts(solve, given, quantity, cost):
    """Snyder & Shen (2019), example 3.5 and problem 3.12, price on all units and on the units beyond a break."""
    best = solve(*given)
    assert best.order_units[0] == pytest.approx(quantity, rel=1e-8)
    assert best.cost_per_period[0] == pytest.approx(cost, rel=1e-8)


@pytest.mark.parametrize(
    ("rate", "lead", "costs", "best", "cost", "other", "other_cost"),
    [
        (1.5, 2.0, (100, 20, 150), (3, 5), 107.9235806331498, (8, 12), 242.5281637662021),  # example 5.8
        (12.0, 0.5, (4, 4, 28), (6, 7), 28.241312842169155, (3, 9), 34.2641544694695),  # problem 5.2
    ],
)
def test_federgruen_zheng_on_poisson_demand(rate, lead, costs, best, cost, other, other_cost):
    """Snyder & Shen (2019), chapter 5, by Federgruen & Zheng's (1992) algorithm: both of our searches, and a price."""
    lead_time = poisson_demand(rate * lead, ONE)
    found = solve_continuous_review(lead_time, rate, *costs)
    assert (found.reorder_point_units[0], found.order_units[0]) == best
    assert found.cost_per_period[0] == pytest.approx(cost, abs=1e-6)
    customer = read_distributions([[0.0, 1.0]])
    every = solve_order_quantity(customer, lead_time, *costs, reviews_per_period=rate)
    assert (every.reorder_point_units[0], every.order_units[0]) == best
    for pair, expected in ((best, cost), (other, other_cost)):
        assert cost_of_continuous_review(lead_time, rate, *pair, *costs).total()[0] == pytest.approx(expected, abs=1e-6)
        priced = cost_of_order_quantity(customer, lead_time, *pair, *costs, reviews_per_period=rate)
        assert priced[0] == pytest.approx(expected, abs=1e-6)


def test_hadley_whitin_example_4_10():
    """Hadley & Whitin (1963), p. 195, values corrected since: a charge by the unit beside one by unit and time."""
    lead_time = poisson_demand(100.0, ONE)
    costs = (0.16, 2.0, 0.3)
    parts = cost_of_continuous_review(lead_time, 400.0, 96, 19, *costs, unit_penalty=0.1)
    assert parts.holding[0] == pytest.approx(16.38452936, abs=1e-6)
    assert parts.backordering[0] == pytest.approx(0.65767940414, abs=1e-6)
    assert parts.stockout[0] == pytest.approx(12.5313312246, abs=1e-6)
    assert parts.ordering[0] == pytest.approx(3.368421, abs=1e-6)
    assert parts.total()[0] == pytest.approx(32.941961, abs=1e-6)
    best = solve_continuous_review(lead_time, 400.0, *costs, unit_penalty=0.1)
    assert (best.reorder_point_units[0], best.order_units[0]) == (96, 18)
    assert best.cost_per_period[0] == pytest.approx(32.89533158, abs=1e-6)


def test_unit_normal_loss():
    """The loss function of the standard normal at the usual places."""
    at = [-1, 0, 0.5, 1, 1.5, 2, 2.5, 3, 4]
    values = [1.083315471, 0.39894228, 0.197796557, 0.083315471, 0.029306794, 0.008490703, 0.002004137, 0.000382154]
    assert standard_normal_loss(at).tolist() == pytest.approx([*values, 7.145e-06], abs=1e-9)


@pytest.mark.parametrize(
    ("quantity", "one_term", "points"),
    [
        (50, False, [106.861332, 115.541664, 125.107705, 131.37646, 148.55847]),
        (200, False, [82.010569, 96.239015, 109.857747, 118.046927, 138.767126]),
        (50, True, [106.897349, 115.554372, 125.111634, 131.378262, 148.558677]),
    ],
)
def test_normal_reorder_points_for_a_fill_rate(quantity, one_term, points):
    """Lead-time demand of mean 100 and deviation 20: reorder points for five fill rates, with both terms and one."""
    lead_time = NormalDemand.of([100.0] * 5, 20.0)
    targets = [0.90, 0.95, 0.98, 0.99, 0.999]
    found = normal_reorder_point(lead_time, quantity, targets, one_term=one_term)
    assert found.tolist() == pytest.approx(points, abs=1e-6)
    if not one_term:
        assert normal_fill_rate(lead_time, found, quantity).tolist() == pytest.approx(targets, abs=1e-12)


@pytest.mark.parametrize(
    ("low", "quantity", "fill_rate", "owed"),
    [
        (8, 5, 0.572424353, 0.946360018),
        (10, 5, 0.770475665, 0.395588985),
        (12, 5, 0.899356083, 0.139064701),
        (14, 5, 0.963859079, 0.041113045),
        (12, 1, 0.791556476, 0.32247273),
        (12, 10, 0.946957404, 0.071943356),
    ],
)
def test_fill_rate_is_the_ready_rate_of_poisson_demand(low, quantity, fill_rate, owed):
    """(r, Q) on a Poisson lead-time demand of mean 10: fill rate, ready rate (equal), units owed, and Little's wait."""
    lead_time = poisson_demand(10.0, ONE)
    drop = order_quantity_drop(quantity, 1)
    filled = measure_policy(low + quantity, drop, lead_time, lead_time.plus_units(1)).fill_rate[0]
    assert filled == pytest.approx(fill_rate, abs=1e-6)
    assert ready_rate(low + quantity, drop, lead_time)[0] == pytest.approx(fill_rate, abs=1e-6)
    assert measure_policy(low + quantity, drop, base_stock_drop(1), lead_time).backordered_units[0] == pytest.approx(
        owed, abs=1e-6
    )
    assert expected_wait_periods(low + quantity, drop, lead_time, 2.0)[0] == pytest.approx(owed / 2.0, abs=1e-6)


def test_moments_of_a_random_lead_time():
    """Demand 20 a period with deviation 6 over 5 periods with deviation 2."""
    mean, variance = interval_moments(20, 36, 5, 4)
    assert mean[0] == 100.0
    assert np.sqrt(variance[0]) == pytest.approx(42.190046219457976, abs=1e-12)


@pytest.mark.parametrize(
    ("load", "level", "lost"),
    [(5, 5, 0.284867821), (5, 8, 0.070047852), (5, 10, 0.01838457), (20, 25, 0.050221778)],
)
def test_erlang_loss(load, level, lost):
    """Share of customers lost when each unit sold is reordered at once and shortage is lost: Erlang's formula."""
    assert erlang_loss_share(load, level)[0] == pytest.approx(lost, abs=1e-9)


ZHENG_FEDERGRUEN = {
    10: (6, 40, 35.022),
    20: (14, 62, 49.173),
    30: (23, 66, 57.819),
    40: (33, 87, 64.512),
    50: (42, 108, 70.975),
    60: (52, 129, 77.306),
    70: (62, 81, 79.037),
    21: (15, 65, 50.406),
    23: (17, 52, 52.757),
    51: (43, 110, 71.611),
    59: (51, 126, 76.679),
    63: (54, 73, 78.287),
}


def test_zheng_federgruen_table_1():
    """Zheng & Federgruen (1991): K = 64, h = 1, p = 9, no lead time, order at or below s; and the cost of each pair."""
    demand = poisson_demand(list(ZHENG_FEDERGRUEN), ONE)
    low, top, cost = (list(column) for column in zip(*ZHENG_FEDERGRUEN.values(), strict=True))
    best = solve_min_max(demand, demand, 64, 1, 9)
    assert best.reorder_point_units.tolist() == low
    assert best.order_up_to_units.tolist() == top
    assert best.cost_per_period.tolist() == pytest.approx(cost, abs=5e-4)
    assert cost_of_min_max(demand, demand, low, top, 64, 1, 9).tolist() == pytest.approx(cost, abs=5e-4)


@pytest.mark.parametrize(
    ("mean", "costs", "best", "cost", "other", "other_cost"),
    [
        (6, (5, 1, 4), (4, 10), 8.034111561471644, (6, 18), 10.193798671644046),  # example 4.7
        (4, (150, 40, 125), (2, 7), 223.5748295669688, (4, 10), 262.2755613772775),  # problem 4.31
    ],
)
def test_snyder_shen_min_max_pairs(mean, costs, best, cost, other, other_cost):
    """Snyder & Shen (2019), chapter 4: the best (s, S), and the price of another."""
    demand = poisson_demand(mean, ONE)
    found = solve_min_max(demand, demand, *costs)
    assert (found.reorder_point_units[0], found.order_up_to_units[0]) == best
    assert found.cost_per_period[0] == pytest.approx(cost, abs=1e-6)
    assert cost_of_min_max(demand, demand, *other, *costs)[0] == pytest.approx(other_cost, abs=1e-6)


@pytest.mark.parametrize(
    ("lead", "mean", "low", "quantity", "cost"),
    [
        (0, 5, 3, 20, 18.14),
        (0, 25, 21, 44, 40.55),
        (1, 28, 52, 49, 45.05),
        (1, 35, 80, 1, 47.04),
        (3, 20, 78, 43, 41.04),
    ],
)
def test_zheng_chen_table_2_rows(lead, mean, low, quantity, cost):
    """Zheng & Chen (1992), table 2: (r, nQ), K = 32, h = 1, p = 9, costs on L + 1 periods; the price of each pair."""
    period, after = (poisson_demand(mean, Periods.fixed(n)) for n in (1, lead + 1))
    best = solve_order_quantity(period, after, 32, 1, 9)
    assert (best.reorder_point_units[0], best.order_units[0]) == (low, quantity)
    assert best.cost_per_period[0] == pytest.approx(cost, abs=0.005)
    assert cost_of_order_quantity(period, after, low, quantity, 32, 1, 9)[0] == pytest.approx(cost, abs=0.005)
