"""What tonight's plan would change about the one in force: orders line by line, policies SKU by SKU.

Owns the comparison; what is in force is read by `recall`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from omsim.nightly.night import Columns, Night


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChange:
    """A proposed line beside the one in force; 0 units where there is none."""

    site: str
    sku: str
    supplier: str
    before_units: int
    units: int
    before_value_cents: int
    value_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Tonight against the plan in force.

    Attributes
    ----------
    since : date or None
        Night of the plan in force; None: there is none.
    lines : tuple of LineChange
        Lines that differ, the largest change of value first.
    same_lines : int
        Lines ordered alike.
    policies : mapping of change to int
        How many policies tonight keeps, raises, lowers, adds or refuses to change.
    before_value_cents, value_cents : int
        Of all goods.
    """

    since: date | None
    lines: tuple[LineChange, ...]
    same_lines: int
    policies: dict[str, int]
    before_value_cents: int
    value_cents: int


def compare_with_current(night: Night, since: date | None, current: Columns | None) -> Difference:
    """Tonight beside the proposals in force.

    Parameters
    ----------
    night : Night
        Of tonight.
    since : date or None
        Night of the plan in force.
    current : columns or None
        Its `proposals`.
    """
    before, now = _lines(current), _lines(night.tables["proposals"])
    changes = []
    same = 0
    for place in {**before, **now}:
        old, new = before.get(place, ("", 0, 0)), now.get(place, ("", 0, 0))
        if old[1] == new[1]:
            same += 1
            continue
        changes.append(
            LineChange(
                site=place[0],
                sku=place[1],
                supplier=new[0] or old[0],
                before_units=old[1],
                units=new[1],
                before_value_cents=old[2],
                value_cents=new[2],
            )
        )
    changes.sort(key=lambda line: (-abs(line.value_cents - line.before_value_cents), line.site, line.sku))
    return Difference(
        since=since,
        lines=tuple(changes),
        same_lines=same,
        policies=dict(Counter(night.tables["policies"]["change"])),
        before_value_cents=sum(value for _, _, value in before.values()),
        value_cents=sum(value for _, _, value in now.values()),
    )


def _lines(proposals: Columns | None) -> dict[tuple[str, str], tuple[str, int, int]]:
    """Supplier, units and value by site and SKU."""
    found: dict[tuple[str, str], tuple[str, int, int]] = {}
    if proposals is None:
        return found
    columns = (proposals[name] for name in ("site", "sku", "supplier", "units", "value_cents"))
    for site, sku, supplier, units, value in zip(*columns, strict=True):
        _, before, worth = found.get((site, sku), ("", 0, 0))
        found[site, sku] = (supplier, before + int(units), worth + int(value))
    return found
