"""The orders of a horizon, as columns: generated from the model's demand, or replayed from its `orders`.

Owns who orders what and when, under common random numbers: a demand factor above one keeps every order of the base
model and adds others from a stream of their own; below one it thins the base orders by each order's own uniform. What
becomes of the orders is the simulator's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special

from omsim.demand.numbering import base_numbers
from omsim.demand.rng import Purpose, order_entity, stream_key, uniforms
from omsim.kernels.intake import draw_day_orders, draw_lines, summed_poisson_quantile
from omsim.model.calendars import Calendar

if TYPE_CHECKING:
    from omsim.model.business import Business


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Orders in order of arrival (ties by entity) and their lines.

    Attributes
    ----------
    arrived_s : int32, shape (n_orders,)
        Seconds since the model's start.
    channel, region : int16, shape (n_orders,)
    entity : int64, shape (n_orders,)
        What the order's draws are keyed by; the same order has the same entity in every arm of a what-if.
    first_line : int32, shape (n_orders + 1,)
    sku, units : int16 or int32, shape (n_lines,)
        The narrower one if it holds all numbers there may be.
    """

    arrived_s: NDArray[np.int32]
    channel: NDArray[np.int16]
    region: NDArray[np.int16]
    entity: NDArray[np.int64]
    first_line: NDArray[np.int32]
    sku: NDArray[np.integer]
    units: NDArray[np.integer]


def narrow(most: int) -> type[np.integer]:
    """The narrower of int16 and int32 that holds `most`."""
    return np.int16 if most <= np.iinfo(np.int16).max else np.int32


def draw_intake(business: Business, *, seed: int, replication: int) -> Intake:
    """Orders of the business's whole horizon: replayed if it has an `orders` table, else generated."""
    calendar = Calendar(business.settings.time_zone, business.settings.start_date, business.settings.horizon_days)
    if len(business["orders"]):
        return _replay(business, calendar, seed, replication)
    return _generate(business, calendar, seed, replication)


SUMMED_MEAN = 30.0
"""Up to this mean a Poisson quantile is found by summing its probabilities, which is fastest and exact enough."""


def poisson_quantile(uniform: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.int64]:
    """Smallest count whose Poisson CDF reaches `uniform`; 0 where the mean is 0. Broadcasts."""
    uniform, mean = np.broadcast_arrays(np.asarray(uniform, dtype=float), np.asarray(mean, dtype=float))
    if mean.max(initial=0) <= SUMMED_MEAN:
        counts: NDArray[np.int64] = summed_poisson_quantile(uniform.ravel(), mean.ravel()).reshape(mean.shape)
        return counts
    safe = np.where(mean > 0, mean, 1.0)
    count = np.ceil(special.pdtrik(uniform, safe))
    below = np.maximum(count - 1, 0)
    count = np.where(special.pdtr(below, safe) >= uniform, below, count)
    return np.where(mean > 0, count, 0).astype(np.int64)


def _cumulative(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cumulative distribution of relative shares."""
    total = np.cumsum(shares)
    normal: NDArray[np.float64] = total / total[-1]
    return normal


def _grouped(
    group: NDArray[np.int64], n_groups: int, shares: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Sort rows by group; return (row order, first row of each group, cumulative share within each)."""
    order = np.argsort(group, kind="stable")
    first = np.searchsorted(group[order], np.arange(n_groups + 1)).astype(np.int64)
    cumulative = np.zeros(group.size)
    for g in range(n_groups):
        a, b = first[g], first[g + 1]
        if b > a:
            cumulative[a:b] = _cumulative(shares[order[a:b]])
    return order, first, cumulative


def hour_weights(business: Business) -> NDArray[np.float64]:
    """Relative weight of each hour of each weekday, mean 1 over the week; shape (7, 24), Monday first."""
    profile = business["profile"]
    if not len(profile):
        return np.ones((7, 24))
    weights = np.zeros((7, 24))
    for mask, hour, weight in zip(
        profile.integers("days"), profile.integers("hour"), profile.numbers("weight"), strict=True
    ):
        for day in range(7):
            if mask >> day & 1:
                weights[day, hour] += weight
    mean = weights.mean()
    return weights / mean if mean > 0 else weights


def day_factors(business: Business) -> NDArray[np.float64]:
    """Factor on each channel's orders by day from holidays and demand_factor events; (n_days, n_channels)."""
    settings = business.settings
    start, n_days = settings.start_date.toordinal(), settings.horizon_days
    channels = business["channels"].texts("channel")
    factors = np.ones((n_days, len(channels)))
    holidays = business["holidays"]
    for day, factor in zip(holidays.integers("date"), holidays.numbers("factor"), strict=True):
        if 0 <= day - start < n_days:
            factors[day - start] *= factor
    events = business["events"]
    for row, kind in enumerate(events.texts("kind")):
        if kind == "demand_factor":
            first = max(int(events.integers("start")[row]) - start, 0)
            last = max(int(events.integers("end")[row]) - start + 1, 0)
            target = events.texts("target")[row]
            columns = [i for i, channel in enumerate(channels) if target in ("", channel)]
            factors[first:last, columns] *= events.numbers("value")[row]
    return factors


def _rates(business: Business) -> NDArray[np.float64]:
    """Orders a day by channel, with everything that changes them but weekday and chance; (n_days, n_channels)."""
    rates: NDArray[np.float64] = business.by_day("channels", "orders_per_day") * day_factors(business)
    return rates


def base_rates_and_factors(business: Business) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Orders a day before the scenario and the factor the scenario puts on them; each (n_days, n_channels).

    A channel the base model does not have, or that has no orders there on a day, counts as its own base (factor 1).
    """
    rates = _rates(business)
    if business.base is None:
        return rates, np.ones_like(rates)
    base_days = _rates(business.base)
    known = business.base.index("channels", "channel")
    base = np.zeros_like(rates)
    days = min(len(rates), len(base_days))
    for column, channel in enumerate(business["channels"].texts("channel")):
        if channel in known:
            base[:days, column] = base_days[:days, known[channel]]
            if days < len(rates):  # a longer horizon: the base goes on as it ended
                base[days:, column] = rates[days:, column]
    factor = np.ones_like(rates)
    had_any = base > 0
    factor[had_any] = rates[had_any] / base[had_any]
    base[~had_any] = rates[~had_any]
    return base, factor


def _generate(business: Business, calendar: Calendar, seed: int, replication: int) -> Intake:
    channels = business["channels"]
    n_channels, n_days = len(channels), calendar.n_days
    weights = hour_weights(business)
    day_weight = weights.mean(axis=1)
    base, factor = base_rates_and_factors(business)
    base = base * day_weight[calendar.weekday][:, None]
    numbers = base_numbers(business, "channels", "channel").tolist()
    cv = channels.numbers("day_cv")

    base_count = np.zeros((n_days, n_channels), dtype=np.int64)
    extra_count = np.zeros((n_days, n_channels), dtype=np.int64)
    for c in range(n_channels):
        draws = uniforms(seed, replication, Purpose.DAY_ORDERS, np.arange(n_days), numbers[c])
        shape = 1 / cv[c] ** 2 if cv[c] > 0 else 0.0
        effect = special.gammaincinv(shape, draws[:, 1]) / shape if shape else np.ones(n_days)
        base_count[:, c] = poisson_quantile(draws[:, 0], base[:, c] * effect)
        extra_count[:, c] = poisson_quantile(draws[:, 2], base[:, c] * effect * np.maximum(factor[:, c] - 1, 0))

    region_cumulative = _cumulative(business["regions"].numbers("order_share"))
    baskets = business["baskets"]
    basket_order, basket_first, basket_cumulative = _grouped(
        business.codes("baskets", "channel"), n_channels, baskets.numbers("share")
    )
    basket_lines = baskets.integers("lines")[basket_order]
    hour_cumulative = [_cumulative(row) if row.sum() > 0 else np.linspace(1 / 24, 1, 24) for row in weights]

    order_stream = stream_key(replication, Purpose.ORDER)
    most = int(base_count.sum() + extra_count.sum())  # all of them, if nothing is thinned out
    arrived_s, n_lines_of = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.int32)
    channel_of, region_of = np.empty(most, dtype=np.int16), np.empty(most, dtype=np.int16)
    entity_of = np.empty(most, dtype=np.int64)
    n = 0
    for day in range(n_days):
        blocks = []
        for c in range(n_channels):
            a, b = basket_first[c], basket_first[c + 1]
            for count, keep, extra in (
                (int(base_count[day, c]), min(float(factor[day, c]), 1.0), False),
                (int(extra_count[day, c]), 1.0, True),
            ):
                if not count:
                    continue
                entity = order_entity(numbers[c], day, np.arange(count), extra=extra)
                arrived, region, n_lines = (np.empty(count, dtype=np.int64) for _ in range(3))
                kept = np.empty(count, dtype=np.bool_)
                draw_day_orders(
                    seed,
                    order_stream,
                    entity,
                    keep,
                    hour_cumulative[calendar.weekday[day]],
                    calendar.hour_start_s[day],
                    region_cumulative,
                    basket_cumulative[a:b],
                    basket_lines[a:b],
                    arrived,
                    region,
                    n_lines,
                    kept,
                )
                blocks.append(np.stack([arrived, entity, np.full(count, c), region, n_lines])[:, kept])
        if blocks:
            orders = np.concatenate(blocks, axis=1)
            orders = orders[:, np.lexsort((orders[1], orders[0]))]
            rows = slice(n, n + orders.shape[1])
            arrived_s[rows], entity_of[rows], channel_of[rows], region_of[rows], n_lines_of[rows] = orders
            n += orders.shape[1]
    first_line = np.zeros(n + 1, dtype=np.int32)
    np.cumsum(n_lines_of[:n], out=first_line[1:])
    del n_lines_of
    sku, units = _draw_lines(business, seed, replication, entity_of[:n], channel_of[:n], first_line)
    return Intake(
        arrived_s=arrived_s[:n],
        channel=channel_of[:n],
        region=region_of[:n],
        entity=entity_of[:n],
        first_line=first_line,
        sku=sku,
        units=units,
    )


def _draw_lines(
    business: Business,
    seed: int,
    replication: int,
    entity: NDArray[np.int64],
    channel: NDArray[np.int16],
    first_line: NDArray[np.int32],
) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """SKU and units of every line, from the demand tables in kernel form."""
    demand, quantities = business["demand"], business["quantities"]
    order, demand_first, demand_cumulative = _grouped(
        business.codes("demand", "channel"), len(business["channels"]), demand.numbers("line_share")
    )
    profiles = {name: i for i, name in enumerate(dict.fromkeys(quantities.texts("profile")))}
    demand_profile = np.array([profiles[name] for name in demand.texts("quantity_profile")], dtype=np.int64)
    group = np.array([profiles[name] for name in quantities.texts("profile")], dtype=np.int64)
    by_profile, profile_first, profile_cumulative = _grouped(group, len(profiles), quantities.numbers("share"))
    sku = np.empty(first_line[-1], dtype=narrow(len(business["skus"])))
    units = np.empty(first_line[-1], dtype=narrow(int(quantities.integers("units").max())))
    draw_lines(
        seed,
        stream_key(replication, Purpose.LINE),
        entity,
        channel,
        first_line,
        demand_first,
        demand_cumulative,
        business.codes("demand", "sku")[order],
        demand_profile[order],
        profile_first,
        profile_cumulative,
        quantities.integers("units")[by_profile],
        sku,
        units,
    )
    return sku, units


def _replay(business: Business, calendar: Calendar, seed: int, replication: int) -> Intake:
    """The orders of the `orders` table, thinned or copied where the scenario puts a factor on demand."""
    table = business["orders"]
    names = np.array(table.texts("order"), dtype=object)
    numbers: dict[str, int] = {}
    order_of = np.fromiter((numbers.setdefault(name, len(numbers)) for name in names), np.int64, len(names))
    _, first_row = np.unique(order_of, return_index=True)
    ordered_at = table.texts("ordered_at")
    arrived = calendar.seconds_of([ordered_at[row] for row in first_row])
    channel = business.codes("orders", "channel")[first_row]
    region = business.codes("orders", "region")[first_row]
    entity = np.arange(first_row.size, dtype=np.int64)
    by_order = np.argsort(order_of, kind="stable")
    line_first = np.concatenate([[0], np.cumsum(np.bincount(order_of, minlength=first_row.size))])

    inside = (arrived >= 0) & (arrived < calendar.day_start_s[-1])
    chosen = np.flatnonzero(inside)
    if business.base is not None:
        _, factor = base_rates_and_factors(business)
        of_order = factor[calendar.day_of(arrived[chosen]), channel[chosen]]
        copies = np.floor(of_order).astype(np.int64)
        luck = uniforms(seed, replication, Purpose.REPLAY, entity[chosen])[:, 0]
        copies += luck < of_order - copies
        copy_number = np.concatenate([np.arange(n) for n in copies]) if copies.size else copies
        chosen = np.repeat(chosen, copies)
        entity_chosen = entity[chosen] + (copy_number.astype(np.int64) << 32)
    else:
        entity_chosen = entity[chosen]
    rank = np.lexsort((entity_chosen, arrived[chosen]))
    chosen, entity_chosen = chosen[rank], entity_chosen[rank]
    n_lines = np.diff(line_first)[chosen]
    first_line = np.concatenate([[0], np.cumsum(n_lines)])
    rows = by_order[np.repeat(line_first[chosen] - first_line[:-1], n_lines) + np.arange(first_line[-1])]
    return Intake(
        arrived_s=arrived[chosen].astype(np.int32),
        channel=channel[chosen].astype(np.int16),
        region=region[chosen].astype(np.int16),
        entity=entity_chosen,
        first_line=first_line.astype(np.int32),
        sku=business.codes("orders", "sku")[rows].astype(narrow(len(business["skus"]))),
        units=table.integers("units")[rows].astype(narrow(int(table.integers("units").max()))),
    )
