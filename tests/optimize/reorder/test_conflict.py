"""Rules that cannot hold together: a true conflict, none of it spare, and no smaller one on small nights."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from omsim.optimize.reorder import conflict as conflicts
from omsim.optimize.reorder.conflict import PurchaseConflictError, find_conflict
from omsim.optimize.reorder.problem import (
    LineOptions,
    PurchaseLines,
    PurchaseOrders,
    ReorderProblem,
    StorageSites,
)
from omsim.optimize.reorder.solve import plan_purchases


def night(*, least, most, orders=None, storage=10**15, budget=10**15, moq=1, pack=1):
    """Two lines of one order, 100 and 200 cents, 10 g and 1 dm3 a unit; options are all small quantities."""
    lines = PurchaseLines(
        name=("SKU-1 at north", "SKU-2 at north"),
        order=[0, 0],
        position_units=[0, 0],
        unit_cost_cents=[100, 200],
        pack_units=[pack, pack],
        moq_units=[moq, moq],
        most_units=most,
        least_units=least,
        reorder_point_units=[0, 0],
        order_up_to_units=[5, 5],
        units_per_day=[1.0, 1.0],
        weight_g=[10, 10],
        volume_mm3=[1_000_000, 1_000_000],
    )
    rows = [
        [n for n in range(0, top + 1) if (n == 0 and not low) or (n >= max(low, moq) and n % pack == 0 and n > 0)]
        for low, top in zip(least, most, strict=True)
    ]
    return ReorderProblem(
        lines=lines,
        orders=PurchaseOrders(name=("Acme to north",), site=[0], **(orders or {})),
        sites=StorageSites(name=("north",), storage_left_mm3=[storage]),
        options=LineOptions(
            first=np.cumsum([0, *map(len, rows)]),
            units=np.array([n for row in rows for n in row], dtype=np.int64),
            cost_mc=np.zeros(sum(map(len, rows)), dtype=np.int64),
        ),
        budget_cents=budget,
    )


CASES = {
    "cap": (dict(least=[6, 0], most=[5, 9]), ["6 units promised", "at most 5 units"]),
    "pack": (dict(least=[5, 0], most=[5, 9], pack=3), ["5 units promised", "packs of 3", "at most 5"]),
    "moq": (dict(least=[2, 0], most=[5, 9], moq=7), ["2 units promised", "least order is 7", "at most 5"]),
    "budget": (dict(least=[6, 0], most=[9, 9], budget=599), ["6 units promised", "budget of 5.99"]),
    "two promises": (
        dict(least=[3, 2], most=[9, 9], budget=699),
        ["3 units promised", "2 units promised", "budget of 6.99"],
    ),
    "storage": (dict(least=[6, 0], most=[9, 9], storage=5_500_000), ["6 units promised", "5.5 dm3"]),
    "trucks": (
        dict(least=[6, 0], most=[9, 9], orders={"truck_g": [50], "most_trucks": [1]}),
        ["6 units promised", "at most 1 truck"],
    ),
    "minimum": (
        dict(least=[1, 0], most=[2, 3], orders={"minimum_cents": [900]}),
        ["1 unit promised", "at most 2 units", "other lines may take at most", "minimum order of 9.00"],
    ),
    "minimum over budget": (
        dict(least=[1, 0], most=[20, 20], orders={"minimum_cents": [900]}, budget=800),
        ["1 unit promised", "minimum order of 9.00", "budget of 8.00"],
    ),
    "weight in one truck": (
        dict(least=[1, 0], most=[20, 20], orders={"minimum_g": [60], "truck_g": [50], "most_trucks": [1]}),
        ["1 unit promised", "minimum weight of 0.1 kg", "at most 1 truck"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_rules_in_conflict_are_named(case):
    """Each kind of conflict in a buyer's words, all of its rules and nothing else."""
    given, words = CASES[case]
    rules = find_conflict(night(**given))
    assert len(rules) == len(words)
    for word in words:
        assert any(word in rule for rule in rules), (word, rules)


@pytest.mark.parametrize("case", CASES)
def test_the_plan_stops_with_the_conflict(case):
    """The optimizer hands on the same rules as an error with the solver's exit code."""
    with pytest.raises(PurchaseConflictError) as raised:
        plan_purchases(night(**CASES[case][0]))
    assert raised.value.exit_code == 4
    assert raised.value.rules == find_conflict(night(**CASES[case][0]))
    assert raised.value.rules[0] in str(raised.value)


def test_no_smaller_set_is_in_conflict():
    """By looking at every smaller set: the conflict named has the fewest rules, and each of them is needed."""
    problem = night(
        least=[4, 2],
        most=[20, 20],
        orders={"minimum_cents": [1_500], "truck_g": [100], "most_trucks": [2]},
        budget=790,
        storage=30_000_000,
    )
    rules = find_conflict(problem)
    part = conflicts._parts(problem, np.array([0, 1]), [0])[-1]

    def holds(subset):
        return conflicts._holds(problem, part.orders, frozenset(subset))

    named = [rule for rule in part.rules if conflicts._say(problem, rule) in rules]
    assert holds(named) is False
    for size in range(len(named)):
        for subset in combinations(named, size):
            assert holds(subset) is True
    smallest = next(
        size for size in range(1, len(part.rules) + 1) for s in combinations(part.rules, size) if holds(s) is False
    )
    assert len(named) == smallest


def test_rules_that_can_hold_give_no_conflict():
    """A promise that can be kept, and a night without promises."""
    assert find_conflict(night(least=[6, 0], most=[9, 9], budget=600)) == ()
    assert find_conflict(night(least=[0, 0], most=[9, 9], budget=0)) == ()


def test_promises_of_two_sites_meet_in_the_budget():
    """A conflict that only the whole night shows names the lines of both sites."""
    one = night(least=[3, 2], most=[9, 9])
    apart = replace(
        one,
        lines=replace(one.lines, order=[0, 1]),
        orders=PurchaseOrders(name=("Acme to north", "Acme to south"), site=[0, 1]),
        sites=StorageSites(name=("north", "south"), storage_left_mm3=[10**15, 10**15]),
        budget_cents=650,
    )
    assert [rule.split(":")[0] for rule in find_conflict(apart)] == [
        "SKU-1 at north",
        "SKU-2 at north",
        "tonight's budget of 6.50",
    ]
