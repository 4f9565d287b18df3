"""Published and textbook numbers for the reorder policies, as gathered in ../shared/facts/inventory.json.

Conventions: Zheng & Federgruen order at or below s, as we do; their table has a lead time of 0, so costs fall on one
period's demand. Zheng & Chen take L + 1 periods. Under continuous review the lead time alone counts.
"""

import json

import pytest

from omsim.demand.lead_time import Periods, poisson_demand, read_distributions
from omsim.optimize.policies.base_stock import base_stock_for_cost, base_stock_for_fill_rate
from omsim.optimize.policies.min_max import cost_of_min_max, solve_min_max
from omsim.optimize.policies.order_quantity import reorder_point_for_fill_rate, solve_order_quantity
from omsim.optimize.policies.stock_position import base_stock_drop, measure_policy, order_quantity_drop

UNIT_DEMAND = [[0.0, 1.0]]
ONE = Periods.fixed(1)


@pytest.fixture(scope="module")
def anchors(shared_facts):
    """The anchors by their id."""
    document = json.loads((shared_facts / "inventory.json").read_text(encoding="utf-8"))
    return {anchor["id"]: anchor for anchor in document["anchors"]}


def test_zheng_federgruen_table(anchors):
    """All rows of the 1991 table in one call: s and S exactly, costs to the printed digits."""
    anchor = anchors["zheng_federgruen_1991_table"]
    rows, costs = anchor["expected"], anchor["parameters"]
    demand = poisson_demand([row["mean"] for row in rows], ONE)
    best = solve_min_max(demand, demand, costs["K"], costs["h"], costs["p"])
    assert best.reorder_point_units.tolist() == [row["s"] for row in rows]
    assert best.order_up_to_units.tolist() == [row["S"] for row in rows]
    printed = [row["cost"] for row in rows]
    assert best.cost_per_period.tolist() == pytest.approx(printed, abs=anchor["tolerance"]["cost"])


@pytest.mark.parametrize(("name", "other"), [("ex_4_7", (6, 18)), ("prob_4_31", (4, 10))])
def test_snyder_shen_min_max(anchors, name, other):
    """Snyder & Shen's (s, S) examples: the optimum and the cost of the other policy they price."""
    anchor = anchors["fosct_ss_examples"]
    given, expected = anchor["parameters"][name], anchor["expected"][name]
    costs = given["K"], given["h"], given["p"]
    demand = poisson_demand(given["mean"], ONE)
    best = solve_min_max(demand, demand, *costs)
    assert (best.reorder_point_units[0], best.order_up_to_units[0]) == (expected["s"], expected["S"])
    assert best.cost_per_period[0] == pytest.approx(expected["cost"], abs=1e-6)
    priced = cost_of_min_max(demand, demand, *other, *costs)[0]
    assert priced == pytest.approx(expected[f"cost_at_{other[0]}_{other[1]}"], abs=1e-6)


def test_zheng_chen_table_2(anchors):
    """(r, nQ) under periodic review: r and Q exactly, also where ordering by the unit is best."""
    anchor = anchors["zheng_chen_1992_table2"]
    costs = [anchor["parameters"][name] for name in ("K", "h", "p")]
    for row in anchor["expected"]:
        period, after = (poisson_demand(row["mean"], Periods.fixed(n)) for n in (1, row["L"] + 1))
        best = solve_order_quantity(period, after, *costs)
        assert (best.reorder_point_units[0], best.order_units[0]) == (row["r"], row["Q"])
        assert best.cost_per_period[0] == pytest.approx(row["cost"], abs=anchor["tolerance"]["cost"])


@pytest.mark.parametrize("name", ["ex_5_8", "prob_5_2"])
def test_federgruen_zheng_continuous_review(anchors, name):
    """(r, Q) under continuous review, Poisson: every customer is a review."""
    anchor = anchors["federgruen_zheng_rq_poisson"]
    given, expected = anchor["parameters"][name], anchor["expected"][name]
    best = solve_order_quantity(
        read_distributions(UNIT_DEMAND),
        poisson_demand(given["rate"] * given["L"], ONE),
        given["K"],
        given["h"],
        given["p"],
        reviews_per_period=given["rate"],
    )
    assert (best.reorder_point_units[0], best.order_units[0]) == (expected["r"], expected["Q"])
    assert best.cost_per_period[0] == pytest.approx(expected["cost"], abs=1e-6)


@pytest.mark.parametrize(("name", "mean"), [("ex_4_7_poisson", 6), ("prob_4_8a_poisson", 18), ("prob_4_7b_pmf", None)])
def test_newsvendor_on_whole_units(anchors, name, mean):
    """The least-cost base stock of the discrete newsvendor examples."""
    anchor = anchors["newsvendor_family"]
    given, expected = anchor["parameters"][name], anchor["expected"][name]
    if mean is None:
        demand = read_distributions([[0.0] + [given["pmf"][str(units)] for units in range(1, 9)]])
    else:
        demand = poisson_demand(mean, ONE)
    level, cost = base_stock_for_cost(demand, given["h"], given["p"])
    assert level[0] == expected["S"]
    assert cost[0] == pytest.approx(expected["cost"], rel=1e-7)


@pytest.mark.parametrize(("level", "fill_rate"), [(6, 0.445680), (9, 0.847237), (12, 0.979908)])
def test_one_for_one_poisson_fill_rates(level, fill_rate):
    """(S - 1, S) under continuous review, Poisson lead-time demand of mean 6; and back from fill rate to level."""
    before = poisson_demand(6.0, ONE)
    after = before.plus_units(1)
    assert measure_policy(level, base_stock_drop(1), before, after).fill_rate[0] == pytest.approx(fill_rate, abs=1e-6)
    assert base_stock_for_fill_rate(before, after, fill_rate - 1e-6)[0] == level
    assert base_stock_for_fill_rate(before, after, fill_rate + 1e-6)[0] == level + 1


def test_closed_forms_of_order_quantity_fill_rate(anchors):
    """Fill rate and expected backorders of (r, Q), Poisson lead-time demand of mean 10."""
    expected = anchors["service_level_closed_forms"]["expected"]["poisson_fill_and_EBO"]
    before = poisson_demand(10.0, ONE)
    after = before.plus_units(1)
    for name, (fill_rate, backordered) in expected.items():
        r, quantity = (int(part[1:]) for part in name.split("_"))
        drop = order_quantity_drop(quantity, 1)
        assert measure_policy(r + quantity, drop, before, after).fill_rate[0] == pytest.approx(fill_rate, abs=1e-6)
        # under continuous review what is owed at any time follows from the lead time's demand alone
        owed = measure_policy(r + quantity, drop, base_stock_like(before), before).backordered_units[0]
        assert owed == pytest.approx(backordered, abs=1e-6)
        assert reorder_point_for_fill_rate(before, after, quantity, fill_rate - 1e-6)[0] == r


def base_stock_like(table):
    """A table of no demand for as many items."""
    return base_stock_drop(table.n_items)
