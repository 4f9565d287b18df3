"""Rounding a fractional plan: each line gets one site, each site as often as the plan says, with few boxes an order.

Owns the three roundings. All keep every line's chances exactly, so a plan that respects stock is respected on average;
they differ in how often the lines of one order end up together. Drawing each line on its own splits needlessly (the
observation of Jasin & Sinha 2015); the two others share their random numbers between the lines of an order, to the
guarantees of Ma (2023). Plans come from elsewhere, `transport` beside this file among others; a site that has run out
when its turn comes is the business of `walk`.

No rounding can use a site more rarely than the line does that wants it most, so an order needs at least
``sum over sites of the largest fraction`` boxes on average (`least_boxes`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import NO_SITE, Ints
from omsim.kernels.compiled import compiled
from omsim.kernels.random import keyed_uniforms

Fractions = NDArray[np.float64]

INDEPENDENT = 0
"""Each line draws its own site."""
COUPLED = 1
"""Sites open at random times, each line takes the first it sees open: at most 1 + ln(lines) times the least boxes."""
SPARSE = 2
"""Lines ask their sites in turn, one random number a site: at most d times the least, d = most sites a line may use."""
_RULES = (INDEPENDENT, COUPLED, SPARSE)
_SLACK = 1e-6


def round_plan(first_line: Ints, fraction: Fractions, rule: int, *, seed: int, stream: int, order_key: Ints) -> Ints:
    """Give every line one site at random, each site with exactly the chance the plan says.

    Parameters
    ----------
    first_line : int64, shape (n_orders + 1,)
        Order i owns lines first_line[i] to first_line[i + 1] - 1.
    fraction : float64, shape (n_lines, n_sites)
        Chance of each site, >= 0, at most 1 together; what is missing to 1 is the chance of no site.
    rule : int
        INDEPENDENT, COUPLED or SPARSE.
    seed, stream : int
        Of the keyed uniforms, >= 0.
    order_key : int64, shape (n_orders,)
        The same order gets the same uniforms whatever batch it is in.

    Returns
    -------
    int64, shape (n_lines,)
        Site of each line, NO_SITE where the draw says it is not served. No site counts as one more site in all rules,
        so that lines also go unserved together.

    Raises
    ------
    FieldError
        If there is no such rule, or the fractions are no chances.

    Notes
    -----
    COUPLED: every site opens at one exponential time of mean 1 for the whole order, and a line sees site k open at that
    time divided by its fraction u[k]. Of such times site k's is the first with chance u[k], so chances stay. Site k is
    used if its time is below ``max over lines of u[k] m``, m the first of the line's other sites, exponential of rate
    1 - u[k] and independent of site k. With q lines and y the largest u[k], the chance of that is at most
    ``integral exp(-z) min(1, q exp(-z (1 - y) / y)) dz = 1 - (1 - y) q^(-y / (1 - y)) <= y (1 + ln q)``.

    SPARSE: every site draws one uniform. Each line asks its sites from the smallest fraction to the largest and takes
    the first whose uniform is below the chance of that site given none so far, u[k] / (1 - fractions asked before) <=
    d u[k]: since the largest fraction comes last and is at least 1/d, so is the divisor.

    References
    ----------
    Jasin & Sinha (2015), Operations Research 63; Ma (2023), Manufacturing & Service Operations Management.
    """
    if rule not in _RULES:
        raise FieldError("rule", f"one of INDEPENDENT, COUPLED, SPARSE ({_RULES})", rule)
    if fraction.shape[0] != first_line[-1]:
        raise FieldError("fraction", f"one row for each of the {first_line[-1]} lines", fraction.shape)
    if order_key.shape[0] != first_line.size - 1:
        raise FieldError("order_key", f"one for each of the {first_line.size - 1} orders", order_key.shape)
    if fraction.size:
        least, most = float(fraction.min()), float(fraction.sum(axis=1).max())
        if not (least >= 0.0 and most <= 1.0 + _SLACK):  # also refuses not-a-number
            raise FieldError("fraction", "at least 0, and at most 1 together for every line", (least, most))
    return _round_orders(first_line, fraction, rule, seed, stream, order_key)


def least_boxes(first_line: Ints, fraction: Fractions) -> NDArray[np.float64]:
    """Boxes an order needs at least on average under any rounding of a plan; shape (n_orders,).

    Parameters
    ----------
    first_line, fraction
        As in `round_plan`.
    """
    boxes = np.zeros(first_line.size - 1)
    filled = np.flatnonzero(np.diff(first_line))
    if filled.size:
        boxes[filled] = np.maximum.reduceat(fraction, first_line[filled], axis=0).sum(axis=1)
    return boxes


def planned_fractions(plan: Ints, demand: Ints, region: Ints, sku: Ints) -> Fractions:
    """Chances of lines under a transport plan; float64, shape (n_lines, n_sites).

    Parameters
    ----------
    plan : int64, shape (n_skus, n_regions, n_sites)
    demand : int64, shape (n_regions, n_skus)
        What the plan was made for, in the same units; where nothing was expected, nothing is planned.
    region, sku : int64, shape (n_lines,)
    """
    return np.asarray(plan[sku, region] / np.maximum(demand[region, sku], 1)[:, np.newaxis], dtype=np.float64)


@compiled
def _first_open(chance: Fractions, line: int, opens_at: Fractions) -> int:
    """COUPLED for one line; `opens_at` holds the time each column of `chance` opens."""
    best, first_at = -1, np.inf
    for k in range(chance.shape[1]):
        if chance[line, k] > 0.0 and (best < 0 or opens_at[k] < first_at * chance[line, k]):
            best, first_at = k, opens_at[k] / chance[line, k]
    return best


@compiled
def _ask_in_turn(chance: Fractions, line: int, drawn: Fractions, turn: Ints) -> int:
    """SPARSE for one line; `drawn` holds one uniform a column of `chance`, `turn` is room for its sites in turn."""
    n = 0
    for k in range(chance.shape[1]):
        if chance[line, k] > 0.0:
            place = n
            while place > 0 and chance[line, turn[place - 1]] > chance[line, k]:
                turn[place] = turn[place - 1]
                place -= 1
            turn[place] = k
            n += 1
    rest = 1.0
    for place in range(n - 1):
        k = turn[place]
        if drawn[k] * rest < chance[line, k]:
            return int(k)
        rest -= chance[line, k]
    return int(turn[n - 1])


@compiled
def _round_orders(first_line: Ints, fraction: Fractions, rule: int, seed: int, stream: int, order_key: Ints) -> Ints:
    """The rounding of `round_plan`, on plain arrays."""
    n_lines, n_sites = fraction.shape
    columns = n_sites + 1  # the last one is no site
    chance = np.empty((n_lines, columns), dtype=np.float64)
    site = np.full(n_lines, -1, dtype=np.int64)
    for i in range(n_lines):
        rest = 1.0
        for k in range(n_sites):
            chance[i, k] = fraction[i, k]
            rest -= fraction[i, k]
        chance[i, n_sites] = rest if rest > 1e-9 else 0.0
    numbers = np.empty(columns, dtype=np.float64)
    turn = np.empty(columns, dtype=np.int64)
    u = (0.0, 0.0, 0.0, 0.0)
    for order in range(first_line.size - 1):
        first, last, key = first_line[order], first_line[order + 1], order_key[order]
        if rule != INDEPENDENT:
            for k in range(columns):
                if k % 4 == 0:
                    u = keyed_uniforms(seed, stream, key, k // 4)
                numbers[k] = u[k % 4]
                if rule == COUPLED:
                    numbers[k] = -math.log(numbers[k])
            for i in range(first, last):
                site[i] = _first_open(chance, i, numbers) if rule == COUPLED else _ask_in_turn(chance, i, numbers, turn)
        else:
            for i in range(first, last):
                if (i - first) % 4 == 0:
                    u = keyed_uniforms(seed, stream, key, (i - first) // 4)
                spot = u[(i - first) % 4]
                for k in range(columns):
                    if chance[i, k] > 0.0:
                        site[i] = k
                        if spot < chance[i, k]:
                            break
                        spot -= chance[i, k]
    for i in range(n_lines):
        if site[i] == n_sites:
            site[i] = NO_SITE
    return site
