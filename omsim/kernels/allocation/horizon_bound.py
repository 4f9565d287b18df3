"""A certified bound on what serving the orders of many days must cost, whoever serves them and whatever they foresee.

Owns the Lagrangian dual of sourcing over time. Stock that comes later serves nobody before: in every stage, all units
taken from a cell so far are at most all units that have come so far. These rows are priced instead of kept, as
`dual_prices` does for a single batch, so a unit costs the prices of its own stage and of all later ones together - the
more the earlier - and every order is alone again (`order_subproblem`). Within a stage time is relaxed: what comes in it
is there for all its orders.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.allocation.order_scratch import cells_by_line, new_scratch
from omsim.kernels.allocation.order_subproblem import RELAXED, solve_orders

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.kernels.allocation.batch import Batch, Classes, Ints, Lanes, Stock

    Floats = NDArray[np.float64]

PASSES = 300
MEMORY = 0.95
"""Part of the last direction that the next one keeps; without it passes swing from one side to the other."""

PATIENCE = 25
"""Passes without half the gain aimed at after which the aim is halved and the best prices so far are taken up again."""

FIRST_AIM = 0.02
"""Gain aimed at first, as a share of the bound; at least what a cent on every overdrawn unit would bring."""

SCARCE_SHARES = (0.4, 0.6, 0.7, 0.8, 0.9)
"""Prices tried first for SKUs that run short, as shares of what an unserved unit costs."""


class Stages(NamedTuple):
    """How a batch lies in time.

    Attributes
    ----------
    first_order : int64, shape (n_stages + 1,)
        Stage t owns orders first_order[t] to first_order[t + 1] - 1 of the batch.
    come_units : int64, shape (n_stages, n_cells)
        Units put on the shelf from the end of the stage before to the end of this one; the first stage's with what was
        there at the start.
    room : int64, shape (n_stages, n_sites)
        Shipments a site takes in a stage; what is left is not kept for the next.
    """

    first_order: Ints
    come_units: Ints
    room: Ints


def horizon_bound(
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    stages: Stages,
    unserved_cents: int,
    *,
    passes: int = PASSES,
    most_sites: int = 3,
) -> int:
    """Cents below which nobody can serve the orders of all stages.

    Parameters
    ----------
    batch, classes, lanes
        As in `omsim.kernels.allocation.batch`, orders in order of time. What a class keeps from others it keeps at all
        times.
    stock : Stock
        `cell_of` and `weight_g`; units and room are those of `stages`.
    stages : Stages
    unserved_cents : int
        Cents for each unit not served when its order comes, >= 0.
    passes : int
        >= 1; each costs about as much as one sequential choice for all orders.
    most_sites : int
        As in `omsim.kernels.allocation.dual_prices.price_stock`.

    Returns
    -------
    int
        Exact for the prices found: every price is a whole number of cents, and none rises with time.

    Raises
    ------
    FieldError
        If the stages do not fit the batch, or numbers are out of range.

    Notes
    -----
    With x[t, c] the units taken from cell c in stage t and s[t, c] those that come, ``sum over t <= u of x[t, c] <= sum
    over t <= u of s[t, c]`` for every u. With a multiplier m[u, c] >= 0 for each, an order of stage t sees the price
    ``p[t, c] = sum over u >= t of m[u, c]`` and the bound is ``sum over t of (least costs at p[t] - p[t] s[t])``: any
    prices that never rise will do. They are sought along deflected subgradients, each multiplier's part divided by its
    right-hand side, with steps towards a level above the best bound that sinks when it is not reached (as in Goffin &
    Kiwiel 1999).
    """
    _check(batch, stock, stages, unserved_cents, passes, most_sites)
    dual = _Dual(batch, classes, lanes, stock, stages, unserved_cents, most_sites)
    here = dual.zero()
    value, over = dual.bound(here)
    scale = 1.0 / np.maximum(np.maximum(dual.most, over + dual.most), 1)
    best = _Point(here, value, over)
    scarce = _run_short(batch, stock, stages)
    for share in SCARCE_SHARES if scarce.any() else ():
        here = dual.zero()
        here[:, : scarce.shape[1]] = scarce * (share * unserved_cents)
        value, over = dual.bound(here)
        if value > best.bound_cents:
            best = _Point(here, value, over)
    here, value, over = best
    aim, reference, waited = max(FIRST_AIM * value, float(np.maximum(over, 0).sum())), value, 0
    direction = dual.zero()
    for _ in range(passes - 1):
        slope = np.where((here <= 0) & (over < 0), 0, over)
        if not slope.any():
            break  # nothing to be gained in any direction
        direction = MEMORY * direction + slope
        way = np.where((here <= 0) & (direction < 0), 0.0, direction)
        if not (way * slope).any():
            direction, way = slope.astype(np.float64), slope.astype(np.float64)
        length = float((scale * way * way).sum())
        here = np.maximum(here + (best.bound_cents + aim - value) / length * scale * way, 0.0)
        value, over = dual.bound(here)
        if value > best.bound_cents:
            best = _Point(here, value, over)
        waited += 1
        if best.bound_cents >= reference + 0.5 * aim:
            aim, reference, waited = 1.5 * aim, best.bound_cents, 0
        elif waited == PATIENCE:
            aim, reference, waited = max(0.5 * aim, 1.0), best.bound_cents, 0
            here, value, over = best
            direction = dual.zero()
    return best.bound_cents


class _Point(NamedTuple):
    """Multipliers, the bound there, and by how much each row is overdrawn."""

    multiplier: Floats
    bound_cents: int
    over: Ints


class _Dual:
    """The bound as a function of the multipliers; float64, shape (n_stages, n_cells + n_sites).

    `most` is the right-hand side of every row: units come so far, and room.
    """

    def __init__(
        self,
        batch: Batch,
        classes: Classes,
        lanes: Lanes,
        stock: Stock,
        stages: Stages,
        unserved_cents: int,
        most_sites: int,
    ) -> None:
        self._batch, self._classes, self._lanes, self._stages = batch, classes, lanes, stages
        self._unserved_cents, self._most_sites, self._weight_g = unserved_cents, most_sites, stock.weight_g
        self._so_far = np.cumsum(stages.come_units, axis=0)
        self.most = np.concatenate([self._so_far, stages.room], axis=1)
        self._cells, self._row_of = cells_by_line(batch, stock)
        self._scratch = new_scratch(batch, stages.room.shape[1])
        first = stages.first_order.tolist()
        self._orders = [np.arange(*ends) for ends in pairwise(first)]

    def zero(self) -> Floats:
        return np.zeros(self.most.shape)

    def bound(self, multiplier: Floats) -> tuple[int, Ints]:
        """The bound, and by how much each row is overdrawn at it."""
        n_cells = self._so_far.shape[1]
        price = np.rint(np.cumsum(multiplier[::-1, :n_cells], axis=0)[::-1]).astype(np.int64)
        room_price = np.rint(multiplier[:, n_cells:]).astype(np.int64)
        taken = np.zeros_like(self.most)
        none = np.zeros(0, dtype=np.int64)
        total = 0
        for t, orders in enumerate(self._orders):
            _, _, least = solve_orders(
                orders, RELAXED, self._most_sites, self._unserved_cents, *self._batch, *self._classes, *self._lanes,
                self._cells, self._row_of, self._so_far[t], self._stages.room[t], self._weight_g, price[t],
                room_price[t], *self._scratch, taken[t, :n_cells], taken[t, n_cells:], none, none, none, none,
            )  # fmt: skip
            total += least
            total -= int(price[t] @ self._stages.come_units[t]) + int(room_price[t] @ self._stages.room[t])
        np.cumsum(taken[:, :n_cells], axis=0, out=taken[:, :n_cells])
        return total, taken - self.most


def _run_short(batch: Batch, stock: Stock, stages: Stages) -> Floats:
    """1 for every cell of a SKU at the last stage that asks for more of it than all sites have left, else 0."""
    n_stages, n_skus = stages.come_units.shape[0], stock.weight_g.size
    site, sku = np.nonzero(stock.cell_of >= 0)
    cell = stock.cell_of[site, sku]
    stage_of = np.repeat(np.arange(n_stages), np.diff(batch.first_line[stages.first_order]))
    asked = np.zeros((n_stages, n_skus), dtype=np.int64)
    np.add.at(asked, (stage_of, batch.sku), batch.units)
    left, last = np.zeros(n_skus, dtype=np.int64), np.full(n_skus, -1)
    for t in range(n_stages):
        np.add.at(left, sku, stages.come_units[t, cell])
        left -= asked[t]
        last[left < 0] = t
        np.maximum(left, 0, out=left)
    short = np.zeros(stages.come_units.shape)
    some = np.flatnonzero(last[sku] >= 0)
    short[last[sku[some]], cell[some]] = 1.0
    return short


def _check(batch: Batch, stock: Stock, stages: Stages, unserved_cents: int, passes: int, most_sites: int) -> None:
    n_stages = stages.first_order.size - 1
    if n_stages < 1 or stages.first_order[0] != 0 or stages.first_order[-1] != batch.lane.size:
        raise FieldError("first_order", f"from 0 to the batch's {batch.lane.size} orders", stages.first_order.tolist())
    for field, table, size in (
        ("come_units", stages.come_units, stock.free_units.size), ("room", stages.room, stock.room.size)
    ):  # fmt: skip
        if table.shape != (n_stages, size):
            raise FieldError(field, f"a table of shape {(n_stages, size)}", table.shape)
        if table.size and table.min() < 0:
            raise FieldError(field, "at least 0", int(table.min()))
    for field, number, least in (
        ("unserved_cents", unserved_cents, 0), ("passes", passes, 1), ("most_sites", most_sites, 1)
    ):  # fmt: skip
        if number < least:
            raise FieldError(field, f"at least {least}", number)
