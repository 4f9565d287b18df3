"""Giving freed memory back to the system between the stages of a long run.

A C library keeps what is freed in the middle of its heap for later. A run frees its queues just when its records are
made and audited, and what they then need seldom fits the gaps, so the gaps would count twice in the run's peak. Owns
this one call; where the library does not know it, nothing happens.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache


def give_back() -> None:
    """Return free memory to the system (glibc's `malloc_trim`); a millisecond or so."""
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> ctypes._NamedFuncPointer | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library
        return None
