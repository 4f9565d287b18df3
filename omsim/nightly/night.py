"""What one night decides: the tables that are stored, exported and read by the buyer.

Owns their names, columns and units, the one place the database schema, the exports and the summary take them from.
Computing them is `planning`'s work, keeping them `store`'s, showing them `summary`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from omsim.errors import FieldError

if TYPE_CHECKING:
    from datetime import date

Kind: TypeAlias = Literal["text", "integer", "real", "date"]
Columns: TypeAlias = Mapping[str, Sequence[Any]]

NIGHT_TABLES: dict[str, dict[str, Kind]] = {
    # One row a purchase order: a supplier, delivering to a site.
    "purchase_orders": {
        "purchase_order": "text",
        "supplier": "text",
        "site": "text",
        "lines": "integer",
        "units": "integer",
        "value_cents": "integer",
        "weight_g": "integer",
        "volume_mm3": "integer",
        "trucks": "integer",
        "order_cost_cents": "integer",
        "freight_cents": "integer",
        "truck_cost_cents": "integer",
        "due_date": "date",
        "reason": "text",
    },
    # One row a line of a purchase order.
    "proposals": {
        "proposal": "text",
        "purchase_order": "text",
        "supplier": "text",
        "site": "text",
        "sku": "text",
        "units": "integer",
        "unit_cost_cents": "integer",
        "value_cents": "integer",
        "on_hand_units": "integer",
        "on_order_units": "integer",
        "backordered_units": "integer",
        "reorder_point_units": "integer",
        "order_up_to_units": "integer",
        "due_date": "date",
        "saves_cents": "integer",
        "next_pack_saves_cents": "integer",
        "reason": "text",
    },
    # One row a SKU at a site that has a supplier: where it stands, and the policy in force from tonight on.
    "policies": {
        "site": "text",
        "sku": "text",
        "supplier": "text",
        "on_hand_units": "integer",
        "on_order_units": "integer",
        "backordered_units": "integer",
        "reorder_point_units": "integer",
        "order_up_to_units": "integer",
        "previous_reorder_point_units": "integer",
        "previous_order_up_to_units": "integer",
        "change": "text",  # kept, new, raised, lowered, refused
        "gain_cents": "integer",  # played forward: cost of yesterday's policy less the new one's, all days played
        "gain_low_cents": "integer",
        "gain_high_cents": "integer",
        "reason": "text",
    },
    "forecasts": {
        "site": "text",
        "sku": "text",
        "demand_class": "text",
        "method": "text",
        "mean_units_per_day": "real",
        "protection_days": "real",
        "protection_mean_units": "real",
        "protection_p10_units": "integer",
        "protection_p50_units": "integer",
        "protection_p90_units": "integer",
    },
    # What a line would have got but for a rule, and what doing without it costs.
    "refusals": {
        "site": "text",
        "sku": "text",
        "supplier": "text",
        "wanted_units": "integer",
        "given_units": "integer",
        "rule": "text",
        "cost_cents": "integer",
        "reason": "text",
    },
    # What a person has to decide, most important first.
    "decisions": {
        "subject": "text",
        "amount_cents": "integer",
        "text": "text",
    },
}
"""Columns of each table in order; text is never NULL, dates are `datetime.date`, money whole cents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKey:
    """What makes a night the same night: at most one finished run has it.

    Attributes
    ----------
    as_of : date
        Business date planned for, in the model's time zone; an argument, never the clock's.
    model : str
        Name of the business model.
    scope : str
        Suppliers or sites planned; "all" unless narrowed.
    """

    as_of: date
    model: str
    scope: str = "all"

    def __str__(self) -> str:
        return f"{self.as_of.isoformat()}/{self.model}/{self.scope}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """Everything a night decided; columns as in `NIGHT_TABLES`.

    Attributes
    ----------
    tables : mapping of table to columns
        Every table of `NIGHT_TABLES`, columns of equal length.
    facts : mapping
        What the summary tells beside the tables, plain JSON values: objective, bound and gap of the plan, shadow
        prices, totals, how policies played forward, gates, forecast scores, versions.
    status : str
        ``ok``; ``degraded`` when a named fallback stood in for a solver.
    """

    tables: Mapping[str, Columns]
    facts: Mapping[str, Any] = field(default_factory=dict)
    status: Literal["ok", "degraded"] = "ok"

    def __post_init__(self) -> None:
        for name, columns in NIGHT_TABLES.items():
            given = self.tables.get(name)
            if given is None or set(given) != set(columns):
                raise FieldError(f"tables.{name}", f"the columns {', '.join(columns)}", sorted(given or ()))
            if len({len(values) for values in given.values()}) > 1:
                raise FieldError(f"tables.{name}", "columns of one length", {c: len(v) for c, v in given.items()})

    def length(self, table: str) -> int:
        """Rows of a table."""
        return len(next(iter(self.tables[table].values())))
