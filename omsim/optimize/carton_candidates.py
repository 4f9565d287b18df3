"""Possible cartons for a sample of parcels, from which `omsim.optimize.carton_range` chooses.

Owns shapes, sizes and what a carton of a size costs and weighs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.packing.cartons import CartonRange, Goods, carton_range

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def candidate_cartons(
    items: Goods,
    first_line: ArrayLike,
    sku: ArrayLike,
    units: ArrayLike,
    *,
    n_sizes: int = 12,
    shapes: ArrayLike = ((1.0, 0.75, 0.5), (1.0, 0.8, 0.25), (1.0, 0.6, 0.6), (1.0, 1.0, 0.8)),
    fill_share: float = 0.6,
    step_mm: int = 10,
    board_cents_m2: float = 60.0,
    base_cents: int = 10,
    wall_mm: int = 3,
    board_g_m2: float = 500.0,
) -> CartonRange:
    """Possible cartons for a sample of parcels: every shape in sizes that the sample asks for.

    Parameters
    ----------
    items, first_line, sku, units
        The sample, as `omsim.kernels.packing.cartons.pack_parcels` takes it.
    n_sizes : int
        Sizes of each shape, at evenly spread quantiles of the parcels' volume, of which the last is the biggest.
    shapes : float, shape (n_shapes, 3)
        Sides, up to a factor.
    fill_share : float
        Share of the inside the goods are hoped to fill.
    step_mm : int
        Sides are whole multiples of it.
    board_cents_m2, base_cents : float, int
        A carton costs its surface and a base.
    wall_mm : int
    board_g_m2 : float
        Weight of the board.

    Returns
    -------
    CartonRange
        Each wide enough for the sides of the parcels at its quantile; none twice; by rising volume.

    Raises
    ------
    FieldError
        A parameter out of range; a sample that takes no room.
    """
    for name, value, rule, good in (
        ("n_sizes", n_sizes, "at least 1", n_sizes >= 1),
        ("fill_share", fill_share, "above 0, at most 1", 0.0 < fill_share <= 1.0),
        ("step_mm", step_mm, "at least 1", step_mm >= 1),
        ("board_cents_m2", board_cents_m2, "from 0 to below 1e9", 0.0 <= board_cents_m2 < 1e9),
        ("base_cents", base_cents, "at least 0", base_cents >= 0),
        ("board_g_m2", board_g_m2, "from 0 to below 1e9", 0.0 <= board_g_m2 < 1e9),
    ):
        if not good:
            raise FieldError(name, rule, value)
    form = np.sort(np.asarray(shapes, dtype=np.float64).reshape(-1, 3), axis=1)[:, ::-1]
    if not (np.isfinite(form).all() and (form > 0).all()):
        raise FieldError("shapes", "sides above 0", form.tolist())
    first = np.asarray(first_line, dtype=np.int64)
    of_line, count = np.asarray(sku, dtype=np.int64), np.asarray(units, dtype=np.int64)
    sides = np.stack(items[:3]).astype(np.float64)
    unit_mm3 = np.where((sides > 0).all(axis=0), sides.prod(axis=0), 0.0)
    parcel = np.repeat(np.arange(first.size - 1), np.diff(first))
    volume = np.bincount(parcel, weights=unit_mm3[of_line] * count, minlength=first.size - 1)
    needed = np.zeros((3, first.size - 1))
    there = (count > 0) & (unit_mm3[of_line] > 0)
    for axis in range(3):
        np.maximum.at(needed[axis], parcel[there], sides[axis, of_line[there]])
    asking = volume > 0
    if not asking.any():
        raise FieldError("items", "of some volume in the sample", "none")
    shares = np.linspace(1.0 / n_sizes, 1.0, n_sizes)
    sizes = np.quantile(volume[asking], shares) / fill_share
    least = np.quantile(needed[:, asking], shares, axis=1)  # by size, then side
    factor = np.cbrt(sizes[:, None] / form.prod(axis=1))
    wanted = np.maximum(factor[:, :, None] * form, least[:, None, :]).reshape(-1, 3)
    rounded = (np.ceil(wanted / step_mm) * step_mm).astype(np.int64)
    rounded = np.unique(np.minimum(rounded, 100_000), axis=0)
    rounded = rounded[np.lexsort((rounded[:, 0], rounded.prod(axis=1)))]
    long, wide, high = rounded.T.astype(np.float64)
    area_m2 = 2 * (long * wide + long * high + wide * high) / 1e6
    return carton_range(
        *rounded.T,
        wall_mm=wall_mm,
        tare_g=np.rint(area_m2 * board_g_m2).astype(np.int64),
        cost_cents=base_cents + np.rint(area_m2 * board_cents_m2).astype(np.int64),
    )
