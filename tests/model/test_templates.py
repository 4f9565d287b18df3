"""The made businesses: what is shipped is what the recipes make, and the made data look like a real shop's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from omsim.model.files import read_business, write_business
from omsim.model.templates.catalog import BASKETS, QUANTITIES, line_shares, quantity_profiles
from omsim.model.templates.making import make_metro, make_national, make_starter
from omsim.model.templates.network import CITIES, distances_km
from omsim.model.templates.recipes import METRO, STARTER, Recipe
from omsim.model.templates.stock import gamma_shortage, site_load

CONSUMERS = ("web", "store", "marketplace")


@pytest.fixture(scope="module")
def metro():
    """The demonstration business, made once."""
    return make_metro()


@pytest.fixture(scope="module")
def national():
    """The benchmark business, made once."""
    return make_national()


def pick(business, table, column, **where):
    """Cells of a column in the rows where other columns have the given value."""
    rows = business[table]
    keep = np.ones(len(rows), dtype=bool)
    for name, value in where.items():
        keep &= np.array([cell == value for cell in rows[name]])
    values = rows[column]
    return np.array(values)[keep]


def draw_lines(business, channel, rng, n):
    """Lines per order of `n` orders, drawn from the baskets table."""
    lines = pick(business, "baskets", "lines", channel=channel)
    share = pick(business, "baskets", "share", channel=channel)
    return rng.choice(lines, n, p=share / share.sum())


def draw_units(business, channel, rng, n):
    """Units of `n` order lines, drawn from demand and quantities."""
    share = pick(business, "demand", "line_share", channel=channel)
    profile = pick(business, "demand", "quantity_profile", channel=channel)
    drawn = profile[rng.choice(len(share), n, p=share / share.sum())]
    units = np.zeros(n, dtype=np.int64)
    for name in np.unique(drawn):
        here = drawn == name
        values = pick(business, "quantities", "units", profile=name)
        weights = pick(business, "quantities", "share", profile=name)
        units[here] = rng.choice(values, here.sum(), p=weights / weights.sum())
    return units


def lines_by_sku(business):
    """Lines a day of each SKU, all channels together."""
    lines = np.zeros(len(business["skus"]))
    sku, channel = business.codes("demand", "sku"), business.codes("demand", "channel")
    share = business["demand"].numbers("line_share")
    for c, name in enumerate(business["channels"].texts("channel")):
        n = pick(business, "baskets", "lines", channel=name)
        weight = pick(business, "baskets", "share", channel=name)
        a_day = business["channels"].numbers("orders_per_day")[c] * np.average(n, weights=weight)
        lines += (
            np.bincount(sku[channel == c], weights=share[channel == c], minlength=len(lines))
            / share[channel == c].sum()
            * a_day
        )
    return lines


def test_shipped_metro_is_what_the_recipe_makes(repo, metro):
    """models/metro equals the output of make_metro."""
    assert read_business(repo / "models" / "metro") == metro


def test_shipped_metro_is_byte_for_byte_what_would_be_written(repo, metro, tmp_path):
    """Writing the made business gives the shipped files, so that nobody's edit is lost unseen."""
    write_business(metro, tmp_path)
    for path in sorted(tmp_path.iterdir()):
        assert path.read_bytes() == (repo / "models" / "metro" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("make", [make_metro, make_starter])
def test_a_recipe_always_makes_the_same_business(make):
    """Two makings have one digest."""
    assert make().digest() == make().digest()


def test_sizes_of_metro(metro):
    """Three sites, 200 SKUs, four channels, five services, ten regions, about a million orders a year."""
    sizes = {name: len(metro[name]) for name in ("sites", "skus", "channels", "services", "regions")}
    assert sizes == {"sites": 3, "skus": 200, "channels": 4, "services": 5, "regions": 10}
    assert metro["channels"].numbers("orders_per_day").sum() == pytest.approx(2740, rel=0.01)
    assert len(set(metro["services"].texts("carrier"))) == 3


def test_sizes_of_national(national):
    """Eight sites, 5,000 SKUs, about 20,000 orders a day."""
    sizes = {name: len(national[name]) for name in ("sites", "skus", "channels")}
    assert sizes == {"sites": 8, "skus": 5000, "channels": 4}
    assert national["channels"].numbers("orders_per_day").sum() == pytest.approx(20_000, rel=0.01)


def test_starter_is_small_and_complete(tmp_path):
    """The starter is small enough to retype and reads back equal."""
    starter = make_starter()
    assert (len(starter["sites"]), len(starter["skus"]), len(starter["channels"])) == (1, 12, 2)
    write_business(starter, tmp_path / "starter")
    assert read_business(tmp_path / "starter") == starter


def test_clocks_change_within_metros_horizon(metro):
    """The horizon holds the end of summer time, so daylight saving is met in every run."""
    from datetime import date, timedelta

    settings = metro.settings
    assert settings.time_zone == "Europe/Berlin"
    assert settings.start_date <= date(2026, 10, 25) < settings.start_date + timedelta(days=settings.horizon_days)


def test_wholesale_orders_have_as_many_lines_as_a_real_shops(metro):
    """Median 14 to 18 lines, 95th percentile 65 to 85."""
    lines = draw_lines(metro, "wholesale", np.random.default_rng(0), 200_000)
    assert 14 <= np.median(lines) <= 18
    assert 65 <= np.quantile(lines, 0.95) <= 85


def test_wholesale_quantities_peak_at_pack_sizes(metro):
    """A quarter to 31 % of lines ask for one unit; twelve and twenty-four stand out of their neighbours."""
    units = draw_units(metro, "wholesale", np.random.default_rng(1), 200_000)
    share = np.bincount(units, minlength=200) / units.size
    assert 0.25 <= share[1] <= 0.31
    assert share[12] > 2 * max(share[11], share[13], share[10])
    assert share[24] > 2 * share[13:24].max()


def test_wholesale_is_about_one_order_in_a_hundred(metro):
    """Wholesale orders are few."""
    a_day = dict(
        zip(metro["channels"].texts("channel"), metro["channels"].numbers("orders_per_day").tolist(), strict=True)
    )
    assert 0.008 <= a_day["wholesale"] / sum(a_day.values()) <= 0.013


@pytest.mark.parametrize("channel", CONSUMERS)
def test_consumers_buy_little(metro, channel):
    """One to five lines, mostly of one unit."""
    rng = np.random.default_rng(2)
    lines, units = draw_lines(metro, channel, rng, 50_000), draw_units(metro, channel, rng, 50_000)
    assert (lines.min(), lines.max()) == (1, 5)
    assert np.mean(units == 1) > 0.7
    assert units.max() <= 12


def test_mean_order_has_about_two_lines(metro):
    """All channels together: about 2.2 lines an order."""
    assert lines_by_sku(metro).sum() / metro["channels"].numbers("orders_per_day").sum() == pytest.approx(2.2, abs=0.1)


@pytest.mark.parametrize("name", ["metro", "national"])
def test_popularity_has_a_bending_tail(name, request):
    """A fifth of SKUs carries 64 to 72 % of lines, and the curve gets steeper with the rank: not Zipf's law."""
    lines = np.sort(lines_by_sku(request.getfixturevalue(name)))[::-1]
    assert 0.64 <= lines[: len(lines) // 5].sum() / lines.sum() <= 0.72
    rank = np.log(np.arange(1, len(lines) + 1))

    def slope(first, last):
        return -np.polyfit(rank[first:last], np.log(lines[first:last]), 1)[0]

    n = len(lines)
    head, middle, tail = slope(n // 100, n // 20), slope(n // 20, n // 4), slope(n // 4, n * 9 // 10)
    assert head < middle < tail
    assert head < 0.85


def test_hours_and_weekdays_are_those_of_a_real_shop(metro):
    """Noon is the top hour with 16 %, Thursday the top day with 20 %, Saturday is closed."""
    weight = np.zeros((7, 24))
    rows = metro["profile"]
    for days, hour, value in zip(rows["days"], rows["hour"], rows["weight"], strict=True):
        for day in range(7):
            if days >> day & 1:
                weight[day, hour] += value
    assert weight.mean() == pytest.approx(1, abs=1e-3)
    by_hour, by_day = weight.sum(axis=0) / weight.sum(), weight.sum(axis=1) / weight.sum()
    assert by_hour[[9, 12, 15, 17]] == pytest.approx([0.063, 0.160, 0.110, 0.036], abs=0.002)
    assert by_day[[0, 3, 5, 6]] == pytest.approx([0.161, 0.201, 0.002, 0.133], abs=0.002)


def test_days_vary_more_than_chance(metro):
    """Orders a day: variance over mean above 5, with a day effect of a coefficient of variation of 0.17."""
    rng = np.random.default_rng(3)
    channels = metro["channels"]
    total = np.zeros(2000)
    for mean, cv in zip(channels.numbers("orders_per_day"), channels.numbers("day_cv"), strict=True):
        total += rng.poisson(mean * rng.gamma(1 / cv**2, cv**2, total.size))
    assert total.var() / total.mean() > 5
    assert pick(metro, "channels", "day_cv", channel="web")[0] == 0.17


def test_lead_times_are_random_as_observed(metro):
    """Gamma lead times vary by 0.6 to 0.75 of their mean; the empirical ones have mean 1 and a mass on the day."""
    assert all(0.6 <= cv <= 0.75 for cv in pick(metro, "suppliers", "lead_time_cv", lead_time="gamma"))
    factor, share = metro["lead_times"].numbers("factor"), metro["lead_times"].numbers("share")
    assert np.average(factor, weights=share) == pytest.approx(1)
    assert 0.55 <= share[factor == 1].sum() / share.sum() <= 0.65


def test_returns_are_between_five_and_twelve_percent(metro):
    """Return shares depend on the category and lie in the range of the trade."""
    share = metro["skus"].numbers("return_share")
    assert share.min() >= 0.05
    assert share.max() <= 0.12
    fashion = np.array(metro["skus"].texts("category")) == "fashion"
    assert share[fashion].mean() > share[~fashion].mean()


@pytest.mark.parametrize("stage", ["pick", "pack"])
def test_people_are_busy_but_not_drowned(metro, stage):
    """Mean work over staffed time of picking and packing lies between 0.7 and 0.9, all sites together."""
    skus = metro["skus"]
    price = skus.integers("price_cents").astype(float)
    shares = metro["demand"].numbers("line_share").reshape(len(METRO.channels), -1)
    load = site_load(METRO, shares, quantity_profiles(METRO, price))
    sites = metro["sites"]
    seconds = {
        "pick": load.orders * sites.numbers("pick_order_s")
        + load.lines.sum(axis=1) * sites.numbers("pick_line_s")
        + load.units.sum(axis=1) * sites.numbers("pick_unit_s"),
        "pack": load.orders * sites.numbers("pack_order_s") + load.units.sum(axis=1) * sites.numbers("pack_unit_s"),
    }[stage]
    staff = metro["staff"]
    hours = 0.0
    for row in range(len(staff)):
        if staff.texts("stage")[row] == stage:
            length = (staff.integers("end")[row] - staff.integers("start")[row]) / 60
            hours += length * int(staff.integers("days")[row]).bit_count() * staff.integers("workers")[row]
    assert 0.7 <= seconds.sum() * 7 / 3600 / hours <= 0.9


def test_gamma_shortage_is_the_integral_of_the_survival_function():
    """Closed form against numerical integration, at levels below, at and above the mean."""
    mean, variance = np.array([10.0, 10.0, 200.0, 3.0]), np.array([30.0, 30.0, 9000.0, 40.0])
    level = np.array([4.0, 25.0, 350.0, 0.0])
    for found, m, v, x in zip(gamma_shortage(level, mean, variance), mean, variance, level, strict=True):
        survival = stats.gamma(m * m / v, scale=v / m).sf
        assert found == pytest.approx(integrate.quad(survival, x, np.inf)[0], rel=1e-6)


def test_site_load_is_what_drawing_orders_gives():
    """Closed-form demand by site against 20,000 orders a channel sourced one by one, within 5 standard errors."""
    recipe = Recipe(
        name="x",
        stands_for="",
        seed=1,
        n_skus=30,
        sites=METRO.sites,
        cities=METRO.cities[:4],
        channels=METRO.channels[1:2],
        slots={},
    )
    rng = np.random.default_rng(4)
    shares = line_shares(recipe, rng)
    profiles = quantity_profiles(recipe, np.full(30, 1000.0))
    load = site_load(recipe, shares, profiles)
    n = 20_000
    region_share = np.array([CITIES[city][2] for city in recipe.cities])
    region = rng.choice(4, n, p=region_share / region_share.sum())
    baskets = BASKETS[recipe.channels[0].baskets]
    lines = rng.choice(list(baskets), n, p=list(baskets.values()))
    nearest = np.argsort(distances_km(recipe), axis=0, kind="stable")
    orders, by_site = np.zeros(3), np.zeros(3)
    for r, k in zip(region, lines, strict=True):
        skus = rng.choice(30, k, p=shares[0] / shares[0].sum())
        site = next(s for s in nearest[:, r] if load.carried[s][skus].all())
        orders[site] += 1
        by_site[site] += k
    scale = recipe.channels[0].orders_per_day / n
    assert orders * scale == pytest.approx(load.orders, abs=5 * scale * np.sqrt(n) / 2)
    assert by_site * scale == pytest.approx(load.lines.sum(axis=1), abs=5 * scale * np.sqrt(n) * 1.5)
    mean_units = sum(units * share for units, share in QUANTITIES["few"].items())
    assert load.units.sum() == pytest.approx(load.lines.sum() * mean_units)
    assert load.orders.sum() == pytest.approx(recipe.channels[0].orders_per_day)


def test_starter_serves_everything_from_its_one_site():
    """With one site all lines are that site's."""
    rng = np.random.default_rng(5)
    shares = line_shares(STARTER, rng)
    load = site_load(STARTER, shares, quantity_profiles(STARTER, np.full(12, 5000.0)))
    assert load.orders == pytest.approx([sum(plan.orders_per_day for plan in STARTER.channels)])
