"""KPIs in finer parts than a report's chapters: cartons one by one, and every period of every contract as settled.

Owns rows grouped ``carton=`` and ``period=``; the sums they are parts of are `supply_kpis`', their meaning is in
`registry`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from omsim.analysis.kpis import Rows
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords


def measure_parcels(rows: Rows, records: RunRecords, business: Business) -> None:
    """Add the KPIs by carton and by contract period to `rows`."""
    _measure_each_carton(rows, records, business)
    _measure_periods(rows, records, business)


def _measure_each_carton(rows: Rows, records: RunRecords, business: Business) -> None:
    """How many shipments each carton takes as their biggest one, and how full these are."""
    ships, names = records.shipments, business["cartons"].texts("carton")
    sent = np.flatnonzero(ships.tendered_s >= records.warm_up_s) if ships.carton.size else np.zeros(0, dtype=np.intp)
    carton = ships.carton[sent]
    rows.ratio("carton_share", "", int((carton >= 0).sum()), sent.size)
    for code, name in enumerate(names):
        mine = sent[carton == code]
        rows.ratio("carton_share", f"carton={name}", mine.size, sent.size)
        filled, inside = (int(column[mine].sum(dtype=np.int64)) for column in (ships.filled_mm3, ships.carton_mm3))
        rows.ratio("carton_fill", f"carton={name}", filled, inside)


def _measure_periods(rows: Rows, records: RunRecords, business: Business) -> None:
    """The bill of each contract period: whole, whatever of it is warm-up."""
    settled, start = records.contracts, business.settings.start_date
    names = business["contracts"].texts("contract")
    every = np.arange(settled.contract.size)
    groups = [("", every)]
    for row in every.tolist():
        first, last = (
            (start + timedelta(days=int(day[row]))).isoformat() for day in (settled.first_day, settled.last_day)
        )
        groups.append((f"period={names[int(settled.contract[row])]}: {first} to {last}", every[row : row + 1]))
    for group, some in groups:
        freight, rebate = int(settled.freight_cents[some].sum()), int(settled.rebate_cents[some].sum())
        totals = {
            "period_parcels": int(settled.parcels[some].sum()),
            "period_minimum": int(settled.minimum_parcels[some].sum()),
            "period_freight": freight,
            "period_rebate": rebate,
            "period_shortfall": int(settled.shortfall_cents[some].sum()),
        }
        for kpi, total in totals.items():
            rows.ratio(kpi, group, total, 1 if some.size else 0)
        rows.ratio("period_tiers", group, int(settled.tier[some].sum()), some.size)
        rows.ratio("period_discount", group, rebate, freight)
