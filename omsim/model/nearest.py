"""The valid name a reader may have meant; nothing else."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest_name(name: str, names: Iterable[str]) -> str:
    """The valid name most like `name`, whatever its case; empty when none is near.

    >>> nearest_name("Chanel", ["sku", "channel"])
    'channel'
    >>> nearest_name("xyz", ["sku", "channel"])
    ''
    """
    by_lower = {valid.lower(): valid for valid in names if valid}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return by_lower[found[0]] if found else ""
