"""Terms of purchase: what the reader accepts, what it refuses and in which words, and what metro has of them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import TABLES, small_business

from omsim.errors import InvalidInputError
from omsim.model.fields import TABLES as SPECS
from omsim.model.files import read_business, write_business
from omsim.model.overlay import apply_scenario
from omsim.model.parsing import cell_text
from omsim.model.scenario import Change, Scenario
from omsim.model.schema import json_schema
from omsim.model.templates.making import make_metro, make_starter

if TYPE_CHECKING:
    from omsim.model.business import Business

NEW_TABLES = ("freight", "price_breaks", "supplier_holidays", "purchase_orders", "service_targets")
SUPPLIERS = """
    supplier, lead_time_days, minimum_order_cents, minimum_order_g, truck_cost_cents, truck_g, truck_dm3, most_trucks
    mill,     4,              20000,               50000,           9000,             800000,  3000,      2
"""
PRICE_BREAKS = """
    supplier, sku, from_units, unit_cost_cents
    mill,     012, 100,        290
    mill,     012, 500,        280
    mill,     NA,  1,          520
"""
ORDERS = """
    purchase_order, site,  sku, supplier, units, due_date
    P-1,            north, 012, mill,     40,    2026-09-28
    P-1,            south, 012, mill,     20,    2026-09-30
    P-2,            north, NA,  mill,     25,    2026-11-30
"""
TERMS: dict[str, str] = {
    "suppliers": SUPPLIERS,
    "freight": "supplier, from_value_cents, freight_cents\nmill, 0, 8000\nmill, 50000, 0",
    "price_breaks": PRICE_BREAKS,
    "supplier_holidays": "supplier, date, note\nmill, 2026-10-02, stocktaking\nmill, 2026-12-25,",
    "purchase_orders": ORDERS,
    "service_targets": "abc, xyz, fill_rate\nA, , 0.98\nC, Z, 0.9\n, X, 0.99\n, , 0.95",
    "history": """
        date,       sku, site,  units, sold_out
        2026-09-01, 012, north, 5,     false
        2026-09-01, 012, south, 0,     true
        2026-09-01, NA,  ,      3,     TRUE
        2026-09-02, 012, north, 2,
    """,
}
SETTINGS = {
    "purchasing.reorder": "optimizer",
    "purchasing.aim": "cost",
    "purchasing.target_fill_rate": 0.9,
    "purchasing.budget_cents": 500_000,
    "purchasing.reforecast_days": 3,
}


def refusal(settings: dict[str, object] | None = None, **tables: object) -> list[str]:
    """What is said of the small business with some tables changed."""
    with pytest.raises(InvalidInputError) as caught:
        small_business(settings, **tables)
    return [str(problem) for problem in caught.value.problems]


def with_terms(**tables: str) -> Business:
    """The small business with every term of purchase."""
    return small_business(
        SETTINGS,
        stock={"max_cover_days": ["60", "0", "0", "30", "0"]},
        skus={"shelf_life_days": ["0", "45", "0"]},
        sites={"storage_dm3": ["20000", ""]},
        **(TERMS | tables),
    )


@pytest.mark.parametrize("parquet", [False, True])
def test_terms_read_back_equal(tmp_path, parquet: bool):
    """Every new field and table survives writing and reading, in both formats."""
    business = with_terms()
    write_business(business, tmp_path, parquet=[spec.name for spec in SPECS] if parquet else ())
    again = read_business(tmp_path)
    assert again == business
    assert again.settings.reorder == "optimizer"
    assert (again.settings.aim, again.settings.target_fill_rate) == ("cost", 0.9)
    assert (again.settings.budget_cents, again.settings.reforecast_days) == (500_000, 3)
    assert again["service_targets"].texts("abc") == ("A", "C", "", "")
    assert again["history"].flags("sold_out").tolist() == [False, True, True, False]
    assert again["purchase_orders"].integers("due_date")[0] == date(2026, 9, 28).toordinal()
    assert again.codes("purchase_orders", "site").tolist() == [0, 1, 0]
    assert again["sites"].integers("storage_dm3").tolist() == [20_000, 1_000_000_000]


def test_models_without_terms_have_none():
    """An old model is valid as it is: no minimum, no truck, no limit, nothing on order, policies decide."""
    business = small_business()
    assert [len(business[name]) for name in NEW_TABLES] == [0] * 5
    assert (business.settings.reorder, business.settings.aim, business.settings.target_fill_rate) == (
        "policies",
        "fill_rate",
        0.95,
    )
    suppliers = business["suppliers"]
    for name in ("minimum_order_cents", "minimum_order_g", "truck_cost_cents", "truck_g", "truck_dm3", "most_trucks"):
        assert suppliers.integers(name).tolist() == [0]
    assert not business["stock"].numbers("max_cover_days").any()
    assert not business["skus"].numbers("shelf_life_days").any()


def test_the_schema_knows_an_empty_class():
    """A target of any class is legal JSON too; a class that is none is not."""
    jsonschema = pytest.importorskip("jsonschema")
    business = with_terms()
    schema = json_schema()["properties"]["tables"]["properties"]["service_targets"]  # type: ignore[index]
    checker = jsonschema.Draft202012Validator(json.loads(json.dumps(schema)))
    spec = next(spec for spec in SPECS if spec.name == "service_targets")
    rows = [
        {
            field.name: business["service_targets"][field.name][row]
            if field.kind == "share"
            else cell_text(field, business["service_targets"][field.name][row])
            for field in spec.fields
        }
        for row in range(4)
    ]
    checker.validate(rows)
    assert not checker.is_valid([rows[0] | {"abc": "D"}])


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (
            {"suppliers": "supplier, lead_time_days, most_trucks, truck_cost_cents\nmill, 4, 2, 900"},
            [
                f"suppliers: row 1: {field} must be 0 while truck_g and truck_dm3 are (a truck without capacity), "
                f"got {got}"
                for field, got in (("most_trucks", 2), ("truck_cost_cents", 900))
            ],
        ),
        (
            {"suppliers": SUPPLIERS.replace("50000, ", "1600001,")},
            ["suppliers: row 1: minimum_order_g must be at most most_trucks x truck_g (1600000), got 1600001"],
        ),
        (
            {"price_breaks": PRICE_BREAKS.replace("280", "295")},
            [
                "price_breaks: row 2: unit_cost_cents must be at most the cost of fewer units in "
                "price_breaks: row 1 (290), got 295"
            ],
        ),
        (
            {"price_breaks": PRICE_BREAKS.replace("290", "310")},
            [
                "price_breaks: row 1: unit_cost_cents must be at most the unit cost of SKU '012' in table skus (300), "
                "which fewer units cost, got 310"
            ],
        ),
        (
            {"price_breaks": PRICE_BREAKS.replace("1,          520", "0,          520")},
            ["price_breaks: row 3: from_units must be a whole number between 1 and 1000000000, got '0'"],
        ),
        (
            {"freight": "supplier, from_value_cents, freight_cents\nmil, 0, 8000\nmill, 5, 1\nmill, 5, 2"},
            [
                "freight: row 3: supplier, from_value_cents repeats the key of freight: row 2, got 'mill, 5'",
                "freight: row 1: supplier must be a supplier of table suppliers, got 'mil'; did you mean \"mill\"?",
            ],
        ),
        (
            {"suppliers": SUPPLIERS, "stock": {"moq_units": ["1", "1", "1", "4001", "1"]}},
            [
                "stock: row 4: moq_units and pack_units make a smallest order of 4001 units, 1600400 g; "
                "supplier 'mill' sends at most 1600000 g (most_trucks 2 x truck_g)"
            ],
        ),
        (
            {"suppliers": SUPPLIERS, "stock": {"moq_units": ["1", "1", "1", "1", "2400"], "pack_units": ["1000"]}},
            [
                "stock: row 3: moq_units and pack_units make a smallest order of 1000 units, 2500000 g; "
                "supplier 'mill' sends at most 1600000 g (most_trucks 2 x truck_g)",
                "stock: row 5: moq_units and pack_units make a smallest order of 3000 units, 2100000 g; "
                "supplier 'mill' sends at most 1600000 g (most_trucks 2 x truck_g)",
                "stock: row 3: moq_units and pack_units make a smallest order of 1000 units, 16000 dm3; "
                "supplier 'mill' sends at most 6000 dm3 (most_trucks 2 x truck_dm3)",
                "stock: row 5: moq_units and pack_units make a smallest order of 3000 units, 7200 dm3; "
                "supplier 'mill' sends at most 6000 dm3 (most_trucks 2 x truck_dm3)",
            ],
        ),
        (
            {"sites": {"storage_dm3": ["100", "7"]}, "stock": {"pack_units": ["1", "1", "1", "10", "1"]}},
            [
                "stock: row 4: moq_units and pack_units make a smallest order of 10 units, 8 dm3; site 'south' has "
                "room for 7 dm3 (storage_dm3)"
            ],
        ),
        (
            {"purchase_orders": ORDERS.replace("2026-09-28", "2026-09-27")},
            [
                "purchase_orders: row 1: due_date must not be before model.start_date (2026-09-28); what came before "
                "is on hand, what is late has a new date, got 2026-09-27"
            ],
        ),
        (
            {"purchase_orders": ORDERS.replace("P-2,            north, NA", "P-2,            south, 1e5")},
            [
                "purchase_orders: row 3: sku must have a row in table stock at site 'south' (0 units on hand will do), "
                "got '1e5'"
            ],
        ),
        (
            {
                "suppliers": SUPPLIERS + "\nloom, 3, 0, 0, 0, 0, 0, 0",
                "purchase_orders": ORDERS.replace("south, 012, mill", "south, 012, loom"),
            },
            ["purchase_orders: row 2: supplier must be as in the order's first line ('mill'), got 'loom'"],
        ),
        (
            {"purchase_orders": ORDERS.replace("mill,     40", ",     40")},
            ["purchase_orders: row 1: supplier must not be empty"],
        ),
        (
            {"service_targets": "abc, xyz, fill_rate\nA, , 1\nD, , 0.9"},
            ["service_targets: row 2: abc must be one of A, B, C, got 'D'"],
        ),
        (
            {"service_targets": "abc, xyz, fill_rate\nA, , 1\nA, , 0.9"},
            ["service_targets: row 2: abc, xyz repeats the key of service_targets: row 1, got 'A, '"],
        ),
        (
            {"service_targets": "abc, xyz, fill_rate\nA, , 1"},
            ["service_targets: row 1: fill_rate must be below 1 (no stock serves every demand there could be), got 1"],
        ),
        (
            {"history": "date, sku, site, units\n2026-09-01, 012, , 3\n2026-09-02, 012, north, 3"},
            [
                "history: row 2: site must be empty in every row of SKU '012' or in none (it is in history: row 1), "
                "got 'north'"
            ],
        ),
        (
            {"supplier_holidays": "supplier, date\nmill, 2026-10-02\nmill, 2026-10-02"},
            [
                "supplier_holidays: row 2: supplier, date repeats the key of supplier_holidays: row 1, got "
                "'mill, 2026-10-02'"
            ],
        ),
    ],
)
def test_terms_make_sense(tables, said):
    """Each breach is named at its place, with the numbers that clash."""
    assert refusal(**tables) == said


def test_settings_of_purchasing_make_sense():
    """A target of one, a least order nobody may pay for, a word that is no choice."""
    assert refusal({"purchasing.target_fill_rate": 1}) == [
        "model.toml: purchasing.target_fill_rate must be below 1 (no stock serves every demand there could be), got 1"
    ]
    assert refusal({"purchasing.budget_cents": 19_999}, suppliers=SUPPLIERS) == [
        "suppliers: row 1: minimum_order_cents must be at most purchasing.budget_cents (19999), got 20000"
    ]
    assert refusal({"purchasing.reorder": "optimiser"}) == [
        "model.toml: purchasing.reorder must be one of policies, optimizer, got 'optimiser'; did you mean "
        '"optimizer"?'
    ]


def test_a_smallest_order_just_fits():
    """Limits are met, not passed: two full trucks, a full site."""
    stock = {"moq_units": ["4000", "1", "1", "1", "1"]}
    suppliers = SUPPLIERS.replace("3000, ", "4000, ")
    small_business(suppliers=suppliers, stock=stock)
    small_business(sites={"storage_dm3": ["3240"]}, stock=stock)
    assert len(refusal(sites={"storage_dm3": ["3239"]}, stock=stock)) == 1


def test_scenarios_change_terms():
    """Overlays set, insert and drop rows of the new tables, and are checked like files."""

    def overlaid(*changes: dict[str, object]) -> Business:
        items = tuple(Change.model_validate(change) for change in changes)
        return apply_scenario(Scenario(path=Path("s.toml"), model=Path("m"), changes=items), with_terms())

    business = overlaid(
        {"table": "settings", "column": "purchasing.budget_cents", "operation": "scale", "value": 2},
        {"table": "suppliers", "column": "minimum_order_cents", "operation": "set", "value": 0},
        {"table": "purchase_orders", "where": {"purchase_order": "P-1"}, "operation": "drop"},
        {
            "table": "service_targets",
            "operation": "insert",
            "row": {"abc": "B", "fill_rate": 0.97},
        },
    )
    assert business.settings.budget_cents == 1_000_000
    assert business["suppliers"].integers("minimum_order_cents").tolist() == [0]
    assert business["purchase_orders"].texts("purchase_order") == ("P-2",)
    assert (business["service_targets"].texts("abc")[-1], business["service_targets"].texts("xyz")[-1]) == ("B", "")
    with pytest.raises(InvalidInputError, match="most_trucks must be 0 while"):
        overlaid(
            {"table": "suppliers", "column": "truck_g", "operation": "set", "value": 0},
            {"table": "suppliers", "column": "truck_dm3", "operation": "set", "value": 0},
        )


def test_metro_has_terms_to_live_with():
    """Minimum orders, trucks, freight that ends, lower prices of dozens of SKUs, targets, room nearly filled."""
    metro = make_metro()
    suppliers = metro["suppliers"]
    assert (suppliers.integers("minimum_order_cents") > 0).sum() == 6
    assert suppliers.integers("minimum_order_g").any()
    assert (suppliers.integers("most_trucks") > 0).sum() == 2
    assert len(set(metro["freight"].texts("supplier"))) == 5
    breaks = metro["price_breaks"]
    assert 40 <= len(set(breaks.texts("sku"))) <= 80
    pack = dict(zip(metro["stock"].texts("sku"), metro["stock"].integers("pack_units").tolist(), strict=True))
    buys = set(zip(metro["stock"].texts("supplier"), metro["stock"].texts("sku"), strict=True))
    assert set(zip(breaks.texts("supplier"), breaks.texts("sku"), strict=True)) <= buys
    for sku, units in zip(breaks.texts("sku"), breaks.integers("from_units").tolist(), strict=True):
        assert units % pack[sku] == 0
    skus, stock = metro["skus"], metro["stock"]
    volume_dm3 = np.prod([skus.integers(name) for name in ("length_mm", "width_mm", "height_mm")], axis=0) / 1e6
    held = volume_dm3[metro.codes("stock", "sku")] * stock.integers("on_hand_units")
    held = np.bincount(metro.codes("stock", "site"), weights=held)
    assert (held < metro["sites"].integers("storage_dm3")).all()
    warehouses = np.array([kind == "dc" for kind in metro["sites"].texts("kind")])
    assert (held > np.where(warehouses, 0.7, 0.3) * metro["sites"].integers("storage_dm3")).all()
    assert set(metro["service_targets"].texts("abc")) == {"A", "B", "C"}
    assert not [len(make_starter()[name]) for name in NEW_TABLES if len(make_starter()[name])]


def test_holidays_of_metros_suppliers_leave_its_six_weeks_as_they_were():
    """None falls on an order day of the horizon: the published figures of metro do not depend on them."""
    metro = make_metro()
    start = metro.settings.start_date.toordinal()
    days = metro["supplier_holidays"].integers("date") - start
    order_days = metro["suppliers"].integers("order_days")[metro.codes("supplier_holidays", "supplier")]
    weekday = (metro.settings.start_date.weekday() + days) % 7
    assert ((order_days >> weekday) & 1).any()
    assert (days >= metro.settings.horizon_days).all()


def test_small_tables_are_as_the_terms_assume():
    """The little models above lean on one supplier and five cells."""
    assert TABLES["suppliers"].count("mill") == 1
    assert len(small_business()["stock"]) == 5
