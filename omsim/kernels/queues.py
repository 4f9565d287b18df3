"""Queues at a station with a capacity calendar: exact start times, no event list.

One rule everywhere: work starts at the earliest second at which fewer tasks run than people are on duty; a task that
ends at t has freed its person at t; a shift's end lets a running task finish. Owns whole-horizon FIFO queues (the
validation and contact desks) and the resumable station of the window engine. What the work is and who feeds whom
belongs to `sim`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.heaps import pop, push

Ints = NDArray[np.int64]
Int = NDArray[np.integer]

NOT_STARTED = -1
_ID_BITS = 31
_ID_MASK = (1 << _ID_BITS) - 1
_NEVER = 1 << 62


@compiled
def serve_fifo(ready_s: Ints, task_s: Ints, change_s: Ints, people: Ints, until_s: int) -> Ints:
    """Start of each task at a first-come-first-served station.

    Parameters
    ----------
    ready_s : int64, shape (n,)
        When each task is ready, non-decreasing.
    task_s : int64, shape (n,)
        How long it takes, >= 1.
    change_s, people : int64, shape (n_steps,)
        From change_s[k] on people[k] are on duty; change_s ascends from 0.
    until_s : int
        Nothing starts at or after it.

    Returns
    -------
    int64, shape (n,)
        Start seconds; NOT_STARTED for those that do not start before `until_s`.

    Notes
    -----
    O(n log c) time for c people.
    """
    never = np.full(ready_s.size, _NEVER, dtype=np.int64)
    return serve_with_patience(ready_s, task_s, never, change_s, people, until_s)


@compiled
def serve_with_patience(
    ready_s: Ints, task_s: Ints, patience_s: Ints, change_s: Ints, people: Ints, until_s: int
) -> Ints:
    """As `serve_fifo`, but who would wait longer than `patience_s` leaves unserved (a wait equal to it is served).

    In a FIFO queue nobody behind changes one's wait, so it is known on arrival.
    """
    start_s = np.full(ready_s.size, NOT_STARTED, dtype=np.int64)
    running = np.empty(max(1, people.max()), dtype=np.int64)
    n_running = 0
    step = 0
    now = 0
    for i in range(ready_s.size):
        t = max(now, ready_s[i])
        while True:
            while n_running > 0 and running[0] <= t:
                n_running = pop(running, n_running)
            while step + 1 < change_s.size and change_s[step + 1] <= t:
                step += 1
            if n_running < people[step]:
                break
            t = _NEVER
            if n_running > 0:
                t = running[0]
            if step + 1 < change_s.size:
                t = min(t, change_s[step + 1])
            if t >= until_s:
                break
        now = t  # nobody behind can start earlier, whether this one starts or leaves
        if t >= until_s or t - ready_s[i] > patience_s[i]:
            continue
        start_s[i] = t
        n_running = push(running, n_running, t + task_s[i])
    return start_s


# StationState.figures: rows of int64 by station
RUNNING, STEP, NOW, QUEUED, QUEUED_SINCE, QUEUE_TIME, TASKS, BUSY, WAIT = range(9)
HEAD, TAIL = range(2)


class StationState(NamedTuple):
    """Resumable queues of all stations: who runs, who waits, what was measured.

    Attributes
    ----------
    figures : int64, shape (9, n_stations)
        Tasks running, capacity step reached, second reached, tasks queued and since when, then the measures:
        integral of the queue's length, tasks started, busy seconds, seconds waited before starts.
    running : int64, shape (n_stations, most people)
        Heaps of completion << 31 | task.
    ends : int32, shape (2, n_stations, n_ranks)
        HEAD and TAIL of the linked queue of each rank; -1 = empty.
    pending : int32, shape (2, n_stations)
        HEAD and TAIL of arrivals not yet due, in order of readiness; -1 = none.
    """

    figures: Ints
    running: Ints
    ends: NDArray[np.int32]
    pending: NDArray[np.int32]


def empty_stations(first: Ints, people: Ints, n_ranks: int) -> StationState:
    """Stations before the first arrival; `first` and `people` are the capacity steps of `sim.staffing`."""
    n = first.size - 1
    figures = np.zeros((9, n), dtype=np.int64)
    figures[STEP] = first[:-1]
    return StationState(
        figures=figures,
        running=np.empty((n, max(1, int(people.max()))), dtype=np.int64),
        ends=np.full((2, n, n_ranks), -1, dtype=np.int32),
        pending=np.full((2, n), -1, dtype=np.int32),
    )


@compiled
def arrive(pending: NDArray[np.int32], station: int, task: int, link: NDArray[np.int32]) -> None:
    """Put `task` behind the station's pending arrivals (`StationState.pending`), which come in order of readiness."""
    link[task] = -1
    if pending[HEAD, station] < 0:
        pending[HEAD, station] = task
    else:
        link[pending[TAIL, station]] = task
    pending[TAIL, station] = task


@compiled
def advance_station(
    state: StationState,
    station: int,
    until_s: int,
    first: Ints,
    change_s: Ints,
    people: Ints,
    ready_s: NDArray[np.int32],
    task_s: NDArray[np.int32],
    rank: NDArray[np.int8],
    link: NDArray[np.int32],
    done_s: NDArray[np.int32],
    finished: NDArray[np.int32],
) -> int:
    """Run one station up to `until_s`: starts before it, completions at or before it.

    Parameters
    ----------
    first, change_s, people : int64
        Capacity steps of all stations.
    ready_s, task_s : int32, shape (n_tasks,)
    rank : int8, shape (n_tasks,) or (0,)
        Lower ranks are served first; within a rank, arrivals in order. Empty = all alike.
    link : int32, shape (n_tasks,)
        Room for the queues' links.
    done_s : int32, shape (n_tasks,)
        Written at the start of a task: its completion, which may lie after `until_s`.
    finished : int32, shape (>= n_tasks,)
        Written: tasks completed, in order of (completion, task).

    Returns
    -------
    int
        How many tasks were written to `finished`.
    """
    n_finished = 0
    n_ranks = state.ends.shape[2]
    running = state.running[station]
    while True:
        t = state.figures[NOW, station]
        if state.figures[QUEUED, station] == 0:
            coming = state.pending[HEAD, station]
            if coming < 0 or ready_s[coming] >= until_s:
                break
            t = max(t, ready_s[coming])
        coming = state.pending[HEAD, station]
        while coming >= 0 and ready_s[coming] <= t:
            after = link[coming]
            since = state.figures[QUEUED_SINCE, station]
            state.figures[QUEUE_TIME, station] += state.figures[QUEUED, station] * (ready_s[coming] - since)
            state.figures[QUEUED_SINCE, station] = ready_s[coming]
            state.figures[QUEUED, station] += 1
            r = rank[coming] if rank.size > 0 else 0
            link[coming] = -1
            if state.ends[HEAD, station, r] < 0:
                state.ends[HEAD, station, r] = coming
            else:
                link[state.ends[TAIL, station, r]] = coming
            state.ends[TAIL, station, r] = coming
            coming = after
        state.pending[HEAD, station] = coming
        while state.figures[RUNNING, station] > 0 and running[0] >> _ID_BITS <= t:
            finished[n_finished] = running[0] & _ID_MASK
            n_finished += 1
            state.figures[RUNNING, station] = pop(running, state.figures[RUNNING, station])
        step, last = state.figures[STEP, station], first[station + 1] - 1
        while step < last and change_s[step + 1] <= t:
            step += 1
        state.figures[STEP, station] = step
        if state.figures[RUNNING, station] < people[step]:
            r = 0
            while r < n_ranks and state.ends[HEAD, station, r] < 0:
                r += 1
            task = state.ends[HEAD, station, r]
            state.ends[HEAD, station, r] = link[task]
            state.figures[QUEUE_TIME, station] += state.figures[QUEUED, station] * (
                t - state.figures[QUEUED_SINCE, station]
            )
            state.figures[QUEUED_SINCE, station] = t
            state.figures[QUEUED, station] -= 1
            state.figures[NOW, station] = t
            state.figures[TASKS, station] += 1
            state.figures[BUSY, station] += task_s[task]
            state.figures[WAIT, station] += t - ready_s[task]
            done_s[task] = t + task_s[task]
            key = ((t + np.int64(task_s[task])) << _ID_BITS) | np.int64(task)
            state.figures[RUNNING, station] = push(running, state.figures[RUNNING, station], key)
        else:
            t = _NEVER
            if state.figures[RUNNING, station] > 0:
                t = running[0] >> _ID_BITS
            if step < last:
                t = min(t, change_s[step + 1])
            if t >= until_s:
                break
            state.figures[NOW, station] = t
    while state.figures[RUNNING, station] > 0 and running[0] >> _ID_BITS <= until_s:
        finished[n_finished] = running[0] & _ID_MASK
        n_finished += 1
        state.figures[RUNNING, station] = pop(running, state.figures[RUNNING, station])
    state.figures[NOW, station] = until_s  # who was freed at that very second starts nothing before it
    return n_finished
