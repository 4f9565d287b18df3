"""Model folders: what is refused, with which words, what is read rightly, and what comes back after writing."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.small_models import small_business, small_tables

from omsim.errors import InvalidInputError
from omsim.model.csv_files import csv_text, written
from omsim.model.fields import TABLES, table
from omsim.model.files import read_business, write_business
from omsim.model.loading import load

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=12).filter(
    lambda text: text == text.strip()
)


@pytest.fixture(scope="module")
def written_folder(tmp_path_factory) -> Path:
    """The small business as a folder; copied by tests that change it."""
    folder = tmp_path_factory.mktemp("models") / "small"
    write_business(small_business(), folder)
    return folder


@pytest.fixture
def folder(written_folder, tmp_path) -> Path:
    """A copy of the small business's folder, free to break."""
    return Path(shutil.copytree(written_folder, tmp_path / "small"))


def refusal(folder: Path) -> list[str]:
    """What the reader says of a folder, without the folder's name."""
    with pytest.raises(InvalidInputError) as caught:
        read_business(folder)
    return [str(problem).replace(f"{folder}/", "") for problem in caught.value.problems]


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first `old` in a file."""
    text = path.read_bytes().decode()
    assert old in text
    path.write_bytes(text.replace(old, new, 1).encode())


def test_a_written_folder_reads_back_equal(written_folder):
    """Settings, tables, digest; ids that look like numbers or nothing stay text."""
    business = read_business(written_folder)
    assert business == small_business()
    assert business.digest() == small_business().digest()
    assert business["skus"]["sku"] == ("012", "NA", "1e5")
    assert business.folder == str(written_folder)


def test_parquet_tables_read_back_equal(tmp_path):
    """Every table may be Parquet instead of CSV."""
    business = small_business()
    write_business(business, tmp_path, parquet=[spec.name for spec in TABLES])
    assert {path.suffix for path in tmp_path.iterdir()} == {".toml", ".parquet"}
    again = read_business(tmp_path)
    assert again == business
    assert again.digest() == business.digest()


def test_writing_again_leaves_no_table_of_before(tmp_path):
    """A table that is written as CSV, or without rows, takes its earlier file away."""
    write_business(small_business(), tmp_path, parquet=["stock", "contacts"])
    business = small_business(contacts=None)
    write_business(business, tmp_path)
    assert read_business(tmp_path) == business


@settings(max_examples=40, deadline=None)
@given(
    skus=st.lists(NAMES, min_size=3, max_size=3, unique=True),
    site=NAMES.filter(lambda name: name != "south"),
    stands_for=st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40),
    assumptions=st.lists(NAMES, max_size=3),
    cost=st.integers(0, 100_000_000_000),
    weight=st.floats(0, 1e9, allow_nan=False),
    parquet=st.booleans(),
)
def test_any_business_reads_back_equal(tmp_path_factory, skus, site, stands_for, assumptions, cost, weight, parquet):
    """Writing then reading is the identity, whatever the names and numbers."""
    names = dict(zip(("012", "NA", "1e5"), skus, strict=True)) | {"north": site}
    tables = {
        name: {
            column: [names.get(cell, cell) if column in ("sku", "site") else cell for cell in cells]
            for column, cells in columns.items()
        }
        for name, columns in small_tables().items()
    }
    tables["skus"]["unit_cost_cents"] = [str(cost)] * 3
    tables["demand"]["line_share"] = [repr(weight + 1)] * 5
    business = small_business({"model.stands_for": stands_for, "model.assumptions": assumptions}, **tables)
    folder = tmp_path_factory.mktemp("any")
    write_business(business, folder, parquet=("skus", "demand", "stock") if parquet else ())
    again = read_business(folder)
    assert again == business
    assert again.digest() == business.digest()


@pytest.mark.parametrize("sku", ["=1+1", "+cmd", "@sum", "-x", "'=1", "''=1", "'plain", "-5", "=", "'", 'a"b', "a,b"])
def test_names_like_formulas_are_harmless_in_csv_and_read_back(tmp_path, sku):
    """No text cell of a written CSV starts a formula, and the business still has the name."""
    tables = {
        name: {column: [sku if cell == "NA" else cell for cell in cells] for column, cells in columns.items()}
        for name, columns in small_tables().items()
    }
    business = small_business(**tables)
    text = csv_text(table("skus"), business["skus"])
    assert not any(line.startswith(("=", "+", "@", "-x")) for line in text.splitlines())
    write_business(business, tmp_path)
    assert read_business(tmp_path) == business


def test_spreadsheet_habits_are_read_rightly(folder, written_folder):
    """Byte order mark, CRLF, blank lines, blanks around cells, capitals in flags, quoted newlines."""
    for path in folder.glob("*.csv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n\r\n")
    edit(folder / "channels.csv", ",true,true,", ", TRUE ,True,")
    edit(folder / "skus.csv", "012,mug", "  012 ,mug ")
    assert read_business(folder) == read_business(written_folder)
    edit(folder / "skus.csv", "mug ", '"a mug,\n""large"""')
    assert read_business(folder)["skus"]["category"][0] == 'a mug,\n"large"'


def test_lines_are_true_after_quoted_newlines(folder):
    """The line named is the one an editor shows, whatever came before."""
    (folder / "skus.csv").write_text(
        "sku,category,unit_cost_cents,price_cents,weight_g\n"
        '012,"a\nmug",300,900,400\n\nNA,towel,x,1500,700\n1e5,lamp,2000,6000,2500\n'
    )
    assert refusal(folder) == ["skus.csv:5: unit_cost_cents must be a whole number, got 'x'"]


def test_every_problem_is_reported_together(folder):
    """A cell, a reference, a key, a setting and a missing table in one pass, in file order."""
    edit(folder / "model.toml", 'release = "at_cycle"', 'release = "at_cicle"')
    edit(folder / "skus.csv", "900", "-900")
    edit(folder / "stock.csv", "south,NA,80,mill", "south,NAA,80,mll")
    edit(folder / "sites.csv", "south,store", "north,store")
    (folder / "baskets.csv").unlink()
    (folder / "regions.csv").unlink()
    found = refusal(folder)
    assert found[0].startswith("model.toml:")
    assert (
        "decisions.release must be one of at_cycle, immediate, got 'at_cicle'; did you mean \"at_cycle\"?" in found[0]
    )
    assert "skus.csv:2: price_cents must be a whole number between 0 and 100000000000, got '-900'" in found
    assert "sites.csv:3: site repeats the key of sites.csv:2, got 'north'" in found
    assert "regions.csv: is missing (a required table)" in found
    assert "stock.csv:6: sku must be a sku of table skus, got 'NAA'; did you mean \"NA\"?" in found
    assert "stock.csv:6: supplier must be a supplier of table suppliers, got 'mll'; did you mean \"mill\"?" in found
    assert "staff.csv:4: site must be a site of table sites, got 'south'; did you mean \"north\"?" in found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "skus.csv: is empty"),
        (b"\xef\xbb\xbf\r\n", "skus.csv: is empty"),
        (b"sku,unit_cost_cents,price_cents,weight_g\n", "skus.csv: has no rows (a required table)"),
        (
            b"sku;unit_cost_cents;price_cents\n1;2;3\n",
            "skus.csv:1: has semicolons between its columns, where commas belong",
        ),
        (b"sku\tprice_cents\n1\t2\n", "skus.csv:1: has tabs between its columns, where commas belong"),
        (b"PAR1\x00\x00\x15\x04", "skus.csv: is not text (it holds NUL bytes)"),
        (b"\xff\xfes\x00k\x00", "skus.csv: is UTF-16; save it as UTF-8"),
        (b"sku,price\nm\xfcller,2\n", "skus.csv:2: is not UTF-8 text; save it as UTF-8, got byte 0xfc"),
        (b'sku,price\n1,"2\n3,4\n', "skus.csv:2: has a quote that is never closed"),
        (b'sku,price\n1,"2"3\n', "skus.csv:2: is not valid CSV: ',' expected after '\"'"),
        (b"sku,sku,price_cents\n1,2,3\n", "skus.csv:1: sku is there twice"),
        (b"sku,price\n1,2,3\n4,5,6\n", "skus.csv:1: must name 3 columns, as many as every row below has cells, got 2"),
        (b"sku,,price_cents\n1,2,3\n", "skus.csv:1: column 2 has no name"),
    ],
)
def test_files_that_are_no_table(folder, content, said):
    """What is not a table of commas is refused with its cause, and only that."""
    (folder / "skus.csv").write_bytes(content)
    assert refusal(folder)[0] == said
    assert not [line for line in refusal(folder) if "must be a sku" in line]


def test_rows_with_too_many_or_few_cells(folder):
    """Each such row is named; the others are still checked."""
    (folder / "skus.csv").write_text(
        "sku,unit_cost_cents,price_cents,weight_g\n012,3,9,4\nNA,5,15\n1e5,2,6,2,9\nx;1;2;3\ny,1,z,3\n"
    )
    found = refusal(folder)
    assert found[0] == "skus.csv:3: must have 4 cells, as the first line has, got 3"
    assert found[1] == "skus.csv:4: must have 4 cells, as the first line has, got 5"
    assert found[2] == "skus.csv:5: must have 4 cells, as the first line has (semicolons where commas belong?), got 1"
    assert "skus.csv:6: price_cents must be a whole number, got 'z'" in found


def test_unknown_columns_and_tables_name_the_nearest(folder):
    """A slip in a name is answered with the name."""
    edit(folder / "skus.csv", "return_share", "returns_share")
    (folder / "sku.csv").write_text("sku\n1\n")
    found = refusal(folder)
    assert 'sku.csv: is not a table of a model; did you mean "skus"?' in found
    assert 'skus.csv: returns_share is not a column; did you mean "return_share"?' in found


def test_missing_column(folder):
    """A required column that is not there is a problem of the file, told once."""
    edit(folder / "skus.csv", "price_cents", "category2")
    found = refusal(folder)
    assert found == [
        'skus.csv: category2 is not a column; did you mean "category"?',
        "skus.csv: price_cents is missing (a required column)",
    ]


def test_a_folder_where_a_file_belongs(folder):
    """A folder called like a table is refused as one."""
    for name in ("skus.csv", "model.toml", "contacts.csv"):
        (folder / name).unlink()
        (folder / name).mkdir()
    (folder / "events.parquet").mkdir()
    found = refusal(folder)
    for name in ("skus.csv", "model.toml", "contacts.csv", "events.parquet"):
        assert f"{name}: is a folder where a file belongs" in found


def test_a_table_in_two_formats(folder):
    """CSV and Parquet of the same table leave open which one holds."""
    write_business(small_business(), folder.parent / "other", parquet=["stock"])
    shutil.copy(folder.parent / "other" / "stock.parquet", folder)
    assert "stock.csv: and stock.parquet are both there; keep one" in refusal(folder)


def test_parquet_rubbish_is_refused(folder):
    """A file that only is called Parquet."""
    (folder / "stock.csv").unlink()
    (folder / "stock.parquet").write_bytes(b"PAR1 not really")
    assert refusal(folder)[0].startswith("stock.parquet: is not a readable Parquet file: ")


def test_parquet_cells_are_checked(folder):
    """Wrong types, nulls and values in Parquet are named by row."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    (folder / "skus.csv").unlink()
    skus = {
        "sku": pa.array(["012", None, "1e5"]),
        "unit_cost_cents": pa.array([1.0, 2.0, 3.5]),
        "price_cents": pa.array([1, -2, 3]),
        "weight_g": pa.array(["1", "2", "3"]),
    }
    pq.write_table(pa.table(skus), folder / "skus.parquet")
    found = refusal(folder)
    assert "skus.parquet: row 2: sku must not be empty" in found
    assert "skus.parquet: row 1: unit_cost_cents must be a whole number, got 1.0" in found
    assert "skus.parquet: row 2: price_cents must be a whole number between 0 and 100000000000, got -2" in found
    pq.write_table(pa.table({"sku": pa.array([["a"], ["b"]])}), folder / "skus.parquet")
    assert "skus.parquet: sku must hold plain values, got list<element: string>" in refusal(folder)


def test_settings_are_checked_with_line_and_column(folder):
    """Unknown sections and keys, wrong types and wrong words in model.toml."""
    (folder / "model.toml").write_text(
        '[model]\nname = "x"\nstart_date = 2026-09-28\nhorizon_days = "28"\nwarm_up = 3\n'
        "\n[decisions]\nreview_time = 05:00:00\nsourcing_sites = 0\nrelease = 3\n"
        "late_penalty_cents = 5\n[cost]\na = 1\n"
    )
    assert refusal(folder) == [
        'model.toml:5:1: model.warm_up is not a key; did you mean "model.warm_up_days"?',
        'model.toml:11:1: decisions.late_penalty_cents is not a key; did you mean "costs.late_penalty_cents"?',
        "model.toml:12:2: cost is not a key",
        "model.toml:4:1: model.horizon_days must be a whole number, not text in quotes, got '28'",
        "model.toml:9:1: decisions.sourcing_sites must be a whole number between 1 and 1000, got 0",
        "model.toml:10:1: decisions.release must be text (in quotes), got 3",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[model]\nname = "x\n', "model.toml:2:10: is not valid TOML: illegal character '\\n'"),
        ("[model]\nname = x\n", "model.toml:2:8: is not valid TOML: invalid value"),
        ('[model]\nname = "x"\nname = "y"\n', "model.toml:3:11: is not valid TOML: cannot overwrite a value"),
    ],
)
def test_invalid_toml_names_line_and_column(folder, text, said):
    """Syntax errors stop at their place, and the tables are still checked."""
    (folder / "model.toml").write_text(text)
    edit(folder / "skus.csv", "900", "x")
    found = refusal(folder)
    assert found == [said, "skus.csv:2: price_cents must be a whole number, got 'x'"]


def test_paths_that_are_no_model(tmp_path, folder):
    """No such folder, a file, and a folder without a model."""
    with pytest.raises(InvalidInputError, match=rf'smal: is missing \(a model\'s folder\); did you mean "{folder}"\?'):
        read_business(folder.parent / "smal")
    with pytest.raises(InvalidInputError, match="is a file where a model's folder belongs"):
        read_business(folder / "skus.csv")
    empty = tmp_path / "empty"
    empty.mkdir()
    found = refusal(empty)
    assert "model.toml: is missing" in found
    assert "skus.csv: is missing (a required table)" in found
    assert not [line for line in found if "demand" in line]


def test_a_thousand_bad_rows_are_all_found(folder):
    """Each is a problem; the text shows twenty and the total."""
    rows = [("S%04d" % i, "x", "5", "7") for i in range(1000)]  # noqa: UP031
    columns = dict(zip(("sku", "unit_cost_cents", "price_cents", "weight_g"), zip(*rows, strict=True), strict=True))
    (folder / "skus.csv").write_text(written(columns))
    with pytest.raises(InvalidInputError) as caught:
        read_business(folder)
    bad = [problem for problem in caught.value.problems if problem.field == "unit_cost_cents"]
    assert len(bad) == 1000
    assert f"{folder}/skus.csv: unit_cost_cents must be a whole number: 1000 rows in all, first 20 shown" in str(
        caught.value
    )


def test_defaults_used_are_listed(folder):
    """Absent tables, columns, keys and empty cells are told with what stood in for them."""
    for name in ("contacts.csv", "baskets.csv"):
        (folder / name).unlink()
    (folder / "baskets.csv").write_text("channel,lines,share\nweb,1,1\nshop,1,1\n")
    edit(folder / "stock.csv", "review_days", "review_days")
    (folder / "regions.csv").write_text("region,latitude,order_share\nupland,,\ncoast,51,2\n")
    (folder / "model.toml").write_text('[model]\nname = "x"\nstart_date = "2026-09-28"\n')
    used = read_business(folder).defaults_used
    assert "contacts: table absent, customers make no contact" in used
    assert "regions.longitude: column absent, 0" in used
    assert "regions.order_share: 1 of 2 cells empty, 1" in used
    assert "model.horizon_days: absent, 28" in used
    assert not [line for line in used if line.startswith("skus")]


def test_orders_with_timestamps_in_parquet(tmp_path):
    """Parquet orders may hold timestamps; they become the texts a CSV would hold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    write_business(small_business(), tmp_path)
    moments = np.array(["2026-09-28T10:00:00", "2026-09-29T11:30:15"], dtype="datetime64[us]")
    pq.write_table(
        pa.table(
            {
                "order": ["1", "2"],
                "ordered_at": moments,
                "channel": pa.array(["web", "shop"]).dictionary_encode(),
                "region": ["coast", "upland"],
                "sku": ["012", "NA"],
                "units": [1, 2],
            }
        ),
        tmp_path / "orders.parquet",
    )
    business = read_business(tmp_path)
    assert business["orders"]["ordered_at"] == ("2026-09-28 10:00:00", "2026-09-29 11:30:15")
    assert business.codes("orders", "channel").tolist() == [0, 1]


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_refused_or_read_and_never_crash(folder, seed):
    """Whatever becomes of a file's bytes, the answer is a business or an error with problems."""
    scenario = folder.parent / "asked.toml"
    scenario.write_text(
        'model = "small"\n[[change]]\ntable = "channels"\nwhere = { channel = ["web"] }\ncolumn = "orders_per_day"\n'
        'operation = "scale"\nvalue = 1.6\nfrom = 2026-10-01\n[[change]]\ntable = "contacts"\noperation = "drop"\n'
        '[[event]]\nkind = "carrier_out"\ntarget = "swift"\nstart = 2026-10-01\nend = 2026-10-02\n'
    )
    files = [*sorted(folder.iterdir()), *[scenario] * 5]
    pieces = [
        b'"',
        b"'",
        b",",
        b";",
        b"\n",
        b"\r",
        b"\x00",
        b"\xff",
        b"nan",
        b"[",
        b"{",
        b"9" * 25,
        b"1e400",
        b"0x1",
        b"#",
    ]
    chance = random.Random(seed)
    load(scenario)
    for _ in range(60):
        path = chance.choice(files)
        before = path.read_bytes()
        at = chance.randrange(len(before))
        keep = before[at + chance.choice((0, 0, 1, 9)) :]
        path.write_bytes(before[:at] + chance.choice([*pieces, b""]) + keep)
        try:
            told = [load(scenario).settings.name]
        except InvalidInputError as error:
            told = error.lines()
        assert told
        path.write_bytes(before)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"settings": {"decisions.review_time": "24:00"}}, "decisions.review_time must be before 24:00"),
        ({"sites": {"cutoff": ["24:00"]}}, "cutoff must be before 24:00"),
    ],
)
def test_daily_instants_lie_within_the_day(changes, said):
    """A cutoff or review at 24:00 would use the next day's slots and weekdays, so it is refused."""
    with pytest.raises(InvalidInputError) as caught:
        small_business(changes.get("settings"), **{k: v for k, v in changes.items() if k != "settings"})
    assert said in str(caught.value)
