"""What a parcel weighs to a carrier, and how long around it is.

Owns billable weight and length plus girth; `prices` looks up what they cost.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled

Ints = NDArray[np.int64]

MOST_G = 2**31 - 1
"""Two thousand tonnes and more all weigh this much."""


@compiled
def billable_g(weight_g: int, volume_mm3: int, dim_divisor_cm3_per_kg: float) -> int:
    """Greater of actual and volumetric weight, the latter in started grams; a divisor of 0 makes volume free.

    At most `MOST_G`. Ten inches cubed at 139 cubic inches a pound are 7.2 pounds, billed as 8 by a card with a break
    at every pound:

    >>> divisor = 139 * 16.387064 / 0.45359237
    >>> billable_g(2_000, 254**3, divisor)
    3264
    >>> [int(pounds * 453.59237) >= 3_264 for pounds in (7, 8)]
    [False, True]

    Notes
    -----
    Cubic millimetres by cm3 per kg are grams. For whole divisors and volumes below 2^53 the rounded quotient has the
    same ceiling as the exact one: an exact quotient above a whole number n is above it by at least 1 / divisor, more
    than rounding can take away from a number near n.
    """
    if dim_divisor_cm3_per_kg <= 0.0:
        return min(weight_g, MOST_G)
    volumetric_g = int(min(float(np.ceil(volume_mm3 / dim_divisor_cm3_per_kg)), float(MOST_G)))
    return min(max(weight_g, volumetric_g), MOST_G)


def girth_mm(longest_mm: Ints, middle_mm: Ints, shortest_mm: Ints) -> Ints:
    """Length plus girth as carriers limit it: longest side + 2 x (middle + shortest side).

    >>> import numpy as np
    >>> girth_mm(np.array([600]), np.array([400]), np.array([200])).tolist()
    [1800]
    """
    return longest_mm + 2 * (middle_mm + shortest_mm)
