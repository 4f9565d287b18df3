"""Reading what a night knows: files, databases, the model's own tables; and every way they can be wrong."""

from __future__ import annotations

import os
import sqlite3
from dataclasses import replace
from datetime import date, timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsim.errors import InvalidInputError
from omsim.model.building import build_business, empty_table
from omsim.model.business import Table
from omsim.model.csv_files import written
from omsim.model.fields import table as spec_of
from omsim.model.files import read_business
from omsim.nightly.input_history import history_by_cell, site_shares
from omsim.nightly.input_tables import INPUT_TABLES
from omsim.nightly.inputs import read_snapshot
from omsim.nightly.snapshot import LastNight

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Business
    from omsim.nightly.snapshot import Snapshot

    Rows = list[dict[str, Any]]

AS_OF = date(2026, 9, 27)
WITH_PSYCOPG = pytest.mark.skipif(find_spec("psycopg") is None, reason="needs the PostgreSQL driver psycopg")


@pytest.fixture(scope="module")
def metro(repo: Path) -> Business:
    """3 sites, 200 SKUs, 460 cells; demand is generated."""
    return read_business(repo / "models" / "metro")


def cells(business: Business) -> list[tuple[str, str]]:
    """Site and SKU of each cell."""
    return list(zip(business["stock"].texts("site"), business["stock"].texts("sku"), strict=True))


def good_rows(business: Business) -> dict[str, Rows]:
    """Inputs that break no rule: 5 units everywhere, one open order, four weeks of history."""
    places = cells(business)
    supplier = business["stock"].texts("supplier")[0]
    site, sku = places[0]
    return {
        "stock_on_hand": [
            {"counted_on": AS_OF, "site": a, "sku": b, "on_hand_units": 5, "backordered_units": 0} for a, b in places
        ],
        "open_orders": [
            {
                "purchase_order": "PO-1",
                "supplier": supplier,
                "site": site,
                "sku": sku,
                "units": 30,
                "due_date": AS_OF + timedelta(days=4),
                "proposal": "",
            }
        ],
        "history": [
            {"date": AS_OF - timedelta(days=day), "site": site, "sku": sku, "units": 2 + day % 3, "sold_out": "false"}
            for day in range(28)
        ],
    }


def write_csv(folder: Path, rows: dict[str, Rows]) -> Path:
    """Input tables as CSV files."""
    folder.mkdir(exist_ok=True)
    for name, content in rows.items():
        columns = [field.name for field in INPUT_TABLES[name].fields]
        text = written({column: [str(row[column]) for row in content] for column in columns})
        (folder / f"{name}.csv").write_text(text, encoding="utf-8", newline="")
    return folder


def read(business: Business, folder: Path | str | None, **options: Any) -> Snapshot:
    """A snapshot of the evening."""
    return read_snapshot(business, **{"inputs": folder, "as_of": AS_OF} | options)


def refused(business: Business, folder: Path | str | None, **options: Any) -> str:
    """What is said of inputs that cannot be used."""
    with pytest.raises(InvalidInputError) as caught:
        read(business, folder, **options)
    return str(caught.value)


def test_good_inputs_become_arrays_by_cell(metro: Business, tmp_path: Path) -> None:
    """Stock, open orders and history land in the rows of the model's stock table, the last column being tonight's."""
    found = read(metro, write_csv(tmp_path / "in", good_rows(metro)))
    assert found.on_hand_units.tolist() == [5] * 460
    assert (found.on_order_units[0], found.on_order_units[1:].sum()) == (30, 0)
    assert found.history_units.shape == (460, 28)
    assert found.history_units[0, -1] == 2
    assert found.history_units[1:].sum() == 0
    assert not found.sold_out.any()
    assert (found.first_day, found.counted_on, found.history_to) == (AS_OF - timedelta(days=27), AS_OF, AS_OF)
    assert found.notes == ()


def test_the_business_opens_tomorrow_morning_with_what_was_counted(metro: Business, tmp_path: Path) -> None:
    """The model of the night starts the day after, with tonight's stock and open orders, and is still a legal model."""
    from omsim.model.building import checked

    business = read(metro, write_csv(tmp_path / "in", good_rows(metro))).business
    assert business.settings.start_date == AS_OF + timedelta(days=1)
    assert business["stock"].integers("on_hand_units").tolist() == [5] * 460
    assert business["purchase_orders"].texts("purchase_order") == ("PO-1",)
    assert checked(business) is business


def test_parquet_and_csv_tell_the_same(metro: Business, tmp_path: Path) -> None:
    """The digest of what was read does not depend on the format of the files."""
    rows = good_rows(metro)
    as_csv = read(metro, write_csv(tmp_path / "csv", rows))
    folder = tmp_path / "parquet"
    folder.mkdir()
    for name, content in rows.items():
        typed = [{**row, "sold_out": False} if name == "history" else row for row in content]
        pq.write_table(pa.Table.from_pylist(typed), folder / f"{name}.parquet")
    assert read(metro, folder).digest == as_csv.digest


def database(path: Path, rows: dict[str, Rows]) -> str:
    """Input tables in SQLite, dates as text and flags as numbers as it keeps them."""
    with sqlite3.connect(path) as connection:
        for name, content in rows.items():
            columns = [field.name for field in INPUT_TABLES[name].fields]
            connection.execute(f"CREATE TABLE {name} ({', '.join(columns)}, loaded_at DEFAULT 'today')")
            marks = ", ".join("?" * len(columns))
            values = [
                [int(row[c] == "true") if c == "sold_out" else str(row[c]) if c.endswith(("date", "_on")) else row[c]
                 for c in columns]
                for row in content
            ]  # fmt: skip
            connection.executemany(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({marks})", values)
    connection.close()
    return f"sqlite:///{path}"


def test_a_database_tells_the_same_and_no_more_than_the_evening_knew(metro: Business, tmp_path: Path) -> None:
    """Of many counts the newest up to the night is used, later rows are not seen, and nothing is written."""
    rows = good_rows(metro)
    expected = read(metro, write_csv(tmp_path / "in", rows))
    first = rows["stock_on_hand"][0]
    rows["stock_on_hand"] += [
        {**first, "counted_on": AS_OF - timedelta(days=1), "on_hand_units": 77},
        {**first, "counted_on": AS_OF + timedelta(days=1), "on_hand_units": 99},
    ]
    rows["history"].append({**rows["history"][0], "date": AS_OF + timedelta(days=1), "units": 1000})
    url = database(tmp_path / "inputs.db", rows)
    before = (tmp_path / "inputs.db").read_bytes()
    assert read(metro, url).digest == expected.digest
    assert (tmp_path / "inputs.db").read_bytes() == before


def test_postgresql_tells_the_same(metro: Business, tmp_path: Path, postgres_url: str) -> None:
    """Typed columns of a server read as the texts of files do: its dates, booleans, and numbers of any kind."""
    import psycopg

    rows = good_rows(metro)
    expected = read(metro, write_csv(tmp_path / "in", rows))
    types = {"date": "date", "integer": "numeric", "flag": "boolean"}
    rows["stock_on_hand"] += [
        {**rows["stock_on_hand"][0], "counted_on": AS_OF + timedelta(days=shift), "on_hand_units": 50 + shift}
        for shift in (-1, 1)
    ]
    with psycopg.connect(postgres_url, autocommit=True) as server:
        schema = f"omsim_inputs_{os.getpid()}"
        server.execute(f"CREATE SCHEMA {schema}")
        try:
            for name, content in rows.items():
                columns = {field.name: types.get(field.kind, "text") for field in INPUT_TABLES[name].fields}
                listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
                server.execute(f"CREATE TABLE {schema}.{name} ({listed})")
                marks = ", ".join(["%s"] * len(columns))
                with server.cursor() as cursor:
                    cursor.executemany(
                        f"INSERT INTO {schema}.{name} VALUES ({marks})", [[row[c] for c in columns] for row in content]
                    )
            joint = "&" if "?" in postgres_url else "?"
            url = f"{postgres_url}{joint}options=-csearch_path%3D{schema}"
            assert read(metro, url).digest == expected.digest
        finally:
            server.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:////nowhere/inputs.db", "is missing (an SQLite database of inputs)"),
        ("nonsense://", "needs a database driver that is not installed"),
        pytest.param("postgresql://planner:secret@127.0.0.1:1/wms", "cannot be read", marks=WITH_PSYCOPG),
    ],
)
def test_a_database_that_cannot_be_read_is_told_without_its_password(metro: Business, url: str, said: str) -> None:
    """A missing file is not made, an unknown dialect and a server that is down are one clear line each."""
    told = refused(metro, url)
    assert said in told
    assert "secret" not in told
    assert "\n" not in told


def test_a_database_without_a_required_table_names_the_nearest(metro: Business, tmp_path: Path) -> None:
    """The slip in the table's name is pointed at."""
    url = database(tmp_path / "inputs.db", good_rows(metro))
    with sqlite3.connect(tmp_path / "inputs.db") as connection:
        connection.execute("ALTER TABLE open_orders RENAME TO open_order")
    connection.close()
    assert 'open_orders is missing (a required table); did you mean "open_order"?' in refused(metro, url)


BAD_CELLS = [
    ("stock_on_hand", "on_hand_units", "-3", "must be a whole number between 0 and 1000000000, got '-3'"),
    ("stock_on_hand", "on_hand_units", "nan", "must be a whole number that is finite, got 'nan'"),
    ("stock_on_hand", "on_hand_units", "2.5", "must be a whole number, got '2.5'"),
    ("stock_on_hand", "on_hand_units", "", "must not be empty"),
    ("stock_on_hand", "counted_on", "27.09.2026", "must be a date written YYYY-MM-DD"),
    ("stock_on_hand", "counted_on", "2026-09-28", "must not be after the night planned (as of 2026-09-27)"),
    ("stock_on_hand", "site", "leipzg", "must be a site of the model's table sites, got 'leipzg'; did you mean \"leip"),
    ("open_orders", "supplier", "gangs", "must be a supplier of the model's table suppliers, got 'gangs'; did you m"),
    ("open_orders", "units", "0", "must be a whole number between 1 and 1000000000, got '0'"),
    ("history", "sku", "HOM-0001", "must be a sku of the model's table skus, got 'HOM-0001'; did you mean"),
    ("history", "date", "1926-09-27", "must be within ten years of the night (from 2016-09-26 on), got 1926-09-27"),
    ("history", "date", "2026-10-01", "must not be after the night planned (as of 2026-09-27), got 2026-10-01"),
    ("history", "sold_out", "maybe", "must be true or false, got 'maybe'"),
]


@pytest.mark.parametrize(("table", "column", "value", "said"), BAD_CELLS)
def test_a_bad_cell_is_told_with_file_line_field_and_rule(
    metro: Business, tmp_path: Path, table: str, column: str, value: str, said: str
) -> None:
    """One wrong value is one line that says where it stands and what was expected."""
    rows = good_rows(metro)
    at = min(2, len(rows[table]) - 1)
    rows[table][at] = {**rows[table][at], column: value}
    told = refused(metro, write_csv(tmp_path / "in", rows)).splitlines()
    assert any(line.startswith(f"{tmp_path / 'in' / table}.csv:{at + 2}: {column} {said}") for line in told), told


def test_every_problem_of_every_table_is_told_at_once(metro: Business, tmp_path: Path) -> None:
    """Three tables with a slip each are mended in one go."""
    rows = good_rows(metro)
    rows["stock_on_hand"][0]["on_hand_units"] = -1
    rows["open_orders"][0]["units"] = "many"
    rows["history"][0]["units"] = -2
    told = refused(metro, write_csv(tmp_path / "in", rows))
    assert {"stock_on_hand.csv:2", "open_orders.csv:2", "history.csv:2"} <= {
        line.partition(": ")[0].rpartition("/")[2] for line in told.splitlines()
    }


@pytest.mark.parametrize("table", ["stock_on_hand", "open_orders", "history"])
def test_a_row_told_twice_is_refused(metro: Business, tmp_path: Path, table: str) -> None:
    """Two rows of one key would count twice."""
    rows = good_rows(metro)
    rows[table].append(dict(rows[table][0]))
    assert f"repeats the key of {tmp_path / 'in' / table}.csv:2" in refused(metro, write_csv(tmp_path / "in", rows))


def test_files_that_are_missing_empty_or_misnamed(metro: Business, tmp_path: Path) -> None:
    """Nothing stands in for a missing table; an empty file and a slip in a name are told as such."""
    assert "is missing (a folder of inputs)" in refused(metro, tmp_path / "nowhere")
    folder = write_csv(tmp_path / "in", good_rows(metro))
    (folder / "open_orders.csv").rename(folder / "open_order.csv")
    told = refused(metro, folder)
    assert 'open_order.csv: is not an input of a night; did you mean "open_orders"?' in told
    assert "open_orders.csv: is missing (a required table" in told
    (folder / "open_order.csv").rename(folder / "open_orders.csv")
    (folder / "history.csv").write_text("")
    assert "history.csv: is empty" in refused(metro, folder)
    (folder / "history.csv").write_text("date,sku,units\n")
    assert "history.csv: has no rows" in refused(metro, folder)


def test_parquet_of_wrong_types_or_too_many_rows(
    metro: Business, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Types are judged like texts; a table that cannot fit is refused by its footer, before it is read."""
    folder = write_csv(tmp_path / "in", good_rows(metro))
    (folder / "stock_on_hand.csv").unlink()
    place = folder / "stock_on_hand.parquet"
    rows = [{**row, "on_hand_units": float("nan")} for row in good_rows(metro)["stock_on_hand"]]
    pq.write_table(pa.Table.from_pylist(rows), place)
    assert "stock_on_hand.parquet: row 1: on_hand_units must be a whole number" in refused(metro, folder)
    monkeypatch.setattr("omsim.nightly.input_tables.MOST_ROWS", 459)
    monkeypatch.setattr("omsim.model.parquet.read_parquet", None)
    assert "must have at most 459 rows, got 460" in refused(metro, folder)


def test_cells_the_count_leaves_out(metro: Business, tmp_path: Path) -> None:
    """A few absent cells count as empty and are named; more are refused, with the share that is allowed."""
    rows = good_rows(metro)
    rows["stock_on_hand"] = rows["stock_on_hand"][3:]
    folder = write_csv(tmp_path / "in", rows)
    found = read(metro, folder)
    assert found.on_hand_units[:4].tolist() == [0, 0, 0, 5]
    assert any("3 SKUs at a site absent from the count, taken as empty" in note for note in found.notes)
    assert "3 of 460 are absent" in refused(metro, folder, missing_share=0.005)


def test_a_part_of_the_count_may_be_older(metro: Business, tmp_path: Path) -> None:
    """The newest day counted is the age of the count, and how many cells are older is told."""
    rows = good_rows(metro)
    rows["stock_on_hand"][0]["counted_on"] = AS_OF - timedelta(days=9)
    found = read(metro, write_csv(tmp_path / "in", rows))
    assert found.counted_on == AS_OF
    assert "1 SKU at a site counted before 2026-09-27, the oldest on 2026-09-18" in found.notes


def test_orders_past_due_are_expected_tomorrow(metro: Business, tmp_path: Path) -> None:
    """A late order is still on its way; the buyer is told which."""
    rows = good_rows(metro)
    rows["open_orders"][0]["due_date"] = AS_OF - timedelta(days=3)
    found = read(metro, write_csv(tmp_path / "in", rows))
    assert found.on_order_units[0] == 30
    assert found.business["purchase_orders"].integers("due_date")[0] == AS_OF.toordinal() + 1
    assert any("1 open order line overdue" in note and "PO-1 (due 2026-09-24)" in note for note in found.notes)


def test_proposals_not_yet_taken_over_count_once(metro: Business, tmp_path: Path) -> None:
    """An unconfirmed proposal is on order until an open order names it or its day has passed."""
    (site, sku), (other_site, other_sku) = cells(metro)[:2]
    later = AS_OF + timedelta(days=2)
    last = LastNight(
        as_of=AS_OF - timedelta(days=1),
        unconfirmed={
            "P-taken": (site, sku, 30, later),
            "P-waiting": (other_site, other_sku, 8, later),
            "P-past": (other_site, other_sku, 500, AS_OF),
        },
    )
    rows = good_rows(metro)
    rows["open_orders"][0]["proposal"] = "P-taken"
    found = read(metro, write_csv(tmp_path / "in", rows), last=last)
    assert found.on_order_units[:2].tolist() == [30, 8]
    assert found.business["purchase_orders"].texts("purchase_order") == ("PO-1", "P-waiting")
    assert found.confirmed == ("P-taken",)
    assert sum("proposal" in note for note in found.notes) == 2


def test_days_after_the_end_of_the_history_are_unknown_not_zero(metro: Business, tmp_path: Path) -> None:
    """A feed that stops early is told, and its silent days are lower bounds."""
    rows = good_rows(metro)
    rows["history"] = rows["history"][2:]
    found = read(metro, write_csv(tmp_path / "in", rows))
    assert found.history_to == AS_OF - timedelta(days=2)
    assert found.sold_out[:, -2:].all()
    assert not found.sold_out[:, :-2].any()


def test_a_sold_out_day_is_kept_as_a_lower_bound(metro: Business, tmp_path: Path) -> None:
    """The flag lands on its cell and day, also with no unit sold."""
    rows = good_rows(metro)
    rows["history"][5] |= {"units": 0, "sold_out": "true"}
    found = read(metro, write_csv(tmp_path / "in", rows))
    assert np.argwhere(found.sold_out).tolist() == [[0, 22]]


def test_history_is_told_by_site_or_for_all_together(metro: Business, tmp_path: Path) -> None:
    """Rows with and without a site for one SKU would count the same demand twice."""
    rows = good_rows(metro)
    rows["history"][0]["site"] = ""
    assert "must be empty in every row of SKU" in refused(metro, write_csv(tmp_path / "in", rows))


def test_the_scope_leaves_only_its_cells_a_supplier(metro: Business, tmp_path: Path) -> None:
    """What is out of scope is known but not planned; a name nobody knows is refused."""
    folder = write_csv(tmp_path / "in", good_rows(metro))
    found = read(metro, folder, suppliers=("birk",), sites=("leipzig",))
    stock = found.business["stock"]
    planned = [(s, a) for s, a in zip(stock.texts("supplier"), stock.texts("site"), strict=True) if s]
    assert set(planned) == {("birk", "leipzig")}
    assert found.on_hand_units.sum() == 5 * 460
    assert "--supplier: must be in table suppliers, got 'birke'; did you mean \"birk\"?" in refused(
        metro, folder, suppliers=("birke",)
    )


def test_sellers_without_a_supplier_are_named(metro: Business, tmp_path: Path) -> None:
    """A SKU that sells and that nobody can reorder is worth a line."""
    stock = metro["stock"]
    columns = {**stock.columns, "supplier": ("", *stock.texts("supplier")[1:])}
    columns["policy"] = ("none", *stock.texts("policy")[1:])
    orphaned = replace(metro, tables={**metro.tables, "stock": replace(stock, columns=columns)})
    found = read(orphaned, write_csv(tmp_path / "in", good_rows(metro)))
    assert any("1 SKU that sells has no supplier, never reordered" in note for note in found.notes)


def test_the_models_own_tables_stand_in(metro: Business) -> None:
    """Without inputs the model's stock of the evening before its start is used, and demand is learnt by simulating."""
    found = read(metro, None)
    assert found.counted_on == metro.settings.start_date - timedelta(days=1)
    assert found.on_hand_units.tolist() == metro["stock"].integers("on_hand_units").tolist()
    assert found.history_units.shape[1] % 7 == 0
    assert found.history_units.sum() > 0
    assert any("learnt from the model's own simulated orders" in note for note in found.notes)
    assert "its stock is of 2026-09-27" in refused(metro, None, as_of=AS_OF - timedelta(days=1))


def test_orders_to_be_replayed_after_the_night_are_not_seen(metro: Business) -> None:
    """A model's future orders teach the night nothing; its past ones are its history."""
    sku = cells(metro)[0][1]
    rows = {
        "order": ("a", "b"),
        "ordered_at": ("2026-09-27 10:00", "2026-09-28 10:00"),
        "channel": (metro["channels"].texts("channel")[0],) * 2,
        "region": (metro["regions"].texts("region")[0],) * 2,
        "sku": (sku, sku),
        "units": np.array([7, 900]),
    }
    replaying = replace(metro, tables={**metro.tables, "orders": Table(name="orders", columns=rows)})
    found = read(replaying, None)
    assert found.history_units.sum() == 7
    assert found.business["orders"].texts("order") == ("a",)
    no_demand = replace(replaying, tables={**replaying.tables, "demand": empty_table(spec_of("demand"))})
    no_past = rows_after(no_demand, "2026-09-28 09:00")
    assert "must hold an order on or before 2026-09-27: there is no history" in refused(no_past, None)


def rows_after(business: Business, moment: str) -> Business:
    """The business with every order moved to one moment."""
    orders = business["orders"]
    columns = {**orders.columns, "ordered_at": (moment,) * len(orders)}
    return replace(business, tables={**business.tables, "orders": replace(orders, columns=columns)})


@given(
    units=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    days=st.lists(st.integers(0, 60), min_size=30, max_size=30, unique=True),
)
def test_demand_without_a_site_is_shared_out_whole(units: list[int], days: list[int], shared: Business) -> None:
    """Every unit lands at exactly one carrying site, and a day is always shared alike whatever else is in the file."""
    day = np.array([AS_OF.toordinal() - 60 + d for d in days[: len(units)]], dtype=np.int64)

    def asked(rows: slice) -> dict[int, list[int]]:
        table = Table(
            name="history",
            columns={
                "date": day[rows],
                "sku": ("cup",) * len(day[rows]),
                "units": np.array(units, dtype=np.int64)[rows],
            },
        )
        found = history_by_cell(shared, table, AS_OF, [])
        first = found.first_day.toordinal()
        return {int(d): found.units[:, d - first].tolist() for d in day[rows]}

    whole = asked(slice(None))
    assert {d: sum(split) for d, split in whole.items()} == dict(zip(day.tolist(), units, strict=True))
    share = site_shares(shared)
    for d, n in zip(day.tolist(), units, strict=True):
        assert all(abs(got - n * part) < 2 for got, part in zip(whole[d], share, strict=True))
    half = asked(slice(0, max(len(units) // 2, 1)))
    assert all(whole[d] == split for d, split in half.items())


def test_shares_hold_in_the_long_run(shared: Business) -> None:
    """Over many days of one unit each, the sites get what their regions ask for."""
    days = np.arange(AS_OF.toordinal() - 899, AS_OF.toordinal() + 1)
    table = Table(name="history", columns={"date": days, "sku": ("cup",) * 900, "units": np.ones(900, dtype=np.int64)})
    got = history_by_cell(shared, table, AS_OF, []).units.sum(axis=1) / 900
    assert np.abs(got - site_shares(shared)).max() < 0.05


@pytest.fixture(scope="module")
def shared() -> Business:
    """One SKU at two sites, the nearest of a third and of two thirds of the orders."""
    tables = {
        "skus": {"sku": ["cup"], "unit_cost_cents": [100], "price_cents": [300], "weight_g": [100]},
        "sites": {"site": ["east", "west"], "labour_cents_per_hour": [1500, 1500]},
        "channels": {"channel": ["web"], "orders_per_day": [5.0]},
        "regions": {"region": ["a", "b"], "order_share": [1.0, 2.0]},
        "demand": {"sku": ["cup"], "channel": ["web"], "line_share": [1.0], "quantity_profile": ["one"]},
        "quantities": {"profile": ["one"], "units": [1], "share": [1.0]},
        "baskets": {"channel": ["web"], "lines": [1], "share": [1.0]},
        "services": {"service": ["post"], "carrier": ["post"], "over_kg_cents": [100]},
        "zones": {
            "site": ["east", "east", "west", "west"],
            "region": ["a", "b", "a", "b"],
            "zone": ["z"] * 4,
            "distance_km": [1.0, 9.0, 9.0, 1.0],
        },
        "transits": {"service": ["post"], "zone": ["z"], "days": [1], "share": [1.0]},
        "rates": {"service": ["post"], "zone": ["z"], "up_to_g": [30_000], "price_cents": [400]},
        "suppliers": {"supplier": ["mill"], "lead_time_days": [3.0]},
        "stock": {"site": ["east", "west"], "sku": ["cup", "cup"], "on_hand_units": [5, 5]},
        "staff": {
            "stage": ["pick", "pack", "pick", "pack", "inspect", "inspect"],
            "site": ["east", "east", "west", "west", "east", "west"],
            "days": ["Mon-Sun"] * 6,
            "start": ["06:00"] * 6,
            "end": ["18:00"] * 6,
            "workers": [2] * 6,
        },
    }
    settings = {"model.name": "pair", "model.start_date": "2026-09-28", "model.currency": "EUR"}
    return build_business(settings, tables)  # type: ignore[arg-type]
