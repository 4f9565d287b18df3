"""Same-second order on a SimPy clock: what happens first when several things happen at one second.

The specification's order is carried by event priorities, so it never depends on who asked first. SimPy's own events
(timeouts, completions) have priority `NORMAL`; these come after them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import simpy

if TYPE_CHECKING:
    from collections.abc import Callable


class Turn(IntEnum):
    """Priority of what is done at one second, least first."""

    COMPLETIONS = 1  # = simpy.events.NORMAL
    RECEIPTS = 2
    RESTOCKS = 3
    BACKORDERS = 4
    ALLOCATION = 5
    PATIENCE = 6
    SHRINKAGE = 7
    REVIEW = 8
    TENDER = 9
    MIDNIGHT = 10
    STARTS = 11


def at(env: simpy.Environment, instant_s: int, turn: Turn) -> simpy.Event:
    """An event that happens at `instant_s`, in its turn within that second; ValueError for the past."""
    if instant_s < env.now:
        raise ValueError(f"{instant_s} is in the past of {env.now}")
    event = simpy.Event(env)
    event._ok = True
    event._value = None
    env.schedule(event, priority=turn, delay=int(instant_s) - env.now)  # type: ignore[arg-type]
    return event


def call_at(env: simpy.Environment, instant_s: int, turn: Turn, action: Callable[[], None]) -> None:
    """Do `action` at `instant_s`, in its turn."""
    callbacks = at(env, instant_s, turn).callbacks
    assert callbacks is not None
    callbacks.append(lambda _: action())
