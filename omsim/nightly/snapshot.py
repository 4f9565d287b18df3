"""What a night knows: today's stock, what is on its way, what was asked for, and what the last night decided.

Owns the shapes only. Reading them from files or a database is `inputs`' work, whether they may be trusted `gates`'.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    import numpy as np
    from numpy.typing import NDArray

    from omsim.model.business import Business

    Units = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Today's state of a business, by row of its `stock` table (a cell: one SKU at one site).

    Attributes
    ----------
    business : Business
        The model, its `stock` opened at what is on hand and its `purchase_orders` those still open, starting the
        morning after `as_of`.
    as_of : date
        The evening the night plans from.
    on_hand_units, on_order_units, backordered_units : int64, shape (n_cells,)
        Of the evening; on order includes the proposals of earlier nights the purchasing system has not taken over.
    history_units : int64, shape (n_cells, n_days)
        Units asked for, a day a column, the last being `as_of`.
    sold_out : bool, shape (n_cells, n_days)
        Days on which `history_units` is only a lower bound.
    first_day : date
        Of the history.
    counted_on, history_to : date
        Newest day the stock and the history speak of: how old the inputs are.
    source : str
        Where all this was read, in words.
    digest : str
        Hash of every input.
    notes : tuple of str
        What was noticed while reading, for the summary.
    confirmed : tuple of str
        Proposals of earlier nights that the open purchase orders refer to: the purchasing system has taken them over.
    """

    business: Business
    as_of: date
    on_hand_units: Units
    on_order_units: Units
    backordered_units: Units
    history_units: Units
    sold_out: NDArray[np.bool_]
    first_day: date
    counted_on: date
    history_to: date
    source: str
    digest: str
    notes: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LastNight:
    """What the newest finished night before this one left behind.

    Attributes
    ----------
    as_of : date or None
        None: there was none.
    levels : mapping of (site, sku) to (reorder point, order-up-to level)
        Policies in force.
    units : mapping of (site, sku) to int
        Units it proposed.
    value_cents : int
        Of all it proposed.
    unconfirmed : mapping of proposal to (site, sku, units, due date)
        Proposals of earlier nights that may not have reached the purchasing system yet.
    n_cells : int
        Cells it planned.
    lapsed : mapping of proposal to (site, sku, units, due date)
        Proposals so old and still unconfirmed that they no longer count as on order; each is told once.
    """

    as_of: date | None = None
    levels: Mapping[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    units: Mapping[tuple[str, str], int] = field(default_factory=dict)
    value_cents: int = 0
    unconfirmed: Mapping[str, tuple[str, str, int, date]] = field(default_factory=dict)
    n_cells: int = 0
    lapsed: Mapping[str, tuple[str, str, int, date]] = field(default_factory=dict)
