"""Binary min-heaps of int64 keys in plain arrays, for compiled loops."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled


@compiled
def push(heap: NDArray[np.int64], size: int, key: int) -> int:
    """Put `key` into heap[:size]; returns the new size. The array must have room."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if heap[parent] <= key:
            break
        heap[at] = heap[parent]
        at = parent
    heap[at] = key
    return size + 1


@compiled
def pop(heap: NDArray[np.int64], size: int) -> int:
    """Remove the least key, heap[0], from heap[:size]; returns the new size (>= 0)."""
    size -= 1
    key = heap[size]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if key <= heap[child]:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key
    return size
