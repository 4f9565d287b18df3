"""The last look at a night before it is written."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from nightly.small_nights import SKUS, plan_small

from omsim.errors import AuditError, FieldError
from omsim.nightly.night import Night, RunKey
from omsim.nightly.records import finish_night
from omsim.nightly.snapshot import LastNight

KEY = RunKey(as_of=date(2026, 11, 22), model="shop")


def _night() -> Night:
    known = SimpleNamespace(
        as_of=KEY.as_of, on_hand={("north", sku): row for row, sku in enumerate(SKUS)}, on_order=Counter()
    )
    return plan_small(known, LastNight())


def _changed(table: str, column: str, row: int, value: Any) -> Night:
    night = _night()
    values = list(night.tables[table][column])
    values[row] = value
    return replace(night, tables={**night.tables, table: {**night.tables[table], column: values}})


def test_names_are_the_same_every_time_and_others_for_another_attempt() -> None:
    """A night planned again after a crash names its lines alike; a forced attempt names them anew."""
    once, again = finish_night(_night(), KEY, 1), finish_night(_night(), KEY, 1)
    forced = finish_night(_night(), KEY, 2)
    names = once.tables["proposals"]["proposal"]
    assert names == again.tables["proposals"]["proposal"]
    assert len(set(names)) == len(names)
    assert not set(names) & set(forced.tables["proposals"]["proposal"])


def test_a_name_does_not_depend_on_the_other_lines() -> None:
    """Leaving a line out does not rename those after it."""
    night = _night()
    shorter = {column: list(values[1:]) for column, values in night.tables["proposals"].items()}
    orders = {column: list(values) for column, values in night.tables["purchase_orders"].items()}
    first = orders["purchase_order"].index(night.tables["proposals"]["purchase_order"][0])
    for column, less in (("lines", 1), ("units", night.tables["proposals"]["units"][0])):
        orders[column][first] -= less
    orders["value_cents"][first] -= night.tables["proposals"]["value_cents"][0]
    less_one = replace(night, tables={**night.tables, "proposals": shorter, "purchase_orders": orders})
    names = finish_night(night, KEY, 1).tables["proposals"]["proposal"]
    assert finish_night(less_one, KEY, 1).tables["proposals"]["proposal"] == names[1:]


def test_lines_keep_their_purchase_order() -> None:
    """The lasting name of a purchase order stands at the lines that had its passing one."""
    night, finished = _night(), finish_night(_night(), KEY, 1)
    passing = dict(
        zip(
            finished.tables["purchase_orders"]["purchase_order"],
            night.tables["purchase_orders"]["purchase_order"],
            strict=True,
        )
    )
    lasting = finished.tables["proposals"]["purchase_order"]
    assert [passing[name] for name in lasting] == night.tables["proposals"]["purchase_order"]


def test_arrays_become_plain_values() -> None:
    """Columns may be NumPy arrays; what is kept are Python's own numbers."""
    night = _night()
    policies = {**night.tables["policies"], "order_up_to_units": np.arange(len(SKUS), dtype=np.int32)}
    forecasts = {**night.tables["forecasts"], "protection_days": np.full(len(SKUS), 0.5)}
    finished = finish_night(
        replace(night, tables={**night.tables, "policies": policies, "forecasts": forecasts}), KEY, 1
    )
    assert {type(value) for value in finished.tables["policies"]["order_up_to_units"]} == {int}
    assert {type(value) for value in finished.tables["forecasts"]["protection_days"]} == {float}


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("forecasts", "mean_units_per_day", math.nan),
        ("forecasts", "mean_units_per_day", -math.inf),
        ("forecasts", "mean_units_per_day", np.float64("nan")),
        ("forecasts", "mean_units_per_day", 1e301),
        ("forecasts", "mean_units_per_day", "1.5"),
        ("policies", "gain_cents", 1.0),
        ("policies", "gain_cents", math.nan),
        ("policies", "gain_cents", 2**63),
        ("policies", "gain_cents", True),
        ("policies", "gain_cents", None),
        ("policies", "reason", None),
        ("policies", "reason", "a\x00b"),
        ("policies", "reason", "half \ud800 a pair"),
        ("proposals", "due_date", "2026-11-22"),
        ("proposals", "due_date", datetime(2026, 11, 22)),
    ],
)
def test_values_no_database_should_keep_are_refused_by_name(table: str, column: str, value: Any) -> None:
    """One line with table, column and row, before anything is written."""
    with pytest.raises(FieldError, match=rf"^{table}\.{column}\[2\] must be ") as refused:
        finish_night(_changed(table, column, 2, value), KEY, 1)
    assert "\n" not in str(refused.value)


def test_facts_that_are_no_numbers_are_refused() -> None:
    """JSON has no word for NaN, and takes no arrays."""
    for fact in (math.nan, np.arange(2)):
        with pytest.raises(FieldError, match="facts must be plain finite JSON"):
            finish_night(replace(_night(), facts={"gap": fact}), KEY, 1)


def test_a_line_of_no_purchase_order_is_refused() -> None:
    """Every line is on one of the night's purchase orders."""
    with pytest.raises(FieldError, match=r"^proposals\.purchase_order must be one of the night's purchase orders"):
        finish_night(_changed("proposals", "purchase_order", 0, "elsewhere"), KEY, 1)


@pytest.mark.parametrize("column", ["lines", "units", "value_cents"])
def test_a_purchase_order_is_the_sum_of_its_lines(column: str) -> None:
    """Totals that are not those of the lines are a defect, found before it is written."""
    with pytest.raises(AuditError, match="its proposals make"):
        finish_night(_changed("purchase_orders", column, 1, 12345), KEY, 1)
