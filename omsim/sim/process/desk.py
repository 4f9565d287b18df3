"""The contact desk: callers wait for an agent as long as they care to.

Owns the queue of those who call; who calls and why follows from the finished records (`sim.contacts`), so the desk
has a clock of its own, after the shop's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simpy import Environment

from omsim.kernels.delivery_moments import NO_PATIENCE_LIMIT_S
from omsim.sim.process.moments import CLOSE, HANG_UPS, Moment
from omsim.sim.process.stations import Station
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from simpy.events import ProcessGenerator

    from omsim.sim.contacts import Calls


class ContactDesk:
    """The desk over a run's calls.

    Attributes
    ----------
    agents : Station
        With its statistics.
    answered_s, closed_s : list of int, n_calls
        NEVER = not within the horizon.
    abandoned : list of bool, n_calls
    """

    def __init__(self, calls: Calls, shifts: list[tuple[int, int]], horizon_s: int) -> None:
        self._env = Environment(initial_time=0)
        self._horizon_s = horizon_s
        self.agents = Station(self._env, shifts)
        self.answered_s = [NEVER] * calls.order.size
        self.closed_s = [NEVER] * calls.order.size
        self.abandoned = [False] * calls.order.size
        self._env.process(self._receive_calls(calls))

    def run(self) -> None:
        """Serve until the horizon."""
        self._env.run(until=Moment(self._env, self._horizon_s, CLOSE))
        self.agents.close()

    def _receive_calls(self, calls: Calls) -> ProcessGenerator:
        columns = (calls.at_s, calls.order, calls.reason, calls.handle_s, calls.patience_s)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for call, (made_s, order, reason, handle_s, patience_s) in enumerate(rows):
            if made_s > self._env.now:
                yield self._env.timeout(made_s - self._env.now)
            self._env.process(self._call(call, (made_s, order, reason), handle_s, patience_s))

    def _call(self, call: int, rank: tuple[int, int, int], handle_s: int, patience_s: int) -> ProcessGenerator:
        """One customer's call, answered or given up."""
        turn = self.agents.request(rank)
        if patience_s < NO_PATIENCE_LIMIT_S:
            hang_up = Moment(self._env, rank[0] + patience_s, HANG_UPS)
            yield turn | hang_up
            if not turn.triggered:
                self.agents.withdraw(turn)
                self.abandoned[call] = True
                return
        else:
            yield turn
        self.answered_s[call] = int(self._env.now)
        yield self.agents.work(handle_s)
        self.agents.release()
        self.closed_s[call] = int(self._env.now)
