"""Re-check who serves what from the data alone, in exact integers: no kernel's code is used.

Owns feasibility and the objective of a `Choice`. It is plain NumPy over whole columns and knows nothing of how the
choice was found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import NO_SITE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.kernels.allocation.batch import Batch, Choice, Classes, Lanes, Stock

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingCheck:
    """What `check_sourcing` found.

    Attributes
    ----------
    broken : str
        The first rule that is broken, with the line, order, site or cell; empty when the choice is legal.
    cost_cents : int
        Shipments, units and what is not served together; 0 where a rule is broken, as are all that follow.
    shipment_cents, serving_cents, unserved_cents : int
        Its three parts.
    served_units, unserved_units : int
    shipments : int
        Pairs of an order and a site it uses.
    split_orders : int
        Orders that use more than one site.
    full_orders : int
        Orders served to the last unit.
    """

    broken: str
    cost_cents: int = 0
    shipment_cents: int = 0
    serving_cents: int = 0
    unserved_cents: int = 0
    served_units: int = 0
    unserved_units: int = 0
    shipments: int = 0
    split_orders: int = 0
    full_orders: int = 0


def check_sourcing(
    batch: Batch, classes: Classes, lanes: Lanes, stock_before: Stock, choice: Choice, unserved_cents: int
) -> SourcingCheck:
    """Recompute what a choice breaks and what it costs.

    Parameters
    ----------
    batch, classes, lanes
        As the rule was given them.
    stock_before : Stock
        As it was before anything was taken. Not modified.
    choice : Choice
    unserved_cents : int
        For each unit in no piece.

    Returns
    -------
    SourcingCheck

    Raises
    ------
    FieldError
        The choice's columns are not whole numbers of one length.

    Notes
    -----
    What a class must leave for others (`kept_units`) is checked free of any sequence: a choice is legal when the pieces
    of each cell *can* be taken in some order so that every piece leaves what its class must leave. That is so exactly
    when for every class, what it takes together with the classes that must leave as much or more fits into the units
    above its own limit (those who must leave most go first). Hence whatever a rule takes in turn is legal, and so is
    a batch that nobody served in turn.
    """
    _check_columns(choice)
    n_lines, n_orders = batch.sku.size, batch.lane.size
    order_of_line = np.repeat(np.arange(n_orders), np.diff(batch.first_line))
    broken = _broken_pieces(batch, classes, lanes, stock_before, choice, order_of_line)
    if broken:
        return SourcingCheck(broken=broken)
    order = order_of_line[choice.line]
    served = np.zeros(n_lines, dtype=np.int64)
    np.add.at(served, choice.line, choice.units)
    n_sites = stock_before.room.size
    used = np.unique(order * n_sites + choice.site)  # an order and a site it uses
    used_order, used_site = used // n_sites, used % n_sites
    broken = (
        _broken_lines(batch, classes, order_of_line, served)
        or _broken_orders(classes.split_limit[batch.order_class], used_order)
        or _broken_room(stock_before.room, used_site)
        or _broken_cells(batch, classes, stock_before, choice, order)
    )
    if broken:
        return SourcingCheck(broken=broken)
    lane = batch.lane[order]
    weight_g = stock_before.weight_g[batch.sku[choice.line]]
    unit_cents = lanes.unit_cents[lane, choice.site] + lanes.kg_cents[lane, choice.site] * weight_g // 1000
    shipment = int(lanes.shipment_cents[batch.lane[used_order], used_site].sum())
    serving = int((unit_cents * choice.units).sum())
    left = batch.units - served
    unserved = int(left.sum()) * int(unserved_cents)
    left_of_order = np.zeros(n_orders, dtype=np.int64)
    np.add.at(left_of_order, order_of_line, left)
    return SourcingCheck(
        broken="",
        cost_cents=shipment + serving + unserved,
        shipment_cents=shipment,
        serving_cents=serving,
        unserved_cents=unserved,
        served_units=int(served.sum()),
        unserved_units=int(left.sum()),
        shipments=used.size,
        split_orders=int((np.bincount(used_order, minlength=n_orders) > 1).sum()),
        full_orders=int((left_of_order == 0).sum()),
    )


def _check_columns(choice: Choice) -> None:
    length = np.asarray(choice.line).size
    for name, given in zip(choice._fields, choice, strict=True):
        column = np.asarray(given)
        if column.shape != (length,) or (length and column.dtype.kind not in "iu"):
            raise FieldError(f"choice.{name}", f"{length} whole numbers", f"{column.dtype}, shape {column.shape}")


def _broken_pieces(
    batch: Batch, classes: Classes, lanes: Lanes, stock: Stock, choice: Choice, order_of_line: Ints
) -> str:
    """What is wrong with a piece by itself, or with its place among the pieces."""
    n_sites = stock.room.size
    outside = (choice.line < 0) | (choice.line >= batch.sku.size)
    if outside.any():
        return f"piece {_first(outside)} is of line {choice.line[_first(outside)]}, which does not exist"
    outside = (choice.site < 0) | (choice.site >= n_sites)
    if outside.any():
        return f"line {choice.line[_first(outside)]} names site {choice.site[_first(outside)]}, which does not exist"
    empty = choice.units < 1
    if empty.any():
        return f"line {choice.line[_first(empty)]} has a piece of {choice.units[_first(empty)]} units"
    unsorted = np.diff(choice.line) < 0
    if unsorted.any():
        return f"line {choice.line[1:][_first(unsorted)]} comes behind a later line"
    pair, count = np.unique(choice.line * n_sites + choice.site, return_counts=True)
    if (count > 1).any():
        twice = int(pair[_first(count > 1)])
        return f"line {twice // n_sites} names site {twice % n_sites} twice"
    order = order_of_line[choice.line]
    lane, order_class = batch.lane[order], batch.order_class[order]
    ranked = np.zeros(lanes.shipment_cents.shape, dtype=np.bool_)
    row, rank = np.nonzero(lanes.ranking != NO_SITE)
    ranked[row, lanes.ranking[row, rank]] = True
    for wrong, why in (
        (~ranked[lane, choice.site], "which does not serve its lane"),
        (~classes.allowed[order_class, choice.site], "which its class may not draw on"),
        (stock.cell_of[choice.site, batch.sku[choice.line]] < 0, "which does not carry its SKU"),
        (stock.room[choice.site] < 1, "which has no room"),
    ):
        if wrong.any():
            at = _first(wrong)
            return f"line {choice.line[at]} is served from site {choice.site[at]}, {why}"
    return ""


def _broken_lines(batch: Batch, classes: Classes, order_of_line: Ints, served: Ints) -> str:
    """A line over-served, in part where it must be whole, or from an order that goes whole or not at all."""
    over = served > batch.units
    if over.any():
        return f"line {_first(over)} is served {served[_first(over)]} units, asks for {batch.units[_first(over)]}"
    order_class = batch.order_class
    part = (served > 0) & (served < batch.units) & ~classes.partial[order_class][order_of_line]
    if part.any():
        at = _first(part)
        return f"line {at} is served {served[at]} of {batch.units[at]} units, but goes whole or not at all"
    anything, missing = (np.zeros(batch.lane.size, dtype=np.bool_) for _ in range(2))
    anything[order_of_line[served > 0]] = True
    missing[order_of_line[served < batch.units]] = True
    torn = anything & missing & classes.complete[order_class]
    if torn.any():
        return f"order {_first(torn)} is served in part, but goes whole or not at all"
    return ""


def _broken_orders(split_limit: Ints, used_order: Ints) -> str:
    n_used = np.bincount(used_order, minlength=split_limit.size)
    over = n_used > split_limit
    if over.any():
        return f"order {_first(over)} uses {n_used[_first(over)]} sites, at most {split_limit[_first(over)]}"
    return ""


def _broken_room(room: Ints, used_site: Ints) -> str:
    n_used = np.bincount(used_site, minlength=room.size)
    over = n_used > room
    if over.any():
        return f"site {_first(over)} sends {n_used[_first(over)]} shipments, has room for {room[_first(over)]}"
    return ""


def _broken_cells(batch: Batch, classes: Classes, stock: Stock, choice: Choice, order: Ints) -> str:
    """A cell oversold, or taken below what a class must leave, whatever the sequence; also whole lines in two parts."""
    order_class = batch.order_class[order]
    on_line = np.bincount(choice.line, minlength=batch.sku.size)[choice.line]
    torn = (on_line > 1) & ~classes.partial[order_class]
    if torn.any():
        return f"line {choice.line[_first(torn)]} comes from {on_line[_first(torn)]} sites, but goes whole"
    cells, at_cell = np.unique(stock.cell_of[choice.site, batch.sku[choice.line]], return_inverse=True)
    n_classes = classes.split_limit.size
    taken = np.zeros((n_classes, cells.size), dtype=np.int64)
    np.add.at(taken, (order_class, at_cell), choice.units)
    free = stock.free_units[cells]
    total = taken.sum(axis=0)
    if (total > free).any():
        at = _first(total > free)
        return f"cell {cells[at]} gives {total[at]} units, has {free[at]}"
    if classes.kept_units.shape[1] == 0:
        return ""
    kept = classes.kept_units[:, cells]
    for row in range(n_classes):
        first_in_turn = np.where(kept >= kept[row], taken, 0).sum(axis=0)
        over = first_in_turn > np.maximum(free - kept[row], 0)
        if over.any():
            at = _first(over)
            return (
                f"cell {cells[at]} gives {first_in_turn[at]} units to class {row} and those that must leave as much, "
                f"has {free[at]} and {kept[row, at]} to be left"
            )
    return ""


def _first(mask: Flags) -> int:
    return int(mask.argmax())
