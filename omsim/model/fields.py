"""The field table: every file, field, type, unit, range, default and meaning of a business model, once.

The single source for the reader, the writer, the README tables, the JSON Schema and the tests. It owns what a legal
value is; reading and reporting are `files`' work, what holds between tables is `checks`'.
"""

from __future__ import annotations

from omsim.model.field_types import CENTS, MANY, Field, Kind, TableSpec
from omsim.model.order_tables import ORDER_TABLES, STAGES, TASK_TIMES
from omsim.model.parcel_tables import CONTRACT_PERIODS, PARCEL_TABLES, TIER_KINDS
from omsim.model.purchase_tables import LEAD_TIMES, POLICIES, PURCHASE_TABLES
from omsim.model.settings_fields import SETTINGS
from omsim.model.sourcing_tables import SOURCING_RULES, SOURCING_TABLES
from omsim.model.supply_tables import (
    CARRIER_TABLES,
    CONTACT_REASONS,
    DISPOSITIONS,
    EVENT_KINDS,
    OUTCOME_TABLES,
)

__all__ = [
    "CENTS",
    "CONTACT_REASONS",
    "CONTRACT_PERIODS",
    "DISPOSITIONS",
    "EVENT_KINDS",
    "LEAD_TIMES",
    "MANY",
    "POLICIES",
    "SETTINGS",
    "SOURCING_RULES",
    "STAGES",
    "TABLES",
    "TASK_TIMES",
    "TIER_KINDS",
    "Field",
    "Kind",
    "TableSpec",
    "table",
]

TABLES: tuple[TableSpec, ...] = (
    ORDER_TABLES + SOURCING_TABLES + CARRIER_TABLES + PARCEL_TABLES + PURCHASE_TABLES + OUTCOME_TABLES
)
_BY_NAME = {spec.name: spec for spec in TABLES}


def table(name: str) -> TableSpec:
    """The specification of the table called `name`; KeyError if there is none."""
    return _BY_NAME[name]
