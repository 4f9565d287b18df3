"""Slow, obvious versions of the inventory policies and the carrier assignment: sums, chains, enumeration, replay."""

from __future__ import annotations

import itertools

import numpy as np


def scaled(weights):
    """Weights as probabilities."""
    return np.array(weights) / sum(weights)


def convolve_by_hand(period, share):
    """Distribution of the demand of a random number of periods, one convolution after the other."""
    most = (len(period) - 1) * (len(share) - 1)
    total = np.zeros(most + 1)
    power = np.array([1.0])
    for probability in share:
        total[: power.size] += probability * power
        power = np.convolve(power, period)
    return total


def expected_short(pmf, level):
    """E[(D - level)+], term by term."""
    return sum(p * max(k - level, 0) for k, p in enumerate(pmf))


def period_cost(after, level, holding, shortage):
    """Holding and shortage cost of starting the protection interval at this level."""
    return sum(p * (holding * max(level - k, 0) + shortage * max(k - level, 0)) for k, p in enumerate(after))


def min_max_cost_by_chain(period, after, low, top, order_cost, holding, shortage):
    """Cost of (s, S) from the stationary law of the Markov chain of positions just after ordering."""
    levels = list(range(low + 1, top + 1))
    move = np.zeros((len(levels), len(levels)))
    orders = np.zeros(len(levels))
    for i, level in enumerate(levels):
        for k, p in enumerate(period):
            if level - k <= low:
                move[i, len(levels) - 1] += p
                orders[i] += p
            else:
                move[i, level - k - low - 1] += p
    balance = np.vstack([move.T - np.eye(len(levels)), np.ones(len(levels))])
    law = np.linalg.lstsq(balance, np.append(np.zeros(len(levels)), 1.0), rcond=None)[0]
    spent = [period_cost(after, level, holding, shortage) for level in levels]
    return float(law @ (np.array(spent) + order_cost * orders))


def fill_rate_by_sum(positions, before, after):
    """Unit fill rate of positions (level -> probability) just after a review, summed term by term."""
    short = sum(w * (expected_short(after, y) - expected_short(before, y)) for y, w in positions.items())
    demanded = expected_short(after, 0) - expected_short(before, 0)
    return 1.0 - short / demanded


def replay_fill_rate(demand, lead_periods, review_periods, order_of, start):
    """Unit fill rate of a policy, period by period: review, receive, then meet demand or owe it."""
    on_hand, owed, on_order = start, 0, []
    filled = 0
    for t, units in enumerate(demand):
        if t % review_periods == 0:
            position = on_hand - owed + sum(u for _, u in on_order)
            ordered = order_of(position)
            if ordered:
                on_order.append((t + lead_periods, ordered))
        arrived = sum(u for due, u in on_order if due <= t)
        on_order = [(due, u) for due, u in on_order if due > t]
        paid_back = min(owed, on_hand + arrived)
        owed -= paid_back
        on_hand += arrived - paid_back
        now = min(on_hand, units)
        filled += now
        on_hand -= now
        owed += units - now
    return filled / sum(demand)


def best_assignment_by_enumeration(cost, offered, slots, hold):
    """Least cost over every way to send or hold the parcels."""
    n_parcels, n_services = cost.shape
    best = None
    for choice in itertools.product(range(-1, n_services), repeat=n_parcels):
        used = [choice.count(s) for s in range(n_services)]
        if any(u > k for u, k in zip(used, slots, strict=True)):
            continue
        if any(s >= 0 and not offered[p, s] for p, s in enumerate(choice)):
            continue
        spent = sum(int(hold[p]) if s < 0 else int(cost[p, s]) for p, s in enumerate(choice))
        best = spent if best is None else min(best, spent)
    return best
