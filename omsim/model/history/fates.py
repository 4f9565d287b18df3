"""What becomes of each row of history: a sale line, a return, shrinkage, postage, or nothing we can use, and why.

Owns the period (what is estimated from, what is replayed) and the fates; estimating is `history_estimates`' work.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from omsim.model.history.rows import NO_TIME

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from omsim.model.history.mapping import HistoryMapping
    from omsim.model.history.rows import Mask, Rows


class Fate(IntEnum):
    """What becomes of a row; below `FIRST_DROPPED` it is used."""

    SALE_BOTH = 0
    SALE_TRAINING = 1
    SALE_REPLAY = 2
    RETURN_MATCHED = 3
    RETURN_UNMATCHED = 4
    SHRINKAGE = 5
    POSTAGE = 6
    NO_ORDER = 10
    NO_TIMESTAMP = 11
    NO_SKU = 12
    NO_UNITS = 13
    NO_PRICE = 14
    ADJUSTMENT = 15
    TEST = 16
    BEFORE = 17
    BETWEEN = 18
    NOT_GOODS = 19
    CANCEL_POSITIVE = 20
    CANCEL_LATER = 21
    CANCEL_UNSOLD = 22
    NEGATIVE_PRICE = 23
    NEGATIVE_UNITS = 24
    NO_UNITS_AT_ALL = 25
    CORRECTION_LATER = 26
    CORRECTION_UNSOLD = 27
    POSTAGE_LATER = 28
    FREE = 29
    REPEATED = 30
    SELDOM_SOLD = 31


FIRST_DROPPED = Fate.NO_ORDER
FATE_TEXTS: dict[Fate, str] = {
    Fate.SALE_BOTH: "sale line: estimated from and replayed",
    Fate.SALE_TRAINING: "sale line: estimated from",
    Fate.SALE_REPLAY: "sale line: replayed",
    Fate.RETURN_MATCHED: "return: cancellation with an earlier sale to the same customer",
    Fate.RETURN_UNMATCHED: "return: cancellation without an earlier sale in the data",
    Fate.SHRINKAGE: "shrinkage: stock correction downwards",
    Fate.POSTAGE: "postage: price of a parcel",
    Fate.NO_ORDER: "no order number",
    Fate.NO_TIMESTAMP: "no timestamp",
    Fate.NO_SKU: "no article number",
    Fate.NO_UNITS: "units are empty",
    Fate.NO_PRICE: "price is empty",
    Fate.ADJUSTMENT: "book-keeping document",
    Fate.TEST: "test article",
    Fate.BEFORE: "before the period",
    Fate.BETWEEN: "between the end of training and the start of replay",
    Fate.NOT_GOODS: "not goods",
    Fate.CANCEL_POSITIVE: "cancellation without negative units",
    Fate.CANCEL_LATER: "cancellation after the end of training",
    Fate.CANCEL_UNSOLD: "cancellation of an article never sold",
    Fate.NEGATIVE_PRICE: "price below zero",
    Fate.NEGATIVE_UNITS: "negative units outside a cancellation",
    Fate.NO_UNITS_AT_ALL: "zero units",
    Fate.CORRECTION_LATER: "stock correction after the end of training",
    Fate.CORRECTION_UNSOLD: "stock correction of an article never sold",
    Fate.POSTAGE_LATER: "postage after the end of training",
    Fate.FREE: "free of charge (sample, gift, stock found)",
    Fate.REPEATED: "line repeated in every column",
    Fate.SELDOM_SOLD: "article sold on fewer days of training than the mapping asks for",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What is estimated from and what is replayed, as ordinals of local days.

    Attributes
    ----------
    since, until : int
        Estimates use days with since <= day < until.
    replay_from : int
        Orders from this day on are replayed.
    """

    since: int
    until: int
    replay_from: int


def period_of(rows: Rows, since: date | None, until: date | None, replay_from: date | None) -> Period:
    """Fill in what was not given: the first day, the start of the replay or else the day after the last."""
    days = rows.day
    known = days[days > 0]
    first, last = (int(known.min()), int(known.max())) if known.size else (1, 1)
    start = since.toordinal() if since else first
    cut = until.toordinal() if until else (replay_from.toordinal() if replay_from else last + 1)
    return Period(since=start, until=cut, replay_from=replay_from.toordinal() if replay_from else start)


def give_fates(rows: Rows, mapping: HistoryMapping, period: Period) -> NDArray[np.int8]:
    """Give each row the first fate that fits it.

    Returns
    -------
    int8, shape (n,)
        `Fate`; every cancellation that is used is `RETURN_UNMATCHED` until `history_estimates` finds its sale.
    """
    days = rows.day
    training = (days >= period.since) & (days < period.until)
    replay = (days >= period.replay_from) & (days >= period.since)
    goods, tests = _goods(rows.sku_names, mapping)
    is_goods, is_test = goods[rows.sku], tests[rows.sku]
    adjust = _begins(rows, mapping["rows.adjust_prefix"])
    free, negative = rows.price == 0, rows.units < 0
    correction = free & negative & bool(mapping["rows.free_and_negative_is_shrinkage"])
    prefix = mapping["rows.cancel_prefix"]
    cancel = _begins(rows, prefix) if prefix else negative & ~correction
    postage = np.array([name == mapping["rows.postage_sku"] for name in rows.sku_names] + [False])[rows.sku]
    postage &= bool(mapping["rows.postage_sku"]) & ~cancel & (rows.units > 0) & (rows.price > 0)
    plain = ~cancel & (rows.units > 0) & (rows.price > 0) & is_goods
    fates = np.full(len(rows), -1, dtype=np.int8)

    def give(mask: Mask, fate: Fate) -> None:
        fates[(fates < 0) & mask] = fate

    give(rows.order < 0, Fate.NO_ORDER)
    give(rows.at_s == NO_TIME, Fate.NO_TIMESTAMP)
    give(rows.sku < 0, Fate.NO_SKU)
    give(~rows.units_given, Fate.NO_UNITS)
    give(np.isnan(rows.price), Fate.NO_PRICE)
    give(adjust, Fate.ADJUSTMENT)
    give(is_test, Fate.TEST)
    give(days < period.since, Fate.BEFORE)
    give(~training & ~replay, Fate.BETWEEN)
    give(postage & training, Fate.POSTAGE)
    give(postage, Fate.POSTAGE_LATER)
    give(~is_goods, Fate.NOT_GOODS)
    if mapping["rows.drop_repeated_lines"]:
        give(plain & repeated_lines(rows), Fate.REPEATED)
    give(plain & training & replay, Fate.SALE_BOTH)
    give(plain & training, Fate.SALE_TRAINING)
    give(plain, Fate.SALE_REPLAY)
    if least_days := mapping["skus.least_selling_days"]:
        seldom = _seldom_sold(rows, fates, days, least_days)[rows.sku]
        fates[seldom & (fates <= Fate.SALE_REPLAY)] = Fate.SELDOM_SOLD  # whatever else became of their rows, too
    sold = np.zeros(len(rows.sku_names) + 1, dtype=np.bool_)
    sold[rows.sku[(fates >= 0) & (fates <= Fate.SALE_REPLAY)]] = True
    give(cancel & ~negative, Fate.CANCEL_POSITIVE)
    give(cancel & ~training, Fate.CANCEL_LATER)
    give(cancel & ~sold[rows.sku], Fate.CANCEL_UNSOLD)
    give(cancel, Fate.RETURN_UNMATCHED)
    give(rows.price < 0, Fate.NEGATIVE_PRICE)
    give(correction & ~training, Fate.CORRECTION_LATER)
    give(correction & ~sold[rows.sku], Fate.CORRECTION_UNSOLD)
    give(correction, Fate.SHRINKAGE)
    give(negative, Fate.NEGATIVE_UNITS)
    give(rows.units == 0, Fate.NO_UNITS_AT_ALL)
    give(free, Fate.FREE)
    return fates


def _goods(names: tuple[str, ...], mapping: HistoryMapping) -> tuple[Mask, Mask]:
    """Which article numbers are goods, and which are tests; one more entry for the empty cell."""
    also = [re.compile(pattern) for pattern in mapping.also_goods]
    tests = [re.compile(pattern) for pattern in mapping.tests]
    rule = re.compile(mapping["skus.goods"]) if mapping["skus.goods"] else None
    goods = [
        rule is None or bool(rule.fullmatch(name)) or any(pattern.fullmatch(name) for pattern in also) for name in names
    ]
    test = [any(pattern.fullmatch(name) for pattern in tests) for name in names]
    return np.array([*goods, False], dtype=np.bool_), np.array([*test, False], dtype=np.bool_)


def _seldom_sold(rows: Rows, fates: NDArray[np.int8], days: NDArray[np.int64], least_days: int) -> Mask:
    """Which article numbers have sale lines, but on fewer days of training; one more entry for the empty cell."""
    n_skus = len(rows.sku_names) + 1
    sale = (fates >= 0) & (fates <= Fate.SALE_REPLAY)
    learnt = sale & (fates != Fate.SALE_REPLAY)
    sold_on = np.unique(days[learnt] * n_skus + rows.sku[learnt])
    selling_days = np.bincount(sold_on % n_skus, minlength=n_skus)
    has_sales = np.bincount(rows.sku[sale], minlength=n_skus) > 0
    return np.asarray(has_sales & (selling_days < least_days))


def _begins(rows: Rows, prefix: str) -> Mask:
    if not prefix:
        return np.zeros(len(rows), dtype=np.bool_)
    begins = np.array([*(name.startswith(prefix) for name in rows.order_names), False], dtype=np.bool_)
    return begins[rows.order]


def repeated_lines(rows: Rows) -> Mask:
    """Rows equal to an earlier one in every mapped column, shape (n,)."""
    import pandas as pd

    frame = pd.DataFrame(
        {
            "order": rows.order,
            "at_s": rows.at_s,
            "sku": rows.sku,
            "units": rows.units,
            "price": rows.price,
            "customer": rows.customer,
            "region": rows.region,
        }
    )
    return np.asarray(frame.duplicated().to_numpy(), dtype=np.bool_)
