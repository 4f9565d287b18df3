"""How long the replenishment of each cell (SKU at a site) takes, from a model's tables.

Owns the distribution of days that pass before an order can be used, and the days between two chances to order. Demand
over them is :mod:`omsim.demand.lead_time`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv, ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.model.business import Business

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int64]

DAY_MINUTES = 1440
EARLY_DAY_SHARE = 0.25  # a receipt within this part of a day after the review serves that day's demand
LEAD_TIME_POINTS = 400  # equally likely lead times that stand for a gamma or lognormal shape


def wait_days(business: Business) -> Floats:
    """Equally likely days from a review to the receipt of what it orders; float64, shape (n_cells, n_points).

    Cells without a supplier have NaN. Lead times are those of the model's tables, without disruptions.
    """
    supplier = business.codes("stock", "supplier")
    wait = lane_wait_days(business, business.codes("stock", "site"), np.maximum(supplier, 0))
    return np.where((supplier >= 0)[:, None], wait, np.nan)


def lane_wait_days(business: Business, site: Codes, supplier: Codes) -> Floats:
    """As `wait_days`, for pairs of a site and the supplier that delivers to it; float64, shape (n_lanes, n_points).

    Parameters
    ----------
    business : Business
    site, supplier : int64, shape (n_lanes,)
        Rows of `sites` and `suppliers`.
    """
    days = _supplier_days(business)
    wait = days[supplier] if len(days) else np.full((len(supplier), LEAD_TIME_POINTS), np.nan)
    receiving = business["sites"].integers("receiving_time")[site][:, None]
    arrival = business.settings.review_time / DAY_MINUTES + wait
    put_away = np.ceil(arrival - receiving / DAY_MINUTES - 1e-9) + receiving / DAY_MINUTES
    return (
        np.where(receiving >= 0, np.maximum(put_away, arrival), arrival) - business.settings.review_time / DAY_MINUTES
    )


def _supplier_days(business: Business) -> Floats:
    """Equally likely days from purchase order to dock; float64, shape (n_suppliers, n_points)."""
    suppliers = business["suppliers"]
    quantile = (np.arange(LEAD_TIME_POINTS) + 0.5) / LEAD_TIME_POINTS
    days = np.full((len(suppliers), LEAD_TIME_POINTS), np.nan)
    shapes = suppliers.texts("lead_time")
    for row, (mean, spread) in enumerate(
        zip(suppliers.numbers("lead_time_days").tolist(), suppliers.numbers("lead_time_cv").tolist(), strict=True)
    ):
        factor = np.ones(LEAD_TIME_POINTS)
        if shapes[row] == "empirical":
            rows = np.flatnonzero(business.codes("lead_times", "supplier") == row)
            rows = rows[np.argsort(business["lead_times"].numbers("factor")[rows], kind="stable")]
            reached = np.cumsum(business["lead_times"].numbers("share")[rows])
            at = np.searchsorted(reached / reached[-1], quantile) if len(rows) else rows
            factor = business["lead_times"].numbers("factor")[rows][at] if len(rows) else factor
        elif shapes[row] == "gamma" and spread > 0:
            factor = gammaincinv(1 / spread**2, quantile) * spread**2
        elif shapes[row] == "lognormal" and spread > 0:
            sigma = np.sqrt(np.log1p(spread**2))
            factor = np.exp(sigma * ndtri(quantile) - sigma**2 / 2)
        days[row] = mean * factor
    return days


def review_days(business: Business) -> Codes:
    """Days between two chances to order, the supplier's order days counted; int64, shape (n_cells,)."""
    supplier = business.codes("stock", "supplier")
    mask = business["suppliers"].integers("order_days")
    open_days = np.maximum((mask[:, None] >> np.arange(7) & 1).sum(axis=1), 1)
    between = -(-7 // open_days)
    own = business["stock"].integers("review_days")
    return np.maximum(own, np.where(supplier >= 0, between[supplier], 1)) if len(mask) else own


def period_shares(wait: Floats) -> Floats:
    """Distribution of whole days of demand before an order can be used; float64, shape (n_cells, most_days + 1).

    Parameters
    ----------
    wait : float64, shape (n_cells, n_points)
        Equally likely waits in days, finite.
    """
    whole = np.maximum(np.ceil(wait - EARLY_DAY_SHARE), 0).astype(np.int64)
    n_cells, n_points = whole.shape
    shares = np.zeros((n_cells, int(whole.max(initial=0)) + 1))
    np.add.at(shares, (np.repeat(np.arange(n_cells), n_points), whole.ravel()), 1.0)
    return np.asarray(shares / n_points)
