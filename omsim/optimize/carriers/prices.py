"""The table of what every option of every parcel costs, checked before anything is built on it.

Owns the refusals of `omsim.optimize.carriers`: shapes, whole numbers, sizes that could overflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.tender import NOT_OFFERED, option_table
from omsim.optimize.carriers.shapes import MOST_CENTS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]

MOST_PARCELS = 4_000_000


def priced_options(
    cost_cents: ArrayLike, offered: ArrayLike, slots: ArrayLike, hold_cents: ArrayLike
) -> tuple[Cents, Units]:
    """Prices of all options, the last to wait, shape (n_parcels, n_services + 1), and the slots; checked."""
    cost, mask, room, hold = (np.asarray(given) for given in (cost_cents, offered, slots, hold_cents))
    if cost.ndim != 2:
        raise FieldError("cost_cents", "a table of shape (parcels, services)", f"shape {cost.shape}")
    n_parcels, n_services = cost.shape
    for field, given, shape in (
        ("offered", mask, (n_parcels, n_services)),
        ("slots", room, (n_services,)),
        ("hold_cents", hold, (n_parcels,)),
    ):
        if given.shape != shape:
            raise FieldError(field, f"of shape {shape}", f"shape {given.shape}")
    for field, given in (("cost_cents", cost), ("slots", room), ("hold_cents", hold)):
        if given.size and given.dtype.kind not in "iu":
            raise FieldError(field, "whole numbers", f"{given.dtype}, {given.flat[0]!r} first")
    if mask.size and mask.dtype != np.bool_:
        raise FieldError("offered", "true or false", mask.dtype.name)
    if room.size and (room.min() < 0 or room.max() > MOST_CENTS):
        raise FieldError("slots", f"from 0 to {MOST_CENTS}", int(room.min() if room.min() < 0 else room.max()))
    if n_parcels > MOST_PARCELS:
        raise FieldError("n_parcels", f"at most {MOST_PARCELS:,} at one tender", n_parcels)  # so no sum can overflow
    prices, lowest, highest = option_table(
        cost.astype(np.int64, copy=False), mask.astype(np.bool_, copy=False), hold.astype(np.int64, copy=False)
    )
    if highest > MOST_CENTS or lowest < -MOST_CENTS:
        worst = highest if highest > MOST_CENTS else lowest
        raise FieldError("cost_cents", f"within {MOST_CENTS} cents of 0", int(worst))
    return prices, room.astype(np.int64)


def n_nowhere(prices: Cents) -> int:
    """Parcels no service may carry, whatever the room."""
    return int((prices[:, :-1].min(axis=1, initial=NOT_OFFERED) == NOT_OFFERED).sum())


def billed_prices(billed_cents: ArrayLike | None, prices: Cents) -> Cents:
    """What carriers bill for each parcel, before discounts; 0 where an option is closed.

    Parameters
    ----------
    billed_cents : int64, shape (n_parcels, n_services), optional
        Not below 0 where offered; the prices themselves unless given.
    prices : int64, shape (n_parcels, n_services + 1)
        As `priced_options` makes them.
    """
    table = prices[:, :-1]
    open_here = table != NOT_OFFERED
    if billed_cents is None:
        return np.where(open_here, np.maximum(table, 0), 0)
    billed = np.asarray(billed_cents)
    if billed.shape != table.shape or (billed.size and billed.dtype.kind not in "iu"):
        rule = f"whole numbers, shape {table.shape}"
        raise FieldError("billed_cents", rule, f"{billed.dtype}, shape {billed.shape}")
    kept: Cents = np.where(open_here, billed, 0).astype(np.int64)
    if kept.size and (kept.min() < 0 or kept.max() > MOST_CENTS):
        worst = kept.min() if kept.min() < 0 else kept.max()
        raise FieldError("billed_cents", f"from 0 to {MOST_CENTS}", int(worst))
    return kept


def weights_and_caps(
    weight_g: ArrayLike | None, capacity_g: ArrayLike | None, n_parcels: int, n_services: int
) -> tuple[Units | None, Units | None]:
    """Weights of parcels and caps on the weight of pickups, checked; none where neither is given.

    Returns
    -------
    weight_g : int64, shape (n_parcels,) or (n_parcels, n_services), or None
        As given: what all services count for a parcel, or each of them.
    capacity_g : int64, shape (n_services,), or None
    """
    if weight_g is None and capacity_g is None:
        return None, None
    columns = []
    for field, given, shapes in (
        ("weight_g", weight_g, ((n_parcels,), (n_parcels, n_services))),
        ("capacity_g", capacity_g, ((n_services,),)),
    ):
        column = np.asarray(given) if given is not None else None
        if column is None or column.shape not in shapes or (column.size and column.dtype.kind not in "iu"):
            got = "none" if column is None else f"{column.dtype}, shape {column.shape}"
            raise FieldError(field, f"whole numbers, shape {' or '.join(str(shape) for shape in shapes)}", got)
        if column.size and (column.min() < 0 or column.max() > MOST_CENTS):
            worst = column.min() if column.min() < 0 else column.max()
            raise FieldError(field, f"from 0 to {MOST_CENTS}", int(worst))
        columns.append(column.astype(np.int64))
    return columns[0], columns[1]


def carried_g(weight_g: Units, service: Units, n_services: int) -> Units:
    """Grams each service counts for the parcels given to it, int64, shape (n_services,).

    Parameters
    ----------
    weight_g : int64, shape (n_parcels,) or (n_parcels, n_services)
    service : int64, shape (n_parcels,)
        Parcels of any other number, as those that wait, count nowhere.
    """
    sent = np.flatnonzero((service >= 0) & (service < n_services))
    at = service[sent]
    grams = np.zeros(n_services, dtype=np.int64)
    np.add.at(grams, at, weight_g[sent] if weight_g.ndim == 1 else weight_g[sent, at])
    return grams
