"""Lines that stock cannot fill whole become lines of their SKU's substitute, where that can.

Owns the one pass over a batch; a SKU that was put in the place of another is what the rest of the run knows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@compiled
def put_in_substitutes(
    first_line: Ints,
    sku: Ints,
    units: Ints,
    may_change: Flags,
    row: Ints,
    usable_units: Ints,
    substitute: Ints,
    claimed: Ints,
) -> None:
    """Change `sku` of the lines that become lines of a substitute.

    Parameters
    ----------
    first_line, sku, units : int64
        The batch.
    may_change : bool, shape (n_orders,)
        Orders tried for the first time, of channels that take substitutes.
    row : int64, shape (n_orders,)
        Row of `usable_units` of each order that may change.
    usable_units : int64, shape (n_rows, n_skus)
        Units an order's candidate sites may give it.
    substitute : int64, shape (n_skus,)
        -1 = none.
    claimed : int64, shape (n_skus,)
        Zeros: what earlier lines of the batch ask of each SKU.
    """
    for order in range(first_line.size - 1):
        for line in range(first_line[order], first_line[order + 1]):
            asked = sku[line]
            other = substitute[asked]
            if (
                may_change[order]
                and other >= 0
                and usable_units[row[order], asked] - claimed[asked] < units[line]
                and usable_units[row[order], other] - claimed[other] >= units[line]
            ):
                sku[line] = other
                asked = other
            claimed[asked] += units[line]
