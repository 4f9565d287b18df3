"""What a rule kept from a line: the rule by name, its cost without the trucks' share, the discount not reached."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from omsim.nightly.refusals import refusals
from omsim.optimize.reorder.night import TonightsPlan
from omsim.optimize.reorder.problem import (
    NO_LIMIT,
    LineOptions,
    PurchaseLines,
    PurchaseOrders,
    ReorderProblem,
    Steps,
    StorageSites,
)
from omsim.optimize.reorder.reasons import explain_plan
from omsim.optimize.reorder.solve import plan_purchases

if TYPE_CHECKING:
    from omsim.optimize.reorder.cell_terms import CellTerms

SKUS = ("mug", "tea")


def refused(order: dict[str, Any], truck_cents: float = 0.0) -> Any:
    """A night of two articles, ten of each worth 100.00 and 50.00, the second 0.10 cheaper from ten on."""
    problem = ReorderProblem(
        lines=PurchaseLines(
            name=SKUS,
            order=[0, 0],
            position_units=[2, 2],
            unit_cost_cents=[100, 100],
            pack_units=[10, 10],
            moq_units=[10, 10],
            most_units=[10, 10],
            reorder_point_units=[4, 4],
            order_up_to_units=[12, 12],
            units_per_day=[1.0, 1.0],
            weight_g=[100, 100],
            price_breaks=Steps.of_rows(2, [(1, 10, 90)]),
        ),
        orders=PurchaseOrders(name=("Ash to north",), site=[0], **{name: [value] for name, value in order.items()}),
        sites=StorageSites(name=("north",), storage_left_mm3=np.array([NO_LIMIT])),
        options=LineOptions(
            first=np.array([0, 2, 4]),
            units=np.array([0, 10, 0, 10]),
            cost_mc=np.array([10_000_000, 0, 5_000_000, 0]),
        ),
    )
    tables = {
        "sites": SimpleNamespace(texts=lambda _: ("north",)),
        "skus": SimpleNamespace(texts=lambda _: SKUS),
        "suppliers": SimpleNamespace(texts=lambda _: ("Ash",)),
    }
    known = type("Tables", (dict,), {"settings": SimpleNamespace(currency="EUR")})(tables)
    nowhere = np.zeros(2, dtype=np.int64)
    terms = SimpleNamespace(
        business=known, site=nowhere, supplier=nowhere, sku=np.arange(2), truck_cents=np.full(2, truck_cents)
    )
    plan = plan_purchases(problem)
    reasons = explain_plan(problem, plan, tells_refusals=False)
    return refusals(cast("CellTerms", terms), TonightsPlan(problem=problem, plan=plan), reasons)


@pytest.mark.parametrize(
    ("order", "rule", "words"),
    [
        (
            {"truck_g": 1000, "most_trucks": 1},
            "most trucks a night",
            "the one truck that Ash may send to north is filled",
        ),
        (
            {"truck_g": 1000, "truck_cost_cents": 6000},
            "a further truck",
            "a further truck to north would cost EUR 60.00",
        ),
    ],
)
def test_full_trucks_are_named(order: dict[str, int], rule: str, words: str) -> None:
    """Whether no truck is left, or one more does not pay; the less valuable line goes without."""
    found = refused(order)
    assert (found.columns["sku"], found.columns["rule"], found.columns["given_units"]) == (["tea"], [rule], [0])
    assert found.columns["cost_cents"] == [5000 + 100]
    assert found.discount_cents == [100]
    assert words in found.columns["reason"][0]
    assert (
        "a discount of EUR 1.00 is not reached; 2 in stock or on the way, the reorder point is 4"
        in (found.columns["reason"][0])
    )


def test_truck_space_is_no_part_of_what_going_without_costs() -> None:
    """The goods need it whenever they come; a wish that lived on it alone is none."""
    order = {"truck_g": 1000, "most_trucks": 1}
    assert refused(order, truck_cents=10.0).columns["cost_cents"] == [5000 + 100 - 100]
    assert refused(order, truck_cents=509.5).columns["cost_cents"] == []


def test_an_order_that_is_not_placed_names_its_minimum() -> None:
    """Both wishes go without, the dearer first."""
    found = refused({"minimum_cents": 100_000})
    assert found.columns["rule"] == ["minimum of the order"] * 2
    assert found.columns["sku"] == ["mug", "tea"]
    assert "not worth an order of its minimum of EUR 1,000" in found.columns["reason"][0]
    assert found.told() == {}
