"""Sense of the settings and of what asks for goods: channels, baskets, quantities, profile, orders to replay."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
from numpy.typing import NDArray

from omsim.errors import Problem
from omsim.model.business import Settings, Table
from omsim.model.calendars import DAY_S, local_seconds
from omsim.model.nearest import nearest_name
from omsim.model.parsing import LAST_DATE

Tables: TypeAlias = Mapping[str, Table]
Places: TypeAlias = Mapping[str, str]
Check: TypeAlias = Callable[[Settings, Tables, Places], list[Problem]]


def check_settings(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Time zone and currency exist, and the horizon reaches beyond the warm-up."""
    problems = []

    def problem(field: str, rule: str, got: object, nearest: str = "") -> None:
        where = places.get(field, places.get("", ""))
        problems.append(Problem(where=where, field=field, rule=rule, got=repr(got), nearest=nearest))

    try:
        ZoneInfo(settings.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        nearest = nearest_name(settings.time_zone, available_timezones())
        problem("model.time_zone", "must be an IANA time zone, such as Europe/London", settings.time_zone, nearest)
    if not re.fullmatch(r"[A-Z]{3}", settings.currency):
        problem("model.currency", "must be a currency code of three capital letters", settings.currency)
    if settings.warm_up_days >= settings.horizon_days:
        problem(
            "model.warm_up_days",
            f"must be less than model.horizon_days ({settings.horizon_days})",
            settings.warm_up_days,
        )
    if settings.reorder == "optimizer" and settings.review != "daily":
        problem("decisions.review", "must be daily where purchasing.reorder is optimizer", settings.review)
    if settings.start_date + timedelta(days=settings.horizon_days) > LAST_DATE:
        problem("model.horizon_days", f"must end before {LAST_DATE}", settings.horizon_days)
    return problems


def check_shares(
    settings: Settings, tables: Tables, places: Places, *, table: str, by: tuple[str, ...]
) -> list[Problem]:
    """Relative shares that are all zero say nothing."""
    rows = tables[table]
    totals: dict[tuple[str, ...], float] = defaultdict(float)
    first: dict[tuple[str, ...], int] = {}
    keys = zip(*(rows.texts(column) for column in by), strict=True)
    for row, (key, share) in enumerate(zip(keys, rows.numbers("share").tolist(), strict=True)):
        totals[key] += share
        first.setdefault(key, row)
    return [
        Problem(
            where=rows.place(first[key]),
            field="share",
            rule=f"must not be 0 in every row of {' '.join(by)} {', '.join(map(repr, key))}",
        )
        for key, total in totals.items()
        if total == 0
    ]


def _shares_of(table: str, *by: str) -> tuple[tuple[str, ...], Check]:
    def check(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
        return check_shares(settings, tables, places, table=table, by=by)

    return (table,), check


def check_channels_ask(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Without orders to replay, every channel knows what is asked for and how many lines an order has."""
    if len(tables["orders"]):
        return []
    channels = tables["channels"]
    problems = []
    for name, column, noun in (
        ("demand", "line_share", "line shares above 0"),
        ("baskets", "share", "shares of lines per order"),
    ):
        table = tables[name]
        given = {
            channel
            for channel, share in zip(table.texts("channel"), table.numbers(column).tolist(), strict=True)
            if share > 0
        }
        problems += [
            Problem(
                where=channels.place(row),
                field="channel",
                rule=f"must have {noun} in table {name} (no orders to replay)",
                got=repr(channel),
            )
            for row, channel in enumerate(channels.texts("channel"))
            if channel not in given
        ]
    regions = tables["regions"]
    if len(regions) and not regions.numbers("order_share").any():
        rule = "must not be 0 in every region (no orders to replay)"
        problems.append(Problem(where=regions.place(0), field="order_share", rule=rule))
    return problems


def check_goods_are_stocked(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """What is asked for is carried somewhere, be it with no unit on hand."""
    carried = set(tables["stock"].texts("sku"))
    problems = []
    for name in ("demand", "orders"):
        table = tables[name]
        first = {sku: row for row, sku in zip(range(len(table) - 1, -1, -1), reversed(table.texts("sku")), strict=True)}
        problems += [
            Problem(
                where=table.place(row),
                field="sku",
                rule="must have a row in table stock (0 units on hand will do)",
                got=repr(sku),
            )
            for sku, row in sorted(first.items(), key=lambda item: item[1])
            if sku not in carried
        ]
    return problems


def check_profile(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """No hour of a weekday is given twice, and some hour has weight."""
    table = tables["profile"]
    problems = []
    seen: dict[tuple[int, int], int] = {}
    for row, (days, hour) in enumerate(
        zip(table.integers("days").tolist(), table.integers("hour").tolist(), strict=True)
    ):
        repeated = {seen[day, hour] for day in range(7) if days >> day & 1 and (day, hour) in seen}
        if repeated:
            rule = f"repeats a weekday's hour of {table.place(min(repeated))}"
            problems.append(Problem(where=table.place(row), field="hour", rule=rule, got=str(hour)))
        seen |= {(day, hour): row for day in range(7) if days >> day & 1}
    if len(table) and not table.numbers("weight").any():
        problems.append(Problem(where=table.place(0), field="weight", rule="must not be 0 in every row"))
    return problems


def check_orders(settings: Settings, tables: Tables, places: Places) -> list[Problem]:
    """Orders to replay have times from the start date on, and lines of one order agree."""
    table = tables["orders"]
    if not len(table):
        return []
    texts = table.texts("ordered_at")
    rule = "must be a local time YYYY-MM-DD HH:MM[:SS]"
    try:
        seconds = local_seconds(texts, settings.start_date)
    except ValueError:
        return [
            Problem(where=table.place(row), field="ordered_at", rule=rule, got=repr(text))
            for row, text in enumerate(texts)
            if not _is_time(text, settings)
        ]
    problems = [
        Problem(
            where=table.place(row),
            field="ordered_at",
            rule=f"must not be before model.start_date ({settings.start_date})",
            got=repr(texts[row]),
        )
        for row in np.flatnonzero(seconds < 0).tolist()
    ]
    if not problems and seconds.min() >= settings.horizon_days * DAY_S:
        rule = f"must lie within model.horizon_days ({settings.horizon_days}) in some row"
        problems.append(Problem(where=table.place(0), field="ordered_at", rule=rule, got=repr(texts[0])))
    return problems + _check_lines_agree(table)


def _is_time(text: str, settings: Settings) -> bool:
    try:
        local_seconds((text,), settings.start_date)
    except ValueError:
        return False
    return True


def _check_lines_agree(table: Table) -> list[Problem]:
    orders = _numbered(table.texts("order"))
    first = np.empty(int(orders.max()) + 1, dtype=np.int64)
    first[orders[::-1]] = np.arange(len(orders) - 1, -1, -1)
    head = first[orders]
    problems = []
    for column in ("ordered_at", "channel", "region"):
        texts = table.texts(column)
        values = _numbered(texts)
        problems += [
            Problem(
                where=table.place(row),
                field=column,
                rule=f"must be as in the order's first line ({texts[int(head[row])]!r})",
                got=repr(texts[row]),
            )
            for row in np.flatnonzero(values != values[head]).tolist()
        ]
    return problems


def _numbered(texts: tuple[str, ...]) -> NDArray[np.int64]:
    """The same number for the same text, from 0 in order of appearance."""
    numbers = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    return np.fromiter(map(numbers.__getitem__, texts), dtype=np.int64, count=len(texts))


CHECKS: tuple[tuple[tuple[str, ...], Check], ...] = (
    ((), check_settings),
    (("channels", "regions", "demand", "baskets", "orders"), check_channels_ask),
    (("demand", "orders", "stock"), check_goods_are_stocked),
    (("profile",), check_profile),
    (("orders",), check_orders),
    _shares_of("quantities", "profile"),
    _shares_of("baskets", "channel"),
    _shares_of("transits", "service", "zone"),
    _shares_of("lead_times", "supplier"),
    _shares_of("dispositions", "category"),
)
