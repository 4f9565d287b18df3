"""Rules between tables: each breach is found, named at its place, and told together with the others."""

from __future__ import annotations

import pytest
from model.small_models import TABLES, small_business

from omsim.errors import InvalidInputError
from omsim.model.files import read_business, write_business

ORDERS = """
    order, ordered_at,       channel, region, sku, units
    a,     2026-09-28 09:00, web,     coast,  012, 1
    a,     2026-09-28 09:00, web,     coast,  NA,  2
    b,     2026-09-30 23:59, shop,    upland, 1e5, 1
"""


def refusal(settings: dict[str, object] | None = None, **tables: object) -> list[str]:
    """What is said of the small business with some tables changed."""
    with pytest.raises(InvalidInputError) as caught:
        small_business(settings, **tables)
    return [str(problem) for problem in caught.value.problems]


def without(table: str, start: str) -> str:
    """A table's text without the rows that begin so."""
    return "\n".join(line for line in TABLES[table].splitlines() if not line.strip().startswith(start))


def edited(table: str, old: str, new: str) -> str:
    """A table's text with one thing replaced."""
    assert old in TABLES[table]
    return TABLES[table].replace(old, new)


def test_the_small_business_is_sound():
    """Nothing is wrong with it, nor with orders to replay instead of demand."""
    assert not len(small_business()["orders"])
    assert len(small_business(orders=ORDERS, demand=None, quantities=None, baskets=None)["orders"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"model.time_zone": "Europe/Londn"},
            "model.toml: model.time_zone must be an IANA time zone, such as Europe/London, "
            "got 'Europe/Londn'; did you mean \"Europe/London\"?",
        ),
        (
            {"model.time_zone": "../etc/passwd"},
            "model.toml: model.time_zone must be an IANA time zone, such as Europe/London, got '../etc/passwd'",
        ),
        (
            {"model.currency": "Euro"},
            "model.toml: model.currency must be a currency code of three capital letters, got 'Euro'",
        ),
        (
            {"model.warm_up_days": 14},
            "model.toml: model.warm_up_days must be less than model.horizon_days (14), got 14",
        ),
        (
            {"model.start_date": "2199-12-30"},
            "model.toml: model.horizon_days must end before 2199-12-31, got 14",
        ),
    ],
)
def test_settings_make_sense(settings, said):
    """Time zone, currency, warm-up and horizon."""
    assert refusal(settings) == [said]


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (
            {"baskets": without("baskets", "shop")},
            [
                "channels: row 2: channel must have shares of lines per order in table baskets "
                "(no orders to replay), got 'shop'"
            ],
        ),
        (
            {"demand": edited("demand", "2,          few", "0,          few")},
            [
                "channels: row 2: channel must have line shares above 0 in table demand "
                "(no orders to replay), got 'shop'"
            ],
        ),
        (
            {"regions": {"order_share": ["0"]}},
            ["regions: row 1: order_share must not be 0 in every region (no orders to replay)"],
        ),
        (
            {"quantities": edited("quantities", "one,     1,     1", "one,     1,     0")},
            ["quantities: row 1: share must not be 0 in every row of profile 'one'"],
        ),
        (
            {"stock": without("stock", "north, 1e5")},
            ["demand: row 3: sku must have a row in table stock (0 units on hand will do), got '1e5'"],
        ),
        (
            {"profile": "days, hour, weight\nMon-Fri, 9, 1\nFri Sat, 9, 1\nSun, 9, 0"},
            ["profile: row 2: hour repeats a weekday's hour of profile: row 1, got 9"],
        ),
        (
            {"profile": "days, hour, weight\nMon-Fri, 9, 0"},
            ["profile: row 1: weight must not be 0 in every row"],
        ),
        (
            {"orders": ORDERS.replace("2026-09-30 23:59", "2026-09-30 24:59")},
            ["orders: row 3: ordered_at must be a local time YYYY-MM-DD HH:MM[:SS], got '2026-09-30 24:59'"],
        ),
        (
            {"orders": ORDERS.replace("2026-09-28", "2026-09-27")},
            [
                "orders: row 1: ordered_at must not be before model.start_date (2026-09-28), got '2026-09-27 09:00'",
                "orders: row 2: ordered_at must not be before model.start_date (2026-09-28), got '2026-09-27 09:00'",
            ],
        ),
        (
            {"orders": ORDERS.replace("2026-09", "2026-11")},
            ["orders: row 1: ordered_at must lie within model.horizon_days (14) in some row, got '2026-11-28 09:00'"],
        ),
        (
            {"orders": ORDERS.replace("coast,  NA", "upland, NA")},
            ["orders: row 2: region must be as in the order's first line ('coast'), got 'upland'"],
        ),
    ],
)
def test_demand_makes_sense(tables, said):
    """Channels ask for something that is stocked, at hours that exist; orders agree with themselves."""
    assert refusal(**tables) == said


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (
            {"zones": without("zones", "south")},
            ["sites: row 2: site must have a row in table zones, got 'south'"],
        ),
        (
            {"regions": TABLES["regions"] + "\nislands, 60, -7, 1"},
            ["regions: row 3: region must have a row in table zones, got 'islands'"],
        ),
        (
            {"zones": edited("zones", "north, coast,  far,  300", "north, coast,  fara, 300")},
            ["zones: row 2: zone must have transit times and rates of some service, got 'fara'; did you mean \"far\"?"],
        ),
        (
            {"transits": edited("transits", "express,  near,", "express,  neer,")},
            [
                "transits: row 5: zone of service 'express' must have a row in table rates as well, got 'neer'; did you mean \"near\"?",  # noqa: E501
                "rates: row 5: zone of service 'express' must have a row in table transits as well, got 'near'; did you mean \"neer\"?",  # noqa: E501
            ],
        ),
        (
            {"services": {"over_kg_cents": ["0"]}},
            [
                f"zones: row {row}: zone must be served by a service that takes any weight and size "
                f"(over_kg_cents > 0, max_weight_g 1000000000 or empty, no max_length_mm, no max_girth_mm), "
                f"got '{zone}'"
                for row, zone in ((1, "near"), (2, "far"))
            ],
        ),
        (
            {"rates": edited("rates", "standard, near, 5000,    450", "standard, near, 5000,    250")},
            [
                "rates: row 2: price_cents must be at least the price of the lighter weight in rates: row 1 (300), "
                "got 250"
            ],
        ),
        (
            {"transits": edited("transits", "express,  near, 1,    1", "express,  near, 1,    0")},
            ["transits: row 5: share must not be 0 in every row of service zone 'express', 'near'"],
        ),
        (
            {"staff": edited("staff", "validate, ,      Mon-Sun, 08:00", "validate, north, Mon-Sun, 08:00")},
            [
                "staff: row 1: site must be empty for the central stage 'validate', got 'north'",
                "channels: row 1: manual_review_share must be 0 while table staff has no workers at stage 'validate', got 0.05",  # noqa: E501
            ],
        ),
        (
            {"staff": TABLES["staff"] + "\npick, , Sun, 08:00, 18:00, 1"},
            ["staff: row 9: site must name a site for the stage 'pick'"],
        ),
        (
            {"staff": TABLES["staff"] + "\npick, north, Sun, 22:00, 06:00, 1"},
            ["staff: row 9: end must be after start (a shift over midnight takes two rows), got 22:00 to 06:00"],
        ),
        (
            {"staff": without("staff", "pack,     south")},
            ["sites: row 2: site must have workers at stage 'pack' in table staff, got 'south'"],
        ),
        (
            {"staff": without("staff", "inspect,  south")},
            ["sites: row 2: site must have workers at stage 'inspect' in table staff (there are returns), got 'south'"],
        ),
        (
            {"staff": without("staff", "contact")},
            ["contacts: row 1: share needs workers at stage 'contact' in table staff"],
        ),
        (
            {"stock": edited("stock", "120,                 300", "300,                 300")},
            ["stock: row 1: order_up_to_units must be above reorder_point_units (300) for policy min_max, got 300"],
        ),
        (
            {"stock": edited("stock", "0,                 100\n", "0,                 0\n")},
            ["stock: row 4: order_quantity_units must be > 0 for policy quantity, got 0"],
        ),
        (
            {"stock": edited("stock", "north, NA,  150,           mill,", "north, NA,  150,           ,    ")},
            ["stock: row 2: supplier must not be empty for policy min_max"],
        ),
        (
            {"suppliers": {"lead_time": ["empirical"]}},
            ["suppliers: row 1: lead_time must have rows of supplier 'mill' in table lead_times, got 'empirical'"],
        ),
        (
            {"lead_times": "supplier, factor, share\nmill, 1, 0\nmill, 2, 0"},
            ["lead_times: row 1: share must not be 0 in every row of supplier 'mill'"],
        ),
        (
            {"dispositions": "category, disposition, share\nmugs, restock, 1\n, scrap, 1"},
            ["dispositions: row 1: category must be a category of table skus, got 'mugs'; did you mean \"mug\"?"],
        ),
        (
            {
                "events": """
                    kind,          target, start,      end,        value
                    site_closed,   nort,   2026-10-01, 2026-10-02, 0
                    carrier_out,   swift,  2026-10-01, 2026-10-02, 0
                    carrier_out,   express,2026-10-01, 2026-10-02, 0
                    supplier_late, swift,  2026-10-01, 2026-10-02, 3
                    demand_factor, ,       2026-10-02, 2026-10-01, 2
                    system_outage, web,    2026-10-01, 2026-10-02, 0
                """
            },
            [
                "events: row 1: target must be a site for event site_closed, got 'nort'; did you mean \"north\"?",
                "events: row 4: target must be a supplier for event supplier_late, got 'swift'",
                "events: row 6: target must be empty for event system_outage, got 'web'",
                "events: row 5: end must not be before start",
            ],
        ),
    ],
)
def test_fulfilment_makes_sense(tables, said):
    """Sites are reachable and manned, parcels can be carried, policies can order, events hit something."""
    assert refusal(**tables) == said


def test_checks_of_sound_tables_run_beside_broken_ones():
    """A bad cell in one table does not hide what is wrong between others, and causes no false alarm."""
    found = refusal(skus={"weight_g": ["x"]}, zones=without("zones", "south"))
    assert [line.partition(" ")[0] for line in found] == ["skus:", "skus:", "skus:", "sites:"]


def test_two_lead_time_factors_of_one_supplier():
    """An empirical lead time has a row per factor; the same factor twice is one too many."""
    small_business(suppliers={"lead_time": ["empirical"]}, lead_times="supplier, factor, share\nmill, 1, 3\nmill, 2, 1")
    found = refusal(lead_times="supplier, factor, share\nmill, 1, 3\nmill, 1, 1")
    assert found == ["lead_times: row 2: supplier, factor repeats the key of lead_times: row 1, got 'mill, 1'"]


def test_an_absent_optional_table_cannot_be_referred_to():
    """Demand that names quantity profiles needs the table that holds them."""
    found = refusal(quantities=None)
    assert found[0] == "demand: row 1: quantity_profile must be a profile of table quantities, got 'few'"


def test_broken_rows_cause_no_dangling_references(tmp_path):
    """What a row that could not be read would have defined is not missed elsewhere."""
    write_business(small_business(), tmp_path)
    path = tmp_path / "skus.csv"
    path.write_text(path.read_text().replace("NA,towel,", "NA,towel,9,9,"))
    with pytest.raises(InvalidInputError) as caught:
        read_business(tmp_path)
    assert [problem.rule for problem in caught.value.problems] == ["must have 11 cells, as the first line has"]
