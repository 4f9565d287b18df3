"""Words an order's story is told in: money, shares, counts, goods and tables of them.

Owns how single values read; `story_text` and `story_shipping` put them together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omsim.cli.voice import Voice
    from omsim.experiments.story import Goods

MOST_GOODS = 6


def story_table(voice: Voice, heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print a table without the columns that are empty throughout; one without a head holds notes."""
    kept = [at for at in range(len(heads)) if any(row[at] for row in rows)]
    heads = [heads[at] for at in kept]
    voice.table(heads, [[row[at] for at in kept] for row in rows], left=left, notes=not heads[-1])


def goods_text(contents: Sequence[Goods]) -> str:
    """What is in a parcel, the first few SKUs by name."""
    shown = ", ".join(f"{units:,} {sku}" for sku, units in contents[:MOST_GOODS])
    rest = contents[MOST_GOODS:]
    more = f" and {sum(units for _, units in rest):,} units of {plural_text(len(rest), 'more SKU')}" if rest else ""
    return shown + more


def percent_text(share: float, digits: int = 0) -> str:
    """A share.

    >>> percent_text(0.912), percent_text(0.912, 1)
    ('91 %', '91.2 %')
    """
    return f"{share * 100:.{digits}f} %"


def money_text(cents: float) -> str:
    """An amount to the cent, in the currency the story named.

    >>> money_text(123456), money_text(-217)
    ('1,234.56', '-2.17')
    """
    return f"{cents / 100:,.2f}"


def difference_text(cents: float) -> str:
    """A difference, with its sign.

    >>> difference_text(13), difference_text(-594)
    ('+0.13', '-5.94')
    """
    return f"{cents / 100:+,.2f}"


def count_text(units: int) -> str:
    """A count; nothing for 0."""
    return f"{units:,}" if units else ""


def plural_text(number: int, noun: str) -> str:
    """A number of things.

    >>> plural_text(1, "line"), plural_text(1200, "line")
    ('1 line', '1,200 lines')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def duration_text(seconds: float) -> str:
    """A length of time in its natural unit."""
    from omsim.analysis.units import format_value

    return format_value(seconds, "seconds")
