"""Reasons in words: each driver and limit on a night small enough to check by hand."""

import numpy as np
import pytest
from oracles.reorder_nights import shop_night, small_night

from omsim.optimize.reorder.problem import (
    LineOptions,
    PurchaseLines,
    PurchaseOrders,
    ReorderProblem,
    Steps,
    StorageSites,
)
from omsim.optimize.reorder.reasons import DRIVERS, LIMITS, explain_plan, shadow_prices
from omsim.optimize.reorder.solve import plan_purchases


def night(costs_mc, *, position=2, lines=None, orders=None, budget=10**15, storage=10**15):
    """One line of 100 cents, 10 g and 1 dm3 a unit, s = 4, S = 20; options 0, 6, 12, ... with the costs given."""
    given = dict(
        name=("SKU-1 at north",),
        order=[0],
        position_units=[position],
        unit_cost_cents=[100],
        pack_units=[6],
        moq_units=[6],
        most_units=[60],
        reorder_point_units=[4],
        order_up_to_units=[20],
        units_per_day=[2.0],
        weight_g=[10],
        volume_mm3=[1_000_000],
    )
    n_options = len(costs_mc)
    first = 1 if (lines or {}).get("least_units") else 0
    return ReorderProblem(
        lines=PurchaseLines(**given | (lines or {})),
        orders=PurchaseOrders(name=("Acme to north",), site=[0], **(orders or {})),
        sites=StorageSites(name=("north",), storage_left_mm3=[storage]),
        options=LineOptions(
            first=np.array([0, n_options]),
            units=6 * np.arange(first, n_options + first),
            cost_mc=np.array(costs_mc, dtype=np.int64),
        ),
        budget_cents=budget,
    )


LOW_18 = [9_000_000, 4_000_000, 2_000_000, 1_000_000, 1_500_000, 2_500_000]  # 18 units by itself
CASES = [
    (
        night(LOW_18),
        "18 units: position 2 is at or below the reorder point 4; brings cover to 10 days.",
    ),
    (
        night(LOW_18, budget=1_300),
        "12 units: position 2 is at or below the reorder point 4; brings cover to 7 days; "
        "6 more refused as the budget is short, which costs 10.00.",
    ),
    (
        night(LOW_18, storage=12_000_000),
        "12 units: position 2 is at or below the reorder point 4; brings cover to 7 days; "
        "6 more refused as storage at north is short, which costs 10.00.",
    ),
    (
        night([9_000_000, 12_000_000], position=3),
        "nothing: position 3 is at or below the reorder point 4, but 6 units, the least it can take, cost more than "
        "waiting.",
    ),
    (
        night([9_000_000], position=3),
        "nothing: position 3 is at or below the reorder point 4, but nothing can be ordered tonight.",
    ),
    (
        night([1_000_000, 2_000_000], position=9),
        "nothing: position 9 is above the reorder point 4.",
    ),
    (
        night(LOW_18, orders={"fixed_cost_cents": [20_000]}),
        "nothing: position 2 is at or below the reorder point 4; "
        "18 more refused as Acme to north is not worth placing tonight, which costs 80.00.",
    ),
    (
        night(LOW_18, orders={"minimum_cents": [2_400]}),
        "24 units: lifts Acme to north to its minimum; brings cover to 13 days.",
    ),
    (
        night(LOW_18, orders={"freight": Steps.of_rows(1, [(0, 0, 8_00), (0, 2_400, 0)])}),
        "24 units: lifts Acme to north over the step to free freight; brings cover to 13 days.",
    ),
    (
        night(LOW_18, lines={"price_breaks": Steps.of_rows(1, [(0, 30, 40)])}),
        "30 units: reaches the price of 0.40 a unit; brings cover to 16 days.",
    ),
    (
        night([3_000_000, 2_000_000, 1_000_000], lines={"least_units": [6]}, budget=700),
        "6 units: 6 units are promised; brings cover to 4 days; "
        "12 more refused as the budget is short, which costs 20.00.",
    ),
    (
        night([9_000_000, 4_000_000, 2_000_000], lines={"most_units": [14]}),
        "12 units: position 2 is at or below the reorder point 4; brings cover to 7 days; no more fits its cap of 14.",
    ),
    (
        night(LOW_18, orders={"truck_g": [120], "truck_cost_cents": [1_500]}),
        "12 units: position 2 is at or below the reorder point 4; brings cover to 7 days; "
        "6 more refused as they do not pay within Acme to north (freight, trucks, shared limits), which costs 10.00.",
    ),
    (
        night([1_600_000, 0, 2_000_000], position=9, lines={"units_per_day": [0.0]}),
        "6 units: joins Acme to north, which is placed anyway; no demand is expected.",
    ),
]


@pytest.mark.parametrize(("problem", "words"), CASES)
def test_each_reason_in_words(problem, words):
    """Worked by hand: what drove the line, what kept it from more, and what that costs."""
    reasons = explain_plan(problem, plan_purchases(problem))
    assert reasons[0] == words
    assert list(reasons) == [words]


def test_every_line_of_any_night_has_a_reason():
    """Nights with every rule: a sentence for each line that says its own quantity."""
    for seed in range(15):
        problem = small_night(seed, n_lines=6, n_orders=2)
        plan = plan_purchases(problem)
        reasons = explain_plan(problem, plan)
        assert len(reasons) == 6
        for units, said in zip(plan.units.tolist(), reasons, strict=True):
            assert said.startswith(f"{units} unit" if units else "nothing: ")
            assert said.endswith(".")


def test_a_shop_night_uses_its_whole_vocabulary():
    """On two thousand lines nearly every driver and limit occurs, and refusals name what they cost."""
    problem = shop_night(3, n_lines=2_000, n_orders=24, n_sites=3, storage_share=0.6)
    plan = plan_purchases(problem, aim_gap=0.01)
    reasons = explain_plan(problem, plan)
    drivers = {DRIVERS[code] for code in np.unique(reasons.driver)}
    limits = {LIMITS[code] for code in np.unique(reasons.limit)}
    assert drivers >= {"none", "below", "price_break", "joined"}
    assert drivers & {"minimum", "freight", "truck"}
    assert limits >= {"none", "cap", "budget", "storage", "order", "moq"}
    assert plan.gap_share < 0.005
    said = shadow_prices(problem, plan)
    assert "budget tonight is worth" in said[0]
    assert any("storage at site" in line for line in said)


def test_nothing_is_said_about_limits_that_do_not_bind():
    """Without a price there is no sentence."""
    problem = night(LOW_18)
    assert shadow_prices(problem, plan_purchases(problem)) == []
