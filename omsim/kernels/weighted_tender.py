"""Parcels at one tender where pickups cap parcels and kilograms: prices of room, taking room in turn, trading places.

Owns the loops behind `omsim.optimize.carriers.weights`. Prices of room are whole numbers, in `SCALE`ths of a cent per
parcel and per gram, so that the bound they give is exact. Weights have one column where all services count the same,
and one for each service where they do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled
from omsim.kernels.tender import NOT_OFFERED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]

SCALE = 2**20


@compiled
def free_choices(
    price_cents: Cents, weight_g: Units, slot_toll: Cents, gram_toll: Cents, used: Units, grams: Units
) -> tuple[int, int]:
    """What parcels cost together when each takes its cheapest option at the tolls, room aside.

    Parameters
    ----------
    price_cents : int64, shape (n_parcels, n_services + 1)
        `NOT_OFFERED` where closed; the last option is to wait.
    weight_g : int64, shape (n_parcels, 1) or (n_parcels, n_services)
        What all services, or each of them, count for the parcel.
    slot_toll, gram_toll : int64, shape (n_services,)
        Scaled, >= 0.
    used, grams : int64, shape (n_services,)
        Overwritten: parcels and grams that choose each service.

    Returns
    -------
    whole, parts : int
        The cost: whole cents, and `SCALE`ths of one.
    """
    n_parcels, n_options = price_cents.shape
    n_services = n_options - 1
    by_service = weight_g.shape[1] > 1
    used[:] = 0
    grams[:] = 0
    whole = 0
    parts = 0
    for p in range(n_parcels):
        best = price_cents[p, n_services] * SCALE
        at = n_services
        weight = weight_g[p, 0]
        for s in range(n_services):
            cents = price_cents[p, s]
            if by_service:
                weight = weight_g[p, s]
            if cents != NOT_OFFERED:
                asked = cents * SCALE + slot_toll[s] + gram_toll[s] * weight
                if asked < best:
                    best = asked
                    at = s
        if at < n_services:
            used[at] += 1
            grams[at] += weight_g[p, at if by_service else 0]
        cents = best // SCALE
        whole += cents
        parts += best - cents * SCALE
    return whole, parts


@compiled
def take_weighted(
    price_cents: Cents,
    weight_g: Units,
    slots: Units,
    capacity_g: Units,
    slot_toll: Cents,
    gram_toll: Cents,
    turn: Units,
) -> Units:
    """Give each parcel in turn its cheapest option at the tolls that still has room for it.

    Parameters
    ----------
    price_cents, weight_g, slot_toll, gram_toll
        As in `free_choices`.
    slots, capacity_g : int64, shape (n_services,)
        Not modified.
    turn : int64, shape (n_parcels,)

    Returns
    -------
    int64, shape (n_parcels,)
        Option of each parcel; the lowest number among equally cheap ones, a service before waiting.
    """
    n_services = slots.size
    by_service = weight_g.shape[1] > 1
    room, grams = slots.copy(), capacity_g.copy()
    chosen = np.full(weight_g.shape[0], n_services, dtype=np.int64)
    for p in turn:
        best = price_cents[p, n_services] * SCALE
        at = n_services
        weight = weight_g[p, 0]
        for s in range(n_services - 1, -1, -1):
            cents = price_cents[p, s]
            if by_service:
                weight = weight_g[p, s]
            if cents != NOT_OFFERED and room[s] > 0 and grams[s] >= weight:
                asked = cents * SCALE + slot_toll[s] + gram_toll[s] * weight
                if asked <= best:
                    best = asked
                    at = s
        if at < n_services:
            room[at] -= 1
            grams[at] -= weight_g[p, at if by_service else 0]
        chosen[p] = at
    return chosen


@compiled
def regrets(price_cents: Cents, weight_g: Units, slot_toll: Cents, gram_toll: Cents) -> Cents:
    """How much dearer each parcel's second-cheapest option at the tolls is; 0 where there is but one.

    Returns
    -------
    int64, shape (n_parcels,)
        Scaled.
    """
    n_parcels, n_options = price_cents.shape
    by_service = weight_g.shape[1] > 1
    regret = np.zeros(n_parcels, dtype=np.int64)
    for p in range(n_parcels):
        best = price_cents[p, n_options - 1] * SCALE
        second = NOT_OFFERED
        weight = weight_g[p, 0]
        for s in range(n_options - 1):
            cents = price_cents[p, s]
            if by_service:
                weight = weight_g[p, s]
            if cents != NOT_OFFERED:
                asked = cents * SCALE + slot_toll[s] + gram_toll[s] * weight
                if asked < best:
                    second = best
                    best = asked
                elif asked < second:
                    second = asked
        if second != NOT_OFFERED:
            regret[p] = second - best
    return regret


@compiled
def trade_places(
    price_cents: Cents,
    weight_g: Units,
    slots: Units,
    capacity_g: Units,
    slot_toll: Cents,
    gram_toll: Cents,
    chosen: Units,
    n_listed: int,
) -> int:
    """Move parcels where there is room, and let pairs change places, wherever that is cheaper: one round.

    Parameters
    ----------
    price_cents, weight_g, slots, capacity_g, slot_toll, gram_toll
        As in `take_weighted`.
    chosen : int64, shape (n_parcels,)
        Option of each parcel, within the room there is. Modified.
    n_listed : int
        For each two options, so many parcels that gain most by the change, tolls counted, are looked at.

    Returns
    -------
    int
        Cents saved, >= 0.
    """
    n_parcels, n_options = price_cents.shape
    n_services = n_options - 1
    column = np.zeros(n_options, dtype=np.int64)  # of each option's weights; waiting takes any
    if weight_g.shape[1] > 1:
        column[:n_services] = np.arange(n_services)
    room, grams = np.zeros(n_options, dtype=np.int64), np.zeros(n_options, dtype=np.int64)
    room[:n_services] = slots
    grams[:n_services] = capacity_g
    room[n_services] = grams[n_services] = 2**61
    for p in range(n_parcels):
        a = chosen[p]
        room[a] -= 1
        grams[a] -= weight_g[p, column[a]]
    toll = np.zeros(n_options, dtype=np.int64)
    per_gram = np.zeros(n_options, dtype=np.int64)
    toll[:n_services] = slot_toll
    per_gram[:n_services] = gram_toll
    listed = np.full((n_options, n_options, n_listed), -1, dtype=np.int64)
    keys = np.full((n_options, n_options, n_listed), NOT_OFFERED, dtype=np.int64)
    worst = np.zeros((n_options, n_options), dtype=np.int64)
    for p in range(n_parcels):
        a = chosen[p]
        here = price_cents[p, a] * SCALE + toll[a] + per_gram[a] * weight_g[p, column[a]]
        for b in range(n_options):
            if b != a and price_cents[p, b] != NOT_OFFERED:
                extra = price_cents[p, b] * SCALE + toll[b] + per_gram[b] * weight_g[p, column[b]] - here
                at = worst[a, b]
                if extra < keys[a, b, at]:
                    keys[a, b, at] = extra
                    listed[a, b, at] = p
                    for i in range(n_listed):
                        if keys[a, b, i] > keys[a, b, at]:
                            at = i
                    worst[a, b] = at
    saved = 0
    for a in range(n_options):
        for b in range(n_options):
            if a == b:
                continue
            for i in range(n_listed):
                p = listed[a, b, i]
                if p < 0 or chosen[p] != a:
                    continue
                gain = price_cents[p, a] - price_cents[p, b]
                left, brought = weight_g[p, column[a]], weight_g[p, column[b]]
                if gain > 0 and room[b] > 0 and grams[b] >= brought:
                    chosen[p] = b
                    room[a] += 1
                    room[b] -= 1
                    grams[a] += left
                    grams[b] -= brought
                    saved += gain
                    continue
                most = 0
                partner = -1
                for j in range(n_listed):
                    q = listed[b, a, j]
                    if q >= 0 and chosen[q] == b:
                        both = gain + price_cents[q, b] - price_cents[q, a]
                        more = brought - weight_g[q, column[b]]  # that much more in b
                        less = left - weight_g[q, column[a]]  # and less in a
                        if both > most and grams[b] >= more and grams[a] >= -less:
                            most = both
                            partner = q
                if partner >= 0:
                    chosen[p] = b
                    chosen[partner] = a
                    grams[b] -= brought - weight_g[partner, column[b]]
                    grams[a] += left - weight_g[partner, column[a]]
                    saved += most
    return saved
