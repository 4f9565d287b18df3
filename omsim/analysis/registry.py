"""The KPI registry: every measure with its formula, unit, base, null rule and direction.

Owns the definitions, which are data (`kpi_registry.csv` beside this module): README and report tables are made from
them. Formulas are measured in `order_kpis`, `supply_kpis`, `parcel_kpis`, `sourcing_kpis` and `customer_kpis`.

References
----------
SCOR ids are those of the Supply Chain Operations Reference model, version 12.0 (2017).
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import cast

from omsim.analysis.kpis import Direction, Kpi

CHAPTERS = {
    "promise": "Promises kept",
    "stock": "Stock",
    "flow": "Flow and people",
    "sourcing": "Sourcing",
    "carriers": "Carriers",
    "customers": "Returns and contacts",
    "costs": "Costs",
}

COST_TEXTS = {
    "pick": "picking",
    "pack": "packing",
    "packaging": "packaging",
    "parcel": "parcels",
    "contract": "carrier contracts",
    "holding": "holding stock",
    "ordering": "purchase orders",
    "return": "returns",
    "contact": "contacts",
    "late_penalty": "late penalty",
    "split_penalty": "split penalty",
    "lost_margin": "lost margin",
    "lost_goods": "lost goods",
}

# What a planner is shown first; measures that do not apply to a model drop out.
HEADLINE = (
    "on_time_delivery",
    "otif",
    "perfect_order",
    "unit_fill",
    "cycle_time",
    "cycle_time_p95",
    "split_rate",
    "cost_per_order",
    "cost_parcel",
    "carton_fill",
    "multi_carton_share",
    "cost_packaging",
    "inventory_value",
    "lost_margin",
    "parcels_unoffered",
    "sourcing_fallbacks",
    "contact_rate",
    "orders_per_day",
)


def _read_registry() -> dict[str, Kpi]:
    text = (files("omsim.analysis") / "kpi_registry.csv").read_text(encoding="utf-8")
    kpis = (
        Kpi(
            id=row["id"],
            name=row["name"],
            numerator=row["numerator"],
            denominator=row["denominator"],
            unit=row["unit"],
            time_basis=row["time_basis"],
            null_rule=row["null_rule"],
            direction=cast("Direction", row["direction"]),
            scor=row["scor"],
            group=row["chapter"],
        )
        for row in csv.DictReader(text.splitlines())
    )
    return {kpi.id: kpi for kpi in kpis}


REGISTRY: dict[str, Kpi] = _read_registry()
