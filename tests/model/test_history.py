"""From order lines to a model: every quirk of the real data on a page of made lines, and every refusal."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from omsim.errors import InvalidInputError
from omsim.model.files import read_business
from omsim.model.history.importing import import_history

MAPPING = (Path(__file__).parents[2] / "models" / "online_retail.mapping.toml").read_text(encoding="utf-8")
HEADER = "invoice,stock_code,description,quantity,invoice_ts,unit_price_gbp,customer_id,country"
UK = "United Kingdom"

LINES = f"""\
1001,85123a,heart,6,2010-03-01 09:15,2.50,17850,{UK}
1001,85123A,heart,4,2010-03-01 09:15,2.60,17850,{UK}
1001,012,"box, large",1,2010-03-01 09:15,4.25,17850,{UK}
1001,22222,bag,1,2010-03-01 09:15,1.25,17850,{UK}
1001,22222,bag,1,2010-03-01 09:15,1.25,17850,{UK}
1002,22222,bag,12,2010-03-02 12:00,1.10,,{UK}
1003,22222,bag,3,2010-03-03 12:05,2.46,,{UK}
1003,DOT,DOTCOM POSTAGE,1,2010-03-03 12:05,55.10,,{UK}
1004,POST,POSTAGE,2,2010-03-04 10:00,18,12500,Germany
1004,85123A,heart,24,2010-03-04 10:00,2.55,12500,Germany
1005,M,Manual,1,2010-03-04 11:00,9.99,12500,{UK}
1005,D,Discount,-1,2010-03-04 11:00,9.99,12500,{UK}
1005,DCGS0003,boy,2,2010-03-04 11:00,1.00,12500,{UK}
1005,TEST001,test,5,2010-03-04 11:00,4.50,12500,{UK}
1006,22222,bag,-3,2010-03-05 10:00,0,,{UK}
1007,22222,bag,5,2010-03-05 10:00,0,17850,{UK}
1008,99999,gone,-7,2010-03-05 10:00,0,,{UK}
C1009,85123a,heart,-6,2010-03-07 09:15,2.50,17850,{UK}
C1010,85123A,heart,-1,2010-03-07 09:15,2.50,99999,{UK}
C1011,88888,never,-1,2010-03-07 09:15,2.50,17850,{UK}
C1012,M,Manual,-1,2010-03-07 09:15,2.50,17850,{UK}
C1013,22222,bag,1,2010-03-07 09:15,2.50,17850,{UK}
A1014,B,Adjust bad debt,1,2010-03-07 09:15,-500,,{UK}
1015,22222,bag,2,2010-03-08 16:00,-1,17850,{UK}
1016,22222,bag,-2,2010-03-08 16:00,1,17850,{UK}
1017,22222,bag,0,2010-03-08 16:00,1,17850,{UK}
1018,,lost label,2,2010-03-08 16:00,1,17850,{UK}
1019,22222,bag,2,2010-04-01 10:00,1.25,17850,{UK}
1019,33333,new,7,2010-04-01 10:00,3.00,17850,{UK}
C1020,22222,bag,-1,2010-04-02 10:00,1.25,17850,{UK}
1021,22222,bag,-4,2010-04-02 10:00,0,,{UK}
1022,POST,POSTAGE,1,2010-04-02 10:00,99,12500,Germany
"""


def write(folder, lines=LINES, mapping=MAPPING, header=HEADER, encoding="utf-8"):
    """Write the two inputs; returns their paths."""
    (folder / "lines.csv").write_text(f"{header}\n{lines}", encoding=encoding)
    (folder / "mapping.toml").write_text(mapping, encoding="utf-8")
    return folder / "lines.csv", folder / "mapping.toml"


@pytest.fixture
def cut(tmp_path):
    """The made lines imported with a cut on the first of April, and the report."""
    report = import_history(*write(tmp_path), tmp_path / "model", replay_from=date(2010, 4, 1))
    return report, read_business(tmp_path / "model")


def column(business, table, name, **where):
    """Cells in the rows where other columns have the given value."""
    rows = business[table]
    keep = [i for i in range(len(rows)) if all(rows[key][i] == value for key, value in where.items())]
    return [rows[name][i] for i in keep]


def test_every_row_has_one_fate_and_the_counts_add_up(cut):
    """Each quirk lands where its name says, and nothing is lost."""
    report, _ = cut
    counts = {count.fate: count.rows for count in report.fates}
    assert counts == {
        "sale line: estimated from": 8,
        "sale line: replayed": 2,
        "return: cancellation with an earlier sale to the same customer": 1,
        "return: cancellation without an earlier sale in the data": 1,
        "shrinkage: stock correction downwards": 1,
        "postage: price of a parcel": 1,
        "no article number": 1,
        "book-keeping document": 1,
        "test article": 1,
        "not goods": 5,
        "cancellation without negative units": 1,
        "cancellation after the end of training": 1,
        "cancellation of an article never sold": 1,
        "price below zero": 1,
        "negative units outside a cancellation": 1,
        "zero units": 1,
        "stock correction after the end of training": 1,
        "stock correction of an article never sold": 1,
        "postage after the end of training": 1,
        "free of charge (sample, gift, stock found)": 1,
    }
    assert sum(counts.values()) == report.rows_read == len(LINES.splitlines())
    assert report.rows_used == 14


def test_report_reads_as_text(cut):
    """The lines a planner sees hold the counts and the codes that are not goods."""
    text = "\n".join(cut[0].lines())
    assert "32 rows read" in text
    assert "not goods: M 2, 012 1, D 1, DOT 1" in text
    assert "assumed: Unit cost is 50% of the median selling price" in text


def test_case_of_article_numbers_does_not_matter(cut):
    """85123a and 85123A are one article, with the median of all its prices."""
    _, model = cut
    assert column(model, "skus", "price_cents", sku="85123A") == [255]
    assert "85123a" not in model["skus"].texts("sku")


def test_article_numbers_keep_their_zeros(tmp_path):
    """Article 012 stays 012 (here every number is goods)."""
    mapping = MAPPING.replace("goods = '\\d{5}[A-Z]{0,2}'", "goods = '\\d{3,5}[A-Z]{0,2}'")
    import_history(*write(tmp_path, mapping=mapping), tmp_path / "model")
    assert "012" in read_business(tmp_path / "model")["skus"].texts("sku")


def test_odd_numbers_may_be_goods(cut):
    """DCGS numbers are goods though they do not look like it; 012 does not match the mapping's rule."""
    names = cut[1]["skus"].texts("sku")
    assert "DCGS0003" in names
    assert "012" not in names


def test_seldom_sold_articles_may_be_left_out(tmp_path):
    """An article sold on too few days of training goes with all its rows, returns too, and the counts still add up."""
    mapping = MAPPING.replace("least_selling_days = 0", "least_selling_days = 3")
    assert mapping != MAPPING
    report = import_history(*write(tmp_path, mapping=mapping), tmp_path / "model", replay_from=date(2010, 4, 1))
    assert read_business(tmp_path / "model")["skus"].texts("sku") == ("22222",)
    counts = {count.fate: count.rows for count in report.fates}
    # Three lines and two returns of 85123A, one line of DCGS0003, one of 33333, which is new in the replay.
    assert counts["article sold on fewer days of training than the mapping asks for"] == 7
    assert sum(counts.values()) == report.rows_read
    assert "cancellation of an article never sold" in counts
    assert any("fewer than 3 days" in line for line in report.assumptions)


def test_same_article_twice_in_an_order_stays_two_lines(tmp_path):
    """Lines that repeat are kept and counted; the mapping may drop exact repeats."""
    inputs = write(tmp_path)
    report = import_history(*inputs, tmp_path / "kept")
    assert report.repeated_lines == 1
    orders = read_business(tmp_path / "kept")["orders"]
    assert list(zip(orders["order"], orders["sku"], orders["units"].tolist(), strict=True))[:4] == [
        ("1001", "85123A", 6),
        ("1001", "85123A", 4),
        ("1001", "22222", 1),
        ("1001", "22222", 1),
    ]
    inputs[1].write_text(MAPPING.replace("drop_repeated_lines = false", "drop_repeated_lines = true"), encoding="utf-8")
    report = import_history(*inputs, tmp_path / "dropped")
    assert {count.fate: count.rows for count in report.fates}["line repeated in every column"] == 1


def test_channels_follow_the_rules(cut):
    """A DOT line makes a marketplace order, no customer a guest; the rest have accounts."""
    _, model = cut
    assert column(model, "demand", "line_share", sku="22222", channel="account") == [2.0]
    assert column(model, "demand", "line_share", sku="22222", channel="guest") == [1.0]
    assert column(model, "demand", "line_share", sku="22222", channel="marketplace") == [1.0]


def test_cancellation_finds_the_latest_earlier_sale_of_the_customer(cut):
    """Six days from the sale on the first to the cancellation on the seventh; a stranger's finds none."""
    report, model = cut
    assert (report.returns_matched, report.returns_unmatched) == (1, 1)
    assert report.return_lag_median_days == pytest.approx(6)
    assert model.settings.return_lag_median_days == pytest.approx(6 - 1.5 - 3)


def test_return_shares_lean_on_the_mean(cut):
    """(own returned lines + 50 x mean) / (own lines + 50): 2 of 3 hearts, 0 of 4 bags, 2 of 8 in all."""
    _, model = cut
    assert column(model, "skus", "return_share", sku="85123A") == pytest.approx([(2 + 50 * 2 / 8) / 53], abs=1e-5)
    assert column(model, "skus", "return_share", sku="22222") == pytest.approx([(0 + 50 * 2 / 8) / 54], abs=1e-5)


def test_write_offs_are_shrinkage(cut):
    """Three bags vanished in 31 days of March."""
    _, model = cut
    assert column(model, "stock", "shrinkage_units_per_day", sku="22222") == pytest.approx([3 / 31], abs=1e-5)
    assert column(model, "stock", "shrinkage_units_per_day", sku="85123A") == [0]


def test_postage_becomes_the_tariff(cut):
    """Germany pays the postage it was charged in training (18 pounds), home the assumed price."""
    _, model = cut
    zone = column(model, "zones", "zone", region="Germany")
    assert column(model, "rates", "price_cents", zone=zone[0]) == [1800]
    assert column(model, "rates", "price_cents", zone="home") == [500]
    assert set(model["regions"].texts("region")) == {UK, "Germany"}


def test_nothing_after_the_cut_is_learned_from(tmp_path):
    """Estimates with and without the later rows are the same; only replay and names differ."""
    later = [line for line in LINES.splitlines() if "2010-04" in line]
    early = "\n".join(line for line in LINES.splitlines() if line not in later) + "\n"
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    import_history(*write(tmp_path / "a"), tmp_path / "a" / "model", replay_from=date(2010, 4, 1))
    import_history(*write(tmp_path / "b", early), tmp_path / "b" / "model", until=date(2010, 4, 1))
    full, cut = read_business(tmp_path / "a" / "model"), read_business(tmp_path / "b" / "model")
    for table in ("demand", "quantities", "baskets", "rates", "history", "staff"):
        assert full[table] == cut[table], table
    for sku in cut["skus"].texts("sku"):
        for name in ("price_cents", "return_share"):
            assert column(full, "skus", name, sku=sku) == column(cut, "skus", name, sku=sku)


def test_articles_of_the_replay_only_have_no_stock_and_no_policy(cut):
    """A new article is in the model so that it can be replayed, and nothing else is known of it."""
    report, model = cut
    assert report.skus_new == 1
    assert column(model, "stock", "policy", sku="33333") == ["none"]
    assert column(model, "stock", "on_hand_units", sku="33333") == [0]
    assert column(model, "skus", "price_cents", sku="33333") == [300]
    assert "33333" not in model["demand"].texts("sku")


def test_replay_is_exact_and_starts_the_model(cut):
    """The replayed orders are the rows of April, and the model starts on their first day."""
    _, model = cut
    orders = model["orders"]
    assert list(zip(orders["order"], orders["ordered_at"], orders["sku"], orders["units"].tolist(), strict=True)) == [
        ("1019", "2010-04-01 10:00:00", "22222", 2),
        ("1019", "2010-04-01 10:00:00", "33333", 7),
    ]
    assert model.settings.start_date == date(2010, 4, 1)
    assert model.settings.horizon_days == 1


def test_history_holds_the_training_part_only(cut):
    """Units by day and article of March, summed over lines and orders."""
    _, model = cut
    rows = model["history"]
    days = [date.fromordinal(int(day)).day for day in rows["date"]]
    found = set(zip(days, rows["sku"], rows["units"].tolist(), strict=True))
    assert found == {
        (1, "85123A", 10),
        (1, "22222", 2),
        (2, "22222", 12),
        (3, "22222", 3),
        (4, "85123A", 24),
        (4, "DCGS0003", 2),
    }


def test_base_stock_covers_the_days_the_mapping_says(cut):
    """34 hearts in 31 days: 28 days of cover are 31 units, on hand and as level."""
    _, model = cut
    assert column(model, "stock", "order_up_to_units", sku="85123A") == [31]
    assert column(model, "stock", "on_hand_units", sku="85123A") == [31]
    assert column(model, "stock", "policy", sku="85123A") == ["base_stock"]


def test_what_is_assumed_is_said_in_the_model(cut):
    """Supplier, cost, stock, weight and lost sales are named, and who made the data."""
    text = " ".join(cut[1].settings.assumptions)
    for words in ("Unit cost", "lead time 14 days", "28 days of mean demand", "weighs 100 g", "lost sale", "CC BY 4.0"):
        assert words in text


def test_orders_closed_days_and_hours(tmp_path):
    """A shop open Monday to Friday, closed one Wednesday: the closed day is a holiday, Saturdays are just Saturdays."""
    days = [date(2010, 3, 1).toordinal() + k for k in range(28)]
    rows = []
    for number, day in enumerate(d for d in days if date.fromordinal(d).weekday() < 5):
        when = date.fromordinal(day)
        if when != date(2010, 3, 10):
            rows += [f"{number}-{k},22222,bag,1,{when} {9 + 2 * k}:30,2,1,{UK}" for k in range(4)]
    import_history(*write(tmp_path, "\n".join(rows) + "\n"), tmp_path / "model")
    model = read_business(tmp_path / "model")
    holidays = model["holidays"]
    closed = [date.fromordinal(int(d)) for d, f in zip(holidays["date"], holidays["factor"], strict=True) if f == 0]
    assert closed == [date(2010, 3, 10)]
    assert column(model, "channels", "orders_per_day") == pytest.approx([20 / 7], abs=1e-4)
    assert column(model, "channels", "day_cv") == [0]
    weight = model["profile"].numbers("weight").reshape(7, 24)
    assert weight.mean() == pytest.approx(1)
    assert np.flatnonzero(weight.sum(axis=0)).tolist() == [9, 11, 13, 15]
    assert weight[:5].sum(axis=1) == pytest.approx(np.full(5, 168 / 5))
    assert weight[5:].sum() == 0


def test_lines_in_another_layout(tmp_path):
    """Other names, another date format, capitals kept, returns as negative units, no customer and no region."""
    mapping = """
[source]
name = "laden"
timestamp_format = "%d.%m.%Y %H:%M"
[columns]
order = "Beleg"
timestamp = "Zeit"
sku = "Artikel"
units = "Menge"
price = "Preis"
[channels]
default = "Netz"
"""
    lines = (
        "1,NA,3,01.02.2024 10:00,1.5\n1,1e5,1,01.02.2024 10:00,2\n"
        "2,null,2,02.02.2024 11:30,3\n3,NA,-1,09.02.2024 11:30,1.5\n"
    )
    inputs = write(tmp_path, lines, mapping, "Beleg,Artikel,Menge,Zeit,Preis", encoding="utf-8-sig")
    report = import_history(*inputs, tmp_path / "model")
    model = read_business(tmp_path / "model")
    assert model["skus"].texts("sku") == ("1e5", "NA", "null")
    assert report.returns_unmatched == 1
    assert model["regions"].texts("region") == ("everywhere",)
    assert model.settings.start_date == date(2024, 2, 1)


def test_parquet_and_csv_give_one_model(tmp_path):
    """The same lines as typed Parquet and as text."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    lines, mapping = write(tmp_path)
    table = pa.csv.read_csv(lines)
    table = table.set_column(
        1,
        "stock_code",
        pa.csv.read_csv(lines, convert_options=pa.csv.ConvertOptions(column_types={"stock_code": pa.string()})).column(
            "stock_code"
        ),
    )
    pa.parquet.write_table(table, tmp_path / "lines.parquet")
    import_history(lines, mapping, tmp_path / "one")
    import_history(tmp_path / "lines.parquet", mapping, tmp_path / "two")
    assert read_business(tmp_path / "one") == read_business(tmp_path / "two")


def refused(tmp_path, *inputs, **options):
    """Messages of an import that must fail and leave nothing behind."""
    before = set(tmp_path.iterdir())
    with pytest.raises(InvalidInputError) as error:
        import_history(*inputs, tmp_path / "model", **options)
    assert set(tmp_path.iterdir()) == before
    return error.value.lines()


def test_missing_columns_are_all_named_with_the_nearest(tmp_path):
    """Two columns with other names are two messages, each with what may be meant."""
    header = HEADER.replace("stock_code", "stock_kode").replace("invoice_ts", "invoice_date")
    lines = refused(tmp_path, *write(tmp_path, header=header))
    assert any("stock_code is missing" in line and '"stock_kode"' in line for line in lines)
    assert any("invoice_ts is missing" in line for line in lines)


def test_wrong_cells_are_all_reported(tmp_path):
    """Every bad cell with its row, column, rule and value; infinite and absurd numbers are bad too."""
    bad = (
        f"1,22222,x,two,2010-03-01 09:15,1,1,{UK}\n"
        f"1,22222,x,1.5,2010-03-01 09:15,1,1,{UK}\n"
        f"1,22222,x,1,01/03/2010,1,1,{UK}\n"
        f"1,22222,x,1,2010-03-01 09:15,inf,1,{UK}\n"
        f"1,22222,x,99999999999,2010-03-01 09:15,1,1,{UK}\n"
    )
    lines = refused(tmp_path, *write(tmp_path, bad))
    assert len(lines) == 5
    assert any("row 1: quantity must be a number up to 1,000,000,000, got 'two'" in line for line in lines)
    assert any("row 2: quantity must be a whole number, got 1.5" in line for line in lines)
    assert any("row 3: invoice_ts must be a date and time" in line for line in lines)
    assert any("row 4: unit_price_gbp must be a number up to 1,000,000,000, got 'inf'" in line for line in lines)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (HEADER.encode() + b"\n", "is empty"),
        (b"\x00\x01\x02\xff\xfe" * 50, "not a readable CSV"),
        (b"PAR1 and rubbish", "not a readable Parquet"),
        (HEADER.replace(",", ";").encode() + b"\n1;2;3\n", "commas between its columns, not semicolons"),
        (HEADER.encode() + b"\n1,2,3\n", "not a readable CSV"),
        (HEADER.encode() + b"\n1,22222,caf\xe9,1,2010-03-01 09:15,1,1,UK\xe9\n", "not a readable CSV"),
    ],
)
def test_unreadable_lines_are_refused(tmp_path, content, words):
    """One clear line for each kind of broken file."""
    lines, mapping = write(tmp_path)
    lines.write_bytes(content)
    assert any(words in line for line in refused(tmp_path, lines, mapping))


def test_missing_files_are_refused(tmp_path):
    """Neither lines nor mapping there."""
    lines, mapping = write(tmp_path)
    assert "is missing" in refused(tmp_path, tmp_path / "none.csv", mapping)[0]
    assert "is missing" in refused(tmp_path, lines, tmp_path / "none.toml")[0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('order = "invoice"\n', "", "columns.order must not be empty"),
        ("[skus]", "[sku]", 'sku is not a section of a mapping; did you mean "skus"?'),
        ("cover_days = 28", "cover_dais = 28", 'is not a key of a mapping; did you mean "cover_days"?'),
        ("cover_days = 28", 'cover_days = "many"', "assumptions.cover_days must be a number"),
        ('lead_time = "gamma"', 'lead_time = "gama"', 'did you mean "gamma"?'),
        ("upper = true", 'upper = "yes"', "skus.upper must be true or false"),
        ("'DCGS.*'", "'DCGS('", "must be a regular expression"),
        ('order_has_sku = "DOT"', "", "must have a condition besides its channel"),
        (
            "transit_home_shares = [0, 0.6, 0.3, 0.1]",
            "transit_home_shares = [0, -1]",
            "must be a list of shares by days",
        ),
        ('home_region = "United Kingdom"', 'home_region = "Atlantis"', "must be a region of the orders"),
        ('shift_end = "18:00"', 'shift_end = "07:00"', "must be after shift_start"),
        ('name = "online_retail"', "name =", "is not valid TOML"),
        ('time_zone = "Europe/London"', 'time_zone = "Europe/Londen"', 'did you mean "Europe/London"?'),
    ],
)
def test_bad_mappings_are_refused(tmp_path, old, new, words):
    """Every slip in the mapping has its own message."""
    assert old in MAPPING
    lines = refused(tmp_path, *write(tmp_path, mapping=MAPPING.replace(old, new)))
    assert any(words in line for line in lines), lines


def test_periods_without_sales_are_refused(tmp_path):
    """Nothing to learn from, or nothing to replay."""
    inputs = write(tmp_path)
    assert "has no sale line from 2011-01-01" in refused(tmp_path, *inputs, since=date(2011, 1, 1))[0]
    assert "(to replay)" in refused(tmp_path, *inputs, until=date(2010, 4, 1), replay_from=date(2011, 1, 1))[0]


def test_a_folder_that_is_there_is_not_overwritten(tmp_path):
    """An import never writes over a model."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "precious.txt").write_text("x")
    assert "is there already" in refused(tmp_path, *write(tmp_path))[0]


def test_observed_lead_times_replace_the_assumed_shape(tmp_path):
    """Forty lead times of 1 to 40 days become forty factors with mean 1."""
    dates = [f"2010-01-01,{date(2010, 1, 1).fromordinal(date(2010, 1, 1).toordinal() + k)},yes" for k in range(1, 41)]
    (tmp_path / "po.csv").write_text("ordered,delivered,real\n" + "\n".join(dates) + "\n2010-01-01,2011-01-01,no\n")
    mapping = MAPPING + (
        "\n[assumptions.lead_time_history]\n"
        'file = "po.csv"\nordered = "ordered"\ndelivered = "delivered"\nonly = { real = "yes" }\n'
    )
    import_history(*write(tmp_path, mapping=mapping), tmp_path / "model")
    model = read_business(tmp_path / "model")
    assert model["suppliers"].texts("lead_time") == ("empirical",)
    assert np.sort(model["lead_times"].numbers("factor")) == pytest.approx(np.arange(1, 41) / 20.5, abs=1e-5)
    wrong = mapping.replace('ordered = "ordered"', 'ordered = "order"')
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "po.csv").write_text((tmp_path / "po.csv").read_text())
    assert 'did you mean "ordered"?' in refused(tmp_path / "again", *write(tmp_path / "again", mapping=wrong))[0]
