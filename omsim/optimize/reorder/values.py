"""What each quantity a line may order is expected to cost.

Owns the value of a position and the short list of quantities. Demand tables come from
:mod:`omsim.demand.lead_time` (which says how periods are counted), the policies from
:mod:`omsim.optimize.policies`; what ties lines together tonight is :mod:`omsim.optimize.reorder.solve`.

The value is exact for a line that follows its (s, S) policy from tomorrow on: expected cost of a horizon from the
position after tonight's order, g x periods + H(position), with H the policy's relative value (its cost beyond the
long-run average g, over all the future). Without anything that ties lines together, least cost means ordering exactly
when the policy orders, and to the same level. Without a fixed cost, and up to S, differences are the newsvendor's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.checked import checked_column, checked_units
from omsim.errors import FieldError
from omsim.kernels.position_values import candidate_quantities, relative_values
from omsim.optimize.reorder.problem import MC_PER_CENT, LineOptions

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from omsim.demand.lead_time import DemandTable
    from omsim.optimize.reorder.problem import PurchaseLines

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

MOST_OPTIONS = 24
HORIZON_DAYS = 28


def position_costs(
    period: DemandTable,
    after: DemandTable,
    reorder_point_units: ArrayLike,
    order_up_to_units: ArrayLike,
    order_cost: ArrayLike,
    holding_cost: ArrayLike,
    shortage_cost: ArrayLike,
    *,
    horizon_periods: ArrayLike,
    first: Units,
    units: Units,
) -> Floats:
    """Expected cost of the horizon from given positions on, each just after ordering.

    Parameters
    ----------
    period, after : DemandTable
        Demand between reviews, and of lead time + one review period.
    reorder_point_units, order_up_to_units : int, shape (n_items,) or one number
        The policy followed from tomorrow on, s < S; optimal or not.
    order_cost, holding_cost, shortage_cost : float, shape (n_items,) or one number
        Of an order; of a unit left, and of a unit owed, at the end of a period. Any one currency unit.
    horizon_periods : float, shape (n_items,) or one number
        Review periods counted.
    first : int64, shape (n_items + 1,)
        Where each item's positions begin in `units`.
    units : int64, shape (n_positions,)
        Positions, any order, may be negative.

    Returns
    -------
    float64, shape (n_positions,)
        ``g * horizon_periods + H(position)``.

    Raises
    ------
    FieldError
        s not below S, tables that do not fit, numbers that are not finite.

    Notes
    -----
    A whole table of H costs O((highest position - s) x support of `period`). Very far above s (tens of millions of
    terms) the quadratic that H tends to is used. Positions of what never sells cost the whole horizon.

    Examples
    --------
    >>> from omsim.demand.lead_time import Periods, poisson_demand
    >>> day = poisson_demand([10.0], Periods.fixed(1))
    >>> at = np.arange(4, 44)
    >>> cost = position_costs(day, day, 6, 40, 64.0, 1.0, 9.0, horizon_periods=0, first=np.array([0, 40]), units=at)
    >>> int(at[cost.argmin()])
    40
    """
    n_items = after.n_items
    if period.n_items != n_items:
        raise FieldError("period", f"a table of {n_items} items", period.n_items)
    low = checked_units("reorder_point_units", reorder_point_units, n_items, least=-(10**12))
    top = checked_units("order_up_to_units", order_up_to_units, n_items, least=-(10**12))
    if (low >= top).any():
        at = int(np.argmax(low >= top))
        raise FieldError("reorder_point_units", f"below order_up_to_units ({top[at]})", int(low[at]))
    if first.shape != (n_items + 1,) or int(first[-1]) != units.size:
        raise FieldError("first", f"rows of {n_items} items over {units.size} positions", f"shape {first.shape}")
    return relative_values(
        period.pmf,
        period.first,
        after.pmf,
        after.first,
        low,
        top,
        checked_column("order_cost", order_cost, n_items),
        checked_column("holding_cost", holding_cost, n_items),
        checked_column("shortage_cost", shortage_cost, n_items),
        checked_column("horizon_periods", horizon_periods, n_items, most=1e6),
        np.ascontiguousarray(first, dtype=np.int64),
        np.ascontiguousarray(units, dtype=np.int64),
    )


def line_options(
    lines: PurchaseLines,
    period: DemandTable,
    after: DemandTable,
    *,
    order_cost_cents: ArrayLike,
    holding_cents: ArrayLike,
    shortage_cents: ArrayLike,
    horizon_periods: ArrayLike = HORIZON_DAYS,
    orderable: ArrayLike = True,
    most_options: int = MOST_OPTIONS,
) -> LineOptions:
    """Quantities each line may take tonight, with the expected cost of each.

    Parameters
    ----------
    lines : PurchaseLines
        With the (s, S) each line follows from tomorrow on.
    period, after, holding_cents, shortage_cents, horizon_periods
        As in `position_costs`, in cents.
    order_cost_cents : float, shape (n_lines,) or one number
        A line's share of ordering *tomorrow and later*; tonight's order is charged by purchase order, exactly.
    orderable : bool, shape (n_lines,) or one
        False where no order can be sent tonight: the line has only the option of nothing.
    most_options : int
        At most so many for a line, >= 4.

    Returns
    -------
    LineOptions
        A line that must be ordered and cannot has no option at all; the plan then names the rules in conflict.

    Raises
    ------
    FieldError
        As `position_costs`; a line that must be ordered but is not orderable.
    """
    if most_options < 4:
        raise FieldError("most_options", ">= 4", most_options)
    can = np.array(np.broadcast_to(np.asarray(orderable, dtype=np.bool_), (lines.n_lines,)))
    barred = ~can & (lines.least_units > 0)
    if barred.any():
        raise FieldError("orderable", "true where least_units > 0", lines.name[int(np.argmax(barred))])
    spread = lines.order_up_to_units - lines.reorder_point_units
    reach = np.maximum(spread, np.ceil(14.0 * lines.units_per_day).astype(np.int64))
    first, units = candidate_quantities(
        lines.position_units,
        lines.pack_units,
        np.maximum(lines.moq_units, lines.least_units),
        np.where(can, lines.most_units, -1),
        lines.least_units,
        lines.reorder_point_units,
        lines.order_up_to_units,
        reach,
        lines.price_breaks.first,
        lines.price_breaks.at,
        most_options,
    )
    return LineOptions(
        first=first,
        units=units,
        cost_mc=_milli_cents(
            position_costs(
                period,
                after,
                lines.reorder_point_units,
                lines.order_up_to_units,
                order_cost_cents,
                holding_cents,
                shortage_cents,
                horizon_periods=horizon_periods,
                first=first,
                units=units + np.repeat(lines.position_units, np.diff(first)),
            )
        ),
    )


def _milli_cents(cents: Floats) -> Units:
    scaled = np.rint(cents * MC_PER_CENT)
    if not (np.abs(scaled) < 1e15).all():  # a NaN fails the comparison too
        raise FieldError("expected cost of an option", "finite and below 1e12 cents", "more")
    return scaled.astype(np.int64)
