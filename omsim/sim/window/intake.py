"""What is known of every order before the clock starts: validation, promise, allocation instant, and whose turn it is.

Information flows forward only, so the validation desk's whole horizon is one queue, solved before anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.demand.rng import Purpose, stream_key
from omsim.kernels.compiled import compiled
from omsim.kernels.queues import NOT_STARTED, serve_fifo
from omsim.kernels.random import keyed_uniforms, task_factor, task_seconds
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from omsim.demand.arrivals import Intake
    from omsim.model.calendars import Calendar
    from omsim.sim.plan import Channels, Plan, Times

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]


class Orders(NamedTuple):
    """What is known of the orders before the clock starts; shape (n_orders,). See `records.OrderColumns`."""

    validated_s: I32
    allocated_s: I32
    promise_s: I32
    rejected: NDArray[np.bool_]


Desk = tuple[int, int, int, int]
"""Tasks, busy seconds, finished waiting seconds and queueing seconds of a central desk."""


def receive_orders(
    plan: Plan, calendar: Calendar, intake: Intake, *, seed: int, replication: int
) -> tuple[Orders, I32, Desk]:
    """Validate and promise every order; returns the orders, the allocation queue and the desk's figures.

    The promise's cutoff is a time on the local clock of the order's day, whatever the length of that day.

    The queue holds the orders that will be tried, by (allocation instant, priority, validated, number); int32.
    """
    n = intake.arrived_s.size
    days = np.arange(plan.times.n_days)
    late_from_s = np.stack(
        [calendar.instants_s(days, int(second)) for second in plan.channels.promise_cutoff_s], axis=1
    )
    validated = np.empty(n, dtype=np.int32)
    promise = np.empty(n, dtype=np.int32)
    rejected = np.zeros(n, dtype=np.bool_)
    task_s = np.empty(n, dtype=np.int32)
    _validate_and_promise(
        plan.times,
        plan.channels,
        late_from_s,
        seed,
        stream_key(replication, Purpose.VALIDATION),
        intake.arrived_s,
        intake.channel,
        intake.entity,
        validated,
        promise,
        rejected,
        task_s,
    )
    reviewed = np.flatnonzero(task_s)
    desk: Desk = (0, 0, 0, 0)
    if reviewed.size:
        desk = _review(plan, reviewed, task_s, validated)
    rejected &= validated != NEVER
    allocated = np.full(n, NEVER, dtype=np.int32)
    _allocation_instants(plan.times, plan.rules.immediate, validated, rejected, allocated)
    orders = Orders(validated_s=validated, allocated_s=allocated, promise_s=promise, rejected=rejected)
    return orders, _queue(plan, orders, intake.channel, task_s), desk


def _review(plan: Plan, reviewed: I64, task_s: I32, validated: I32) -> Desk:
    """Serve the orders looked at by hand; `validated` holds when they are ready and gets when they are done."""
    horizon_s = plan.times.horizon_s
    ready = validated[reviewed].astype(np.int64)
    order = np.argsort(ready, kind="stable")
    reviewed, ready = reviewed[order], ready[order]
    task = task_s[reviewed].astype(np.int64)
    a, b = plan.stations.first[0], plan.stations.first[1]
    start = serve_fifo(ready, task, plan.stations.change_s[a:b], plan.stations.people[a:b], horizon_s)
    started = start != NOT_STARTED
    done = start + task
    validated[reviewed] = np.where(started & (done <= horizon_s), done, NEVER)
    in_queue = np.where(started, start, horizon_s) - np.minimum(ready, horizon_s)
    return int(started.sum()), int(task[started].sum()), int((start - ready)[started].sum()), int(in_queue.sum())


def _queue(plan: Plan, orders: Orders, channel: NDArray[np.int16], room: I32) -> I32:
    """Orders that will be tried, in turn, written into `room`."""
    if plan.rules.immediate:
        tried = np.flatnonzero(orders.allocated_s != NEVER).astype(np.int32)
        rank = plan.channels.rank[channel[tried]]
        return tried[np.lexsort((orders.validated_s[tried], rank, orders.allocated_s[tried]))]
    n = _queue_by_cycle(
        plan.times.cycle_s, plan.channels.rank, plan.channels.n_ranks, channel, orders.allocated_s,
        orders.validated_s, room,
    )  # fmt: skip
    return room[:n]


@compiled
def _queue_by_cycle(
    cycle_s: I64, rank: I64, n_ranks: int, channel: NDArray[np.int16], allocated_s: I32, validated_s: I32, queue: I32
) -> int:
    """Sort orders by (cycle, rank, validated, number) into `queue`; returns how many there are.

    A counting sort by cycle and rank, then insertion by the end of validation, which few orders reach out of turn.
    """
    first = np.zeros(cycle_s.size * n_ranks + 1, dtype=np.int64)
    for order in range(allocated_s.size):
        if allocated_s[order] >= 0:
            first[np.searchsorted(cycle_s, allocated_s[order]) * n_ranks + rank[channel[order]] + 1] += 1
    for k in range(1, first.size):
        first[k] += first[k - 1]
    filled = first.copy()
    for order in range(allocated_s.size):
        if allocated_s[order] < 0:
            continue
        k = np.searchsorted(cycle_s, allocated_s[order]) * n_ranks + rank[channel[order]]
        at = filled[k]
        while at > first[k] and validated_s[queue[at - 1]] > validated_s[order]:
            queue[at] = queue[at - 1]
            at -= 1
        queue[at] = order
        filled[k] += 1
    return int(first[-1])


@compiled
def _validate_and_promise(
    times: Times,
    channels: Channels,
    late_from_s: I64,
    seed: int,
    stream: int,
    arrived_s: I32,
    channel: NDArray[np.int16],
    entity: I64,
    validated_s: I32,
    promise_s: I32,
    rejected: NDArray[np.bool_],
    task_s: I32,
) -> None:
    """Automatic checks, promises, rejects, and who is looked at by hand: ready in `validated_s`, for `task_s` > 0."""
    no_table = np.ones(1)
    day = 0
    for i in range(arrived_s.size):
        c = channel[i]
        while times.day_start_s[day + 1] <= arrived_s[i]:
            day += 1
        promise_s[i] = -1
        task_s[i] = 0
        if channels.promise_days[c] >= 0:
            days = channels.promise_days[c]
            if arrived_s[i] >= late_from_s[day, c]:
                days += 1
            promise_s[i] = times.day_start_s[day + days + 1] - 1
        validated_s[i] = arrived_s[i] + channels.auto_check_s[c]
        if channels.manual_share[c] > 0 or channels.reject_share[c] > 0:
            u_hand, u_reject, u_time, _ = keyed_uniforms(seed, stream, entity[i], 0)
            rejected[i] = u_reject < channels.reject_share[c]
            if u_hand < channels.manual_share[c]:
                factor = task_factor(channels.review_kind[c], u_time, no_table)
                task_s[i] = task_seconds(channels.review_s[c], factor)
        if task_s[i] == 0 and validated_s[i] > times.horizon_s:
            validated_s[i] = -1


@compiled
def _allocation_instants(
    times: Times, immediate: bool, validated_s: I32, rejected: NDArray[np.bool_], allocated_s: I32
) -> None:
    """The first allowed allocation instant of each order: a cycle, or its own second unless the system is out."""
    for i in range(validated_s.size):
        v = validated_s[i]
        if v < 0 or rejected[i]:
            continue
        if immediate:
            day = np.searchsorted(times.day_start_s, v, side="right") - 1
            if day < times.n_days and times.out_until_s[day] > 0:
                v = times.out_until_s[day]
            if v < times.horizon_s:
                allocated_s[i] = v
        else:
            cycle = np.searchsorted(times.cycle_s, v)
            if cycle < times.cycle_s.size:
                allocated_s[i] = times.cycle_s[cycle]
