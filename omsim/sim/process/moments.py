"""What comes first within one second: the specification's order of events as SimPy priorities.

SimPy runs the events of one instant by priority. Whatever ends by itself (timeouts, woken processes) is NORMAL, so a
phase sees the outcome of all that ended at its second and of every earlier phase. Owns the order; what happens in a
phase is its module's work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy.events import Event, EventPriority

if TYPE_CHECKING:
    from simpy import Environment

RECEIPTS = EventPriority(2)
RESTOCKS = EventPriority(3)
BACKORDER_FILLS = EventPriority(4)
ALLOCATION = EventPriority(5)
PATIENCE = EventPriority(6)
SHRINKAGE = EventPriority(7)
REVIEW = EventPriority(8)
TENDER = EventPriority(9)
MIDNIGHT = EventPriority(10)
CLOSE = EventPriority(11)
"""The run ends here: after the last midnight, before work could start at the horizon."""
STARTS = EventPriority(12)
HANG_UPS = EventPriority(13)
"""Who may be served at a second is served before anybody gives up at it."""


class Moment(Event):
    """An event at an instant and at its place within that second.

    Parameters
    ----------
    env : Environment
    instant_s : int
        Not before `env.now`.
    priority : EventPriority
        One of this module's.
    """

    def __init__(self, env: Environment, instant_s: int, priority: EventPriority) -> None:
        super().__init__(env)
        if instant_s < env.now:
            raise ValueError(f"instant {instant_s} has passed, it is {env.now}")
        self._ok = True
        self._value = None
        env.schedule(self, priority, instant_s - env.now)
