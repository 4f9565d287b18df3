"""A night made fit to be kept: plain checked values, and names that come out the same every time.

Owns the last look at a night before it is written. Writing is `store`'s work.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import operator
from collections import Counter
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from omsim.errors import AuditError, FieldError
from omsim.nightly.night import NIGHT_TABLES, Night

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omsim.nightly.night import Kind, RunKey

_LARGEST_REAL = 1e300


def finish_night(night: Night, key: RunKey, attempt: int) -> Night:
    """Check every value of a night and give its proposals and purchase orders their names.

    A name is a hash of run key, attempt, supplier and site (and SKU), so that a night planned again after a crash
    gives the same names, and a receiver that meets one twice knows it. Whatever names the planner gave only say which
    line belongs to which purchase order.

    Returns
    -------
    Night
        The same with plain Python values.

    Raises
    ------
    FieldError
        A number is not finite or not whole, a text cannot be stored, a purchase order does not exist.
    AuditError
        A purchase order's lines, units or value are not those of its proposals.
    """
    tables = {
        name: {column: _plain(f"{name}.{column}", kind, night.tables[name][column]) for column, kind in columns.items()}
        for name, columns in NIGHT_TABLES.items()
    }
    try:
        json.dumps(night.facts, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise FieldError("facts", f"plain finite JSON values ({error})", "a night") from error
    _name_orders(tables["purchase_orders"], tables["proposals"], f"{key}#{attempt}")
    _audit(tables["purchase_orders"], tables["proposals"])
    return replace(night, tables=tables)


def check_text(field: str, value: str) -> str:
    """A text that both databases can keep.

    Raises
    ------
    FieldError
        It holds a zero byte or half of a surrogate pair.
    """
    if not _passes(_text, value):
        raise FieldError(field, "storable text", value[:80])
    return value


def _name_orders(orders: dict[str, list[Any]], lines: dict[str, list[Any]], run: str) -> None:
    """Replace the planner's names of purchase orders and proposals by the lasting ones, in place."""
    names: dict[str, str] = {}
    seen: Counter[tuple[str, ...]] = Counter()
    for given, supplier, site in zip(orders["purchase_order"], orders["supplier"], orders["site"], strict=True):
        if given in names:
            raise FieldError("purchase_orders.purchase_order", "unique", given)
        names[given] = _name("PO", run, supplier, site, seen=seen)
    for given, supplier, site in zip(lines["purchase_order"], lines["supplier"], lines["site"], strict=True):
        if given not in names:
            raise FieldError(
                "proposals.purchase_order", f"one of the night's purchase orders ({supplier}, {site})", given
            )
    lines["purchase_order"] = [names[given] for given in lines["purchase_order"]]
    orders["purchase_order"] = [names[given] for given in orders["purchase_order"]]
    lines["proposal"] = [
        _name("P", run, site, sku, supplier, seen=seen)
        for site, sku, supplier in zip(lines["site"], lines["sku"], lines["supplier"], strict=True)
    ]


def _name(prefix: str, run: str, *parts: str, seen: Counter[tuple[str, ...]]) -> str:
    occurrence = (prefix, *parts)
    seen[occurrence] += 1
    # As JSON, so that no two different sets of parts read the same.
    said = json.dumps([prefix, run, *parts, seen[occurrence]], ensure_ascii=False)
    return f"{prefix}-{base64.b32encode(hashlib.sha256(said.encode()).digest()[:10]).decode()}"


def _audit(orders: dict[str, list[Any]], lines: dict[str, list[Any]]) -> None:
    counted = {name: [0, 0, 0] for name in orders["purchase_order"]}
    for name, units, value in zip(lines["purchase_order"], lines["units"], lines["value_cents"], strict=True):
        total = counted[name]
        total[0] += 1
        total[1] += units
        total[2] += value
    for name, supplier, site, *stated in zip(
        orders["purchase_order"],
        orders["supplier"],
        orders["site"],
        orders["lines"],
        orders["units"],
        orders["value_cents"],
        strict=True,
    ):
        if counted[name] != stated:
            raise AuditError(
                "lines, units and value of a purchase order are those of its proposals",
                f"{supplier} to {site} states {stated}, its proposals make {counted[name]}",
            )


def _plain(field: str, kind: Kind, values: Sequence[Any]) -> list[Any]:
    """The values as Python's own types, each checked."""
    to_list = getattr(values, "tolist", None)
    plain = list(values) if to_list is None else list(to_list())
    check = {"text": _text, "integer": _integer, "real": _real, "date": _date}[kind]
    try:
        return [check(value) for value in plain]
    except (TypeError, ValueError, OverflowError):
        row = next(row for row, value in enumerate(plain) if not _passes(check, value))
        rule = {"text": "storable text", "integer": "a whole number of 64 bits", "real": "a finite number"}.get(kind)
        raise FieldError(f"{field}[{row}]", rule or "a date without time", plain[row]) from None


def _passes(check: Any, value: Any) -> bool:
    try:
        check(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _text(value: Any) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise TypeError
    value.encode()  # refuses halves of surrogate pairs
    return str(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError
    whole = operator.index(value)
    if not -(2**63) <= whole < 2**63:
        raise OverflowError
    return whole


def _real(value: Any) -> float:
    number = float(value)
    if isinstance(value, str) or not math.isfinite(number) or abs(number) > _LARGEST_REAL:
        raise ValueError
    return number + 0.0  # without the sign of zero, which databases do not agree to keep


def _date(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise TypeError
    return value
