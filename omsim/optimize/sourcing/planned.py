"""Serving a batch by a plan: every line first asks the site drawn for it, what remains is chosen at least cost.

Owns the second step, where an order already has shipments that cost nothing more. The draw is the business of
`omsim.kernels.allocation.rounding`, taking from the drawn sites of `omsim.kernels.allocation.walk`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import NO_SITE, Batch, Choice, Classes, Lanes, Stock
from omsim.kernels.allocation.choice_costs import line_orders, one_piece_a_site
from omsim.kernels.allocation.order_choice import choose_orders
from omsim.kernels.allocation.rounding import COUPLED, round_plan
from omsim.kernels.allocation.walk import RANKED, walk_sites
from omsim.optimize.sourcing.model import open_sites

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]


def serve_planned(
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    unserved_cents: int,
    plan_shares: Floats,
    *,
    seed: int,
    stream: int,
    order_key: Ints,
) -> Choice:
    """Draw a site for every line by coupled rounding, take there what there is, and serve the rest at least cost.

    Parameters
    ----------
    batch, classes, lanes
    stock : Stock
        Taken from in place.
    unserved_cents : int
    plan_shares : float64, shape (n_lines, n_sites)
    seed, stream : int
    order_key : int64, shape (n_orders,)

    Returns
    -------
    Choice

    Raises
    ------
    FieldError
        Shares of another shape, or that are no chances.

    Notes
    -----
    All orders ask their drawn sites before any order is served elsewhere, so that the plan keeps its stock. Then each
    order's missing units are sourced by the exact order choice, with the shipments it has already for nothing. Where
    its split limit leaves room for k more sites, the rest comes from at most k sites, or with none left from those
    it has.
    """
    n_sites = stock.room.size
    if plan_shares.shape != (batch.sku.size, n_sites):
        raise FieldError("plan_shares", f"of shape ({batch.sku.size}, {n_sites})", f"shape {plan_shares.shape}")
    site = round_plan(batch.first_line, plan_shares, COUPLED, seed=seed, stream=stream, order_key=order_key)
    order_of_line = line_orders(batch)
    opened = open_sites(batch, classes, lanes, stock)[order_of_line, site]
    nobody = lanes._replace(ranking=np.full_like(lanes.ranking, NO_SITE))
    first = walk_sites(batch, classes, nobody, stock, RANKED, planned=np.where(opened, site, NO_SITE))
    served = np.zeros(batch.sku.size, dtype=np.int64)
    np.add.at(served, first.line, first.units)
    missing = np.flatnonzero(served < batch.units)
    if missing.size == 0:
        return first
    used = np.zeros((batch.lane.size, n_sites), dtype=np.bool_)
    used[order_of_line[first.line], first.site] = True
    rest, rest_classes, rest_lanes, orders = _what_is_left(batch, classes, lanes, missing, served, used)
    none = np.zeros(stock.free_units.size, dtype=np.int64)
    more = choose_orders(rest, rest_classes, rest_lanes, stock, unserved_cents, none)
    again = np.unique(line_orders(rest)[more.line] * n_sites + more.site)
    again = again[used[orders[again // n_sites], again % n_sites]]
    np.add.at(stock.room, again % n_sites, 1)  # a second piece goes into the shipment there is
    return _merged(first, Choice(missing[more.line], more.site, more.units), n_sites)


def _what_is_left(
    batch: Batch, classes: Classes, lanes: Lanes, missing: Ints, served: Ints, used: Flags
) -> tuple[Batch, Classes, Lanes, Ints]:
    """The missing units as a batch, with classes and lanes of what its orders may and need not pay any more."""
    order_of_line = line_orders(batch)
    orders, n_lines = np.unique(order_of_line[missing], return_counts=True)
    own_used = used[orders]
    own_class = batch.order_class[orders]
    left = np.maximum(classes.split_limit[own_class] - own_used.sum(axis=1), 0)
    fenced = np.where((left == 0)[:, np.newaxis], own_used, True)
    kinds, kind = np.unique(np.column_stack([own_class, left, fenced]), axis=0, return_inverse=True)
    of_class = kinds[:, 0]
    limit = np.where(kinds[:, 1] > 0, kinds[:, 1], np.maximum(kinds[:, 2:].sum(axis=1), 1))
    rest_classes = Classes(
        classes.allowed[of_class] & (kinds[:, 2:] > 0),
        limit,
        classes.partial[of_class],
        classes.complete[of_class],
        classes.kept_units[of_class],
    )
    ways, way = np.unique(np.column_stack([batch.lane[orders], own_used]), axis=0, return_inverse=True)
    of_lane = ways[:, 0]
    rest_lanes = Lanes(
        lanes.ranking[of_lane],
        np.where(ways[:, 1:] > 0, 0, lanes.shipment_cents[of_lane]),
        lanes.unit_cents[of_lane],
        lanes.kg_cents[of_lane],
    )
    first = np.concatenate([[0], np.cumsum(n_lines)]).astype(np.int64)
    rest = Batch(
        first,
        batch.sku[missing],
        (batch.units - served)[missing],
        way.reshape(-1).astype(np.int64),
        kind.reshape(-1).astype(np.int64),
    )
    return rest, rest_classes, rest_lanes, orders


def _merged(first: Choice, second: Choice, n_sites: int) -> Choice:
    """Both choices as one: by line, pieces of the first before those of the second, a site once a line."""
    line, site, units = (np.concatenate(pair) for pair in zip(first, second, strict=True))
    by_line = np.argsort(line, kind="stable")
    return one_piece_a_site(Choice(line[by_line], site[by_line], units[by_line]), n_sites)
