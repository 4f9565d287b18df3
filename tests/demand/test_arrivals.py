"""Orders of a horizon: how many, when, what; replayed ones to the letter."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import small_business
from scipy import special, stats
from sim.busy_models import with_changes

from omsim.demand.arrivals import (
    Intake,
    base_rates_and_factors,
    day_factors,
    draw_intake,
    hour_weights,
    poisson_quantile,
)
from omsim.model.calendars import Calendar
from omsim.model.loading import load

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Business

SEED = 6
DAY = 86_400
ONE_CHANNEL = "channel, orders_per_day, day_cv\nweb, {rate}, {cv}\n"
DEMAND = "sku, channel, line_share, quantity_profile\n012, web, 3, few\nNA, web, 1, one"
BASKETS = "channel, lines, share\nweb, 1, 6\nweb, 2, 3\nweb, 3, 1"


def one_channel(rate: float, cv: float, n_days: int, **tables: str) -> Business:
    """One channel of so many orders a day."""
    settings = {"model.horizon_days": n_days, "model.time_zone": "UTC"}
    channels = ONE_CHANNEL.format(rate=rate, cv=cv)
    return small_business(settings, **{"channels": channels, "demand": DEMAND, "baskets": BASKETS, **tables})


def by_day(business: Business, replication: int = 0) -> np.ndarray:
    """Orders of each local day."""
    intake = draw_intake(business, seed=SEED, replication=replication)
    calendar = calendar_of(business)
    return np.bincount(calendar.day_of(intake.arrived_s), minlength=calendar.n_days)


def calendar_of(business: Business) -> Calendar:
    """The run's calendar."""
    settings = business.settings
    return Calendar(settings.time_zone, settings.start_date, settings.horizon_days)


@pytest.mark.parametrize("mean", [1e-9, 0.01, 0.7, 3.0, 41.5, 900.0, 20_000.0, 3e6])
def test_poisson_quantiles_are_scipys(mean: float):
    """The smallest count whose CDF reaches the uniform, in the middle and far out in the tails."""
    uniform = np.concatenate([np.linspace(0.0005, 0.9995, 1000), [1e-300, 1e-16, 1e-9, 1 - 1e-9, 1 - 1e-13]])
    told = poisson_quantile(uniform, np.full(uniform.size, mean))
    expected = stats.poisson.ppf(uniform, mean)
    np.testing.assert_array_equal(told, expected)
    assert poisson_quantile(np.array([0.0001, 0.9999]), np.zeros(2)).tolist() == [0, 0]


def test_poisson_quantile_steps_where_the_cdf_does():
    """A hair below a value of the CDF the count is that value's, a hair above the next one."""
    count = np.arange(12)
    steps, mean = special.pdtr(count, 4.2), np.full(12, 4.2)
    np.testing.assert_array_equal(poisson_quantile(steps * (1 - 1e-11), mean), count)
    np.testing.assert_array_equal(poisson_quantile(steps * (1 + 1e-11), mean), count + 1)


@pytest.mark.parametrize(("rate", "cv"), [(50, 0.0), (50, 0.3), (2000, 0.17), (0.4, 0.0)])
def test_orders_of_a_day_have_the_right_moments(rate: float, cv: float):
    """Mean as asked; variance of a Poisson count plus that of the gamma day effect; days unrelated."""
    counts = by_day(one_channel(rate, cv, 3000))
    variance = rate + (cv * rate) ** 2
    assert counts.mean() == pytest.approx(rate, abs=3.5 * np.sqrt(variance / counts.size))
    excess = 1 / rate + 6 * cv**2 + 3  # kurtosis of either is below this
    assert counts.var() == pytest.approx(variance, rel=3.5 * np.sqrt(excess / counts.size))
    assert abs(np.corrcoef(counts[:-1], counts[1:])[0, 1]) < 3.5 / np.sqrt(counts.size)


def test_counts_follow_the_poisson_law():
    """The whole distribution of a day's orders without day effect, by chi-square."""
    counts = by_day(one_channel(6, 0, 8000))
    cells = np.minimum(counts, 14)
    expected = stats.poisson.pmf(np.arange(15), 6) * counts.size
    expected[14] = counts.size - expected[:14].sum()
    assert stats.chisquare(np.bincount(cells, minlength=15), expected).pvalue > 0.001


def test_hours_follow_the_profile():
    """Hours and weekdays come in the profile's proportions; an hour without weight has no orders."""
    profile = """
        days,    hour, weight
        Mon-Fri, 9,    1
        Mon-Fri, 20,   3
        Sat Sun, 11,   6
        Sat,     12,   2
    """
    business = one_channel(200, 0, 350, profile=profile)
    weights = hour_weights(business)
    assert weights.mean() == pytest.approx(1)
    intake = draw_intake(business, seed=SEED, replication=0)
    calendar = calendar_of(business)
    day = calendar.day_of(intake.arrived_s)
    hour = (intake.arrived_s - calendar.day_start_s[day]) // 3600
    seen = np.zeros((7, 24))
    np.add.at(seen, (calendar.weekday[day], hour), 1)
    expected = weights / 24 * 200 * 50
    assert (seen[expected == 0] == 0).all()
    some = expected > 0
    np.testing.assert_allclose(seen[some], expected[some], atol=0, rtol=4 / np.sqrt(expected[some].min()))
    within = intake.arrived_s[hour == 20] % 3600
    assert stats.kstest(within / 3600, "uniform").pvalue > 0.001


@pytest.mark.parametrize(("start", "hours"), [("2026-03-29", 23), ("2026-10-25", 25)])
def test_a_day_in_which_clocks_change_has_its_orders(start: str, hours: int):
    """The usual number of orders within its 23 or 25 hours; the repeated hour's are spread over both of its turns."""
    settings = {"model.horizon_days": 1, "model.start_date": start}
    channels = ONE_CHANNEL.format(rate=1000, cv=0)
    business = small_business(settings, channels=channels, demand=DEMAND, baskets=BASKETS)
    seconds = np.concatenate([draw_intake(business, seed=SEED, replication=k).arrived_s for k in range(40)])
    assert seconds.size == pytest.approx(40_000, abs=4 * 200)
    assert 0 <= seconds.min() <= seconds.max() < hours * 3600
    local_hour = [int(calendar_of(business).local_text(second)[11:13]) for second in seconds[::10].tolist()]
    hour, share = (1, 1 / 24) if hours == 25 else (2, 2 / 24)  # the lost hour's orders come as the clock jumps to 2
    assert Counter(local_hour)[hour] / len(local_hour) == pytest.approx(share, abs=0.013)
    if hours == 25:
        first, again = ((seconds >= at) & (seconds < at + 3600) for at in (3600, 7200))
        assert first.sum() == pytest.approx(again.sum(), abs=4 * np.sqrt(1700))
    else:
        assert (seconds == 3600).sum() == pytest.approx(40_000 / 24, abs=4 * np.sqrt(1700))


def test_lines_regions_and_units_have_their_shares():
    """Regions, basket sizes, SKUs and quantities in the shares of their tables."""
    intake = draw_intake(one_channel(2000, 0, 20), seed=SEED, replication=0)
    n = intake.arrived_s.size
    assert (intake.region == 1).mean() == pytest.approx(2 / 3, abs=4 / np.sqrt(n))
    lines = np.diff(intake.first_line)
    for count, share in ((1, 0.6), (2, 0.3), (3, 0.1)):
        assert (lines == count).mean() == pytest.approx(share, abs=2 / np.sqrt(n))
    assert (intake.sku == 0).mean() == pytest.approx(0.75, abs=2 / np.sqrt(n))
    of_few = intake.units[intake.sku == 0]
    for units, share in ((1, 0.7), (2, 0.2), (6, 0.1)):
        assert (of_few == units).mean() == pytest.approx(share, abs=2 / np.sqrt(n))
    assert set(intake.units[intake.sku == 1].tolist()) == {1}


def test_orders_come_in_order_and_in_columns():
    """Sorted by (arrival, entity), every line owned by one order, types as promised."""
    intake = draw_intake(small_business(), seed=SEED, replication=0)
    rank = np.lexsort((intake.entity, intake.arrived_s))
    np.testing.assert_array_equal(rank, np.arange(rank.size))
    assert intake.first_line[0] == 0
    assert intake.first_line[-1] == intake.sku.size == intake.units.size
    assert (np.diff(intake.first_line) >= 1).all()
    assert [getattr(intake, name).dtype.str for name in ("arrived_s", "channel", "entity")] == ["<i4", "<i2", "<i8"]


@pytest.mark.parametrize("units", [32_767, 32_768, 2_000_000])
def test_many_units_fit(units: int):
    """Lines of more units than 16 bits hold are drawn and replayed as written."""
    quantities = f"profile, units, share\nfew, {units}, 1\none, {units}, 1"
    for orders in (
        None,
        f"order, ordered_at, channel, region, sku, units\na, 2026-09-28 10:00, web, coast, NA, {units}",
    ):
        intake = draw_intake(small_business(quantities=quantities, orders=orders), seed=SEED, replication=0)
        assert set(intake.units.tolist()) == {units}


def test_holidays_and_events_multiply():
    """A closed day has no orders, a promotion its factor; an event of one channel spares the other."""
    events = "kind, target, start, end, value\ndemand_factor, web, 2026-09-29, 2026-09-30, 3"
    holidays = "date, factor\n2026-09-28, 0\n2026-09-30, 2"
    business = small_business({"model.horizon_days": 4}, events=events, holidays=holidays)
    assert day_factors(business).tolist() == [[0, 0], [3, 1], [6, 2], [1, 1]]
    intake = draw_intake(business, seed=SEED, replication=0)
    day = intake.arrived_s // DAY
    assert (day == 0).sum() == 0
    assert ((day == 2) & (intake.channel == 0)).sum() == pytest.approx(240, abs=4 * np.sqrt(240))


def test_factors_are_told_from_base_rates():
    """A scenario's rate on a day is base x factor; a channel without base orders is its own base."""
    base = small_business({"model.horizon_days": 3}, channels={"orders_per_day": ["40", "0"]})
    scale: dict[str, object] = {"table": "channels", "column": "orders_per_day", "operation": "scale", "value": 2.5}
    add = {**scale, "where": {"channel": "shop"}, "operation": "add", "value": 7, "from": date(2026, 9, 30)}
    changes = ({**scale, "from": date(2026, 9, 29)}, add)
    rates, factor = base_rates_and_factors(with_changes(base, *changes))
    assert rates.tolist() == [[40, 0], [40, 0], [40, 7]]
    assert factor.tolist() == [[1, 1], [2.5, 1], [2.5, 1]]


def orders_of(intake: Intake) -> list[tuple[int, tuple[tuple[int, int], ...]]]:
    """(arrival, lines) of every order."""
    first = intake.first_line.tolist()
    lines = list(zip(intake.sku.tolist(), intake.units.tolist(), strict=True))
    return [(at, tuple(lines[first[i] : first[i + 1]])) for i, at in enumerate(intake.arrived_s.tolist())]


def test_corner_shop_is_replayed_to_the_letter(repo: Path):
    """Eight orders with their seconds, channels, articles and units, in every replication."""
    business = load(repo / "models" / "corner_shop")
    told = [draw_intake(business, seed=seed, replication=k) for seed, k in ((1, 0), (2, 5))]
    tea, mug, kettle = 0, 1, 2
    assert orders_of(told[0]) == [
        (33_000, ((tea, 2),)),
        (33_600, ((tea, 1), (mug, 1))),
        (DAY + 41_400, ((mug, 4),)),
        (2 * DAY + 30_600, ((mug, 3),)),
        (2 * DAY + 51_000, ((mug, 2),)),
        (2 * DAY + 63_000, ((tea, 4),)),
        (3 * DAY + 37_200, ((kettle, 1),)),
        (4 * DAY + 45_600, ((tea, 7),)),
    ]
    phone, web = 0, 1
    assert told[0].channel.tolist() == [web, phone, web, web, phone, web, web, phone]
    assert orders_of(told[0]) == orders_of(told[1])
    np.testing.assert_array_equal(told[0].entity, told[1].entity)


def replayed(*times: str, settings: dict[str, object] | None = None, n_lines: int = 2) -> Business:
    """The small business replaying one order of some lines at each time, in file order."""
    rows = [(f"o{i}", time, line) for i, time in enumerate(times) for line in range(n_lines)]
    orders = {
        "order": [order for order, _, _ in rows],
        "ordered_at": [time for _, time, _ in rows],
        "channel": ["web"] * len(rows),
        "region": ["coast"] * len(rows),
        "sku": [("012", "NA", "1e5")[line % 3] for _, _, line in rows],
        "units": [str(1 + line) for _, _, line in rows],
    }
    return small_business(settings, orders=orders)


def test_replay_sorts_and_drops_what_lies_outside():
    """Orders from the horizon's end on are dropped; the rest come by time, then by row."""
    business = replayed(
        "2026-10-01 00:00",
        "2026-10-12 09:30",
        "2026-09-28 00:00",
        "2026-10-12 00:00:00",
        "2026-10-11 23:59:59",
        "2026-09-28 00:00:00",
    )
    intake = draw_intake(business, seed=SEED, replication=0)
    assert intake.arrived_s.tolist() == [0, 0, 3 * DAY, 14 * DAY - 1]
    assert intake.entity.tolist() == [2, 5, 0, 4]
    assert {lines for _, lines in orders_of(intake)} == {((0, 1), (1, 2))}


def test_replay_reads_the_local_clock():
    """In London's change of clocks: a repeated time is its first, a skipped one the instant the old clock shows it."""
    autumn = replayed(
        "2026-10-25 00:59", "2026-10-25 01:30", "2026-10-25 02:00",
        settings={"model.start_date": "2026-10-25", "model.horizon_days": 1},
    )  # fmt: skip
    assert draw_intake(autumn, seed=1, replication=0).arrived_s.tolist() == [3540, 5400, 3 * 3600]
    spring = replayed(
        "2026-03-29 00:59", "2026-03-29 01:30", "2026-03-29 02:00",
        settings={"model.start_date": "2026-03-29", "model.horizon_days": 1},
    )  # fmt: skip
    assert sorted(draw_intake(spring, seed=1, replication=0).arrived_s.tolist()) == [3540, 3600, 5400]


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7, 3.0])
def test_a_factor_thins_or_copies_whole_orders(factor: float):
    """Every order is left out, kept or copied whole, at its own second; in all, in proportion."""
    times = [f"2026-09-{28 + i % 3} {i % 24:02d}:{i // 24:02d}" for i in range(1000)]
    base = replayed(*times, n_lines=3)
    change = {"table": "channels", "column": "orders_per_day", "operation": "scale", "value": factor}
    intake = draw_intake(with_changes(base, change), seed=SEED, replication=0)
    before, after = Counter(orders_of(draw_intake(base, seed=SEED, replication=0))), Counter(orders_of(intake))
    assert set(after) <= set(before)
    assert len(before) == 1000
    assert {after[order] for order in before} <= {int(factor), int(np.ceil(factor))}
    assert sum(after.values()) == pytest.approx(1000 * factor, abs=4 * np.sqrt(1000 * 0.25))
    assert len(set(intake.entity.tolist())) == intake.entity.size
    if factor >= 1:
        assert set(range(1000)) <= set(intake.entity.tolist())


def test_thinned_replays_are_nested():
    """Orders kept at a smaller factor are kept at a larger one; a day's factor leaves other days alone."""
    times = [f"2026-09-{28 + i % 3} {i % 24:02d}:{i // 24:02d}" for i in range(600)]
    base = replayed(*times)
    change = {"table": "channels", "column": "orders_per_day", "operation": "scale"}
    kept = [
        set(draw_intake(with_changes(base, {**change, "value": factor}), seed=SEED, replication=0).entity.tolist())
        for factor in (0.2, 0.6, 1.3)
    ]
    assert kept[0] < kept[1] < kept[2]
    day = {"value": 0, "from": date(2026, 9, 29), "to": date(2026, 9, 29)}
    intake = draw_intake(with_changes(base, {**change, **day}), seed=SEED, replication=0)
    assert np.bincount(intake.arrived_s // DAY, minlength=3).tolist() == [200, 0, 200]


def test_no_orders_at_all():
    """A business whose channels are asleep has empty columns of the right shapes."""
    intake = draw_intake(small_business(channels={"orders_per_day": ["0"]}), seed=SEED, replication=0)
    assert (intake.arrived_s.size, intake.sku.size, intake.first_line.tolist()) == (0, 0, [0])
