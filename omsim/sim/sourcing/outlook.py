"""What orders are like and how many are expected: from the demand tables where there are some, else from those so far.

Owns expectations only, which know nothing of the run's own luck to come. What they are good for is the business of
`costs` (what a typical parcel weighs) and `prices` (what stock is worth to later orders).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.demand.arrivals import day_factors, hour_weights
from omsim.model.calendars import DAY_S

if TYPE_CHECKING:
    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.plan import Plan

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class OrderSample(NamedTuple):
    """Orders a channel may get, and how likely they are; shape (n,).

    An order of several lines counts as so many lines of one SKU: enough for weights, which is what it is for.
    """

    channel: Ints
    sku: Ints
    units: Ints
    share: Floats


class DemandMeans(NamedTuple):
    """What the demand tables expect.

    Attributes
    ----------
    units_per_order : float64, shape (n_channels, n_skus)
    orders_per_day : float64, shape (n_days, n_channels)
    region_share : float64, shape (n_regions,)
    """

    units_per_order: Floats
    orders_per_day: Floats
    region_share: Floats


def order_sample(business: Business) -> OrderSample:
    """Every line the demand tables know, in every basket size; without tables every SKU once in every channel."""
    n_channels, n_skus = len(business["channels"]), len(business["skus"])
    if len(business["orders"]):
        channel, sku = np.divmod(np.arange(n_channels * n_skus, dtype=np.int64), n_skus)
        one = np.ones(channel.size, dtype=np.int64)
        return OrderSample(channel, sku, one, one.astype(np.float64))
    demand, quantities, baskets = business["demand"], business["quantities"], business["baskets"]
    quantity_of: dict[str, list[tuple[int, float]]] = {}
    for profile, quantity, share in zip(
        quantities.texts("profile"), quantities.integers("units").tolist(), quantities.numbers("share"), strict=True
    ):
        quantity_of.setdefault(profile, []).append((quantity, float(share)))
    lines_of: dict[int, list[tuple[int, float]]] = {}
    for basket_channel, lines, share in zip(
        business.codes("baskets", "channel").tolist(), baskets.integers("lines").tolist(), baskets.numbers("share"),
        strict=True,
    ):  # fmt: skip
        lines_of.setdefault(basket_channel, []).append((lines, float(share)))
    rows: list[tuple[int, int, int, float]] = []
    for of_channel, of_sku, line_share, profile in zip(
        business.codes("demand", "channel").tolist(),
        business.codes("demand", "sku").tolist(),
        demand.numbers("line_share").tolist(),
        demand.texts("quantity_profile"),
        strict=True,
    ):
        sizes, asked = lines_of[of_channel], quantity_of[profile]
        total = sum(share for _, share in sizes) * sum(share for _, share in asked)
        rows += [
            (of_channel, of_sku, lines * units, line_share * basket_share * share / total)
            for lines, basket_share in sizes
            for units, share in asked
            if line_share * basket_share * share > 0
        ]
    channels, skus, units_of, shares = zip(*rows, strict=True)
    return OrderSample(
        np.array(channels, dtype=np.int64),
        np.array(skus, dtype=np.int64),
        np.array(units_of, dtype=np.int64),
        np.array(shares, dtype=np.float64),
    )


def demand_means(business: Business, plan: Plan) -> DemandMeans | None:
    """What the demand tables expect of every day; None where orders are replayed, of which nothing is known before."""
    if len(business["orders"]):
        return None
    sample = order_sample(business)
    per_order = np.zeros((len(business["channels"]), len(business["skus"])))
    np.add.at(per_order, (sample.channel, sample.sku), sample.units * sample.share)
    total = np.bincount(sample.channel, weights=sample.share, minlength=per_order.shape[0])
    per_order /= np.where(total > 0, total, 1.0)[:, None]
    weekday = plan.times.weekday[: plan.times.n_days]
    rates = business.by_day("channels", "orders_per_day") * day_factors(business)
    shares = business["regions"].numbers("order_share")
    return DemandMeans(
        units_per_order=per_order,
        orders_per_day=rates * hour_weights(business).mean(axis=1)[weekday][:, None],
        region_share=shares / max(float(shares.sum()), 1e-300),
    )


def expected_units(means: DemandMeans, day: int, days: float) -> Floats:
    """Units expected from a day on; float64, shape (n_regions, n_skus).

    Days beyond the horizon are like the day a week before, as far back as it takes.
    """
    n_days = means.orders_per_day.shape[0]
    orders = np.zeros(means.orders_per_day.shape[1])
    for ahead in range(int(np.ceil(days))):
        then = day + ahead
        if then >= n_days:
            then = max(n_days - 7, 0) + (then - max(n_days - 7, 0)) % min(7, n_days)
        orders += means.orders_per_day[then] * min(1.0, days - ahead)
    units: Floats = means.region_share[:, None] * (orders @ means.units_per_order)[None, :]
    return units


def units_so_far(intake: Intake, now_s: int, days: float, shape: tuple[int, int]) -> Floats:
    """Units asked for until now, as if so many days went on like all days so far; float64, shape (n_regions, n_skus).

    The first day counts whole, however young it is.
    """
    n_orders = int(np.searchsorted(intake.arrived_s, now_s))
    n_lines = int(intake.first_line[n_orders])
    order = np.repeat(np.arange(n_orders), np.diff(intake.first_line[: n_orders + 1]))
    units = np.zeros(shape)
    np.add.at(units, (intake.region[order], intake.sku[:n_lines].astype(np.int64)), intake.units[:n_lines])
    units *= days / max(now_s / DAY_S, 1.0)
    return units
