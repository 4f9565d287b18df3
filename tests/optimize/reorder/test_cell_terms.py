"""What the reorder plan reads off a model, against the tables by hand."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest

from omsim.demand.waits import period_shares, wait_days
from omsim.model.building import replace_columns
from omsim.model.loading import load
from omsim.optimize.reorder.cell_terms import fill_targets, may_order, read_terms, value_classes

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Business


@pytest.fixture(scope="module")
def metro(repo: Path) -> Business:
    """Two warehouses and a store, seven suppliers, terms of every kind."""
    return load(repo / "models" / "metro")


def test_only_supplied_cells_are_there_in_order(metro: Business) -> None:
    """A cell without a supplier cannot be reordered."""
    names = list(metro["stock"].texts("supplier"))
    names[5] = ""
    policy = list(metro["stock"].texts("policy"))
    policy[5] = "none"
    fewer = replace_columns(metro, "stock", {"supplier": tuple(names), "policy": tuple(policy)})
    rows = read_terms(fewer).row.tolist()
    assert rows == [row for row, name in enumerate(names) if name]


def test_waits_by_lane_are_those_by_cell(metro: Business) -> None:
    """A lane's distribution of days is that of each of its cells."""
    terms = read_terms(metro)
    by_cell = period_shares(wait_days(metro)[terms.row])
    by_lane = terms.lane_shares[terms.lane]
    assert by_lane.shape == by_cell.shape
    np.testing.assert_allclose(by_lane, by_cell)


def test_what_sending_costs(metro: Business) -> None:
    """Fixed cost, half a truck, and the freight a well-sized order pays, by lane."""
    terms = read_terms(metro)
    suppliers, freight = metro["suppliers"], metro["freight"]
    for lane, supplier in enumerate(terms.lane_supplier.tolist()):
        name = suppliers.texts("supplier")[supplier]
        steps = [
            int(cents)
            for owner, cents in zip(freight.texts("supplier"), freight.integers("freight_cents"), strict=True)
            if owner == name
        ]
        fixed, truck = (int(suppliers.integers(c)[supplier]) for c in ("order_cost_cents", "truck_cost_cents"))
        assert terms.sending_cents[lane] == fixed + truck / 2 + min(steps, default=0)


def test_the_shorter_of_cover_and_shelf_life_limits(metro: Business) -> None:
    """Each item's limit is the tighter of its own cover and its SKU's shelf life; 0 means none."""
    cover = np.zeros(len(metro["stock"]))
    cover[:2] = 30.0
    life = np.zeros(len(metro["skus"]))
    sku = metro.codes("stock", "sku")
    life[sku[1]] = 10.0
    limited = replace_columns(metro, "stock", {"max_cover_days": cover})
    limited = replace_columns(limited, "skus", {"shelf_life_days": life})
    terms = read_terms(limited)
    at = {int(row): item for item, row in enumerate(terms.row.tolist())}
    assert terms.max_cover_days[at[0]] == 30
    assert terms.max_cover_days[at[1]] == 10
    others = [item for row, item in at.items() if sku[row] != sku[1] and row > 1]
    assert not terms.max_cover_days[others].any()


def test_no_order_on_a_supplier_s_holiday_or_closed_day(metro: Business) -> None:
    """Order days and dated holidays both close a supplier, and only that one."""
    terms = read_terms(metro)
    suppliers, holidays = metro["suppliers"], metro["supplier_holidays"]
    for tonight in (date(2026, 9, 26), date(2026, 9, 28), date.fromordinal(int(holidays.integers("date")[0]))):
        open_ = may_order(terms, tonight)
        for item in range(terms.n_items):
            row = int(terms.supplier[item])
            takes = bool(int(suppliers.integers("order_days")[row]) >> tonight.weekday() & 1)
            off = any(
                name == suppliers.texts("supplier")[row] and day == tonight.toordinal()
                for name, day in zip(holidays.texts("supplier"), holidays.integers("date").tolist(), strict=True)
            )
            assert open_[item] == (takes and not off)


def test_classes_by_value_and_steadiness(metro: Business) -> None:
    """The best seller is A, what never sold is CZ, steady weeks are X and erratic ones Z."""
    terms = read_terms(metro)
    history = np.zeros((terms.n_items, 70), dtype=np.int64)
    history[0] = 1_000  # steady and worth most
    history[1, ::35] = 1
    abc, xyz = value_classes(terms, history)
    assert (abc[0], xyz[0]) == ("A", "X")
    assert xyz[1] == "Z"
    assert (abc[2], xyz[2]) == ("C", "Z")


def test_the_most_particular_target_counts(metro: Business) -> None:
    """Both classes before ABC alone, before XYZ alone, before all, before the model's own target."""
    from dataclasses import replace

    from omsim.model.business import Table

    rows = {"abc": ("A", "A", "", ""), "xyz": ("X", "", "Z", ""), "fill_rate": np.array([0.99, 0.97, 0.8, 0.9])}
    table = Table(name="service_targets", columns=rows)
    terms = read_terms(replace(metro, tables={**metro.tables, "service_targets": table}))
    abc = np.array(["A", "A", "B", "B"], dtype=object)
    xyz = np.array(["X", "Z", "Z", "Y"], dtype=object)
    assert fill_targets(terms, abc, xyz).tolist() == [0.99, 0.97, 0.8, 0.9]
    empty = Table(name="service_targets", columns={"abc": (), "xyz": (), "fill_rate": np.zeros(0)})
    plain = read_terms(replace(metro, tables={**metro.tables, "service_targets": empty}))
    assert set(fill_targets(plain, abc, xyz).tolist()) == {metro.settings.target_fill_rate}
