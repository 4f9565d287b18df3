"""What a choice costs, order by order, what it takes from the stock, and pieces put together.

Owns what is done with a whole `Choice` in NumPy. Costs while a choice is being made are counted in the compiled kernels
beside this file; the independent recount that tests and `batch_optimum` rely on is `omsim.optimize.sourcing.check`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.allocation.batch import Choice

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Batch, Ints, Lanes, Stock


def line_orders(batch: Batch) -> Ints:
    """Order of each line, int64, shape (n_lines,)."""
    return np.repeat(np.arange(batch.lane.size), np.diff(batch.first_line))


def used_sites(batch: Batch, stock: Stock, choice: Choice) -> tuple[Ints, Ints]:
    """Order and site of each shipment of a choice, each pair once, ascending; int64, shape (n_shipments,)."""
    n_sites = max(stock.room.size, 1)
    order, site = np.divmod(np.unique(line_orders(batch)[choice.line] * n_sites + choice.site), n_sites)
    return order, site


def cost_by_order(batch: Batch, lanes: Lanes, stock: Stock, choice: Choice, unserved_cents: int) -> Ints:
    """Cents each order of a batch costs under a choice: shipments, units, units not served; shape (n_orders,)."""
    order_of = line_orders(batch)
    cost = np.zeros(batch.lane.size, dtype=np.int64)
    np.add.at(cost, order_of, unserved_cents * batch.units)
    order = order_of[choice.line]
    lane = batch.lane[order]
    weight_cents = lanes.kg_cents[lane, choice.site] * stock.weight_g[batch.sku[choice.line]] // 1000
    unit_cents = lanes.unit_cents[lane, choice.site] + weight_cents
    np.add.at(cost, order, (unit_cents - unserved_cents) * choice.units)
    order, site = used_sites(batch, stock, choice)
    np.add.at(cost, order, lanes.shipment_cents[batch.lane[order], site])
    return cost


def take_choice(batch: Batch, stock: Stock, choice: Choice) -> None:
    """Take a choice's units from `free_units` and its shipments from `room`, in place."""
    np.subtract.at(stock.free_units, stock.cell_of[choice.site, batch.sku[choice.line]], choice.units)
    np.subtract.at(stock.room, used_sites(batch, stock, choice)[1], 1)


def give_back(batch: Batch, stock: Stock, choice: Choice) -> Stock:
    """The stock there was before a choice was taken from it."""
    free, room = stock.free_units.copy(), stock.room.copy()
    np.add.at(free, stock.cell_of[choice.site, batch.sku[choice.line]], choice.units)
    np.add.at(room, used_sites(batch, stock, choice)[1], 1)
    return stock._replace(free_units=free, room=room)


def one_piece_a_site(choice: Choice, n_sites: int) -> Choice:
    """The choice with the pieces of a line from one site made one, where the first of them stands."""
    _, first, place = np.unique(choice.line * n_sites + choice.site, return_index=True, return_inverse=True)
    units = np.zeros(first.size, dtype=np.int64)
    np.add.at(units, place, choice.units)
    in_turn = np.argsort(first, kind="stable")
    kept = first[in_turn]
    return Choice(choice.line[kept], choice.site[kept], units[in_turn])
