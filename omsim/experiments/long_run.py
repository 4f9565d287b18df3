"""Two models made comparable in the long run: both settled before anything counts.

Owns the changes that take a run's opening out of its answer. A model is simulated from today's stock, with nothing on
order; over a short horizon that opening, not the reorder policies, would decide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.waits import review_days, wait_days
from omsim.model.business import Table

if TYPE_CHECKING:
    from omsim.model.business import Business

LONGEST_WARM_UP_DAYS = 180


def settled(business: Business) -> Business:
    """The model with a settled opening.

    Every cell opens at the position its policy orders up to, as its first orders would otherwise find nothing on the
    way. Where orders are generated, the days kept out of every KPI are as many as the longest usual wait for a receipt
    (95th percentile) and as many as before are counted; replayed orders keep their days.
    """
    stock = business["stock"]
    policy = np.array(stock.texts("policy"))
    opening = stock.integers("on_hand_units").copy()
    raised = np.isin(policy, ("min_max", "base_stock"))
    opening[raised] = stock.integers("order_up_to_units")[raised]
    fixed = policy == "quantity"
    opening[fixed] = (stock.integers("reorder_point_units") + stock.integers("order_quantity_units"))[fixed]
    tables = {**business.tables, "stock": Table(name="stock", columns={**stock.columns, "on_hand_units": opening})}
    warm_up, horizon = _days(business)
    settings = replace(business.settings, warm_up_days=warm_up, horizon_days=horizon)
    return replace(business, tables=tables, settings=settings, base=None, folder="")


def _days(business: Business) -> tuple[int, int]:
    """Warm-up and horizon."""
    before, counted = business.settings.warm_up_days, business.settings.horizon_days - business.settings.warm_up_days
    supplied = business.codes("stock", "supplier") >= 0
    if len(business["orders"]) or not supplied.any():
        return before, before + counted
    wait = np.quantile(wait_days(business)[supplied], 0.95, axis=1) + review_days(business)[supplied]
    warm_up = max(before, min(int(np.ceil(wait.max())), LONGEST_WARM_UP_DAYS))
    return warm_up, warm_up + counted
