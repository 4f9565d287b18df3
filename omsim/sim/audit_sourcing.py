"""Identities of sourcing in batches: substitutes, fences, whole orders and daily limits, from the records alone.

Owns what `audit` checks of a model that has such rules; a model without them has nothing to check here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.model.sourcing_checks import NO_LIMIT
from omsim.sim.cycles import run_calendar
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

    Int = NDArray[np.integer]


def sourcing_identities(records: RunRecords, business: Business) -> Iterator[tuple[str, Int | int, Int | int]]:
    """Name, left and right side of each."""
    ships, orders, changed = records.shipments, records.orders, records.substitutions
    if changed.line.size:
        substitute = business.codes("skus", "substitute")
        yield (
            "substituted lines are of the substitute of what was asked",
            records.lines.sku[changed.line],
            substitute[changed.asked_sku],
        )
    if len(business["channel_sites"]):
        allowed = np.zeros((len(business["channels"]), len(business["sites"])), dtype=np.bool_)
        allowed[business.codes("channel_sites", "channel"), business.codes("channel_sites", "site")] = True
        allowed[~allowed.any(axis=1)] = True
        fenced = ~allowed[orders.channel[ships.order], ships.site]
        yield "shipments come from sites their channel may draw on", fenced.sum(), 0
    complete = np.array(business["channels"].flags("ship_complete"))
    if complete.any():
        reserved = np.where(records.lines.shipment >= 0, records.lines.units, 0).astype(np.int64)
        reserved[records.short_lines.line] = records.short_lines.reserved_units
        first = orders.first_line[:-1]
        served = np.add.reduceat(reserved, first) if first.size else first
        asked = np.add.reduceat(records.lines.units.astype(np.int64), first) if first.size else first
        torn = (served > 0) & (served < asked) & complete[orders.channel]
        yield "orders that ship complete are reserved whole or not at all", torn.sum(), 0
    most = business.by_day("sites", "daily_shipments")
    if most.min(initial=NO_LIMIT) < NO_LIMIT and not business.settings.hold_minutes:
        released = ships.released_s != NEVER
        day = np.searchsorted(run_calendar(business).day_start_s, ships.released_s[released], side="right") - 1
        made = np.zeros(most.shape, dtype=np.int64)
        np.add.at(made, (day, ships.site[released]), 1)
        yield "no site is sourced for more shipments a day than it takes", (made > most).sum(), 0
