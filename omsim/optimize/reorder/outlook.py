"""What a night goes by: the outlook on the coming weeks, with each item's own policy, and tonight's positions.

Owns the two records and what follows from them alone. Making an outlook is :mod:`omsim.optimize.reorder.night`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from omsim.optimize.policies.service_levels import implied_shortage_cost
from omsim.optimize.policies.stock_position import min_max_drop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.demand.lead_time import DemandTable
    from omsim.optimize.reorder.cell_terms import CellTerms

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Texts = NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the coming weeks may ask for, and each item's own policy for it; good until the next look ahead.

    Attributes
    ----------
    terms : CellTerms
    period, before, after : DemandTable
        Demand between reviews, until an order can be used, and until the next order can.
    mean_units_per_day, doubt_sigma : float64, shape (n_items,)
        Expected demand, and how unsure its level is (spread of the logarithm).
    order_cost_cents, saved_cents : float64, shape (n_items,)
        Share of the cost of sending an order the item is on; what a unit bought in its usual lots costs less than the
        item's unit cost.
    demand_class, method, abc, xyz : object (text), shape (n_items,)
        Pattern of demand, how it was forecast, value and steadiness class.
    target_fill : float64, shape (n_items,)
        Unit fill rate promised (aim ``fill_rate``).
    reorder_point, order_up_to : int64, shape (n_items,)
        (s, S) from tonight on.
    shortage_cents : float64, shape (n_items,)
        Of a unit owed at the end of a review period: given by the costs, or what the target makes it worth.
    source : str
        Where the demand was learnt, in words.
    kept : bool, shape (n_items,)
        Items that follow the policy the model has, tonight as well.
    """

    terms: CellTerms
    period: DemandTable
    before: DemandTable
    after: DemandTable
    mean_units_per_day: Floats
    order_cost_cents: Floats
    saved_cents: Floats
    demand_class: Texts
    method: Texts
    doubt_sigma: Floats
    abc: Texts
    xyz: Texts
    target_fill: Floats
    reorder_point: Units
    order_up_to: Units
    shortage_cents: Floats
    source: str
    kept: Flags

    @property
    def holding_cents(self) -> Floats:
        """Of a unit left at the end of a review period; float64, shape (n_items,)."""
        return self.terms.holding_cents * self.terms.review_days

    def keeping(self, kept: Flags) -> Outlook:
        """The same with the policies of some items as the model has them, and shortages priced as those imply."""
        if not kept.any():
            return self
        low = np.where(kept, self.terms.old_reorder_point, self.reorder_point)
        top = np.where(kept, self.terms.old_order_up_to, self.order_up_to)
        top = np.maximum(top, low + 1)
        items = np.flatnonzero(kept)
        period, after = self.period.select(items), self.after.select(items)
        shortage = self.shortage_cents.copy()
        drop = min_max_drop(period, (top - low)[items])
        implied = implied_shortage_cost(after, drop, top[items], self.holding_cents[items])
        shortage[items] = np.where(after.mean() > 0, implied, shortage[items])
        return replace(self, reorder_point=low, order_up_to=top, shortage_cents=shortage, kept=self.kept | kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Units of each item tonight; int64, shape (n_items,)."""

    on_hand_units: Units
    on_order_units: Units
    backordered_units: Units

    @property
    def units(self) -> Units:
        """Inventory position."""
        return self.on_hand_units + self.on_order_units - self.backordered_units
