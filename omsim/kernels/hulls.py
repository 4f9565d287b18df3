"""Upper concave hulls of many curves at once.

Owns the geometry only: which points of a rising curve can be optimal for some price on its horizontal axis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@compiled
def concave_steps(cost: Floats, gain: Floats) -> tuple[Index, Index, Index, Index]:
    """Steps between neighbouring points of each row's upper concave hull.

    Parameters
    ----------
    cost, gain : float64, shape (n_rows, n_points)
        Both never falling along a row.

    Returns
    -------
    start : int64, shape (n_rows,)
        First hull point of each row: what can be had at the row's least cost.
    row, point, came_from : int64, shape (n_steps,)
        Each step's row, the point it leads to and the hull point before it. Along a row, slopes
        (gain over cost) fall; a point that costs more without gaining is left out.

    Notes
    -----
    Andrew's (1979) monotone chain: O(n_rows n_points) time.
    """
    n_rows, n_points = cost.shape
    start = np.zeros(n_rows, np.int64)
    row_of = np.empty(n_rows * n_points, np.int64)
    point_of = np.empty(n_rows * n_points, np.int64)
    from_of = np.empty(n_rows * n_points, np.int64)
    chain = np.empty(n_points, np.int64)
    n_steps = 0
    for row in range(n_rows):
        length = 0
        for point in range(n_points):
            if length and gain[row, point] <= gain[row, chain[length - 1]]:
                continue
            if length and cost[row, point] <= cost[row, chain[length - 1]]:
                length -= 1  # more for no more cost
            while length >= 2:
                a, b = chain[length - 2], chain[length - 1]
                rise_ab = (gain[row, b] - gain[row, a]) * (cost[row, point] - cost[row, b])
                rise_bp = (gain[row, point] - gain[row, b]) * (cost[row, b] - cost[row, a])
                if rise_ab > rise_bp:
                    break
                length -= 1
            chain[length] = point
            length += 1
        start[row] = chain[0]
        for index in range(1, length):
            row_of[n_steps] = row
            point_of[n_steps] = chain[index]
            from_of[n_steps] = chain[index - 1]
            n_steps += 1
    return start, row_of[:n_steps].copy(), point_of[:n_steps].copy(), from_of[:n_steps].copy()
