"""When allocation cycles run: instants at which orders are allocated and inspected returns go back on the shelf.

Owns the cycles and the outages that stop them; what a cycle does is the engines' business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.model.calendars import Calendar
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from omsim.model.business import Business


def run_calendar(business: Business) -> Calendar:
    """The calendar of a run, up to its horizon and not beyond."""
    settings = business.settings
    return Calendar(settings.time_zone, settings.start_date, settings.horizon_days)


def outage_days(business: Business) -> NDArray[np.bool_]:
    """Days without allocation, and the day after the horizon (False); bool, shape (n_days + 1,)."""
    start, n_days = business.settings.start_date.toordinal(), business.settings.horizon_days
    out = np.zeros(n_days + 1, dtype=np.bool_)
    events = business["events"]
    for row, kind in enumerate(events.texts("kind")):
        if kind == "system_outage":
            out[max(events.integers("start")[row] - start, 0) : max(events.integers("end")[row] - start + 1, 0)] = True
    out[n_days] = False
    return out


def allocation_cycles(business: Business, calendar: Calendar) -> NDArray[np.int64]:
    """Instants of the allowed allocation cycles, before the horizon; int64, shape (n_cycles,), increasing.

    Parameters
    ----------
    business : Business
    calendar : Calendar
        The business's own, over its horizon at least.
    """
    horizon_s = int(calendar.day_start_s[business.settings.horizon_days])
    step_s = business.settings.allocation_cycle_minutes * 60
    cycles = np.arange(step_s, horizon_s, step_s, dtype=np.int64)
    return cycles[~outage_days(business)[calendar.day_of(cycles)]]


def restocking_instants(inspected_s: NDArray[np.integer], cycle_s: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cycle at which units inspected at each instant are back on hand (NEVER = none, or not inspected); int64, (n,)."""
    cycle = np.searchsorted(cycle_s, inspected_s)
    instants = np.full(cycle.shape, NEVER, dtype=np.int64)
    within = (cycle < cycle_s.size) & (inspected_s != NEVER)
    instants[within] = cycle_s[cycle[within]]
    return instants
