"""Cartons, goods and packed parcels as columns, and the one call that packs parcels in bulk.

Owns the shapes, their meaning and the checks of what is handed in. The loop over parcels is in `parcels`, the packer
itself in `spaces`, the proofs that contents cannot fit in `bounds`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from omsim.errors import FieldError
from omsim.kernels.packing.one_carton import Boxes
from omsim.kernels.packing.parcels import pack_batch

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

OWN_PACKAGING = -1
"""In place of a carton: no carton takes the unit, so it travels as it is."""

MOST_MM = 200_000
MOST_G = 1_000_000_000_000


class CartonRange(NamedTuple):
    """The kinds of carton there are, int64, shape (n_cartons,). Build one with `carton_range`.

    Attributes
    ----------
    length_mm, width_mm, height_mm
        Inside, longest side first.
    wall_mm
        Thickness of a wall: each side is longer outside by twice that.
    tare_g
        Weight of the empty carton.
    max_weight_g
        Heaviest contents.
    cost_cents
        Price of the carton and what fills it.
    """

    length_mm: Ints
    width_mm: Ints
    height_mm: Ints
    wall_mm: Ints
    tare_g: Ints
    max_weight_g: Ints
    cost_cents: Ints


class Goods(NamedTuple):
    """What the SKUs are, int64, shape (n_skus,). Build one with `goods`.

    Attributes
    ----------
    length_mm, width_mm, height_mm
        Longest side first. A SKU with a side of 0 takes no room.
    weight_g
    """

    length_mm: Ints
    width_mm: Ints
    height_mm: Ints
    weight_g: Ints


class PackedParcels(NamedTuple):
    """What the parcels are packed in. Parcel i owns cartons first_carton[i] to first_carton[i + 1] - 1.

    Attributes
    ----------
    first_carton : int64, shape (n_parcels + 1,)
    certified : bool, shape (n_parcels,)
        Proved: what goes into cartons goes into one, and no carton that is cheaper (or as cheap and smaller) holds it.
    least_carton : int64, shape (n_parcels,)
        The first carton in that order that bounds do not rule out for all that goes into cartons: no packer can do
        better. -1 where every carton is ruled out, or nothing goes into cartons.
    carton : int64, shape (n_used,)
        Row of the range; `OWN_PACKAGING` for a unit no carton takes.
    weight_g : int64, shape (n_used,)
        With the empty carton.
    volume_mm3, longest_mm, girth_mm : int64, shape (n_used,)
        Outside: volume, longest side, length plus girth (longest side plus twice the others).
    fill_share : float64, shape (n_used,)
        Volume of the goods over the carton's inside; 1 in own packaging.
    first_content : int64, shape (n_used + 1,)
        Carton j holds contents first_content[j] to first_content[j + 1] - 1.
    content_line, content_units : int64, shape (n_contents,)
        How many units of which line.
    """

    first_carton: Ints
    certified: Flags
    least_carton: Ints
    carton: Ints
    weight_g: Ints
    volume_mm3: Ints
    longest_mm: Ints
    girth_mm: Ints
    fill_share: Floats
    first_content: Ints
    content_line: Ints
    content_units: Ints


class Placements(NamedTuple):
    """Where the units of a parcel lie, int64, shape (n_units,); those that take no room are left out.

    Attributes
    ----------
    carton
        Number of the carton within the parcel.
    line
        Number of the line within the parcel.
    x_mm, y_mm, z_mm
        The corner nearest the carton's own; x along its longest side, z along its shortest.
    length_mm, width_mm, height_mm
        Extent along x, y and z: says how the unit is turned.
    """

    carton: Ints
    line: Ints
    x_mm: Ints
    y_mm: Ints
    z_mm: Ints
    length_mm: Ints
    width_mm: Ints
    height_mm: Ints


def carton_range(
    length_mm: ArrayLike,
    width_mm: ArrayLike,
    height_mm: ArrayLike,
    *,
    wall_mm: ArrayLike = 0,
    tare_g: ArrayLike = 0,
    max_weight_g: ArrayLike = 1_000_000_000,
    cost_cents: ArrayLike = 0,
) -> CartonRange:
    """A range of cartons, sides in any order.

    Parameters
    ----------
    length_mm, width_mm, height_mm : int, shape (n_cartons,)
        Inside, at least 1.
    wall_mm, tare_g, max_weight_g, cost_cents : int, shape (n_cartons,) or one number
        At least 0.

    Raises
    ------
    FieldError
        Naming the column, the rule and the first value that breaks it.

    Examples
    --------
    >>> carton_range([200, 400], [300, 300], [150, 200]).length_mm.tolist()
    [300, 400]
    """
    sides = _sorted_sides(length_mm, width_mm, height_mm, low=1)
    n = sides[0].size
    return CartonRange(
        *sides,
        _column("wall_mm", wall_mm, n, 0, MOST_MM),
        _column("tare_g", tare_g, n, 0, MOST_G),
        _column("max_weight_g", max_weight_g, n, 0, MOST_G),
        _column("cost_cents", cost_cents, n, 0, 2**53),
    )


def goods(length_mm: ArrayLike, width_mm: ArrayLike, height_mm: ArrayLike, weight_g: ArrayLike) -> Goods:
    """SKUs as the packer wants them, sides in any order; a side of 0 says that the SKU takes no room.

    Raises
    ------
    FieldError
        Naming the column, the rule and the first value that breaks it.
    """
    sides = _sorted_sides(length_mm, width_mm, height_mm, low=0)
    return Goods(*sides, _column("weight_g", weight_g, sides[0].size, 0, MOST_G))


def pack_parcels(
    cartons: CartonRange,
    items: Goods,
    first_line: ArrayLike,
    sku: ArrayLike,
    units: ArrayLike,
    *,
    most_fill_share: float = 1.0,
) -> PackedParcels:
    """Choose the carton, or the cartons, of each parcel.

    Parameters
    ----------
    cartons : CartonRange
    items : Goods
    first_line : int, shape (n_parcels + 1,)
        Parcel i holds lines first_line[i] to first_line[i + 1] - 1.
    sku : int, shape (n_lines,)
        Row of `items`. A SKU may stand on several lines.
    units : int, shape (n_lines,)
        At least 0.
    most_fill_share : float
        Share of a carton's inside that goods may fill, above 0, at most 1.

    Returns
    -------
    PackedParcels
        One carton where some carton is found to take all: the cheapest, the smallest of equally cheap ones, the first
        of equal ones. Otherwise the biggest carton is filled, then the next, and each is shrunk to the cheapest that
        holds what is in it. Every unit is in exactly one carton. A unit no carton takes by size, weight or fill has a
        carton of its own, `OWN_PACKAGING`, behind the others. A parcel without units has no carton.

    Raises
    ------
    FieldError
        Columns that do not fit together, a SKU that is not there, units below 0, a share out of range.

    Notes
    -----
    Units may be turned in all six ways and stand on anything. What is said to fit has been placed, in whole
    millimetres (`placements`); what is said not to fit may still do, unless `certified`.

    Examples
    --------
    Three alike lie side by side, and a fourth goes into a carton of its own:

    >>> cartons = carton_range([900, 450], [400, 350], [300, 300], tare_g=[300, 200])
    >>> items = goods([400], [300], [300], [1000])
    >>> packed = pack_parcels(cartons, items, [0, 1, 2], [0, 0], [3, 4])
    >>> packed.first_carton.tolist(), packed.carton.tolist(), packed.content_units.tolist()
    ([0, 1, 3], [0, 0, 1], [3, 3, 1])
    >>> packed.weight_g.tolist()
    [3300, 3300, 1200]
    """
    return _pack(cartons, items, first_line, sku, units, most_fill_share, False)[0]


def placements(
    cartons: CartonRange, items: Goods, sku: ArrayLike, units: ArrayLike, *, most_fill_share: float = 1.0
) -> Placements:
    """Where each unit of one parcel lies in the cartons `pack_parcels` chooses for it.

    Parameters and errors as there, for the lines of one parcel.
    """
    _, blocks = _pack(cartons, items, [0, np.size(sku)], sku, units, most_fill_share, True)
    n_units = blocks[:, 8] * blocks[:, 9] * blocks[:, 10]
    of_unit = np.repeat(np.arange(blocks.shape[0]), n_units)
    within = np.arange(of_unit.size) - np.repeat(np.cumsum(n_units) - n_units, n_units)
    one = blocks[of_unit]
    at_z, rest = within % one[:, 10], within // one[:, 10]
    at_y, at_x = rest % one[:, 9], rest // one[:, 9]
    x, y, z = (one[:, 2 + axis] + at * one[:, 5 + axis] for axis, at in enumerate((at_x, at_y, at_z)))
    return Placements(one[:, 0], one[:, 1], x, y, z, one[:, 5], one[:, 6], one[:, 7])


def _pack(
    cartons: CartonRange,
    items: Goods,
    first_line: ArrayLike,
    sku: ArrayLike,
    units: ArrayLike,
    most_fill_share: float,
    placing: bool,
) -> tuple[PackedParcels, Ints]:
    """Check, pack, and hand back the blocks placed as well."""
    if not 0.0 < most_fill_share <= 1.0:
        raise FieldError("most_fill_share", "above 0, at most 1", most_fill_share)
    first, of_line, count = _checked_lines(items, first_line, sku, units)
    length, width, height, wall, tare, most_g, cost = (_plain(column) for column in cartons)
    volume = length * width * height
    room_mm3 = volume
    if most_fill_share < 1.0:
        room_mm3 = np.floor(volume * most_fill_share).astype(np.int64)
    boxes = Boxes(length, width, height, most_g, room_mm3, np.lexsort((volume, cost)))
    by_size = np.argsort(-volume, kind="stable")
    sides = (_plain(items.length_mm), _plain(items.width_mm), _plain(items.height_mm))
    packed = pack_batch(boxes, by_size, wall, tare, *sides, _plain(items.weight_g), first, of_line, count, placing)
    return PackedParcels(*packed[:12]), packed[12]


def _plain(column: ArrayLike) -> Ints:
    """The column as the compiled loop knows it: another layout, or one not writable, would compile it anew."""
    return np.require(column, np.int64, ["C", "W"])


def _checked_lines(items: Goods, first_line: ArrayLike, sku: ArrayLike, units: ArrayLike) -> tuple[Ints, Ints, Ints]:
    first, of_line, count = _plain(first_line), _plain(sku), _plain(units)
    n_lines = of_line.size
    if of_line.ndim != 1 or count.shape != of_line.shape:
        raise FieldError("units", f"one number for each of the {n_lines} lines", f"shape {count.shape}")
    if first.ndim != 1 or not first.size or first[0] != 0 or first[-1] != n_lines or (np.diff(first) < 0).any():
        raise FieldError("first_line", f"rising from 0 to the number of lines ({n_lines})", first[-3:].tolist())
    n_skus = items.weight_g.size
    wrong = (of_line < 0) | (of_line >= n_skus)
    if wrong.any():
        raise FieldError("sku", f"from 0 to {n_skus - 1}", int(of_line[wrong.argmax()]))
    if (count < 0).any():
        raise FieldError("units", "at least 0", int(count.min()))
    return first, of_line, count


def _sorted_sides(
    length_mm: ArrayLike, width_mm: ArrayLike, height_mm: ArrayLike, *, low: int
) -> tuple[Ints, Ints, Ints]:
    n = int(np.size(length_mm))
    sides = np.stack(
        [
            _column(name, given, n, low, MOST_MM)
            for name, given in (("length_mm", length_mm), ("width_mm", width_mm), ("height_mm", height_mm))
        ]
    )
    sides.sort(axis=0)
    return sides[2].copy(), sides[1].copy(), sides[0].copy()


def _column(name: str, given: ArrayLike, n: int, low: int, high: int) -> Ints:
    column = np.asarray(given)
    if column.dtype.kind not in "iu" and not (column.size == 0 or np.array_equal(column, np.rint(column))):
        raise FieldError(name, "whole numbers", column.ravel()[:3].tolist())
    if column.ndim > 1 or (column.ndim == 1 and column.shape != (n,)):
        raise FieldError(name, f"one number, or one for each of {n}", f"shape {column.shape}")
    wrong = (column < low) | (column > high)
    if np.any(wrong):
        raise FieldError(name, f"from {low} to {high}", column.ravel()[int(np.argmax(wrong))].item())
    return np.broadcast_to(column, (n,)).astype(np.int64)
