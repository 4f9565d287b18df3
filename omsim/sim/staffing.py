"""Who is at work when: staff rows, windows and closed sites as capacity that changes at known seconds.

Owns the calendars of the stations; what people do is the engines' work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.model.calendars import Calendar

CENTRAL = ("validate", "contact")
LOCAL = ("pick", "pack", "inspect")


def station_number(stage: str, site: int, n_sites: int) -> int:
    """Number of a station: 0 validate, 1 contact, then pick, pack and inspect of every site."""
    if stage in CENTRAL:
        return CENTRAL.index(stage)
    return len(CENTRAL) + LOCAL.index(stage) * n_sites + site


def station_names(n_sites: int) -> list[tuple[str, int]]:
    """(stage, site) of every station, in order of number; central stages have site -1."""
    return [(stage, -1) for stage in CENTRAL] + [(stage, site) for stage in LOCAL for site in range(n_sites)]


def closed_days(business: Business) -> NDArray[np.bool_]:
    """Days on which a site_closed event holds; bool, shape (n_sites, n_days)."""
    names = business["sites"].texts("site")
    start, n_days = business.settings.start_date.toordinal(), business.settings.horizon_days
    closed = np.zeros((len(names), n_days), dtype=np.bool_)
    events = business["events"]
    for row, kind in enumerate(events.texts("kind")):
        if kind == "site_closed":
            first = max(int(events.integers("start")[row]) - start, 0)
            last = max(int(events.integers("end")[row]) - start + 1, 0)
            target = events.texts("target")[row]
            closed[[i for i, name in enumerate(names) if target in ("", name)], first:last] = True
    return closed


def station_capacity(
    business: Business, calendar: Calendar, closed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Capacity of every station as steps.

    Returns
    -------
    first : int64, shape (n_stations + 1,)
        Where each station's steps begin.
    change_s, people : int64, shape (n_steps,)
        From change_s[k] on there are people[k] at work; each station's first step is at second 0, its last at or
        before the horizon.
    """
    staff = business["staff"]
    n_sites, n_days = len(business["sites"]), business.settings.horizon_days
    horizon_s = int(calendar.day_start_s[n_days])
    workers = business.by_day("staff", "workers")
    site_of = business.codes("staff", "site")
    days = np.arange(n_days, dtype=np.int64)
    changes: list[list[tuple[NDArray[np.int64], NDArray[np.int64]]]] = [[] for _ in station_names(n_sites)]
    for row, stage in enumerate(staff.texts("stage")):
        site = int(site_of[row])
        works = (staff.integers("days")[row] >> calendar.weekday[:n_days] & 1).astype(np.bool_)
        if site >= 0:
            works &= ~closed[site]
        some = days[works]
        start = calendar.instants_s(some, int(staff.integers("start")[row]) * 60)
        end = calendar.instants_s(some, int(staff.integers("end")[row]) * 60)
        people = workers[some, row].astype(np.int64)
        station = changes[station_number(stage, site, n_sites)]
        station.append((start, people))
        station.append((end, -people))
    first, change_s, capacity = [0], [], []
    for station in changes:
        at = np.concatenate([np.zeros(1, dtype=np.int64)] + [instants for instants, _ in station])
        step = np.concatenate([np.zeros(1, dtype=np.int64)] + [people for _, people in station])
        instants, where = np.unique(np.minimum(at, horizon_s), return_inverse=True)
        level = np.cumsum(np.bincount(where, weights=step, minlength=instants.size).astype(np.int64))
        moves = np.concatenate([[True], np.diff(level) != 0])
        change_s.append(instants[moves])
        capacity.append(level[moves])
        first.append(first[-1] + int(moves.sum()))
    return np.array(first, dtype=np.int64), np.concatenate(change_s), np.concatenate(capacity)


def staffed_seconds(
    first: NDArray[np.int64], change_s: NDArray[np.int64], people: NDArray[np.int64], horizon_s: int
) -> NDArray[np.int64]:
    """Worker-seconds on duty of each station over the run; int64, shape (n_stations,)."""
    ends = np.append(change_s[1:], horizon_s)
    ends[first[1:] - 1] = horizon_s
    worked = np.concatenate([[0], np.cumsum(people * np.maximum(ends - change_s, 0))])
    total: NDArray[np.int64] = worked[first[1:]] - worked[first[:-1]]
    return total
