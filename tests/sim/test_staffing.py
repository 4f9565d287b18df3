"""Who is at work when, against looking at the staff table second by second."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import small_business
from sim.busy_models import random_business, with_changes

from omsim.model.calendars import DAY_S, Calendar
from omsim.sim.staffing import closed_days, staffed_seconds, station_capacity, station_names, station_number

if TYPE_CHECKING:
    from omsim.model.business import Business

HOUR = 3600


def capacity(business: Business) -> dict[tuple[str, int], list[tuple[int, int]]]:
    """Steps (second, people) of every station."""
    settings = business.settings
    calendar = Calendar(settings.time_zone, settings.start_date, settings.horizon_days)
    first, change_s, people = station_capacity(business, calendar, closed_days(business))
    names = station_names(len(business["sites"]))
    steps = list(zip(change_s.tolist(), people.tolist(), strict=True))
    return {name: steps[first[i] : first[i + 1]] for i, name in enumerate(names)}


@pytest.mark.parametrize("n_sites", [1, 2, 5])
def test_stations_are_numbered_as_named(n_sites: int):
    """Numbers and names are two ways to say the same."""
    names = station_names(n_sites)
    assert [station_number(stage, site, n_sites) for stage, site in names] == list(range(2 + 3 * n_sites))
    assert names[:2] == [("validate", -1), ("contact", -1)]
    assert names[2] == ("pick", 0)


def test_overlapping_shifts_add_up():
    """Three rows of one stage: people overlap, midnight to midnight is no change, weekdays count."""
    business = small_business(
        {"model.horizon_days": 2, "model.time_zone": "UTC"},
        staff="""
            stage,    site,  days,    start, end,   workers
            validate, ,      Mon-Sun, 00:00, 24:00, 2
            pick,     north, Mon-Sun, 06:00, 14:00, 3
            pick,     north, Mon,     12:00, 18:00, 2
            pick,     south, Tue,     00:00, 24:00, 1
            pack,     north, Mon-Sun, 06:00, 14:00, 3
            pack,     north, Mon-Sun, 14:00, 22:00, 3
            pack,     south, Mon-Sun, 06:00, 14:00, 3
            contact,  ,      Mon-Sun, 08:00, 09:00, 1
            inspect,  north, Mon-Sun, 06:00, 14:00, 3
            inspect,  south, Mon-Sun, 06:00, 14:00, 3
        """,
    )
    steps = capacity(business)
    assert steps["validate", -1] == [(0, 2), (2 * DAY_S, 0)] or steps["validate", -1] == [(0, 2)]
    monday = [(0, 0), (6 * HOUR, 3), (12 * HOUR, 5), (14 * HOUR, 2), (18 * HOUR, 0)]
    assert steps["pick", 0] == [*monday, (DAY_S + 6 * HOUR, 3), (DAY_S + 14 * HOUR, 0)]
    assert steps["pick", 1][:2] == [(0, 0), (DAY_S, 1)]
    assert steps["pack", 0][:3] == [(0, 0), (6 * HOUR, 3), (22 * HOUR, 0)]


def test_a_closed_site_has_nobody():
    """Its own stages stand still from midnight to midnight; central desks and other sites do not notice."""
    settings = {"model.horizon_days": 3, "model.time_zone": "UTC"}
    event = "kind, target, start, end\nsite_closed, north, 2026-09-29, 2026-09-29"
    before, after = capacity(small_business(settings)), capacity(small_business(settings, events=event))
    for station, steps in before.items():
        if station[1] == 0:
            assert after[station] == [step for step in steps if not DAY_S <= step[0] < 2 * DAY_S]
        else:
            assert after[station] == steps
    assert closed_days(small_business(settings, events=event)).tolist() == [[False, True, False], [False] * 3]


def test_windows_change_people_on_their_days():
    """One picker more on Tuesday."""
    business = small_business({"model.horizon_days": 3, "model.time_zone": "UTC"})
    change = {"table": "staff", "where": {"stage": "pick", "site": "south"}, "column": "workers", "operation": "add"}
    tuesday = {"value": 1, "from": date(2026, 9, 29), "to": date(2026, 9, 29)}
    steps = capacity(with_changes(business, {**change, **tuesday}))["pick", 1]
    assert [people for _, people in steps if people] == [2, 3, 2]


@pytest.mark.parametrize("seed", range(8))
def test_steps_are_the_staff_table_at_every_quarter_hour(seed: int):
    """Capacity on the local clock, over changes of clocks, closed sites and windows."""
    business = random_business(seed)
    settings, staff = business.settings, business["staff"]
    calendar = Calendar(settings.time_zone, settings.start_date, settings.horizon_days)
    workers, site_of = business.by_day("staff", "workers"), business.codes("staff", "site")
    closed = closed_days(business)
    for (stage, site), steps in capacity(business).items():
        assert steps[0][0] == 0
        assert all(a[0] < b[0] and a[1] != b[1] for a, b in pairwise(steps))
        at = np.arange(0, calendar.day_start_s[-1], 900)
        told = np.array([people for _, people in steps])[np.searchsorted([s for s, _ in steps], at, side="right") - 1]
        expected = np.zeros(at.size, dtype=np.int64)
        day = calendar.day_of(at)
        for row in range(len(staff)):
            if staff.texts("stage")[row] != stage or site_of[row] != site:
                continue
            start, end = (
                np.array([calendar.instant_s(d, int(staff.integers(name)[row])) for d in range(calendar.n_days)])
                for name in ("start", "end")
            )
            on = (start[day] <= at) & (at < end[day]) & (staff.integers("days")[row] >> calendar.weekday[day] & 1 == 1)
            if site >= 0:
                on &= ~closed[site, day]
            expected += np.where(on, workers[day, row], 0).astype(np.int64)
        np.testing.assert_array_equal(told, expected)


@pytest.mark.parametrize("seed", range(4))
def test_staffed_seconds_are_the_area_under_the_steps(seed: int):
    """Worker-seconds of each station, added up step by step."""
    business = random_business(seed)
    settings = business.settings
    calendar = Calendar(settings.time_zone, settings.start_date, settings.horizon_days)
    first, change_s, people = station_capacity(business, calendar, closed_days(business))
    horizon_s = int(calendar.day_start_s[-1])
    told = staffed_seconds(first, change_s, people, horizon_s)
    for i, steps in enumerate(capacity(business).values()):
        ends = [at for at, _ in steps[1:]] + [horizon_s]
        assert told[i] == sum(number * (end - at) for (at, number), end in zip(steps, ends, strict=True))
