"""One option for each of many items under shared budgets: hull steps, priced choices, repair and filling.

Owns the loops behind `omsim.optimize.reorder.choose`. Inputs are checked by the callers; the kernels trust them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Index = NDArray[np.int64]


@compiled
def hull_steps(cost: Floats, weight: Floats) -> tuple[Index, Index, Index, Floats, Floats]:
    """Steps of each row's lower convex hull of cost over weight, from its least weight to its least cost.

    Parameters
    ----------
    cost, weight : float64, shape (n_rows, n_options)
        In any order.

    Returns
    -------
    start : int64, shape (n_rows,)
        Option of least weight, of least cost among those.
    row, option : int64, shape (n_steps,)
        Each step's row and the option it leads to, in the row's order.
    heavier, saved : float64, shape (n_steps,)
        Weight added and cost saved, both > 0; along a row, saved / heavier falls.
    """
    n_rows, n_options = cost.shape
    start = np.zeros(n_rows, dtype=np.int64)
    row_of = np.empty(n_rows * n_options, dtype=np.int64)
    option_of = np.empty(n_rows * n_options, dtype=np.int64)
    heavier = np.empty(n_rows * n_options)
    saved = np.empty(n_rows * n_options)
    chain = np.empty(n_options, dtype=np.int64)
    order = np.empty(n_options, dtype=np.int64)
    n_steps = 0
    for row in range(n_rows):
        c, w = cost[row], weight[row]
        for j in range(n_options):  # insertion by weight: rows are short, and mostly sorted already
            at = j
            while at > 0 and w[order[at - 1]] > w[j]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = j
        length = 0
        for at in range(n_options):
            j = order[at]
            if length and c[j] >= c[chain[length - 1]]:
                continue
            if length and w[j] == w[chain[length - 1]]:
                length -= 1
            while length >= 2:
                a, b = chain[length - 2], chain[length - 1]
                if (c[a] - c[b]) * (w[j] - w[b]) > (c[b] - c[j]) * (w[b] - w[a]):
                    break
                length -= 1
            chain[length] = j
            length += 1
        start[row] = chain[0]
        for at in range(1, length):
            a, b = chain[at - 1], chain[at]
            row_of[n_steps] = row
            option_of[n_steps] = b
            heavier[n_steps] = w[b] - w[a]
            saved[n_steps] = c[a] - c[b]
            n_steps += 1
    return (
        start,
        row_of[:n_steps].copy(),
        option_of[:n_steps].copy(),
        heavier[:n_steps].copy(),
        saved[:n_steps].copy(),
    )


@compiled
def take_steps(
    choice: Index, row: Index, option: Index, heavier: Floats, by_slope: Index, room: float
) -> tuple[float, int]:
    """Take hull steps in order of slope while they fit, and later ones that fit as well; `choice` is changed.

    Returns the room left and the first step in order that did not fit (the number of steps if all did). A row whose
    step was skipped takes no further step.
    """
    closed = np.zeros(choice.size, dtype=np.bool_)
    critical = by_slope.size
    for at in range(by_slope.size):
        step = by_slope[at]
        if closed[row[step]]:
            continue
        if heavier[step] <= room:
            room -= heavier[step]
            choice[row[step]] = option[step]
        else:
            closed[row[step]] = True
            critical = min(critical, at)
    return room, critical


@compiled
def priced_choice(cost: Floats, weight: Floats, price: Floats, choice: Index, usage: Floats) -> float:
    """Each row's option of least cost + price x weight into `choice`, their weights into `usage`; returns the total.

    `weight` has shape (n_rows, n_options, n_budgets). Of equal options the first is taken.
    """
    n_rows, n_options = cost.shape
    n_budgets = price.size
    usage[:] = 0.0
    total = 0.0
    for row in range(n_rows):
        least = np.inf
        best = 0
        for j in range(n_options):
            priced = cost[row, j]
            for b in range(n_budgets):
                priced += price[b] * weight[row, j, b]
            if priced < least:
                least = priced
                best = j
        choice[row] = best
        total += least
        for b in range(n_budgets):
            usage[b] += weight[row, best, b]
    return total


@compiled
def cheaper_moves(
    cost: Floats, weight: Floats, price: Floats, choice: Index, room: Floats, most_loss: float
) -> tuple[Index, Index, Floats]:
    """Moves of one row to a cheaper option that fits the room by itself, with their priced loss (at most `most_loss`).

    Returns
    -------
    row, option : int64, shape (n_moves,)
    loss : float64, shape (n_moves,)
        Rise of cost + price x weight; the smaller, the better the room is used.
    """
    n_rows, n_options = cost.shape
    row_of = np.empty(n_rows * n_options, dtype=np.int64)
    option_of = np.empty(n_rows * n_options, dtype=np.int64)
    losses = np.empty(n_rows * n_options)
    n_moves = 0
    for row in range(n_rows):
        now = choice[row]
        for j in range(n_options):
            if cost[row, j] >= cost[row, now]:
                continue
            loss = cost[row, j] - cost[row, now]
            fits = True
            for b in range(price.size):
                more = weight[row, j, b] - weight[row, now, b]
                loss += price[b] * more
                fits = fits and more <= room[b]
            if fits and loss <= most_loss:
                row_of[n_moves] = row
                option_of[n_moves] = j
                losses[n_moves] = loss
                n_moves += 1
    return row_of[:n_moves].copy(), option_of[:n_moves].copy(), losses[:n_moves].copy()


@compiled
def apply_moves(
    cost: Floats, weight: Floats, choice: Index, room: Floats, row: Index, option: Index, in_turn: Index
) -> float:
    """Make moves in turn where they still save cost and fit; `choice` and `room` are changed. Returns cost saved."""
    saved = 0.0
    for move in in_turn:
        i, j = row[move], option[move]
        now = choice[i]
        gain = cost[i, now] - cost[i, j]
        if gain <= 0.0:
            continue
        fits = True
        for b in range(room.size):
            fits = fits and weight[i, j, b] - weight[i, now, b] <= room[b]
        if fits:
            for b in range(room.size):
                room[b] -= weight[i, j, b] - weight[i, now, b]
            choice[i] = j
            saved += gain
    return saved


@compiled
def relieving_moves(
    cost: Floats, weight: Floats, price: Floats, choice: Index, over: Floats
) -> tuple[Index, Index, Floats]:
    """Best move of each row that relieves what is over budget: the least priced loss by share of the excess removed.

    Parameters
    ----------
    over : float64, shape (n_budgets,)
        How far each budget is exceeded; 0 where it is kept.

    Returns
    -------
    row, option : int64, shape (n_moves,)
    rate : float64, shape (n_moves,)
        Loss for each share of the excess removed.
    """
    n_rows, n_options = cost.shape
    row_of = np.empty(n_rows, dtype=np.int64)
    option_of = np.empty(n_rows, dtype=np.int64)
    rates = np.empty(n_rows)
    n_moves = 0
    for row in range(n_rows):
        now = choice[row]
        least = np.inf
        best = -1
        for j in range(n_options):
            loss = cost[row, j] - cost[row, now]
            relief = 0.0
            for b in range(price.size):
                fewer = weight[row, now, b] - weight[row, j, b]
                loss -= price[b] * fewer
                if over[b] > 0.0:
                    relief += min(fewer / over[b], 1.0)
            if relief > 0.0 and loss < least * relief:
                least = loss / relief
                best = j
        if best >= 0:
            row_of[n_moves] = row
            option_of[n_moves] = best
            rates[n_moves] = least
            n_moves += 1
    return row_of[:n_moves].copy(), option_of[:n_moves].copy(), rates[:n_moves].copy()


@compiled
def relieve(weight: Floats, choice: Index, room: Floats, row: Index, option: Index, in_turn: Index) -> None:
    """Make moves in turn that relieve an exceeded budget, until none is; `choice` and `room` (may be < 0) change."""
    for move in in_turn:
        if room.min() >= 0.0:
            return
        i, j = row[move], option[move]
        helps = False
        for b in range(room.size):
            helps = helps or (room[b] < 0.0 and weight[i, j, b] < weight[i, choice[i], b])
        if helps:
            for b in range(room.size):
                room[b] += weight[i, choice[i], b] - weight[i, j, b]
            choice[i] = j


@compiled
def small_moves(
    cost: Floats, weight: Floats, price: Floats, choice: Index, most_loss: float
) -> tuple[Index, Index, Floats, Floats]:
    """All moves of one row whose priced loss is at most `most_loss`, up or down: row, option, cost saved, weight added.

    One budget; weight added has shape (n_moves,).
    """
    n_rows, n_options = cost.shape
    row_of = np.empty(n_rows * n_options, dtype=np.int64)
    option_of = np.empty(n_rows * n_options, dtype=np.int64)
    saved = np.empty(n_rows * n_options)
    heavier = np.empty(n_rows * n_options)
    n_moves = 0
    for row in range(n_rows):
        now = choice[row]
        for j in range(n_options):
            more = weight[row, j, 0] - weight[row, now, 0]
            gain = cost[row, now] - cost[row, j]
            if j != now and price[0] * more - gain <= most_loss:
                row_of[n_moves] = row
                option_of[n_moves] = j
                saved[n_moves] = gain
                heavier[n_moves] = more
                n_moves += 1
    return row_of[:n_moves].copy(), option_of[:n_moves].copy(), saved[:n_moves].copy(), heavier[:n_moves].copy()


@compiled
def best_pair(row: Index, saved: Floats, heavier: Floats, by_weight: Index, room: float) -> tuple[int, int]:
    """Two moves of different rows that fit the room together and save most; (-1, -1) when none saves anything.

    One sweep: moves in order of weight from the heavy end, beside the best saving so far from the light end.
    """
    size = by_weight.size
    best = 0.0
    one, two = -1, -1
    first, second = -1, -1  # best two savings among the light moves, of different rows
    light = 0
    for at in range(size - 1, -1, -1):
        move = by_weight[at]
        while light < size and heavier[by_weight[light]] + heavier[move] <= room:
            seen = by_weight[light]
            if first < 0 or saved[seen] > saved[first]:
                if first >= 0 and row[first] != row[seen]:
                    second = first
                first = seen
            elif row[seen] != row[first] and (second < 0 or saved[seen] > saved[second]):
                second = seen
            light += 1
        mate = first if first >= 0 and row[first] != row[move] else second
        if mate >= 0 and saved[move] + saved[mate] > best:
            best = saved[move] + saved[mate]
            one, two = move, mate
    return one, two
