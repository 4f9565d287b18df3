"""Prices on stock and room for a whole batch of orders, a certified bound on its cost, and the choice they lead to.

Owns the Lagrangian dual of sourcing: the rows "no more than there is" are priced instead of kept, and every order is
then alone (`omsim.kernels.allocation.order_subproblem`). Acimovic & Graves (2015) price stock by a linear programme's
duals; here the prices come from passes over the orders, which also bound what any way to serve them must cost.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import Choice
from omsim.kernels.allocation.order_choice import checked_room_price, most_pieces
from omsim.kernels.allocation.order_scratch import cells_by_line, new_scratch
from omsim.kernels.allocation.order_subproblem import CHEAPEST_RULE, RELAXED, solve_orders
from omsim.kernels.allocation.ruin_recreate import improve_choice
from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.kernels.allocation.batch import Batch, Classes, Flags, Ints, Lanes, Stock

    Floats = NDArray[np.float64]

FIRST_STEP_SHARE = 0.2
"""First step of a price, as a share of the mean shipment."""

STEP_UP, STEP_DOWN = 1.25, 0.5
"""A price's step grows while its cell stays too dear or too cheap, and halves when that turns round."""

LAST_SHARE = 0.4
"""Weight of the last pass in the running mean of the prices, which decides better than any single pass."""

CARRIED_UNITS = 30
"""Units of a SKU asked for at which its earlier prices count as much as having none."""


class PricedStock(NamedTuple):
    """Prices of a batch.

    Attributes
    ----------
    price_cents : int64, shape (n_cells,)
        What a unit of a cell is worth to the rest of the batch: mean of the last passes, for decisions and as the start
        of the next batch.
    room_price_cents : int64, shape (n_sites,)
        The same for a shipment of a site.
    bound_cents : int
        No way to serve the batch costs less.
    bound_price_cents, bound_room_price_cents : int64
        The prices that prove it.
    asked_units : int64, shape (n_cells,)
        Units the orders would take at those prices, each as if it were alone.
    """

    price_cents: Ints
    room_price_cents: Ints
    bound_cents: int
    bound_price_cents: Ints
    bound_room_price_cents: Ints
    asked_units: Ints


class PricedChoice(NamedTuple):
    """A choice for a batch, and how far from the best it can be.

    Attributes
    ----------
    choice : Choice
    cost_cents : int
        Shipments, units and units not served.
    bound_cents : int
        No choice costs less.
    gap_share : float
        (cost - bound) / bound, infinite for a bound of 0 below the cost.
    priced : PricedStock
    """

    choice: Choice
    cost_cents: int
    bound_cents: int
    gap_share: float
    priced: PricedStock


def price_stock(
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    unserved_cents: int,
    *,
    passes: int,
    start_price_cents: Ints | None = None,
    start_room_price_cents: Ints | None = None,
    most_sites: int = 3,
) -> PricedStock:
    """Price stock and room by passes over all orders of a batch.

    Parameters
    ----------
    batch, classes, lanes, stock
        As in `omsim.kernels.allocation.batch`; `stock` is only read.
    unserved_cents : int
        Cents for each unit not served, >= 0.
    passes : int
        >= 1; each costs about as much as one sequential choice.
    start_price_cents, start_room_price_cents : int64, shape (n_cells,), (n_sites,), optional
        Where to start, such as `carry_prices` from the day before; else high where a SKU is short.
    most_sites : int
        Sets of up to so many sites are searched; what larger ones could still save is bounded.

    Raises
    ------
    FieldError
        For prices of the wrong shape and numbers out of range.

    Notes
    -----
    For any prices >= 0 the sum of the orders' least costs at these prices, less price times stock and room, is a lower
    bound (Held & Karp 1971; Fisher 1981). Each order's least cost is exact or bounded from below, in whole cents, with
    the stock there is as a limit of its own. Each price moves by its own step, up and down by the sign of what is asked
    beyond the stock, damped by the root of the share it is out of balance; one common step for all prices is slower.
    """
    if passes < 1:
        raise FieldError("passes", "at least 1", passes)
    n_cells, n_sites = stock.free_units.size, stock.room.size
    first_step = FIRST_STEP_SHARE * _mean(lanes.shipment_cents)
    first_price = _first_prices(batch, lanes, stock, unserved_cents, first_step)
    price = first_price if start_price_cents is None else start_price_cents.astype(np.float64)
    room_price = np.zeros(n_sites) if start_room_price_cents is None else start_room_price_cents.astype(np.float64)
    cents, room_cents = _whole(price), _whole(room_price)
    checked_room_price(stock, unserved_cents, cents, room_cents, most_sites)
    step, room_step = np.full(n_cells, first_step), np.full(n_sites, first_step)
    turn, room_turn = np.zeros(n_cells, dtype=np.int64), np.zeros(n_sites, dtype=np.int64)
    mean, room_mean = price.copy(), room_price.copy()
    cells, row_of = cells_by_line(batch, stock)
    scratch = new_scratch(batch, n_sites)
    orders, none = np.arange(batch.lane.size), np.zeros(0, dtype=np.int64)
    best: tuple[int, Ints, Ints, Ints] | None = None
    for at in range(passes):
        asked, asked_room = np.zeros(n_cells, dtype=np.int64), np.zeros(n_sites, dtype=np.int64)
        _, _, bound = solve_orders(
            orders, RELAXED, most_sites, unserved_cents, *batch, *classes, *lanes, cells, row_of, stock.free_units,
            stock.room, stock.weight_g, cents, room_cents, *scratch, asked, asked_room, none, none, none, none,
        )  # fmt: skip
        bound -= int(cents @ stock.free_units) + int(room_cents @ stock.room)
        if best is None or bound > best[0]:
            best = (bound, cents, room_cents, asked)
        if at < passes - 1:
            move_prices(price, step, turn, asked, stock.free_units)
            move_prices(room_price, room_step, room_turn, asked_room, stock.room)
            cents, room_cents = _whole(price), _whole(room_price)
            mean += LAST_SHARE * (price - mean)
            room_mean += LAST_SHARE * (room_price - room_mean)
    assert best is not None
    return PricedStock(_whole(mean), _whole(room_mean), *best)


def source_with_prices(
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    unserved_cents: int,
    *,
    passes: int,
    start_price_cents: Ints | None = None,
    start_room_price_cents: Ints | None = None,
    most_sites: int = 3,
    moves: int = 0,
    seed: int = 0,
) -> PricedChoice:
    """Serve a batch at its own prices: passes, then orders in turn, then moves of ruin and recreate.

    Parameters
    ----------
    stock
        `free_units` and `room` are taken from.
    moves, seed
        As in `omsim.kernels.allocation.ruin_recreate`; none by default.
    others
        As in `price_stock`.

    Returns
    -------
    PricedChoice
        Never dearer than serving the orders in turn without prices, which is tried too.
    """
    priced = price_stock(
        batch, classes, lanes, stock, unserved_cents, passes=passes, start_price_cents=start_price_cents,
        start_room_price_cents=start_room_price_cents, most_sites=most_sites,
    )  # fmt: skip
    n_cells, n_sites = stock.free_units.size, stock.room.size
    cells, row_of = cells_by_line(batch, stock)
    scratch = new_scratch(batch, n_sites)
    orders, none = np.arange(batch.lane.size), np.zeros(0, dtype=np.int64)
    size = most_pieces(batch, classes, stock)
    best: tuple[int, Choice, Ints, Ints] | None = None
    zeros = (np.zeros(n_cells, dtype=np.int64), np.zeros(n_sites, dtype=np.int64))
    for price, room_price in ((priced.price_cents, priced.room_price_cents), zeros):
        free, room = stock.free_units.copy(), stock.room.copy()
        line, site, units = (np.empty(size, dtype=np.int64) for _ in range(3))
        n, cost, _ = solve_orders(
            orders, CHEAPEST_RULE, most_sites, unserved_cents, *batch, *classes, *lanes, cells, row_of, free, room,
            stock.weight_g, price, room_price, *scratch, none, none, none, line, site, units,
        )  # fmt: skip
        if best is None or cost < best[0]:
            best = (cost, Choice(line[:n].copy(), site[:n].copy(), units[:n].copy()), free, room)
    assert best is not None
    cost, choice, free, room = best
    stock.free_units[:] = free
    stock.room[:] = room
    if moves > 0:
        choice, saved_cents = improve_choice(
            batch, classes, lanes, stock, choice, unserved_cents, zeros[0], moves, seed, zeros[1], most_sites
        )  # the prices have set the start; what is taken out fits in better by its real cost
        cost -= saved_cents
    bound = priced.bound_cents
    gap = (cost - bound) / bound if bound > 0 else (0.0 if cost == bound else math.inf)
    return PricedChoice(choice, cost, bound, gap, priced)


@compiled
def move_prices(price: Floats, step: Floats, turn: Ints, asked: Ints, free: Ints) -> None:
    """Move each price by its step, in place: up where more is asked than there is, down where less.

    `turn` holds the last direction: the step grows by STEP_UP if it is the same again, shrinks by STEP_DOWN if not.
    """
    for c in range(price.size):
        if asked[c] == free[c] or (asked[c] < free[c] and price[c] <= 0.0):
            continue
        direction = 1 if asked[c] > free[c] else -1
        if turn[c] != 0:
            step[c] *= STEP_UP if direction == turn[c] else STEP_DOWN
        turn[c] = direction
        share = abs(asked[c] - free[c]) / max(asked[c], free[c])
        price[c] = max(0.0, price[c] + direction * step[c] * math.sqrt(share))


def carry_prices(batch: Batch, lanes: Lanes, stock: Stock, unserved_cents: int, price_cents: Ints) -> Ints:
    """Prices of an earlier batch made into a start for this one.

    What the cells of a SKU had in common told whether it was short then, and is left out; what set them apart, which
    site is in demand, is carried over, the more the more units of the SKU are asked for now (half at CARRIED_UNITS).
    SKUs short now start as they would without earlier prices.

    Parameters
    ----------
    batch, lanes, stock, unserved_cents
        Of the batch to come; `stock` is only read.
    price_cents : int64, shape (n_cells,)
        Prices of the earlier batch.

    Returns
    -------
    int64, shape (n_cells,)

    Raises
    ------
    FieldError
        For prices of the wrong shape or below 0.
    """
    checked_room_price(stock, unserved_cents, price_cents, None, 1)
    sku_of, short, _ = _short_skus(batch, stock)
    some = np.flatnonzero(stock.free_units > 0)
    common = np.full(short.size, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(common, sku_of[some], price_cents[some])
    apart = np.maximum(price_cents - common[sku_of], 0)
    asked = np.bincount(batch.sku, weights=batch.units, minlength=short.size)
    share = np.where(short, 0.0, asked / (asked + CARRIED_UNITS))[sku_of]
    first = _first_prices(batch, lanes, stock, unserved_cents, FIRST_STEP_SHARE * _mean(lanes.shipment_cents))
    return _whole((1.0 - share) * first + share * apart)


def _first_prices(batch: Batch, lanes: Lanes, stock: Stock, unserved_cents: int, first_step: float) -> Floats:
    """Near what an unserved unit costs beyond serving it where a SKU is short, small elsewhere."""
    sku_of, short, asked_share = _short_skus(batch, stock)
    scarce = max(unserved_cents - _mean(lanes.shipment_cents) - _mean(lanes.unit_cents), 0.0)
    of_sku = np.where(short, scarce, first_step * asked_share)
    return np.asarray(of_sku[sku_of], dtype=np.float64)


def _short_skus(batch: Batch, stock: Stock) -> tuple[Ints, Flags, Floats]:
    """The SKU of each cell, which SKUs are asked for beyond the stock, and the share of the stock asked for."""
    n_skus = stock.weight_g.size
    site, sku = np.nonzero(stock.cell_of >= 0)
    sku_of = np.zeros(stock.free_units.size, dtype=np.int64)
    sku_of[stock.cell_of[site, sku]] = sku
    have = np.bincount(sku_of, weights=stock.free_units, minlength=n_skus)
    asked = np.bincount(batch.sku, weights=batch.units, minlength=n_skus)
    return sku_of, asked > have, asked / np.maximum(have, 1.0)


def _mean(cents: Ints) -> float:
    """Mean of a table of costs, 0 for an empty one."""
    return float(cents.mean()) if cents.size else 0.0


def _whole(price: Floats) -> Ints:
    """Prices in whole cents."""
    return np.rint(price).astype(np.int64)
