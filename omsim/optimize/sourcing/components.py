"""Which orders of a batch must be decided together: those that meet at a cell or a site that cannot serve them all.

Owns what is shared, what of it is scarce or overdrawn, the groups that follow, and the best way of each order by
itself. Solving a group is left to `omsim.optimize.sourcing.optimum`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.kernels.allocation.batch import Batch, Choice, Classes, Stock, nothing_kept
from omsim.kernels.allocation.choice_costs import line_orders, used_sites
from omsim.kernels.allocation.order_choice import choose_orders
from omsim.kernels.allocation.subsets import searched_sites
from omsim.optimize.sourcing.model import open_sites

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.kernels.allocation.batch import Lanes
    from omsim.optimize.sourcing.model import LineOptions

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

MOST_SEARCHED_SITES = 10
"""Sites of a set searched exactly; an order that could use more is left to the integer program."""

MOST_PACKED_LINES = 6
"""Lines of one SKU in an order, each whole from one site, that are packed exactly without the integer program."""


class Shared(NamedTuple):
    """Cells and sites; bool, shape (n_cells,) and (n_sites,)."""

    cells: Flags
    sites: Flags

    def any(self) -> bool:
        """Whether there is any."""
        return bool(self.cells.any() or self.sites.any())


def serve_alone(
    batch: Batch, classes: Classes, lanes: Lanes, stock: Stock, unserved_cents: int
) -> tuple[Choice, Flags]:
    """Serve every order as if there were no other, each at its least cost.

    Returns
    -------
    choice : Choice
        Together the orders may take more than there is.
    certain : bool, shape (n_orders,)
        Where the order's cost is proved to be the least.

    Notes
    -----
    Every SKU of every order gets cells of its own, holding what the order's class may take, and every site room for
    all; then the exact choice in sequence is a choice for each order alone.
    """
    n_skus = stock.cell_of.shape[1]
    order = line_orders(batch)
    own, own_sku = np.unique(order * n_skus + batch.sku, return_inverse=True)
    of_sku, of_class = own % n_skus, batch.order_class[own // n_skus]
    true_cell = stock.cell_of[:, of_sku]
    carried = true_cell >= 0
    free = stock.free_units[true_cell[carried]]
    if classes.kept_units.shape[1]:
        kept = classes.kept_units[np.broadcast_to(of_class, true_cell.shape)[carried], true_cell[carried]]
        free = np.maximum(free - kept, 0)
    cell_of = np.full(true_cell.shape, -1, dtype=np.int32)
    cell_of[carried] = np.arange(free.size)
    room = np.where(stock.room > 0, batch.lane.size + 1, 0)
    alone = Stock(cell_of, free.copy(), room, stock.weight_g[of_sku])
    choice = choose_orders(
        batch._replace(sku=own_sku.reshape(-1)),
        classes._replace(kept_units=nothing_kept(classes.split_limit.size)),
        lanes,
        alone,
        unserved_cents,
        np.zeros(free.size, dtype=np.int64),
        most_sites=MOST_SEARCHED_SITES,
    )
    n_orders = batch.lane.size
    asked = np.zeros(n_orders, dtype=np.int64)
    np.add.at(asked, order, np.where(classes.partial[batch.order_class][order], batch.units, 1))
    opened = open_sites(batch, classes, lanes, stock).sum(axis=1)
    searched = [searched_sites(n_open, MOST_SEARCHED_SITES) for n_open in range(stock.room.size + 1)]
    useful = np.minimum(opened, asked)
    certain = np.minimum(useful, classes.split_limit[batch.order_class]) <= np.array(searched)[opened]
    repeated = np.bincount(own_sku.reshape(-1), minlength=own.size) > MOST_PACKED_LINES
    certain[(own // n_skus)[repeated & ~classes.partial[of_class]]] = False
    return choice, certain


def scarce(batch: Batch, classes: Classes, stock: Stock, options: LineOptions) -> Shared:
    """What could not serve all who might ask it, if they all asked it."""
    asked = Choice(options.line, options.site, options.step_units * options.most_steps)
    return overdrawn(batch, classes, stock, asked)


def overdrawn(batch: Batch, classes: Classes, stock: Stock, choice: Choice) -> Shared:
    """The cells and sites from which pieces take more than there is, or more than their classes may take."""
    order = line_orders(batch)[choice.line]
    sites = np.bincount(used_sites(batch, stock, choice)[1], minlength=stock.room.size) > stock.room
    cell = stock.cell_of[choice.site, batch.sku[choice.line]].astype(np.int64)
    cells = np.zeros(stock.free_units.size, dtype=np.bool_)
    if classes.kept_units.shape[1] == 0:
        taken = np.zeros(cells.size, dtype=np.int64)
        np.add.at(taken, cell, choice.units)
        cells |= taken > stock.free_units
        return Shared(cells, sites)
    order_class = batch.order_class[order]
    kept = classes.kept_units[order_class, cell]
    for row in range(classes.split_limit.size):
        ahead = kept >= classes.kept_units[row, cell]
        taken = np.zeros(cells.size, dtype=np.int64)
        np.add.at(taken, cell[ahead], choice.units[ahead])
        cells |= taken > np.maximum(stock.free_units - classes.kept_units[row], 0)
    return Shared(cells, sites)


def group_orders(batch: Batch, options: LineOptions, binding: Shared) -> list[Ints]:
    """Orders that meet, directly or over others, at a cell or site in `binding`; groups and orders ascending.

    Orders that meet nobody are in no group.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_orders = batch.lane.size
    order = line_orders(batch)[options.line]
    at_cell, at_site = binding.cells[options.cell], binding.sites[options.site]
    asks = np.concatenate([order[at_cell], order[at_site]])
    asked = np.concatenate([options.cell[at_cell], binding.cells.size + options.site[at_site]])
    if asks.size == 0:
        return []
    nodes, place = np.unique(asked, return_inverse=True)
    size = n_orders + nodes.size
    graph = coo_array((np.ones(asks.size, dtype=np.int8), (asks, n_orders + place)), shape=(size, size))
    label = connected_components(graph.tocsr(), directed=False)[1][:n_orders].astype(np.int64)
    by_label = np.argsort(label, kind="stable")
    starts = np.flatnonzero(np.diff(label[by_label], prepend=-1))
    groups = [group for group in np.split(by_label, starts[1:]) if group.size > 1]
    return sorted(groups, key=lambda group: int(group[0]))
