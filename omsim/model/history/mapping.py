"""The mapping file of an import: which column is what, which rows are what, and what is assumed.

Owns the keys of a mapping, their meaning and defaults, and reading one strictly. What the rows become is
`history_rows`' and `history_estimates`' work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omsim.errors import InvalidInputError, Problem
from omsim.model.fields import LEAD_TIMES, Field
from omsim.model.nearest import nearest_name
from omsim.model.parsing import CellError, parse_cell, shown
from omsim.model.toml_files import key_places, place_of, read_toml

if TYPE_CHECKING:
    from pathlib import Path


def _text(name: str, meaning: str, default: str | None = None) -> Field:
    return Field(name=name, kind="text" if default is not None else "id", meaning=meaning, default=default)


def _number(name: str, meaning: str, default: str, high: float = 1e9, *, above: bool = False) -> Field:
    return Field(name=name, kind="number", meaning=meaning, default=default, high=high, above_low=above)


def _cents(name: str, meaning: str, default: str) -> Field:
    return Field(name=name, kind="integer", meaning=meaning, default=default, high=1e9)


def _flag(name: str, meaning: str, default: str) -> Field:
    return Field(name=name, kind="flag", meaning=meaning, default=default)


#: Section -> keys with one value.
SECTIONS: dict[str, tuple[Field, ...]] = {
    "source": (
        _text("name", "Name of the model that is written."),
        _text("stands_for", "What business it is, in a line.", ""),
        _text("attribution", "Whom the data come from; kept in the model.", ""),
        _text("currency", "Currency code of the prices.", "EUR"),
        _text("time_zone", "IANA time zone of the timestamps.", "UTC"),
        _text("timestamp_format", "How timestamps are written (%d/%m/%Y %H:%M); empty = ISO.", ""),
    ),
    "columns": (
        _text("order", "Column of the order or invoice number."),
        _text("timestamp", "Column of the local date and time."),
        _text("sku", "Column of the article number."),
        _text("units", "Column of the units of the line."),
        _text("price", "Column of the price of one unit."),
        _text("customer", "Column of the customer; empty = none.", ""),
        _text("region", "Column of the country or region; empty = all customers are in one.", ""),
    ),
    "skus": (
        _flag("strip", "Remove blanks around article numbers.", "true"),
        _flag("upper", "Write article numbers in capitals.", "false"),
        _text("goods", "Regular expression an article number that is goods matches whole; empty = all.", ""),
        Field(
            name="least_selling_days",
            kind="integer",
            meaning="Articles that sold on fewer days of the training period are left out.",
            default="0",
            high=24_000,
        ),
    ),
    "rows": (
        _text("cancel_prefix", "Order numbers that begin so are cancellations; empty = negative units are.", ""),
        _text("adjust_prefix", "Order numbers that begin so are book-keeping and dropped; empty = none.", ""),
        _flag(
            "free_and_negative_is_shrinkage", "Lines of price 0 and negative units are stock that vanished.", "false"
        ),
        _flag("drop_repeated_lines", "Keep only the first of lines equal in every column.", "false"),
        _text("postage_sku", "Article number under which postage was charged; empty = none.", ""),
    ),
    "channels": (_text("default", "Channel of an order that no rule names.", "web"),),
    "assumptions": (
        _number("unit_cost_share", "Unit cost as a share of the median price.", "0.5", 1),
        Field(name="weight_g", kind="integer", meaning="Weight of a unit.", default="200", low=1, high=1e7),
        _number("return_prior_lines", "Lines of average returns a SKU's own share is blended with.", "50"),
        Field(
            name="own_profile_lines",
            kind="integer",
            meaning="Lines from which a SKU in a channel has its own quantities; below, it shares its price class's.",
            default="40",
            low=1,
        ),
        _text("supplier", "Name of the supplier of everything.", "supplier"),
        Field(name="lead_time", kind="choice", meaning="Lead-time shape.", default="gamma", choices=LEAD_TIMES),
        _number("lead_time_days", "Mean lead time.", "14", 3650),
        _number("lead_time_cv", "Coefficient of variation of the lead time.", "0.67", 5),
        _cents("order_cost_cents", "Fixed cost of a purchase order.", "0"),
        _number("cover_days", "Base-stock level and opening stock, in days of mean demand.", "28", 3650),
        _number("holding_rate_per_year", "Yearly cost of holding stock, share of its cost.", "0.2", 10),
        _cents("late_penalty_cents", "Goodwill lost by a late or lost order.", "0"),
        _text("site", "Name of the one site.", "warehouse"),
        Field(name="cutoff", kind="time", meaning="Parcels are tendered at.", default="17:00"),
        Field(name="shift_days", kind="weekdays", meaning="Days worked.", default="Mon-Fri"),
        Field(name="shift_start", kind="time", meaning="Start of work.", default="08:00"),
        Field(name="shift_end", kind="time", meaning="End of work.", default="18:00"),
        _number(
            "utilisation", "Share of their time people are busy on a day of the 95th percentile.", "0.85", 1, above=True
        ),
        _cents("labour_cents_per_hour", "Wage cost of an hour.", "0"),
        Field(
            name="promise_days", kind="integer", meaning="Days in which delivery is promised.", default="7", high=365
        ),
        _flag("backorders", "Customers wait for what is not on hand; otherwise the sale is lost.", "false"),
        _text("service", "Name of the carrier service.", "post"),
        Field(name="pickup_days", kind="weekdays", meaning="Days it picks up.", default="Mon-Fri"),
        _text("home_region", "Region that pays the home price; empty = the one with most orders.", ""),
        _cents("home_parcel_cents", "Price of a parcel at home, and abroad where no postage was charged.", "500"),
        _cents("over_kg_cents", "Price of each started kilogram above 30 kg.", "50"),
        Field(name="return_transit_days", kind="integer", meaning="Days a return travels.", default="3", high=365),
        _cents("return_label_cents", "Price of a return's parcel.", "0"),
    ),
}

#: Keys that hold a list of regular expressions, numbers, or a table of their own.
PATTERN_LISTS = {"skus": ("also_goods", "tests")}
NUMBER_LISTS = {"assumptions": ("transit_home_shares", "transit_abroad_shares")}
RULE_KEYS = ("channel", "order_has_sku", "customer_missing", "region_is", "order_prefix")
LEAD_HISTORY_KEYS = ("file", "ordered", "delivered", "only")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRule:
    """An order belongs to `channel` when every condition given holds.

    Attributes
    ----------
    order_has_sku : str
        Some line of the order has this article number, goods or not.
    customer_missing : bool or None
        The order names no customer (True) or one (False).
    region_is : tuple of str
        The order's region is one of these.
    order_prefix : str
        The order number begins so.
    """

    channel: str
    order_has_sku: str = ""
    customer_missing: bool | None = None
    region_is: tuple[str, ...] = ()
    order_prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryMapping:
    """A mapping file, read and checked.

    Attributes
    ----------
    values : mapping
        Dotted key to value, of every key in `SECTIONS`; times are minutes, weekdays bit masks as in a `Table`.
    also_goods, tests : tuple of str
        Regular expressions of article numbers that are goods all the same, and of those that are tests.
    rules : tuple of ChannelRule
        The first that holds names an order's channel.
    transit_home_shares, transit_abroad_shares : tuple of float
        Shares of parcels that need 0, 1, 2, ... delivery days.
    lead_history : mapping
        Where observed lead times are: ``file`` (path), ``ordered`` and ``delivered`` (columns), ``only`` (column ->
        value). Empty = the assumed shape is used.
    path : str
    """

    values: Mapping[str, Any]
    path: str
    also_goods: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    rules: tuple[ChannelRule, ...] = ()
    transit_home_shares: tuple[float, ...] = (0, 0.6, 0.3, 0.1)
    transit_abroad_shares: tuple[float, ...] = (0, 0, 0, 0.3, 0.3, 0.2, 0.1, 0.1)
    lead_history: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Any:
        return self.values[key]


class _Reader:
    """Collects problems while the sections of one mapping file are read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content, text = read_toml(path)
        self.places = key_places(text)
        self.problems: list[Problem] = []

    def problem(self, key: tuple[str | int, ...], rule: str, got: str = "", nearest: str = "") -> None:
        where = place_of(self.path, self.places, key)
        name = ".".join(str(part) for part in key)
        self.problems.append(Problem(where=where, field=name, rule=rule, got=got, nearest=nearest))

    def known_keys(self, key: tuple[str | int, ...], content: Mapping[str, object], valid: tuple[str, ...]) -> None:
        for name in content:
            if name not in valid:
                self.problem((*key, name), "is not a key of a mapping", nearest=nearest_name(name, valid))

    def section(self, name: str) -> Mapping[str, object]:
        content = self.content.get(name, {})
        if isinstance(content, Mapping):
            return content
        self.problem((name,), "must be a section", shown(content))
        return {}

    def patterns(self, section: str, key: str) -> tuple[str, ...]:
        found = self.section(section).get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            self.problem((section, key), "must be a list of texts", shown(found))
            return ()
        for item in found:
            self.pattern((section, key), item)
        return tuple(found)

    def pattern(self, key: tuple[str | int, ...], text: str) -> None:
        try:
            re.compile(text)
        except re.error as error:
            self.problem(key, f"must be a regular expression ({error})", shown(text))

    def shares(self, key: str, default: tuple[float, ...]) -> tuple[float, ...]:
        found = self.section("assumptions").get(key, list(default))
        right = isinstance(found, list) and all(
            isinstance(item, int | float) and not isinstance(item, bool) and 0 <= item < 1e9 for item in found
        )
        if not right or not isinstance(found, list) or sum(found) <= 0 or len(found) > 61:
            self.problem(("assumptions", key), "must be a list of shares by days, not all 0", shown(found))
            return default
        return tuple(float(item) for item in found)


def read_mapping(path: Path) -> HistoryMapping:
    """Read a mapping file.

    Raises
    ------
    InvalidInputError
        With every problem: not TOML, unknown keys, missing columns, wrong types.
    """
    reader = _Reader(path)
    for name in reader.content:
        if name not in SECTIONS:
            reader.problem((name,), "is not a section of a mapping", nearest=nearest_name(name, SECTIONS))
    values: dict[str, Any] = {}
    for section, specs in SECTIONS.items():
        content = reader.section(section)
        extra = (*PATTERN_LISTS.get(section, ()), *NUMBER_LISTS.get(section, ()))
        extra += {"channels": ("rule",), "assumptions": ("lead_time_history",)}.get(section, ())
        reader.known_keys((section,), content, (*(spec.name for spec in specs), *extra))
        for spec in specs:
            try:
                values[f"{section}.{spec.name}"] = parse_cell(spec, content.get(spec.name))
            except CellError as error:
                reader.problem((section, spec.name), error.rule, error.got, error.nearest)
    if isinstance(values.get("skus.goods"), str):
        reader.pattern(("skus", "goods"), values["skus.goods"])
    defaults = HistoryMapping(values={}, path="")
    mapping = HistoryMapping(
        values=values,
        path=str(path),
        also_goods=reader.patterns("skus", "also_goods"),
        tests=reader.patterns("skus", "tests"),
        rules=_read_rules(reader),
        transit_home_shares=reader.shares("transit_home_shares", defaults.transit_home_shares),
        transit_abroad_shares=reader.shares("transit_abroad_shares", defaults.transit_abroad_shares),
        lead_history=_read_lead_history(reader),
    )
    if reader.problems:
        raise InvalidInputError(tuple(reader.problems))
    return mapping


def _read_rules(reader: _Reader) -> tuple[ChannelRule, ...]:
    found = reader.section("channels").get("rule", [])
    if not isinstance(found, list):
        reader.problem(("channels", "rule"), "must be written as [[channels.rule]]", shown(found))
        return ()
    rules = []
    for i, item in enumerate(found):
        key = ("channels", "rule", i)
        if not isinstance(item, Mapping):
            reader.problem(key, "must be a table", shown(item))
            continue
        reader.known_keys(key, item, RULE_KEYS)
        regions = item.get("region_is", [])
        if not (isinstance(regions, list) and all(isinstance(region, str) for region in regions)):
            reader.problem((*key, "region_is"), "must be a list of texts", shown(regions))
            regions = []
        for name in ("channel", "order_has_sku", "order_prefix"):
            if not isinstance(item.get(name, ""), str):
                reader.problem((*key, name), "must be text", shown(item[name]))
        if not isinstance(item.get("customer_missing", True), bool):
            reader.problem((*key, "customer_missing"), "must be true or false", shown(item["customer_missing"]))
        if not item.get("channel"):
            reader.problem((*key, "channel"), "must not be empty")
        if len(item) < 2:
            reader.problem(key, "must have a condition besides its channel")
        rules.append(
            ChannelRule(
                channel=str(item.get("channel", "")),
                order_has_sku=str(item.get("order_has_sku", "")),
                customer_missing=item.get("customer_missing"),
                region_is=tuple(regions),
                order_prefix=str(item.get("order_prefix", "")),
            )
        )
    return tuple(rules)


def _read_lead_history(reader: _Reader) -> dict[str, Any]:
    found = reader.section("assumptions").get("lead_time_history", {})
    key = ("assumptions", "lead_time_history")
    if not isinstance(found, Mapping):
        reader.problem(key, "must be a table", shown(found))
        return {}
    if not found:
        return {}
    reader.known_keys(key, found, LEAD_HISTORY_KEYS)
    for name in ("file", "ordered", "delivered"):
        if not isinstance(found.get(name), str) or not found[name]:
            reader.problem((*key, name), "must be text and not empty", shown(found.get(name, "")))
    only = found.get("only", {})
    if not isinstance(only, Mapping) or not all(isinstance(value, str) for value in only.values()):
        reader.problem((*key, "only"), "must be a table of column = text", shown(only))
    return dict(found)
