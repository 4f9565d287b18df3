"""The business in memory: codes, days, digest, equality, and that nothing of it can be changed."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields, replace
from datetime import date

import numpy as np
import pytest
from model.small_models import TABLES, columns_of, small_business

from omsim.errors import InvalidInputError
from omsim.model.building import build_business, replace_columns
from omsim.model.business import Settings, Window
from omsim.model.fields import SETTINGS
from omsim.model.fields import TABLES as SPECS


def window(**changes: object) -> Window:
    """Web orders scaled by 1.6 on days 3 to 5 of the small business."""
    start = date(2026, 10, 1).toordinal()
    given = {
        "table": "channels",
        "field": "orders_per_day",
        "rows": np.array([0]),
        "operation": "scale",
        "value": 1.6,
        "first_day": start,
        "last_day": start + 2,
    }
    return Window(**{**given, **changes})


def test_every_table_is_there_with_the_types_of_its_kinds():
    """Absent optional tables have no rows but all columns."""
    business = small_business()
    expected = {"integer": np.int64, "number": np.float64, "share": np.float64, "flag": np.bool_}
    assert set(business.tables) == {spec.name for spec in SPECS}
    for spec in SPECS:
        for field in spec.fields:
            column = business[spec.name][field.name]
            if field.kind in ("id", "text", "choice"):
                assert isinstance(column, tuple)
            else:
                assert column.dtype == expected.get(field.kind, np.int64)
                assert not column.flags.writeable


def test_settings_have_the_keys_of_the_field_table():
    """Every key of model.toml is an attribute, and nothing else is."""
    assert [field.name for field in fields(Settings)] == [field.name.partition(".")[2] for field in SETTINGS.fields]


def test_codes_are_rows_of_the_referred_table():
    """An id's code is its row there; an empty cell is -1."""
    business = small_business()
    assert business.codes("demand", "sku").tolist() == [0, 1, 2, 0, 1]
    assert business.codes("demand", "quantity_profile").tolist() == [1, 1, 0, 1, 1]
    assert business.codes("staff", "site").tolist() == [-1, 0, 1, 0, 1, 0, 1, -1]
    with pytest.raises(KeyError, match=r"skus\.category refers to no table"):
        business.codes("skus", "category")


def test_by_day_applies_windows_in_order():
    """Scale then set then add, each on its days and rows; other cells keep their value."""
    start = date(2026, 9, 28).toordinal()
    windows = (
        window(),
        window(operation="set", value=10.0, first_day=start + 5, last_day=start + 400),
        window(operation="add", value=1.0, rows=np.array([0, 1]), first_day=1, last_day=start),
    )
    days = replace(small_business(), windows=windows).by_day("channels", "orders_per_day")
    assert days.shape == (14, 2)
    assert days[:, 0].tolist() == [41, 40, 40, 64, 64, *[10] * 9]
    assert days[:, 1].tolist() == [16, *[15] * 13]


def test_by_day_rounds_whole_numbers_half_up():
    """A fifth of an odd crew: 2.5 workers are 3."""
    halved = window(table="staff", field="workers", rows=np.arange(8), value=0.5)
    days = replace(small_business(), windows=(halved,)).by_day("staff", "workers")
    assert days[3].tolist() == [1, 2, 1, 1, 1, 1, 1, 1]
    assert days[2].tolist() == [2, 3, 2, 2, 1, 1, 1, 2]


def test_digest_is_of_the_content():
    """Stable over runs, blind to where things were read from, and sensitive to every part."""
    business = small_business()
    assert business.digest() == small_business().digest()
    assert replace(business, folder="elsewhere", defaults_used=()).digest() == business.digest()
    others = [
        small_business({"model.horizon_days": 15}),
        small_business(skus={"price_cents": ["901", "1500", "6000"]}),
        small_business(skus={"category": ["mug", "towel", "lamps"]}),
        small_business(channels={"promise_days": ["3", "0"]}),
        replace(business, windows=(window(),)),
        replace(business, windows=(window(value=1.7),)),
    ]
    assert len({other.digest() for other in [business, *others]}) == 7
    assert all(other != business for other in others)


def test_digest_is_the_same_in_another_process():
    """No hash seed, no address, no order of sets enters the digest."""
    code = "from model.small_models import small_business; print(small_business().digest())"
    tests = str(__file__).rpartition("model")[0]
    found = subprocess.run([sys.executable, "-c", code], cwd=tests, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == small_business().digest()


def test_pickling_keeps_the_business_and_its_protection():
    """Process pools get an equal business whose arrays are still read-only."""
    business = replace(small_business(), windows=(window(),))
    again = pickle.loads(pickle.dumps(business))
    assert again == business
    assert hash(again) == hash(business)
    with pytest.raises(ValueError, match="read-only"):
        again["skus"]["price_cents"][0] = 1


def test_a_business_cannot_be_changed():
    """Attributes are frozen and columns read-only, those of days and codes too."""
    business = small_business()
    with pytest.raises(FrozenInstanceError):
        business.settings.horizon_days = 3  # type: ignore[misc]
    for array in (
        business["skus"]["price_cents"],
        business.codes("demand", "sku"),
        business.by_day("staff", "workers"),
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_the_callers_arrays_stay_writeable():
    """Building from arrays protects the business without touching what the caller holds."""
    prices = np.array([900, 1500, 6000])
    business = small_business(skus={"price_cents": prices})
    prices[0] = 1
    assert business["skus"]["price_cents"][0] == 900


def test_replace_columns_checks_again():
    """New reorder numbers give a new business, or are refused with the row's place."""
    business = small_business()
    more = np.array([350, 240, 40, 0, 150])
    after = replace_columns(business, "stock", {"order_up_to_units": more})
    assert after["stock"].integers("order_up_to_units").tolist() == more.tolist()
    assert business["stock"].integers("order_up_to_units")[0] == 300
    assert after["stock"].texts("sku") == business["stock"].texts("sku")
    with pytest.raises(InvalidInputError, match=r"stock: row 1: order_up_to_units must be above reorder_point_units"):
        replace_columns(business, "stock", {"order_up_to_units": np.zeros(5, dtype=np.int64)})
    with pytest.raises(InvalidInputError, match=r"columns have unequal lengths"):
        replace_columns(business, "stock", {"order_up_to_units": [1]})
    with pytest.raises(InvalidInputError, match=r"is not a column"):
        replace_columns(business, "stock", {"order_up_to": more})


def test_build_business_takes_typed_values():
    """Templates and history hand over numbers, dates and arrays instead of text."""
    tables = {name: columns_of(text) for name, text in TABLES.items()}
    tables["skus"]["price_cents"] = np.array([900, 1500, 6000], dtype=np.int32)
    tables["staff"]["start"] = small_business()["staff"]["start"]
    settings = {"model.name": "small", "model.start_date": date(2026, 9, 28), "model.horizon_days": 14}
    settings |= {"model.time_zone": "Europe/London", "model.currency": "GBP"}
    assert build_business(settings, tables) == small_business()


def test_unknown_tables_name_the_nearest():
    """A slip in a table's name is answered with the name."""
    with pytest.raises(InvalidInputError, match='stok: is not a table; did you mean "stock"'):
        build_business({}, {"stok": {}})


def test_reading_a_model_loads_no_heavy_package(repo):
    """Reading CSV and TOML needs none of the scientific packages but NumPy."""
    heavy = ("pandas", "scipy", "matplotlib", "numba", "simpy", "ortools", "pyarrow")
    code = (
        "import sys; from omsim.model.loading import load; "
        f"load({str(repo / 'models' / 'corner_shop')!r}); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
