"""What the rest of a contract's period is expected to bring, in few classes, from parcels already seen.

Owns the condensing only: how many parcels to expect is a forecast, and what is made of them is decided in `contracts`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.tender import alike_rows
from omsim.optimize.carriers.prices import billed_prices, priced_options
from omsim.optimize.carriers.shapes import Expected

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def expect_alike(
    cost_cents: ArrayLike,
    offered: ArrayLike,
    slots: ArrayLike,
    hold_cents: ArrayLike,
    n_parcels: int,
    *,
    billed_cents: ArrayLike | None = None,
    most_classes: int = 200,
) -> Expected:
    """Expect so many parcels like those seen, in at most so many classes.

    Parameters
    ----------
    cost_cents, offered, hold_cents, billed_cents
        The parcels seen, as of `assign_with_contracts`: today's, or those of several days.
    slots : int64, shape (n_services,)
        Of all later pickups of the period together.
    n_parcels : int
        Expected in the rest of the period, >= 0.
    most_classes : int
        >= 1.

    Returns
    -------
    Expected
        Whole parcels that add up to `n_parcels`; the same every time. Empty where none were seen.

    Notes
    -----
    Where parcels seen are more different than `most_classes`, they are ordered by their prices and every k-th one
    stands for its neighbours (systematic sampling): shares of cheap and dear, near and far parcels stay as they are.

    Examples
    --------
    >>> seen = np.array([[500, 600]] * 3 + [[900, 700]])
    >>> later = expect_alike(seen, seen > 0, [50, 50], np.full(4, 5_000), 10)
    >>> later.parcels.tolist(), later.cost_cents.tolist()
    ([8, 2], [[500, 600], [900, 700]])
    """
    if isinstance(n_parcels, bool) or not isinstance(n_parcels, (int, np.integer)) or not 0 <= n_parcels <= 10**9:
        raise FieldError("n_parcels", "a whole number from 0 to 1,000,000,000", n_parcels)
    if most_classes < 1:
        raise FieldError("most_classes", "at least 1", most_classes)
    prices, room = priced_options(cost_cents, offered, slots, hold_cents)
    billed = billed_prices(billed_cents, prices)
    of_parcel, row = alike_rows(np.concatenate([prices, billed], axis=1))
    seen = np.bincount(of_parcel, minlength=row.size).astype(np.int64)
    if row.size > most_classes:
        order = np.lexsort(prices.T)  # by waiting, then by the last service's price, and so on
        row = order[(2 * np.arange(most_classes) + 1) * order.size // (2 * most_classes)]
        seen = np.ones(most_classes, dtype=np.int64)
    total = int(seen.sum())
    parcels = seen * int(n_parcels) // max(1, total)
    left = (int(n_parcels) - int(parcels.sum())) * bool(total)
    owed = seen * int(n_parcels) % max(1, total)
    parcels[np.argsort(-owed, kind="stable")[:left]] += 1
    is_open = np.asarray(offered)[row] if prices.size else np.zeros((row.size, room.size), dtype=np.bool_)
    return Expected(
        parcels=parcels,
        cost_cents=np.where(is_open, prices[row, :-1], 0),
        offered=is_open,
        hold_cents=prices[row, -1],
        slots=room,
        billed_cents=billed[row],
    )
