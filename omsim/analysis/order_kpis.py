"""KPIs of orders: promises, fill, backorders, cycle times, splits, costs; by channel and region.

Owns the division of the order sums of `outcomes`; what each means is in `registry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.analysis.costs import channel_costs
from omsim.analysis.kpis import Rows, quantiles
from omsim.kernels import outcome_columns as kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omsim.analysis.outcomes import Outcomes
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

RATIOS = (
    ("on_time_delivery", "on_time", "due"),
    ("otif", "on_time_in_full", "due"),
    ("perfect_order", "perfect", "due"),
    ("in_full", "in_full", "due"),
    ("on_time_ship", "shipped_on_time", "due"),
    ("promise_within_a_day", "within_a_day", "due"),
    ("unit_fill", "filled_units", "tried_units"),
    ("line_fill", "filled_lines", "tried_lines"),
    ("order_fill", "filled_orders", "tried_orders"),
    ("backorder_rate", "waited_units", "tried_units"),
    ("backorder_order_share", "waited_orders", "tried_orders"),
    ("backorder_wait", "wait_s", "filled_waits"),
    ("backorder_open_age", "open_age_s", "open_waits"),
    ("cancel_rate", "cancelled_orders", "tried_orders"),
    ("lost_sales_share", "cancelled_units", "tried_units"),
    ("cycle_time", "cycle_s", "delivered"),
    ("click_to_ship", "ship_s", "shipped"),
    ("split_rate", "split", "with_shipment"),
    ("shipments_per_order", "shipments", "with_shipment"),
    ("reject_rate", "rejected", "decided"),
)
COUNTS = (
    ("orders_due", "due"),
    ("orders_without_promise", "no_promise"),
    ("backorder_open_units", "open_units"),
    ("lost_sales_units", "cancelled_units"),
    ("lost_sales_value", "lost_sales_cents"),
    ("lost_margin", "lost_margin_cents"),
    ("orders_rejected", "rejected"),
    ("open_orders", "open"),
)
CYCLE_QUANTILES = (("cycle_time_p50", 0.5), ("cycle_time_p90", 0.9), ("cycle_time_p95", 0.95))
SHIP_QUANTILES = (("click_to_ship_p90", 0.9),)
PROMISE_QUANTILES = (("promise_error_p10", 0.1), ("promise_error_p50", 0.5), ("promise_error_p90", 0.9))


def measure_orders(rows: Rows, records: RunRecords, business: Business, outcomes: Outcomes) -> None:
    """Add the KPIs of orders to `rows`."""
    channels = [f"channel={name}" for name in business["channels"].texts("channel")]
    regions = [f"region={name}" for name in business["regions"].texts("region")]
    by_channel, by_region = outcomes.sums.sum(axis=1), outcomes.sums.sum(axis=0)
    counted_days = max(records.horizon_s - records.warm_up_s, 0) / kernel.DAY_S
    everything = [("", by_channel.sum(axis=0)), *zip(channels, by_channel, strict=True)]
    everything += zip(regions, by_region, strict=True)
    for group, sums in everything:
        named = dict(zip(kernel.SUM_NAMES, sums.tolist(), strict=True))
        for kpi, numerator, denominator in RATIOS:
            rows.ratio(kpi, group, named[numerator], named[denominator])
        for kpi, count in COUNTS:
            rows.count(kpi, group, named[count])
        rows.ratio("orders_per_day", group, named["arrived"], counted_days)
    oldest_s = outcomes.oldest_wait_s
    rows.count("backorder_open_age_max", "", oldest_s if oldest_s else float("nan"))

    orders = records.orders
    counted = outcomes.has(kernel.COUNTED)
    channel = orders.channel
    for specs, bits, end_s, start_s in (
        (CYCLE_QUANTILES, kernel.DELIVERED, outcomes.last_delivered_s, orders.arrived_s),
        (SHIP_QUANTILES, kernel.SHIPPED, outcomes.last_tendered_s, orders.arrived_s),
    ):
        chosen = outcomes.has(bits) & counted
        _measure_quantiles(rows, specs, end_s[chosen] - start_s[chosen], channel[chosen], channels)
    chosen = outcomes.has(kernel.DELIVERED, kernel.DUE)
    errors_s = outcomes.last_delivered_s[chosen] - orders.promise_s[chosen]
    _measure_quantiles(rows, PROMISE_QUANTILES, errors_s, channel[chosen], channels)

    costs, n_shipped = channel_costs(records, business, outcomes)
    _measure_costs(rows, "", costs.sum(axis=0), int(n_shipped.sum()))
    for name, parts, n in zip(channels, costs, n_shipped.tolist(), strict=True):
        _measure_costs(rows, name, parts, n)


def _measure_quantiles(
    rows: Rows,
    specs: Sequence[tuple[str, float]],
    values: NDArray[np.integer],
    channel: NDArray[np.integer],
    channels: Sequence[str],
) -> None:
    shares = [share for _, share in specs]
    for code, name in enumerate(channels):
        chosen = values[channel == code]
        for (kpi, _), value in zip(specs, quantiles(chosen, shares), strict=True):
            rows.quantile(kpi, name, value, len(chosen))
    for (kpi, _), value in zip(specs, quantiles(values, shares), strict=True):  # last: reorders in place
        rows.quantile(kpi, "", value, len(values))


def _measure_costs(rows: Rows, group: str, parts: NDArray[np.int64], n_orders: int) -> None:
    """Cost KPIs of a group; the ledger's parts of a cent are rounded here, once an amount."""
    for component, part in zip(kernel.COST_NAMES, parts.tolist(), strict=True):
        rows.ratio(f"cost_{component}", group, round(part / kernel.PER_CENT), n_orders)
    rows.ratio("cost_per_order", group, round(int(parts.sum()) / kernel.PER_CENT), n_orders)
