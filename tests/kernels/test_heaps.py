"""The array heap against the standard library's."""

from __future__ import annotations

import heapq

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.kernels.heaps import pop, push

KEYS = st.integers(-(2**62), 2**62)


@settings(deadline=None)
@given(st.lists(st.one_of(KEYS, st.none()), max_size=80))
def test_pushes_and_pops_as_heapq(moves: list[int | None]):
    """After any mix of pushes (a key) and pops (None) the least key is heapq's, and the contents are the same."""
    heap, size, oracle = np.empty(max(len(moves), 1), dtype=np.int64), 0, []
    for key in moves:
        if key is not None:
            size = push(heap, size, key)
            heapq.heappush(oracle, key)
        elif oracle:
            assert heap[0] == heapq.heappop(oracle)
            size = pop(heap, size)
        assert sorted(heap[:size].tolist()) == sorted(oracle)
        assert not oracle or heap[0] == oracle[0]


@settings(deadline=None)
@given(st.lists(KEYS, min_size=1, max_size=200))
def test_sorts(keys: list[int]):
    """Popping everything gives the keys in order, equal ones as often as they were pushed."""
    heap, size = np.empty(len(keys), dtype=np.int64), 0
    for key in keys:
        size = push(heap, size, key)
    popped = []
    while size:
        popped.append(int(heap[0]))
        size = pop(heap, size)
    assert popped == sorted(keys)
