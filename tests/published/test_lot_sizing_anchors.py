"""Published lot-sizing and joint-replenishment numbers."""

from dataclasses import replace

import numpy as np
import pytest
from published.trigeiro import OPTIMA, trigeiro

from omsim.optimize.policies.capacitated_lot_sizing import (
    SharedCapacity,
    build_capacitated_lots,
    check_capacitated_lots,
    solve_capacitated_lots,
)
from omsim.optimize.policies.joint_replenishment import joint_cycle_by_silver, solve_joint_cycle
from omsim.optimize.policies.lot_sizing import cost_of_lot_plan, cost_table, plan_by_rule, solve_lot_sizes
from omsim.optimize.solving import solve_mip

BOUTIQUE_UNITS = [10, 62, 12, 130, 154, 129, 88, 52, 124, 160, 238, 41]


def test_wagner_whitin_1958():
    """Wagner & Whitin (1958), 12 periods with set-up costs that change: 864, and 864 for any plan as good."""
    units = [69, 29, 36, 61, 61, 26, 34, 67, 45, 67, 79, 56]
    fixed = [85, 102, 102, 101, 98, 114, 105, 86, 119, 110, 98, 114]
    plan = solve_lot_sizes(units, fixed, 1)
    assert plan.cost.tolist() == [864.0]
    assert cost_of_lot_plan(plan.order_units, units, fixed, 1).tolist() == [864.0]
    printed = [98, 0, 97, 0, 121, 0, 0, 112, 0, 67, 135, 0]
    assert cost_of_lot_plan(printed, units, fixed, 1).tolist() == [864.0]
    of_first = [solve_lot_sizes(units[:n], fixed[:n], 1).cost[0] for n in range(1, 13)]
    assert of_first == [85, 114, 186, 277, 348, 400, 469, 555, 600, 710, 789, 864]


@pytest.mark.parametrize(
    ("rule", "cost"),
    [
        ("silver_meal", 501.2),
        ("least_unit_cost", 558.8),
        ("part_period_balancing", 600.0),
        ("periodic_order_quantity", 553.6),
        ("rounded_order_quantity", 643.2),
        ("lot_for_lot", 648.0),
    ],
)
def test_boutique_rules(rule, cost):
    """Silver, Pyke & Peterson (1998), chapter 6: what each rule costs on the boutique's year; the optimum is 501.20."""
    assert plan_by_rule(BOUTIQUE_UNITS, 54, 0.4, rule=rule).cost[0] == pytest.approx(cost, abs=1e-9)
    best = solve_lot_sizes(BOUTIQUE_UNITS, 54, 0.4)
    assert best.cost[0] == pytest.approx(501.2, abs=1e-9)
    assert best.order_units.tolist() == [[84, 0, 0, 130, 283, 0, 140, 0, 124, 160, 279, 0]]


@pytest.mark.parametrize(
    ("units", "fixed", "hold", "price", "cost", "orders"),
    [
        ([90, 120, 80, 70], 500, 2, 0, 1380, [210, 0, 150, 0]),
        ([150, 100, 80, 200], 120, 0.8, 0, 424, [150, 180, 0, 200]),
        ([730, 580, 445, 650, 880], 100, 0.1, 0, 423, [1310, 0, 1095, 0, 880]),
        ([400, 500, 500, 1100, 900], 100, 0.1, [3, 1, 4, 6, 6], 4940, [400, 3000, 0, 0, 0]),
    ],
)
def test_textbook_plans(units, fixed, hold, price, cost, orders):
    """Snyder & Shen, Fundamentals of Supply Chain Theory: example 3.9, problems 3.27 and 3.29, one with prices."""
    plan = solve_lot_sizes(units, fixed, hold, price)
    assert plan.cost[0] == pytest.approx(cost, abs=1e-9)
    assert plan.order_units.tolist() == [orders]


@pytest.mark.slow
def test_trigeiro_f5_is_proved():
    """Trigeiro, Thomas & McClain (1989), instance F5 (6 items, 15 periods): proved, and checked period by period."""
    instance = trigeiro("F5")
    plan = solve_capacitated_lots(**instance, seconds=120)
    assert (plan.status, plan.cost) == ("optimal", OPTIMA["F5"])
    check = check_capacitated_lots(plan.order_units, **instance)
    assert (check.broken, check.cost) == ("", OPTIMA["F5"])


@pytest.mark.parametrize("name", ["G53", "G57"])
def test_trigeiro_relaxations_stay_below_the_optima(name):
    """The linear relaxation of the reformulation is within 1.1 % of the optima in the literature, never above."""
    instance = trigeiro(name)
    shape = instance["demand_units"].shape
    fixed, hold, price = (
        cost_table("cost", given, shape) for given in (instance["order_cost"], instance["holding_cost"], 0)
    )
    shared = SharedCapacity(
        per_period=np.full(shape[1], float(instance["capacity"])),
        per_unit=np.ones(shape[0]),
        per_setup=instance["setup_capacity"].astype(float),
    )
    model, *_ = build_capacitated_lots(instance["demand_units"], fixed, hold, price, shared)
    relaxed = solve_mip(replace(model, whole=np.zeros(model.n_columns, dtype=bool)), seconds=60, isolate=False)
    assert 0.989 * OPTIMA[name] < relaxed.cost <= OPTIMA[name]


JOINT = {
    # joint cost, own costs, holding, demand; optimal cycle, multiples, cost; Silver's cycle and cost
    "Silver (1976)": (
        (10, [1.87, 5.27, 7.94, 8.19, 8.87], 0.2, [1736, 656, 558, 170, 142]),
        (0.24555759, [1, 1, 2, 3, 3], 218.2515857),
        (0.2813771490671472, 218.68632025498687),
    ),
    "Silver, Pyke & Peterson (1998)": (
        (40, 15, 0.24, [86000, 12500, 1400, 3000]),
        (0.0761734026, [1, 1, 4, 3], 2067.6508409),
        (0.07617340262784976, 2067.650840930354),
    ),
    "three items": (
        (600, [120, 840, 300], [160, 20, 50], 1),
        (3.1031644542, [1, 3, 1], 837.8544026),
        (3.103164454170876, 837.8544026261366),
    ),
    "four items": (
        (20000, [36000, 46000, 34000, 38000], [1000, 900, 1200, 1000], [1780, 445, 920, 175]),
        (0.2443340522, [1, 2, 1, 3], 1028646.3597),
        (0.24433405218634363, 1028646.3597045067),
    ),
    "three items, fast": (
        (1500, [4000, 1000, 2000], [300, 200, 200], [9100, 83200, 20800]),
        (0.0170764112, [3, 1, 2], 566083.0328),
        (0.017076411245211497, 566083.0327787611),
    ),
    "five items": (
        (180, [60, 100, 180, 115, 135], [5.32, 3.92, 4.76, 3.92, 3.36], [6200, 1300, 400, 4400, 1800]),
        (0.1136465731, [1, 2, 4, 1, 2], 9107.1817814),
        (0.11364657309360865, 9107.181781429423),
    ),
    "Goyal (1974)": (
        (200, [45, 46, 47, 44, 45, 47], 1, [10000, 5000, 3000, 1000, 600, 200]),
        (0.1893169541, [1, 1, 1, 2, 2, 4], 4164.972989),
        None,
    ),
}


@pytest.mark.parametrize("name", JOINT)
def test_joint_replenishment(name):
    """Published joint-replenishment data: the certified optimum, and what Silver's rule makes of them."""
    data, (cycle, multiple, cost), ruled = JOINT[name]
    best = solve_joint_cycle(*data)
    assert (best.cycle, best.cost) == (pytest.approx(cycle, rel=1e-7), pytest.approx(cost, rel=1e-9))
    assert best.multiple.tolist() == multiple
    if ruled is not None:
        by_rule = joint_cycle_by_silver(*data)
        assert (by_rule.cycle, by_rule.cost) == (pytest.approx(ruled[0]), pytest.approx(ruled[1]))
