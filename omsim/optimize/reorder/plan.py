"""The answer of a night: what to buy, what it costs, what no plan can undercut, and what things are worth.

Owns the record only; it is made by :mod:`omsim.optimize.reorder.solve` and put into words by
:mod:`omsim.optimize.reorder.reasons`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Units = NDArray[np.int64]
    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchasePlan:
    """One night's purchases.

    Attributes
    ----------
    units : int64, shape (n_lines,)
        To order; 0 is no order line.
    price_cents : int64, shape (n_lines,)
        Unit cost that applies (the base one where nothing is ordered).
    order_value_cents, order_weight_g, order_volume_mm3 : int64, shape (n_orders,)
        Of the goods of each purchase order; 0 when it is not placed.
    order_freight_cents, order_trucks : int64, shape (n_orders,)
    spent_cents : int
        Value of all goods.
    objective_mc : int
        Expected cost over the horizon, with tonight's price differences, line, fixed, freight and truck costs, in
        milli-cents; recomputed by the independent checker.
    bound_mc : int
        No plan of these options costs less.
    gap_share : float
        (objective - bound) / objective; 0 when both are equal.
    status : str
        ``optimal`` (the two are equal, or differ by less than a cent) or ``feasible``.
    method : str
        ``prices`` (multipliers and exact pricing of orders) or ``prices + mip`` (orders, or the whole, by a solver).
    fallback : str
        Why a solver's answer was not used, with its name; empty when none failed.
    budget_price : float
        Expected cost that one more cent of budget saves, in cents. [lambda]
    storage_price_cents_per_dm3 : float64, shape (n_sites,)
        Expected cost that one more cubic decimetre of storage saves. [mu]
    next_pack_value_cents : float64, shape (n_lines,)
        Expected cost saved by the line's next option up, for each pack, before paying prices of budget and storage;
        NaN when there is no next option.
    wanted_units : int64, shape (n_lines,)
        What the line would take by itself, with nothing else tied to it.
    refused_mc : int64, shape (n_lines,)
        Expected cost of taking `units` rather than `wanted_units`, >= 0.
    """

    units: Units
    price_cents: Units
    order_value_cents: Units
    order_weight_g: Units
    order_volume_mm3: Units
    order_freight_cents: Units
    order_trucks: Units
    spent_cents: int
    objective_mc: int
    bound_mc: int
    gap_share: float
    status: Literal["optimal", "feasible"]
    method: str
    fallback: str
    budget_price: float
    storage_price_cents_per_dm3: Floats
    next_pack_value_cents: Floats
    wanted_units: Units
    refused_mc: Units

    @property
    def objective_cents(self) -> float:
        """Expected cost of the horizon in cents."""
        return self.objective_mc / 1000

    @property
    def bound_cents(self) -> float:
        """What no plan can undercut, in cents."""
        return self.bound_mc / 1000
