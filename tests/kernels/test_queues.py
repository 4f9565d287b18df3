"""Queue kernels against queues served second by second on paper, and runs cut anywhere against runs in one piece."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.queueing import serve_ranked, serve_second_by_second

from omsim.kernels.queues import (
    BUSY,
    HEAD,
    NOT_STARTED,
    QUEUE_TIME,
    QUEUED,
    QUEUED_SINCE,
    TASKS,
    WAIT,
    advance_station,
    arrive,
    empty_stations,
    serve_fifo,
    serve_with_patience,
)

UNTIL = 60
TASKS_OF_A_DAY = st.lists(st.tuples(st.integers(0, 70), st.integers(1, 25)), max_size=25).map(sorted)
RANKED = st.lists(st.tuples(st.integers(0, 70), st.integers(1, 25), st.integers(0, 2)), max_size=25)
SHIFTS = st.lists(st.tuples(st.integers(1, 65), st.integers(0, 3)), max_size=5, unique_by=lambda step: step[0]).flatmap(
    lambda steps: st.integers(0, 3).map(lambda first: [(0, first), *sorted(steps)])
)


def columns(rows, n_columns: int) -> list[np.ndarray]:
    """Rows as contiguous int64 columns."""
    return list(np.array(rows, dtype=np.int64).reshape(-1, n_columns).T.copy())


@settings(deadline=None, max_examples=300)
@given(TASKS_OF_A_DAY, SHIFTS, st.integers(1, UNTIL))
def test_fifo_is_what_a_clock_watcher_sees(tasks, shifts, until_s: int):
    """Starts with any shifts are those of looking at every second; nothing starts at or after the end."""
    ready_s, task_s = columns(tasks, 2)
    starts = serve_fifo(ready_s, task_s, *columns(shifts, 2), until_s)
    expected = serve_second_by_second(tasks, shifts, until_s)
    assert [None if start == NOT_STARTED else start for start in starts.tolist()] == expected


@settings(deadline=None, max_examples=300)
@given(TASKS_OF_A_DAY, SHIFTS, st.lists(st.integers(0, 30), min_size=25, max_size=25), st.integers(1, UNTIL))
def test_patience_is_what_a_clock_watcher_sees(tasks, shifts, patience: list[int], until_s: int):
    """Who would wait longer than their patience leaves without keeping anybody; a wait equal to it is served."""
    ready_s, task_s = columns(tasks, 2)
    patience_s = np.array(patience[: len(tasks)], dtype=np.int64)
    starts = serve_with_patience(ready_s, task_s, patience_s, *columns(shifts, 2), until_s)
    expected = serve_second_by_second(tasks, shifts, until_s, patience)
    assert [None if start == NOT_STARTED else start for start in starts.tolist()] == expected


def test_a_shift_ends_but_its_task_does_not():
    """Two people until 10, none until 20, one after: the running task ends at 15, the next starts at 20."""
    ready, task = np.array([0, 0, 0, 0]), np.array([4, 15, 6, 3])
    starts = serve_fifo(ready, task, np.array([0, 10, 20]), np.array([2, 0, 1]), 100)
    assert starts.tolist() == [0, 0, 4, 20]


def run_station(tasks, shifts, edges: list[int], n_ranks: int, *, late: bool):
    """Advance one station from edge to edge; returns completions, each window's finished tasks, and the figures.

    `late`: tasks are announced in the window in which they become ready, as control instants release them, instead
    of all beforehand.
    """
    n = len(tasks)
    change_s, people = columns(shifts, 2)
    first = np.array([0, change_s.size])
    state = empty_stations(first, people, n_ranks)
    ready_s = np.array([ready for ready, _, _ in tasks], dtype=np.int32)
    task_s = np.array([seconds for _, seconds, _ in tasks], dtype=np.int32)
    rank = np.array([rank for _, _, rank in tasks], dtype=np.int16) if n_ranks > 1 else np.zeros(0, dtype=np.int16)
    link, done_s = np.full(n, -1, dtype=np.int32), np.full(n, -1, dtype=np.int32)
    finished = np.empty(max(n, 1), dtype=np.int32)
    windows, announced = [], 0
    for edge in edges:
        while announced < n and (ready_s[announced] < edge or not late):
            arrive(state.pending, 0, announced, link)
            announced += 1
        count = advance_station(state, 0, edge, first, change_s, people, ready_s, task_s, rank, link, done_s, finished)
        windows.append(finished[:count].tolist())
    figures = state.figures[:, 0].copy()
    end = edges[-1]
    figures[QUEUE_TIME] += figures[QUEUED] * (end - figures[QUEUED_SINCE])
    waiting = state.pending[HEAD, 0]
    while waiting >= 0:  # announced, but not yet looked at by a station that has nobody free
        figures[QUEUE_TIME] += max(end - int(ready_s[waiting]), 0)
        waiting = link[waiting]
    return done_s.tolist(), windows, figures[[QUEUE_TIME, TASKS, BUSY, WAIT]].tolist()


@settings(deadline=None, max_examples=300)
@given(RANKED, SHIFTS, st.lists(st.integers(1, UNTIL), max_size=6), st.booleans(), st.booleans())
def test_a_station_cut_anywhere_is_the_same_station(tasks, shifts, cuts: list[int], ranked: bool, late: bool):
    """Windows with edges anywhere give the starts, measures and completions of paper and of one window."""
    tasks = sorted(tasks, key=lambda task: task[0])
    n_ranks = 3 if ranked else 1
    rows = [(ready, seconds, rank if ranked else 0, key) for key, (ready, seconds, rank) in enumerate(tasks)]
    starts = serve_ranked(rows, shifts, UNTIL)
    edges = [*sorted(set(cuts) - {UNTIL}), UNTIL]
    done, windows, figures = run_station(tasks, shifts, edges, n_ranks, late=late)
    seconds = [task[1] for task in tasks]
    assert {key: end - seconds[key] for key, end in enumerate(done) if end >= 0} == starts
    last = -1
    for edge, window in zip(edges, windows, strict=True):
        assert window == sorted((key for key in starts if last < done[key] <= edge), key=lambda key: (done[key], key))
        last = edge
    waits = sum(start - tasks[key][0] for key, start in starts.items())
    still = sum(UNTIL - ready for key, (ready, _, _) in enumerate(tasks) if key not in starts and ready < UNTIL)
    assert figures == [waits + still, len(starts), sum(seconds[key] for key in starts), waits]
    assert run_station(tasks, shifts, [UNTIL], n_ranks, late=False)[::2] == (done, figures)


@pytest.mark.parametrize("edges", [[10], [5, 10], [9, 10], [10, 20], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]])
def test_a_completion_at_an_edge_frees_its_person_for_that_second(edges: list[int]):
    """A task that ends at 10 is finished in the window up to 10; the one it held up starts at 10, in the next."""
    tasks = [(0, 10, 0), (3, 4, 0)]
    done, windows, _ = run_station(tasks, [(0, 1)], edges, 1, late=True)
    assert done == [10, 14 if edges[-1] > 10 else -1]
    assert windows[edges.index(10)] == [0]


def test_tasks_beyond_the_horizon_keep_their_completion():
    """A task that starts before the end and ends after it is told its completion but is not finished."""
    done, windows, figures = run_station([(0, 100, 0)], [(0, 1)], [UNTIL], 1, late=False)
    assert (done, windows, figures) == ([100], [[]], [0, 1, 100, 0])


def test_equal_completions_come_by_number():
    """Two tasks ending at one second are finished in order of their numbers."""
    tasks = [(0, 9, 0), (0, 4, 0), (4, 5, 0)]
    assert run_station(tasks, [(0, 2)], [20], 1, late=False)[1] == [[1, 0, 2]]
