"""The real year of orders: every quirk its README names, counted, and the known facts met by the estimates."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from omsim.model.files import read_business
from omsim.model.history.importing import import_history

pytestmark = pytest.mark.shared


@pytest.fixture(scope="module")
def imported(shared_data, repo, tmp_path_factory):
    """The report and the model of nine months of training and three of replay."""
    folder = tmp_path_factory.mktemp("online_retail") / "model"
    report = import_history(
        shared_data / "online_retail_y1" / "online_retail_y1.parquet",
        repo / "models" / "online_retail.mapping.toml",
        folder,
        until=date(2010, 9, 1),
        replay_from=date(2010, 9, 1),
    )
    return report, read_business(folder)


@pytest.fixture(scope="module")
def whole_year(shared_data, repo, tmp_path_factory):
    """The report and the model of the whole year, estimated and replayed."""
    folder = tmp_path_factory.mktemp("online_retail") / "year"
    report = import_history(
        shared_data / "online_retail_y1" / "online_retail_y1.parquet",
        repo / "models" / "online_retail.mapping.toml",
        folder,
    )
    return report, read_business(folder)


def counts(report):
    """Rows by fate."""
    return {count.fate: count.rows for count in report.fates}


def shares_of(business, table, **where):
    """Numbers and weights of the rows of a distribution."""
    rows = business[table]
    keep = np.ones(len(rows), dtype=bool)
    for name, value in where.items():
        keep &= np.array([cell == value for cell in rows[name]])
    return keep


def test_counts_add_up_to_the_published_rows(imported, whole_year):
    """502,938 rows, each with one fate."""
    for report, _ in (imported, whole_year):
        assert report.rows_read == sum(count.rows for count in report.fates) == 502_938


def test_sale_lines_are_the_known_ones(whole_year):
    """487,219 lines of regular goods and 92 of goods with DCGS numbers; 19,743 orders."""
    report, model = whole_year
    assert counts(report)["sale line: estimated from and replayed"] == 487_219 + 92
    assert report.orders_replayed == 19_743
    assert sum(sku.startswith("DCGS") for sku in model["skus"].texts("sku")) > 10


def test_cancellations_and_what_they_match(whole_year):
    """About 84.8 % of those of known customers match an earlier sale, half of them within 9.3 days."""
    report, _ = whole_year
    assert report.returns_matched == 7_717
    assert report.return_lag_median_days == pytest.approx(9.3, abs=0.05)
    lines = counts(report)["sale line: estimated from and replayed"]
    assert 0.015 <= (report.returns_matched + report.returns_unmatched) / lines <= 0.025


def test_not_goods_tests_and_bookkeeping_are_out(whole_year):
    """Manual, DOT, carriage, discounts, samples, fees; three bad-debt documents; test articles."""
    report, _ = whole_year
    codes = dict(report.not_goods)
    assert codes["DOT"] == 715
    assert {"M", "C2", "D", "S", "ADJUST", "BANK CHARGES", "AMAZONFEE", "PADS"} <= codes.keys()
    assert counts(report)["book-keeping document"] == 3
    assert counts(report)["test article"] == 17


def test_write_offs_are_shrinkage(whole_year):
    """Zero-price negative lines: all 2,057 are accounted for, and their units leave the shelf."""
    report, model = whole_year
    found = counts(report)
    of_goods = found["shrinkage: stock correction downwards"] + found["stock correction of an article never sold"]
    assert 2_040 <= of_goods <= 2_057
    assert 300_000 <= model["stock"].numbers("shrinkage_units_per_day").sum() * 365 <= 362_357


def test_repeated_lines_are_kept_and_counted(whole_year):
    """6,544 exact repeats; many orders name an article on several lines."""
    report, model = whole_year
    assert report.repeated_lines == 6_544
    orders = model["orders"]
    pairs = list(zip(orders.texts("order"), orders.texts("sku"), strict=True))
    twice = {order for (order, _), n in _counted(pairs).items() if n > 1}
    assert len(twice) / report.orders_replayed == pytest.approx(0.174, abs=0.005)


def _counted(items):
    from collections import Counter

    return Counter(items)


def test_articles_are_one_whatever_their_case(whole_year):
    """No article number holds a small letter, and there are 4,055 regular ones."""
    skus = whole_year[1]["skus"].texts("sku")
    assert all(sku == sku.upper() for sku in skus)
    assert sum(not sku.startswith("DCGS") for sku in skus) == 4_055


def test_channels_of_the_real_shop(whole_year):
    """Marketplace batches have a median of about 76 lines; guests and batches together are 7.9 % of orders."""
    report, model = whole_year
    assert report.channels == ("account", "marketplace", "guest")
    baskets = model["baskets"]
    keep = shares_of(model, "baskets", channel="marketplace")
    lines = np.repeat(baskets.integers("lines")[keep], baskets.numbers("share")[keep].astype(int))
    assert np.median(lines) == pytest.approx(76, abs=4)
    a_day = model["channels"].numbers("orders_per_day")
    assert a_day[1:].sum() / a_day.sum() == pytest.approx(0.079, abs=0.003)


def test_lines_per_order_and_units_per_line(whole_year):
    """Median 16 lines an order, 95th percentile 74; 28 % of lines of one unit, 12 % of a dozen."""
    model = whole_year[1]
    orders = model["orders"]
    lines = np.array(list(_counted(orders.texts("order")).values()))
    assert np.median(lines) == 16
    assert np.quantile(lines, 0.95) == pytest.approx(74, abs=1)
    units = orders.integers("units")
    assert [np.mean(units == 1), np.mean(units == 12)] == pytest.approx([0.280, 0.120], abs=0.001)


def test_profiles_draw_what_the_lines_held(imported):
    """Mean units a line, drawn SKU by SKU from the profiles, is that of the training lines."""
    model = imported[1]
    quantity = model["quantities"]
    profile = np.array(quantity.texts("profile"), dtype=object)
    names, code = np.unique(profile, return_inverse=True)
    share, units = quantity.numbers("share"), quantity.integers("units")
    mean = np.bincount(code, weights=share * units) / np.bincount(code, weights=share)
    at = np.searchsorted(names, np.array(model["demand"].texts("quantity_profile"), dtype=object))
    drawn = np.average(mean[at], weights=model["demand"].numbers("line_share"))
    lines = model["demand"].numbers("line_share").sum()
    assert drawn == pytest.approx(model["history"].integers("units").sum() / lines)


def test_closed_days_are_holidays_and_saturdays_are_not(whole_year):
    """Christmas is closed, Saturdays simply have no orders, and factors and rates add up to the orders counted."""
    report, model = whole_year
    days = model["holidays"]
    factor = {
        date.fromordinal(int(day)): value for day, value in zip(days["date"], days.numbers("factor"), strict=True)
    }
    assert factor[date(2009, 12, 25)] == factor[date(2010, 1, 3)] == 0
    assert factor[date(2010, 6, 5)] > 0  # a Saturday
    weight = np.zeros(7)
    profile = model["profile"]
    for mask, value in zip(profile.integers("days"), profile.numbers("weight"), strict=True):
        weight[int(mask).bit_length() - 1] += value / 24
    assert weight[5] < 0.05
    expected = model["channels"].numbers("orders_per_day").sum() * sum(
        weight[day.weekday()] * value for day, value in factor.items()
    )
    assert expected == pytest.approx(report.orders_training, rel=1e-3)


def test_hours_of_the_real_shop(whole_year):
    """Noon is the busiest hour with 16 % of orders."""
    profile = whole_year[1]["profile"]
    by_hour = np.bincount(profile.integers("hour"), weights=profile.numbers("weight"))
    assert by_hour[[9, 12, 16]] / by_hour.sum() == pytest.approx([0.063, 0.160, 0.067], abs=0.006)


def test_days_are_over_dispersed(whole_year):
    """After season and weekday, account orders vary by a day effect of about 0.17."""
    assert whole_year[1]["channels"].numbers("day_cv")[0] == pytest.approx(0.17, abs=0.03)


def test_tariff_is_the_postage_charged(whole_year):
    """Median postage by country: 15, 18, 28 and 40 pounds for the neighbours."""
    model = whole_year[1]
    zone = dict(zip(model["zones"].texts("region"), model["zones"].texts("zone"), strict=True))
    price = dict(zip(model["rates"].texts("zone"), model["rates"].integers("price_cents").tolist(), strict=True))
    found = [price[zone[name]] for name in ("Belgium", "Germany", "Spain", "Sweden", "United Kingdom")]
    assert found == [1500, 1800, 2800, 4000, 500]


def test_the_replay_is_unseen(imported):
    """Training ends in August, the replay has the autumn; 252 new articles are in the model without stock."""
    report, model = imported
    assert (report.last_training_day, report.replay_from) == (date(2010, 8, 31), date(2010, 9, 1))
    assert (model.settings.start_date, model.settings.horizon_days) == (date(2010, 9, 1), 91)
    assert date.fromordinal(int(model["history"].integers("date").max())) == date(2010, 8, 31)
    assert report.skus_new == sum(policy == "none" for policy in model["stock"].texts("policy")) == 252
    assert report.orders_training + report.orders_replayed == 19_743
    assert model["orders"].texts("ordered_at")[0].startswith("2010-09-01")


def test_every_assumption_is_in_the_model(imported):
    """What the report says was assumed is what the model will print, the data's attribution included."""
    report, model = imported
    assert report.assumptions == model.settings.assumptions
    assert "https://doi.org/10.24432/C5CG6D" in report.assumptions[-1]


def test_lead_times_of_the_scms_shape(shared_data, repo, tmp_path):
    """3,022 positive lead times of direct drops: coefficient of variation 0.67, mean 1."""
    from omsim.model.history.lead_times import read_lead_factors
    from omsim.model.history.mapping import read_mapping

    mapping = (repo / "models" / "online_retail.mapping.toml").read_text(encoding="utf-8")
    file = shared_data / "scms_deliveries" / "scms_deliveries.parquet"
    (tmp_path / "mapping.toml").write_text(
        f"{mapping}\n[assumptions.lead_time_history]\nfile = {str(file)!r}\n"
        'ordered = "po_date"\ndelivered = "deliv_date"\nonly = { fulfill_via = "Direct Drop" }\n',
        encoding="utf-8",
    )
    factors = read_lead_factors(read_mapping(tmp_path / "mapping.toml"))
    values, shares = np.array(list(factors)), np.array(list(factors.values()))
    assert shares.sum() == 3_022
    assert np.average(values, weights=shares) == pytest.approx(1, abs=1e-5)
    assert np.sqrt(np.average((values - 1) ** 2, weights=shares)) == pytest.approx(0.67, abs=0.02)
