"""Slow, obvious queues: second by second on paper, and the textbook's closed forms."""

from __future__ import annotations

from math import factorial


def on_duty(shifts, second):
    """People at work at a second, from (second, people) steps."""
    return [people for change_s, people in shifts if change_s <= second][-1]


def serve_second_by_second(tasks, shifts, until_s, patience=None):
    """Starts of first-come-first-served tasks, looking at every second.

    `tasks` are (ready, seconds) in order of service; `patience` a longest wait for each, or None.
    Returns starts (None = never).
    """
    starts = [None] * len(tasks)
    ends = []
    queue = []
    coming = list(range(len(tasks)))
    for now in range(until_s):
        ends = [end for end in ends if end > now]
        while coming and tasks[coming[0]][0] <= now:
            queue.append(coming.pop(0))
        if patience is not None:
            queue = [task for task in queue if now - tasks[task][0] <= patience[task]]
        while queue and len(ends) < on_duty(shifts, now):
            task = queue.pop(0)
            starts[task] = now
            ends.append(now + tasks[task][1])
    return starts


def serve_ranked(tasks, shifts, until_s):
    """Starts of (ready, seconds, rank, key) tasks at a station that serves the lowest (rank, ready, key) present."""
    starts = {}
    ends = []
    for now in range(until_s):
        ends = [end for end in ends if end > now]
        present = sorted((rank, ready, key, seconds) for ready, seconds, rank, key in tasks if ready <= now)
        for _, _, key, seconds in [one for one in present if one[2] not in starts]:
            if len(ends) >= on_duty(shifts, now):
                break
            starts[key] = now
            ends.append(now + seconds)
    return starts


def erlang_c(servers, load):
    """Probability that an arrival waits in M/M/c (Erlang 1917)."""
    top = load**servers / factorial(servers) * servers / (servers - load)
    return top / (sum(load**k / factorial(k) for k in range(servers)) + top)


def erlang_b(servers, load):
    """Probability that an arrival is lost in M/G/c/c (Erlang 1917)."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked


def wait_of_mmc(servers, load):
    """Mean time in queue of M/M/c, in mean service times."""
    return erlang_c(servers, load) / (servers - load)
