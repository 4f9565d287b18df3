"""People at work: shifts, ranks, giving up, and the queue every textbook knows."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest
from simpy import Environment

from omsim.kernels.delivery_moments import NO_PATIENCE_LIMIT_S
from omsim.sim.contacts import Calls
from omsim.sim.process.desk import ContactDesk
from omsim.sim.process.moments import ALLOCATION, CLOSE, MIDNIGHT, RECEIPTS, STARTS, Moment
from omsim.sim.process.stations import Station
from omsim.sim.records import NEVER


def serve(station: Station, arrives_s: int, rank: tuple[int, ...], seconds: int, starts: dict[tuple[int, ...], int]):
    """A task that comes, waits, is done and notes when it began."""
    yield station.env.timeout(arrives_s)
    yield station.request(rank)
    starts[rank] = int(station.env.now)
    yield station.work(seconds)
    station.release()


def test_phases_of_one_second_come_in_their_order():
    """Whatever order events are made in, a second runs from what ended over receipts to starts."""
    env, seen = Environment(), []
    for name, priority in (("starts", STARTS), ("midnight", MIDNIGHT), ("receipts", RECEIPTS), ("alloc", ALLOCATION)):
        Moment(env, 5, priority).callbacks.append(lambda _, name=name: seen.append(name))
    env.timeout(5).callbacks.append(lambda _: seen.append("ended"))
    env.run(until=Moment(env, 5, CLOSE))
    assert seen == ["ended", "receipts", "alloc", "midnight"]


def test_the_past_cannot_be_scheduled():
    """A moment before now is an error."""
    env = Environment(initial_time=10)
    with pytest.raises(ValueError, match="9"):
        Moment(env, 9, RECEIPTS)


def test_who_arrives_in_one_second_is_ranked_before_anybody_starts():
    """The last to ask in a second is served first if its rank is the lowest."""
    env = Environment()
    station, starts = Station(env, [(0, 1)]), {}
    for rank in ((2, 0), (1, 1), (1, 0)):
        env.process(serve(station, 100, rank, 10, starts))
    env.run(until=Moment(env, 1000, CLOSE))
    assert starts == {(1, 0): 100, (1, 1): 110, (2, 0): 120}
    assert (station.tasks, station.busy_s, station.wait_s, station.queue_s) == (3, 30, 30, 30)


def test_fewer_people_let_running_tasks_finish():
    """At 50 two of three go home: nobody starts until two tasks have ended."""
    env = Environment()
    station, starts = Station(env, [(0, 3), (50, 1), (200, 2)]), {}
    for number, seconds in enumerate((60, 70, 80, 300, 5)):
        env.process(serve(station, 0, (number,), seconds, starts))
    env.run(until=Moment(env, 1000, CLOSE))
    assert starts == {(0,): 0, (1,): 0, (2,): 0, (3,): 80, (4,): 200}


def test_who_still_queues_at_the_end_is_counted():
    """Nobody is on duty: the waiting goes into queue_s, not into wait_s."""
    env = Environment()
    station = Station(env, [(0, 0)])
    env.process(serve(station, 30, (0,), 1, {}))
    env.run(until=Moment(env, 100, CLOSE))
    station.close()
    assert (station.tasks, station.wait_s, station.queue_s) == (0, 0, 70)


def calls(*rows: tuple[int, int, int]) -> Calls:
    """Calls from (made, handling, patience)."""
    made, handle, patience = np.array(rows, dtype=np.int64).T
    number = np.arange(len(rows))
    return Calls(order=number, reason=np.zeros_like(number), at_s=made, handle_s=handle, patience_s=patience)


def test_a_wait_equal_to_the_patience_is_served():
    """One agent, busy from 0 to 100: patience 50 (made at 50) is served at 100, 49 gives up at 99."""
    desk = ContactDesk(calls((0, 100, 10), (50, 20, 49), (50, 20, 50), (60, 20, NO_PATIENCE_LIMIT_S)), [(0, 1)], 1000)
    desk.run()
    assert desk.answered_s == [0, NEVER, 100, 120]
    assert desk.closed_s == [100, NEVER, 120, 140]
    assert desk.abandoned == [False, True, False, False]
    assert (desk.agents.tasks, desk.agents.wait_s, desk.agents.queue_s) == (3, 49 + 50 + 60, 49 + 50 + 60)


def test_giving_up_at_the_horizon_is_not_giving_up():
    """Whoever would leave at the horizon still waits at it; what would close beyond it stays open."""
    desk = ContactDesk(calls((0, 500, 0), (10, 5, 90), (10, 5, 89)), [(0, 1)], 100)
    desk.run()
    assert desk.abandoned == [False, False, True]
    assert desk.closed_s == [NEVER, NEVER, NEVER]
    assert (desk.agents.wait_s, desk.agents.queue_s) == (89, 90 + 89)


def erlang_c(servers: int, load: float) -> float:
    """Probability that an arrival waits in M/M/c (Erlang 1917)."""
    top = load**servers / factorial(servers) * servers / (servers - load)
    return top / (sum(load**k / factorial(k) for k in range(servers)) + top)


@pytest.mark.parametrize("servers", [1, 4])
def test_poisson_arrivals_wait_as_erlang_says(servers: int):
    """Mean wait of M/M/c within four standard errors of the exact one, from twenty independent runs."""
    mean_s, load = 600.0, 0.8 * servers
    exact_s = erlang_c(servers, load) * mean_s / (servers - load)
    means = []
    for run in range(20):
        rng = np.random.default_rng([servers, run])
        env = Environment()
        station, starts = Station(env, [(0, servers)]), {}
        arrivals = np.cumsum(rng.exponential(mean_s / load, 3000)).astype(np.int64).tolist()
        services = np.maximum(rng.exponential(mean_s, 3000) + 0.5, 1).astype(np.int64).tolist()
        for number, (arrives_s, seconds) in enumerate(zip(arrivals, services, strict=True)):
            env.process(serve(station, arrives_s, (arrives_s, number), seconds, starts))
        env.run()
        means.append(station.wait_s / station.tasks)
    error = np.std(means, ddof=1) / np.sqrt(len(means))
    assert abs(np.mean(means) - exact_s) < 4 * error + 0.03 * exact_s  # each run begins empty
    assert error < 0.15 * exact_s
