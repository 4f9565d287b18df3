"""KPIs of what follows delivery: returns, refunds, contacts; by channel where the order tells it.

Owns the correction of return rates for parcels too young to have come back; what each KPI means is in `registry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from omsim.analysis.kpis import Rows, quantiles
from omsim.kernels import outcome_columns as kernel
from omsim.model import fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.analysis.outcomes import Outcomes
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords


def measure_customers(rows: Rows, records: RunRecords, business: Business, outcomes: Outcomes) -> None:
    """Add the KPIs of returns and contacts to `rows`."""
    _measure_returns(rows, records, business, outcomes)
    _measure_contacts(rows, records, business, outcomes)


def returned_by_now(business: Business, n_hours: int) -> NDArray[np.float64]:
    """Share of eventual returns already requested, by whole hours since delivery; shape (n_hours,)."""
    age_days = (np.arange(n_hours) + 0.5) / 24
    distance = np.log(age_days / business.settings.return_lag_median_days)
    sigma = business.settings.return_lag_sigma
    if sigma == 0:
        return (distance >= 0).astype(np.float64)
    shares: NDArray[np.float64] = ndtr(distance / sigma)
    return shares


def _measure_returns(rows: Rows, records: RunRecords, business: Business, outcomes: Outcomes) -> None:
    returns, shipments = records.returns, records.shipments
    names = [f"channel={name}" for name in business["channels"].texts("channel")]
    delivered = outcomes.delivered_units
    exposed = delivered @ returned_by_now(business, delivered.shape[1])
    by_channel = delivered.sum(axis=1)
    channel = records.orders.channel[shipments.order[returns.shipment]]
    asked = (shipments.delivered_s[returns.shipment] >= records.warm_up_s) & ~returns.damaged
    units = np.bincount(channel[asked], weights=returns.units[asked], minlength=len(names))
    rows.ratio("return_rate", "", units.sum(), exposed.sum())
    rows.ratio("return_rate_so_far", "", units.sum(), by_channel.sum())
    for code, group in enumerate(names):
        rows.ratio("return_rate", group, units[code], exposed[code])
        rows.ratio("return_rate_so_far", group, units[code], by_channel[code])
    refunded = (returns.requested_s >= records.warm_up_s) & (returns.refunded_s >= 0)
    waits = returns.refunded_s[refunded] - returns.requested_s[refunded]
    rows.ratio("refund_time", "", int(waits.sum(dtype=np.int64)), len(waits))
    rows.quantile("refund_time_p90", "", quantiles(waits, [0.9])[0], len(waits))
    rows.count("refunds_open", "", int(np.count_nonzero(returns.refunded_s < 0)))


def _measure_contacts(rows: Rows, records: RunRecords, business: Business, outcomes: Outcomes) -> None:
    contacts = records.contacts
    counted = contacts.at_s >= records.warm_up_s
    names = business["channels"].texts("channel")
    orders = outcomes.sums[:, :, kernel.S_ORDERS].sum(axis=1)
    made = np.bincount(records.orders.channel[contacts.order[counted]], minlength=len(names))
    late = contacts.reason == fields.CONTACT_REASONS.index("late")
    rows.ratio("contact_rate", "", made.sum(), orders.sum())
    for name, n, base in zip(names, made.tolist(), orders.tolist(), strict=True):
        rows.ratio("contact_rate", f"channel={name}", n, base)
    parcels = int(outcomes.by_service[:, kernel.V_PARCELS].sum())
    rows.ratio("wismo_rate", "", int(np.count_nonzero(late & counted)), parcels)
    for code, reason in enumerate(fields.CONTACT_REASONS):
        of_reason = int(np.count_nonzero((contacts.reason == code) & counted))
        rows.ratio("contact_rate", f"reason={reason}", of_reason, int(orders.sum()))
    answered = counted & (contacts.answered_s >= 0)
    waits = contacts.answered_s[answered] - contacts.at_s[answered]
    rows.ratio("first_response", "", int(waits.sum(dtype=np.int64)), len(waits))
    rows.quantile("first_response_p90", "", quantiles(waits, [0.9])[0], len(waits))
    n_made = int(np.count_nonzero(counted))
    rows.ratio("abandon_share", "", int(np.count_nonzero(contacts.abandoned & counted)), n_made)
