"""From estimates and assumptions to the tables of a model.

Owns which number of the history lands in which cell; `model.toml` and its sentences are `history_settings`' work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import InvalidInputError, Problem
from omsim.model.calendars import WEEKDAYS
from omsim.model.history.estimates import (
    Orders,
    Quantities,
    Returns,
    Season,
    day_variation,
    median_by,
    replay_rows,
    sale_rows,
    training_rows,
)
from omsim.model.history.fates import Fate, Period
from omsim.model.history.lead_times import read_lead_factors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.model.history.mapping import HistoryMapping
    from omsim.model.history.rows import Rows
    from omsim.model.parsing import Cells

    Tables = dict[str, dict[str, Cells]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Articles:
    """The SKUs of the model, in order of name.

    Attributes
    ----------
    codes : int64, shape (n,)
        Codes into `Rows.sku_names` of every article with a sale line.
    price_cents : int64, shape (n_names,)
        Median price by code, at least 1; 0 where the article is not in the model.
    trained : bool, shape (n,)
        Sold in the training period.
    """

    codes: NDArray[np.int64]
    price_cents: NDArray[np.int64]
    trained: NDArray[np.bool_]


def describe_articles(rows: Rows, fates: NDArray[np.int8]) -> Articles:
    """Articles and prices: the median of the training lines, of the replayed ones where there are no others."""
    n = len(rows.sku_names)
    training, everything = training_rows(fates), sale_rows(fates)
    median = median_by(rows.sku[training], rows.price[training], n)
    later = median_by(rows.sku[everything], rows.price[everything], n)
    price = np.nan_to_num(np.where(np.isnan(median), later, median)) * 100
    sold = np.unique(rows.sku[everything])
    codes = np.array(sorted(sold.tolist(), key=rows.sku_names.__getitem__), dtype=np.int64)
    price_cents = np.zeros(n, dtype=np.int64)
    price_cents[codes] = np.maximum(np.floor(price[codes] + 0.5), 1)
    return Articles(codes=codes, price_cents=price_cents, trained=~np.isnan(median)[codes])


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Everything the tables are made of."""

    rows: Rows
    fates: NDArray[np.int8]
    mapping: HistoryMapping
    period: Period
    articles: Articles
    orders: Orders
    season: Season
    quantities: Quantities
    returns: Returns

    @property
    def training_days(self) -> int:
        """Days estimates are made from."""
        return len(self.season.day_factor)

    def name_skus(self, codes: NDArray[np.int64]) -> list[str]:
        """Names of article codes."""
        return [self.rows.sku_names[code] for code in codes.tolist()]

    def training_orders(self) -> NDArray[np.int64]:
        """Order codes with a training sale line."""
        return np.unique(self.rows.order[training_rows(self.fates)])


def build_tables(history: History) -> Tables:
    """Every table of the model, as cells."""
    used_regions = np.unique(history.orders.region[history.rows.order[sale_rows(history.fates)]])
    tables = _sold_tables(history) | _demand_tables(history) | _carrier_tables(history, used_regions)
    return tables | _site_tables(history) | _supply_tables(history) | _replay_tables(history)


def _sold_tables(history: History) -> Tables:
    articles, assumed = history.articles, history.mapping
    price = articles.price_cents[articles.codes]
    n = len(price)
    return {
        "skus": {
            "sku": history.name_skus(articles.codes),
            "unit_cost_cents": np.floor(price * assumed["assumptions.unit_cost_share"] + 0.5).astype(np.int64),
            "price_cents": price,
            "weight_g": np.full(n, assumed["assumptions.weight_g"], dtype=np.int64),
            "return_share": np.round(history.returns.share[articles.codes], 5),
        }
    }


def _demand_tables(history: History) -> Tables:
    rows, orders, season = history.rows, history.orders, history.season
    quantities = history.quantities
    names = orders.channel_names
    training = history.training_orders()
    channel = orders.channel[training]
    day = orders.arrived_s[training] // 86_400 + 719_163 - history.period.since
    by_channel = np.zeros((len(names), history.training_days))
    np.add.at(by_channel, (channel, day), 1.0)
    share = by_channel.sum(axis=1) / max(by_channel.sum(), 1)
    lines = np.bincount(rows.order[training_rows(history.fates)], minlength=len(rows.order_names))[training]
    most = int(lines.max()) + 1
    baskets, n = np.unique(channel * most + lines, return_counts=True)
    known = sorted(range(len(names)), key=lambda c: -share[c])
    rank = {c: i + 1 for i, c in enumerate(known)}
    unseen = [c for c in range(len(names)) if share[c] == 0]  # replayed only: one line an order will do
    flag = history.mapping["assumptions.backorders"]
    return {
        "channels": {
            "channel": list(names),
            "priority": [rank[c] for c in range(len(names))],
            "orders_per_day": np.round(share * season.orders_per_day, 4),
            "day_cv": [round(day_variation(by_channel[c], season.expected * share[c]), 4) for c in range(len(names))],
            "promise_days": [history.mapping["assumptions.promise_days"]] * len(names),
            "backorders": [flag] * len(names),
        },
        "demand": {
            "sku": history.name_skus(quantities.sku),
            "channel": [names[c] for c in quantities.channel.tolist()],
            "line_share": quantities.lines.astype(np.float64),
            "quantity_profile": [quantities.names[p] for p in quantities.profile.tolist()],
        },
        "quantities": {
            "profile": [quantities.names[p] for p in quantities.row_profile.tolist()],
            "units": quantities.row_units,
            "share": quantities.row_lines.astype(np.float64),
        },
        "baskets": {
            "channel": [names[c] for c in (baskets // most).tolist()] + [names[c] for c in unseen],
            "lines": np.append(baskets % most, np.ones(len(unseen), dtype=np.int64)),
            "share": np.append(n, np.ones(len(unseen))).astype(np.float64),
        },
        "profile": {
            "days": [day for day in WEEKDAYS for _ in range(24)],
            "hour": np.tile(np.arange(24), 7),
            "weight": np.round(season.hour_weight.ravel(), 5),
        },
        "holidays": {
            "date": history.period.since + np.arange(history.training_days),
            "factor": np.round(season.day_factor, 4),
            "note": ["closed" if closed else "season" for closed in season.closed.tolist()],
        },
    }


def _carrier_tables(history: History, used: NDArray[np.int64]) -> Tables:
    """Regions with their shares, and one price a zone: zones are the prices of postage that were charged."""
    rows, orders, mapping = history.rows, history.orders, history.mapping
    n_regions = len(rows.region_names)
    count = np.bincount(orders.region[history.training_orders()], minlength=n_regions)
    names = [rows.region_names[r] for r in used.tolist()]
    home = mapping["assumptions.home_region"] or rows.region_names[int(np.argmax(count))]
    if home not in names:
        rule = "must be a region of the orders"
        raise InvalidInputError(
            (Problem(where=mapping.path, field="assumptions.home_region", rule=rule, got=repr(home)),)
        )
    posts = np.flatnonzero(history.fates == Fate.POSTAGE)
    posts = posts[rows.region[posts] >= 0]
    median = median_by(rows.region[posts], rows.price[posts], n_regions)
    abroad = [r for r in np.flatnonzero(~np.isnan(median)).tolist() if rows.region_names[r] != home]
    home_cents = mapping["assumptions.home_parcel_cents"]
    usual_cents = round(float(np.median(median[abroad])) * 100) if abroad else home_cents
    zone_cents = {"home": home_cents}
    zones = []
    for r, name in zip(used.tolist(), names, strict=True):
        cents = usual_cents if np.isnan(median[r]) else max(round(float(median[r]) * 100), 1)
        zone = "home" if name == home else f"abroad {cents / 100:g}"
        if name != home:
            zone_cents[zone] = cents
        zones.append(zone)
    service, site = mapping["assumptions.service"], mapping["assumptions.site"]
    transits = [
        (zone, days, share)
        for zone in zone_cents
        for days, share in enumerate(mapping.transit_home_shares if zone == "home" else mapping.transit_abroad_shares)
        if share > 0
    ]
    total = max(int(count.sum()), 1)
    return {
        "regions": {"region": names, "order_share": np.round(count[used] / total, 6)},
        "services": {
            "service": [service],
            "carrier": [service],
            "pickup_days": _one(mapping["assumptions.pickup_days"]),
            "over_kg_cents": _one(max(mapping["assumptions.over_kg_cents"], 1)),
        },
        "zones": {
            "site": [site] * len(names),
            "region": names,
            "zone": zones,
            "distance_km": [0.0 if zone == "home" else 1000.0 for zone in zones],
        },
        "transits": {
            "service": [service] * len(transits),
            "zone": [row[0] for row in transits],
            "days": [row[1] for row in transits],
            "share": [row[2] for row in transits],
        },
        "rates": {
            "service": [service] * len(zone_cents),
            "zone": list(zone_cents),
            "up_to_g": [30_000] * len(zone_cents),
            "price_cents": list(zone_cents.values()),
        },
    }


def _one(value: int) -> NDArray[np.int64]:
    return np.array([value], dtype=np.int64)


def _site_tables(history: History) -> Tables:
    """One site, and people enough for a day of the 95th percentile."""
    from omsim.model import fields

    rows, mapping = history.rows, history.mapping
    seconds = {
        field.name: float(field.default)
        for field in fields.table("sites").fields
        if field.name.endswith("_s") and field.default
    }
    training = training_rows(history.fates)
    day = rows.day[training] - history.period.since
    n_days = history.training_days
    orders = np.bincount(
        history.orders.arrived_s[history.training_orders()] // 86_400 + 719_163 - history.period.since, minlength=n_days
    )
    lines, units = np.bincount(day, minlength=n_days), np.bincount(day, weights=rows.units[training], minlength=n_days)
    returned = np.isin(history.fates, (Fate.RETURN_MATCHED, Fate.RETURN_UNMATCHED))
    work_s = {
        "pick": orders * seconds["pick_order_s"] + lines * seconds["pick_line_s"] + units * seconds["pick_unit_s"],
        "pack": orders * seconds["pack_order_s"] + units * seconds["pack_unit_s"],
        "inspect": np.full(n_days, -rows.units[returned].sum() / n_days * seconds["inspect_unit_s"]),
    }
    shift_s = (mapping["assumptions.shift_end"] - mapping["assumptions.shift_start"]) * 60
    if shift_s <= 0:
        rule = "must be after shift_start"
        raise InvalidInputError((Problem(where=mapping.path, field="assumptions.shift_end", rule=rule),))
    people = [
        max(1, int(np.ceil(np.quantile(work[orders > 0], 0.95) / (shift_s * mapping["assumptions.utilisation"]))))
        for work in work_s.values()
    ]
    site = mapping["assumptions.site"]
    return {
        "sites": {
            "site": [site],
            "cutoff": _one(mapping["assumptions.cutoff"]),
            "labour_cents_per_hour": _one(mapping["assumptions.labour_cents_per_hour"]),
        },
        "staff": {
            "stage": list(work_s),
            "site": [site] * 3,
            "days": np.full(3, mapping["assumptions.shift_days"], dtype=np.int64),
            "start": np.full(3, mapping["assumptions.shift_start"], dtype=np.int64),
            "end": np.full(3, mapping["assumptions.shift_end"], dtype=np.int64),
            "workers": people,
        },
    }


def _supply_tables(history: History) -> Tables:
    """One supplier; base-stock levels that cover so many days of mean demand, all of it on hand at the start."""
    rows, mapping, articles = history.rows, history.mapping, history.articles
    n_names, days = len(rows.sku_names), history.training_days
    training = training_rows(history.fates)
    units = np.bincount(rows.sku[training], weights=rows.units[training], minlength=n_names)[articles.codes]
    vanished = history.fates == Fate.SHRINKAGE
    shrinkage = np.bincount(rows.sku[vanished], weights=-rows.units[vanished], minlength=n_names)[articles.codes]
    level = np.where(articles.trained, np.ceil(units / days * mapping["assumptions.cover_days"]), 0).astype(np.int64)
    supplier = mapping["assumptions.supplier"]
    factors = read_lead_factors(mapping)
    tables: Tables = {
        "suppliers": {
            "supplier": [supplier],
            "lead_time": ["empirical" if len(factors) else mapping["assumptions.lead_time"]],
            "lead_time_days": [mapping["assumptions.lead_time_days"]],
            "lead_time_cv": [mapping["assumptions.lead_time_cv"]],
            "order_cost_cents": _one(mapping["assumptions.order_cost_cents"]),
        },
        "stock": {
            "site": [mapping["assumptions.site"]] * len(level),
            "sku": history.name_skus(articles.codes),
            "on_hand_units": level,
            "supplier": [supplier if trained else "" for trained in articles.trained.tolist()],
            "policy": ["base_stock" if trained else "none" for trained in articles.trained.tolist()],
            "order_up_to_units": level,
            "shrinkage_units_per_day": np.round(shrinkage / days, 5),
        },
    }
    if len(factors):
        tables["lead_times"] = {
            "supplier": [supplier] * len(factors),
            "factor": list(factors),
            "share": list(factors.values()),
        }
    return tables


def _replay_tables(history: History) -> Tables:
    """Orders of the replay as they came, and the units asked for by day of the training part."""
    rows, orders = history.rows, history.orders
    replayed = replay_rows(history.fates)
    # line order within an order is the file's; orders follow each other by time, then by first appearance
    in_order = replayed[np.lexsort((replayed, rows.order[replayed], orders.arrived_s[rows.order[replayed]]))]
    code = rows.order[in_order]
    seconds = orders.arrived_s.astype("datetime64[s]")
    used = np.unique(code)
    texts: dict[int, str] = dict(
        zip(used.tolist(), np.char.replace(np.datetime_as_string(seconds[used]), "T", " ").tolist(), strict=True)
    )
    channels = {c: orders.channel_names[orders.channel[c]] for c in used.tolist()}
    regions = {c: rows.region_names[orders.region[c]] for c in used.tolist()}
    codes = code.tolist()
    return _history_table(history) | {
        "orders": {
            "order": [rows.order_names[c] for c in codes],
            "ordered_at": [texts[c] for c in codes],
            "channel": [channels[c] for c in codes],
            "region": [regions[c] for c in codes],
            "sku": history.name_skus(rows.sku[in_order]),
            "units": rows.units[in_order],
        }
    }


def _history_table(history: History) -> Tables:
    rows, training = history.rows, training_rows(history.fates)
    n = len(rows.sku_names)
    key = rows.day[training] * n + rows.sku[training]
    keys, which = np.unique(key, return_inverse=True)
    units = np.bincount(which, weights=rows.units[training]).astype(np.int64)
    return {"history": {"date": keys // n, "sku": history.name_skus(keys % n), "units": units}}
