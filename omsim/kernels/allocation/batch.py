"""The columns every sourcing kernel reads and writes: orders, stock, what serving costs, who may draw on what.

Owns the shapes and their meaning. What is decided on them is the business of the kernels beside this file.

An order is served from *candidate* sites: those of its lane's ranking that its class is allowed, that carry the SKU and
that have room for one more shipment. Serving it costs, in whole cents, `shipment_cents` once for each site used, and
for each unit `unit_cents` plus the weight's share of `kg_cents` (`unit_cost_cents`); each unit not served costs
`unserved_cents`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled

Ints = NDArray[np.int64]
Cells = NDArray[np.int32]
Flags = NDArray[np.bool_]

NO_SITE = -1


class Batch(NamedTuple):
    """Orders decided together, in the order in which they are served where that matters.

    Attributes
    ----------
    first_line : int64, shape (n_orders + 1,)
        Order i owns lines first_line[i] to first_line[i + 1] - 1.
    sku, units : int64, shape (n_lines,)
        What is asked for; units >= 1. A SKU may stand on several lines of an order.
    lane : int64, shape (n_orders,)
        Row of `Lanes`: alike in region, promise and time of day.
    order_class : int64, shape (n_orders,)
        Row of `Classes`, often the channel.
    """

    first_line: Ints
    sku: Ints
    units: Ints
    lane: Ints
    order_class: Ints


class Classes(NamedTuple):
    """What orders of a class may do, shape (n_classes,) unless said otherwise.

    Attributes
    ----------
    allowed : bool, shape (n_classes, n_sites)
        Sites the class may draw on.
    split_limit : int64
        Most sites an order may use, >= 1.
    partial : bool
        A line may be served in part, and from several sites; otherwise whole from one site or not at all.
    complete : bool
        The whole order is served (within the split limit), or nothing of it.
    kept_units : int64, shape (n_classes, n_cells) or (n_classes, 0)
        Units of a cell that this class must leave for others; no columns = nothing is kept.
    """

    allowed: Flags
    split_limit: Ints
    partial: Flags
    complete: Flags
    kept_units: Ints


class Lanes(NamedTuple):
    """What serving costs, by lane, int64, shape (n_lanes, n_sites).

    Attributes
    ----------
    ranking
        Sites in the order in which a walk asks them, NO_SITE behind the last; sites not named may not serve the lane.
    shipment_cents
        Once for a site used: parcel, work, goodwill.
    unit_cents, kg_cents
        For each unit, and for each kilogram of its weight.
    """

    ranking: Ints
    shipment_cents: Ints
    unit_cents: Ints
    kg_cents: Ints


class Stock(NamedTuple):
    """What there is to give. Kernels take from `free_units` and `room` in place.

    Attributes
    ----------
    cell_of : int32, shape (n_sites, n_skus)
        Cell of a SKU at a site; -1 = not carried.
    free_units : int64, shape (n_cells,)
        Never below 0.
    room : int64, shape (n_sites,)
        Shipments a site may still take.
    weight_g : int64, shape (n_skus,)
    """

    cell_of: Cells
    free_units: Ints
    room: Ints
    weight_g: Ints


class Choice(NamedTuple):
    """Who serves what: one row a piece, int64, shape (n_pieces,), sorted by line.

    Attributes
    ----------
    line, site, units
        `units` >= 1 of a line from a site. A line's pieces come in the order they were taken, a site at most once a
        line. Within an order, the sites in order of first appearance are its shipments. Units in no piece are not
        served.
    """

    line: Ints
    site: Ints
    units: Ints


@compiled
def unit_cost_cents(unit_cents: Ints, kg_cents: Ints, lane: int, site: int, weight_g: int) -> int:
    """Cents for serving one unit of a weight from a site: rounded down, so that bounds on sums are plain sums."""
    return int(unit_cents[lane, site] + kg_cents[lane, site] * weight_g // 1000)


@compiled
def usable_units(free_units: Ints, kept_units: Ints, order_class: int, cell: int) -> int:
    """Units of a cell an order's class may take now, never below 0."""
    free = free_units[cell]
    if kept_units.shape[1] > 0:
        free -= kept_units[order_class, cell]
    return int(max(free, 0))


def nothing_kept(n_classes: int) -> Ints:
    """The `kept_units` of classes that keep nothing from each other; int64, shape (n_classes, 0)."""
    return np.zeros((n_classes, 0), dtype=np.int64)
