"""People at one stage of one site: work waits in order of rank, so much is done at once as people are on duty.

SimPy's `PriorityResource` has one fixed capacity, starts work in the middle of a second and sorts its whole queue at
each request; this is the same idea with a heap, with shifts, and with starts at the end of the second. Owns queueing
and its statistics; what the work is and how long it takes belongs to whoever asks.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

from simpy.events import Event, Timeout

from omsim.sim.process.moments import STARTS, Moment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simpy import Environment
    from simpy.events import ProcessGenerator

Rank = tuple[int, ...]


class Turn(Event):
    """A place in a station's queue; it fires when a person turns to the work."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.ready_s = int(env.now)
        self.withdrawn = False


class Station:
    """People at one stage.

    Parameters
    ----------
    env : Environment
    shifts : iterable of (int, int)
        (second, people on duty from then on), by second.

    Attributes
    ----------
    tasks, busy_s, wait_s, queue_s : int
        Tasks started, their seconds, the waits of those whose wait has ended, and all time spent queueing so far.
    """

    def __init__(self, env: Environment, shifts: Iterable[tuple[int, int]]) -> None:
        self.env = env
        self.tasks = self.busy_s = self.wait_s = self.queue_s = 0
        self._people = self._working = 0
        self._queue: list[tuple[Rank, Turn]] = []
        self._call_pending = False
        env.process(self._keep_shifts(shifts))

    def request(self, rank: Rank) -> Turn:
        """Queue for a person.

        Parameters
        ----------
        rank : tuple of int
            Lower is served first; no two pieces of work may share one.
        """
        turn = Turn(self.env)
        heappush(self._queue, (rank, turn))
        self._call()
        return turn

    def work(self, seconds: int) -> Timeout:
        """The task itself, for one whose turn has come; `release` the person after it."""
        self.busy_s += seconds
        return self.env.timeout(seconds)

    def release(self) -> None:
        """Give back the person whose task has ended."""
        self._working -= 1
        self._call()

    def withdraw(self, turn: Turn) -> None:
        """Leave the queue unserved."""
        turn.withdrawn = True
        self._count_wait(turn)

    def close(self) -> None:
        """Count the time of those who still queue at the end of the run."""
        now = int(self.env.now)
        self.queue_s += sum(now - turn.ready_s for _, turn in self._queue if not turn.withdrawn)

    def _keep_shifts(self, shifts: Iterable[tuple[int, int]]) -> ProcessGenerator:
        for change_s, people in shifts:
            yield self.env.timeout(change_s - self.env.now)
            self._people = people
            self._call()

    def _call(self) -> None:
        """See to it that free people look at the queue when all of this second's arrivals are in it."""
        if self._queue and self._working < self._people and not self._call_pending:
            self._call_pending = True
            Moment(self.env, int(self.env.now), STARTS).callbacks.append(self._start)

    def _start(self, _moment: Event) -> None:
        self._call_pending = False
        while self._queue and self._working < self._people:
            _, turn = heappop(self._queue)
            if not turn.withdrawn:
                self._working += 1
                self.tasks += 1
                self._count_wait(turn)
                turn.succeed()

    def _count_wait(self, turn: Turn) -> None:
        waited_s = int(self.env.now) - turn.ready_s
        self.wait_s += waited_s
        self.queue_s += waited_s
