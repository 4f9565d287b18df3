"""A good choice without a solver: orders in turn, each exactly, then ruin and recreate.

Owns the choice every batch can fall back on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.allocation.dual_prices import source_with_prices
from omsim.kernels.allocation.order_choice import choose_orders
from omsim.kernels.allocation.ruin_recreate import ruin_and_recreate

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Batch, Choice, Classes, Lanes, Stock

PASSES = 50
"""Passes that set prices: enough for a bound within a thousandth of the best prices' on batches of a few hundred."""


def serve_in_turn(
    batch: Batch, classes: Classes, lanes: Lanes, stock: Stock, unserved_cents: int, *, moves: int, seed: int
) -> Choice:
    """Serve orders in turn at their least cost, then improve for a fixed number of moves.

    Parameters
    ----------
    batch, classes, lanes, stock
        Not modified.
    unserved_cents : int
    moves : int
        Of ruin and recreate; 0 = none.
    seed : int

    Returns
    -------
    Choice
    """
    left = stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())
    free = np.zeros(stock.free_units.size, dtype=np.int64)
    choice = choose_orders(batch, classes, lanes, left, unserved_cents, free)
    if moves == 0 or batch.lane.size == 1:
        return choice
    return ruin_and_recreate(batch, classes, lanes, left, choice, unserved_cents, free, moves=moves, seed=seed)


def serve_at_prices(
    batch: Batch, classes: Classes, lanes: Lanes, stock: Stock, unserved_cents: int, *, moves: int, seed: int
) -> tuple[Choice, int]:
    """Serve orders in turn at the prices of the stock they share, then improve; also what they cost at least.

    Arguments as in `serve_in_turn`.
    """
    left = stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())
    priced = source_with_prices(batch, classes, lanes, left, unserved_cents, passes=PASSES, moves=moves, seed=seed)
    return priced.choice, priced.bound_cents
