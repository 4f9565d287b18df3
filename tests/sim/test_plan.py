"""A business compiled: instants, rankings, rules and tables as the engines read them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from model.small_models import small_business
from sim.busy_models import CHANGES_OF_CLOCKS, random_business, with_changes

from omsim.model.calendars import DAY_S
from omsim.sim.distributions import gamma_factors, lognormal_factors
from omsim.sim.plan import BEYOND_DAYS, POLICY_BASE_STOCK, POLICY_MIN_MAX, POLICY_NONE, POLICY_QUANTITY, compile_plan

HOUR = 3600


def seconds(zone: str, start: str, day: int, clock: str) -> int:
    """Seconds from the first midnight to a local time of a day, by `datetime`; a skipped time on the old clock."""
    hour, minute = map(int, clock.split(":"))
    zero = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone)).timestamp()
    local = datetime.fromisoformat(start) + timedelta(days=day, hours=hour, minutes=minute)
    return int(local.replace(tzinfo=ZoneInfo(zone)).timestamp() - zero)


@pytest.mark.parametrize("zone", CHANGES_OF_CLOCKS)
@pytest.mark.parametrize("number", [0, 1])
def test_instants_follow_the_local_clock(zone: str, number: int):
    """Midnights, reviews and cutoffs of ten days over a change of clocks are what the local clock shows."""
    start = CHANGES_OF_CLOCKS[zone][number]
    business = small_business(
        {
            "model.start_date": start,
            "model.horizon_days": 10,
            "model.time_zone": zone,
            "decisions.review_time": "02:15",
        },
        sites={"cutoff": ["17:00", "01:45"]},
        services={"pickup_days": ["Mon-Sun"]},
    )
    times = compile_plan(business).times
    days = range(10)
    assert times.day_start_s[:11].tolist() == [seconds(zone, start, day, "00:00") for day in range(11)]
    assert times.review_s.tolist() == [seconds(zone, start, day, "02:15") for day in days]
    cutoffs = sorted((seconds(zone, start, d, clock), s) for d in days for s, clock in enumerate(("17:00", "01:45")))
    assert list(zip(times.cutoff_s.tolist(), times.cutoff_site.tolist(), strict=True)) == cutoffs
    assert times.horizon_s == times.day_start_s[10]
    assert times.weekday[0] == date.fromisoformat(start).weekday()
    assert times.day_start_s.size == 10 + BEYOND_DAYS + 1


@pytest.mark.parametrize("minutes", [1, 7, 60, 1440])
def test_cycles_come_after_the_start_and_before_the_horizon(minutes: int):
    """At every multiple of the cycle, the first not at 0 and the last before the end."""
    settings = {"model.horizon_days": 2, "model.time_zone": "UTC", "decisions.allocation_cycle_minutes": minutes}
    cycles = compile_plan(small_business(settings)).times.cycle_s
    assert cycles.tolist() == list(range(minutes * 60, 2 * DAY_S, minutes * 60))


def test_outages_stop_cycles_and_put_immediate_allocation_off():
    """Two outages, one over two days and one to the end: their cycles are gone, their days end at their midnight."""
    events = """
        kind,          start,      end
        system_outage, 2026-09-29, 2026-09-30
        system_outage, 2026-10-03, 2026-12-31
    """
    settings = {"model.horizon_days": 7, "model.time_zone": "UTC"}
    times = compile_plan(small_business(settings, events=events)).times
    assert sorted(set((times.cycle_s // DAY_S).tolist())) == [0, 3, 4]
    assert (times.cycle_s // DAY_S == 3).sum() == 24
    assert times.out_until_s.tolist() == [0, 3 * DAY_S, 3 * DAY_S, 0, 0, 7 * DAY_S, 7 * DAY_S, 0]


def test_cutoffs_need_a_pickup_and_an_open_site():
    """No cutoff on days without any pickup, on which all carriers are out, or on which the site is closed."""
    events = """
        kind,        target, start,      end
        carrier_out, ,       2026-09-30, 2026-09-30
        carrier_out, swift,  2026-10-01, 2026-10-01
        site_closed, north,  2026-10-02, 2026-10-02
    """
    settings = {"model.horizon_days": 7, "model.time_zone": "UTC"}
    times = compile_plan(small_business(settings, events=events)).times
    told = sorted(zip((times.cutoff_s // DAY_S).tolist(), times.cutoff_site.tolist(), strict=True))
    assert told == [(0, 0), (0, 1), (1, 0), (1, 1), (3, 0), (3, 1), (4, 1), (5, 0), (5, 1)]


def test_sites_are_ranked_by_distance_then_number():
    """Nearest first, the lower number among equals, only sites with a zone, no more than asked for."""
    zones = """
        site,  region, zone, distance_km
        north, upland, near, 50
        south, upland, far,  50
        south, coast,  near, 60
    """
    assert compile_plan(small_business(zones=zones)).network.ranking.tolist() == [[0, 1], [1, -1]]
    one = compile_plan(small_business({"decisions.sourcing_sites": 1})).network.ranking
    assert one.tolist() == [[0], [1]]


@pytest.mark.parametrize("seed", range(6))
def test_rankings_are_sorted_tables(seed: int):
    """Random networks: the ranking is the sorted zone rows of each region, cut."""
    business = random_business(seed)
    zones, ranking = business["zones"], compile_plan(business).network.ranking
    site, region = business.codes("zones", "site"), business.codes("zones", "region")
    for number, row in enumerate(ranking.tolist()):
        near = sorted(
            (km, s) for km, s, r in zip(zones.numbers("distance_km"), site, region, strict=True) if r == number
        )
        expected = [int(s) for _, s in near][: ranking.shape[1]]
        assert row == expected + [-1] * (ranking.shape[1] - len(expected))


def test_cells_carry_their_policies():
    """Policies by name; without a supplier nothing is ordered; numbers as written."""
    plan = compile_plan(small_business())
    kinds = [POLICY_MIN_MAX, POLICY_MIN_MAX, POLICY_BASE_STOCK, POLICY_QUANTITY, POLICY_MIN_MAX]
    assert plan.cells.policy.tolist() == kinds
    assert plan.network.cell_of.tolist() == [[0, 1, 2], [3, 4, -1]]
    assert plan.cells.reorder_point.tolist() == [120, 80, 0, 60, 50]
    assert plan.cells.opening.tolist() == [200, 150, 30, 100, 80]
    alone = compile_plan(small_business(stock={"supplier": [""], "policy": ["none"]}))
    assert set(alone.cells.policy.tolist()) == {POLICY_NONE}


def test_channels_carry_their_rules():
    """Priorities become ranks from 0; empty promises and patience are -1; part days of a promise count whole."""
    plan = compile_plan(
        small_business(
            channels={
                "priority": ["700", "3"],
                "promise_days": ["2.5", ""],
                "patience_days": ["", "1.5"],
                "promise_cutoff": ["14:30", "24:00"],
                "backorders": ["false", "true"],
                "partial_lines": ["true", "false"],
            }
        )
    )
    channels = plan.channels
    assert (channels.rank.tolist(), channels.n_ranks) == ([1, 0], 2)
    assert channels.promise_days.tolist() == [3, -1]
    assert channels.patience_s.tolist() == [-1, int(1.5 * DAY_S)]
    assert channels.promise_cutoff_s.tolist() == [14 * HOUR + 1800, DAY_S]
    assert channels.backorders.tolist() == [False, True]
    assert channels.partial.tolist() == [True, False]
    same = compile_plan(small_business(channels={"priority": ["5", "5"]})).channels
    assert (same.rank.tolist(), same.n_ranks) == ([0, 0], 1)


def test_dispositions_fall_back_to_any_category():
    """A category of its own, the rest's, and restocking where nothing is said."""
    told = compile_plan(
        small_business(dispositions="category, disposition, share\n, restock, 1\n, scrap, 3\nlamp, liquidate, 2")
    ).goods
    by_sku = told.disposition[told.disposition_group]
    assert by_sku.tolist() == [[0.25, 0.25, 0.25, 1], [0.25, 0.25, 0.25, 1], [0, 0, 1, 1]]
    silent = compile_plan(small_business()).goods
    assert silent.disposition[silent.disposition_group].tolist() == [[1, 1, 1, 1]] * 3


def test_return_shares_have_days_only_under_a_window():
    """One row for all days, or one a day."""
    assert compile_plan(small_business()).goods.return_share.tolist() == [[0.1, 0.2, 0.0]]
    change = {"table": "skus", "where": {"sku": "NA"}, "column": "return_share", "operation": "set", "value": 0.5}
    window = {"from": date(2026, 10, 1), "to": date(2026, 10, 2)}
    share = compile_plan(with_changes(small_business(), {**change, **window})).goods.return_share
    assert share.shape == (14, 3)
    assert share[:, 1].tolist() == [0.2] * 3 + [0.5] * 2 + [0.2] * 9


def test_suppliers_have_their_laws_and_delays():
    """Each lead-time law its table; delays of events by supplier and day, added where they overlap."""
    plan = compile_plan(
        small_business(
            suppliers="""
                supplier, lead_time, lead_time_days, lead_time_cv
                mill,     gamma,     4,              0.4
                loom,     lognormal, 5,              0.3
                yard,     empirical, 6,              0
                shed,     fixed,     7,              0
            """,
            lead_times="supplier, factor, share\nyard, 0.5, 1\nyard, 1.5, 1",
            events="""
                kind,          target, start,      end,        value
                supplier_late, loom,   2026-09-01, 2026-09-29, 2
                supplier_late, ,       2026-09-29, 2026-09-29, 0.5
            """,
        )
    ).supply
    np.testing.assert_array_equal(plan.factor[0], gamma_factors(0.4))
    np.testing.assert_array_equal(plan.factor[1], lognormal_factors(0.3))
    assert plan.factor[2].tolist() == [0.5] * 2048 + [1.5] * 2048
    assert set(plan.factor[3].tolist()) == {1.0}
    assert (plan.late_s[:3] / DAY_S).tolist() == [[0, 2, 0, 0], [0.5, 2.5, 0.5, 0.5], [0, 0, 0, 0]]
    assert plan.lead_days[0].tolist() == [4, 5, 6, 7]


def test_warm_up_ends_at_a_local_midnight():
    """Three days of warm-up over the autumn change of clocks last an hour longer."""
    settings = {"model.start_date": "2026-10-24", "model.warm_up_days": 3}
    assert compile_plan(small_business(settings)).times.warm_up_s == 3 * DAY_S + HOUR
