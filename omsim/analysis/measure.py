"""The one door to measuring a run: its KPI table, and its time series, from one pass over the orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.analysis.customer_kpis import measure_customers
from omsim.analysis.kpis import Rows
from omsim.analysis.order_kpis import measure_orders
from omsim.analysis.outcomes import derive_outcomes
from omsim.analysis.parcel_kpis import measure_parcels
from omsim.analysis.series import run_series
from omsim.analysis.sourcing_kpis import measure_sourcing
from omsim.analysis.supply_kpis import measure_supply

if TYPE_CHECKING:
    from omsim.analysis.kpis import KpiTable
    from omsim.analysis.outcomes import Outcomes
    from omsim.analysis.series import RunSeries
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords


def compute_kpis(records: RunRecords, business: Business, outcomes: Outcomes | None = None) -> KpiTable:
    """Every KPI of the registry for one replication; `outcomes` saves deriving them again."""
    outcomes = derive_outcomes(records, business) if outcomes is None else outcomes
    rows = Rows()
    measure_orders(rows, records, business, outcomes)
    measure_supply(rows, records, business, outcomes)
    measure_parcels(rows, records, business)
    measure_sourcing(rows, records, business, outcomes)
    measure_customers(rows, records, business, outcomes)
    return rows.table()


def measure(records: RunRecords, business: Business) -> tuple[KpiTable, RunSeries]:
    """What an experiment keeps of one replication."""
    outcomes = derive_outcomes(records, business)
    return compute_kpis(records, business, outcomes), run_series(records, business, outcomes)
