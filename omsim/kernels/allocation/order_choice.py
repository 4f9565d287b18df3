"""Orders one after the other, each in the best way for itself: cheapest (or cheapest at prices), or fewest shipments.

Owns the two sequential rules. How one order is decided is told in `omsim.kernels.allocation.subsets`; where prices come
from in `omsim.kernels.allocation.dual_prices`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import Choice
from omsim.kernels.allocation.order_scratch import cells_by_line, new_scratch
from omsim.kernels.allocation.order_subproblem import CHEAPEST_RULE, FEWEST_RULE, solve_orders

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Batch, Classes, Ints, Lanes, Stock


def choose_orders(
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    unserved_cents: int,
    price_cents: Ints,
    *,
    room_price_cents: Ints | None = None,
    most_sites: int = 3,
) -> Choice:
    """Serve orders in turn, each at its least cost given what those before it left.

    Parameters
    ----------
    batch, classes, lanes, stock
        As in `omsim.kernels.allocation.batch`; `stock.free_units` and `stock.room` are taken from.
    unserved_cents : int
        Cents for each unit not served, >= 0. A unit is served where that costs less.
    price_cents : int64, shape (n_cells,)
        Added to the cost of a unit in the decision, >= 0; zeros give the cheapest rule.
    room_price_cents : int64, shape (n_sites,), optional
        Added to the cost of a shipment in the decision, >= 0.
    most_sites : int
        Sets of up to so many sites are searched exactly, >= 1, fewer among very many sites
        (`omsim.kernels.allocation.subsets.searched_sites`). Where an order's split limit allows more and they could
        help, the best set is extended site by site, each time by the one that gains most.

    Returns
    -------
    Choice
        Never more than there is, of units or of room. Among equally cheap sets of sites the smallest, then the first
        in the lane's ranking.

    Raises
    ------
    FieldError
        For prices of the wrong shape and numbers out of range.

    Notes
    -----
    Lines that repeat a SKU in a class without partial lines are packed exactly for about seven lines of the SKU;
    beyond, the best packing of 20,000 steps. An order may ask for up to nine million units and cost up to ten million
    in money.
    """
    return _choose(
        batch, classes, lanes, stock, unserved_cents, price_cents, room_price_cents, most_sites, CHEAPEST_RULE
    )


def fewest_shipments(
    batch: Batch, classes: Classes, lanes: Lanes, stock: Stock, unserved_cents: int, *, most_sites: int = 3
) -> Choice:
    """Serve orders in turn, each with most units from fewest sites, ties by cost.

    Parameters, limits and errors as in `choose_orders`; a unit is served even where leaving it would cost less.
    """
    none = np.zeros(stock.free_units.size, dtype=np.int64)
    return _choose(batch, classes, lanes, stock, unserved_cents, none, None, most_sites, FEWEST_RULE)


def _choose(
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    unserved_cents: int,
    price_cents: Ints,
    room_price_cents: Ints | None,
    most_sites: int,
    rule: int,
) -> Choice:
    """One of the two rules, its arguments checked."""
    room_price = checked_room_price(stock, unserved_cents, price_cents, room_price_cents, most_sites)
    cells, row_of = cells_by_line(batch, stock)
    none = np.zeros(0, dtype=np.int64)
    size = most_pieces(batch, classes, stock)
    line, site, units = (np.empty(size, dtype=np.int64) for _ in range(3))
    n, _, _ = solve_orders(
        np.arange(batch.lane.size), rule, most_sites, unserved_cents, *batch, *classes, *lanes, cells, row_of,
        stock.free_units, stock.room, stock.weight_g, price_cents, room_price, *new_scratch(batch, stock.room.size),
        none, none, none, line, site, units,
    )  # fmt: skip
    return Choice(line[:n].copy(), site[:n].copy(), units[:n].copy())


def most_pieces(batch: Batch, classes: Classes, stock: Stock) -> int:
    """Pieces a choice of a batch can have at most."""
    sites = np.where(classes.partial, np.minimum(classes.split_limit, stock.room.size), 1)
    of_line = np.repeat(sites[batch.order_class], np.diff(batch.first_line))
    return int(np.minimum(batch.units, of_line).sum())


def checked_room_price(
    stock: Stock, unserved_cents: int, price_cents: Ints, room_price_cents: Ints | None, most_sites: int
) -> Ints:
    """The room prices, zeros if none are given, after checking all of a decision's numbers."""
    if most_sites < 1:
        raise FieldError("most_sites", "at least 1", most_sites)
    if unserved_cents < 0:
        raise FieldError("unserved_cents", "at least 0", unserved_cents)
    room_price = np.zeros(stock.room.size, dtype=np.int64) if room_price_cents is None else room_price_cents
    wanted = (("price_cents", price_cents, stock.free_units.size), ("room_price_cents", room_price, stock.room.size))
    for field, prices, size in wanted:
        if prices.shape != (size,):
            raise FieldError(field, f"one number for each of {size}", prices.shape)
        if size and prices.min() < 0:
            raise FieldError(field, "at least 0", int(prices.min()))
    return room_price
