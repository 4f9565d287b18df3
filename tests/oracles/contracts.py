"""Carrier contracts the slow way: every assignment enumerated, every bill added up parcel by parcel."""

from __future__ import annotations

import itertools
from fractions import Fraction


def bill_by_parcels(contract, prices, given, given_cents, in_all):
    """What a contract adds to the cost, exact: parcels taken one after the other."""
    n_parcels = given + len(prices)
    cost = Fraction(0)
    if n_parcels < contract.minimum_parcels:
        cost += (contract.minimum_parcels - n_parcels) * contract.shortfall_cents
    lowest = -(-contract.lowest_share_ppm * in_all // 1_000_000)
    if n_parcels < lowest:
        cost += (lowest - n_parcels) * contract.share_miss_cents
    tiers = list(zip(contract.from_parcels, contract.rebate_cents or contract.share_ppm, strict=True))
    if contract.tier_kind == "all_units":
        reached = [off for start, off in tiers if n_parcels >= start]
        if reached and contract.rebate_cents:
            cost -= reached[-1] * n_parcels
        elif reached:
            cost -= Fraction(reached[-1], 1_000_000) * (given_cents + sum(prices))
        return cost
    for number in range(1, n_parcels + 1):
        reached = [off for start, off in tiers if number >= start]
        if reached and contract.rebate_cents:
            cost -= reached[-1]
        elif reached:
            cost -= Fraction(reached[-1] * contract.reference_cents, 1_000_000)
    return cost


def least_cost_under_contracts(blocks, contracts, given, given_cents, given_in_all):
    """Least exact cost over every way to send or hold the parcels of all blocks.

    Each block is (cost, offered, slots, hold, billed), one row a parcel.
    """
    in_all = given_in_all + sum(len(block[3]) for block in blocks)
    n_services = len(blocks[0][2])
    rooms = [list(block[2]) for block in blocks]
    parcels = [(b, p) for b, block in enumerate(blocks) for p in range(len(block[3]))]
    choices = [[-1, *(s for s in range(n_services) if blocks[b][1][p][s])] for b, p in parcels]
    best = None
    for chosen in itertools.product(*choices):
        used = [[0] * n_services for _ in blocks]
        cost = Fraction(0)
        billed = [[] for _ in contracts]
        for (b, p), s in zip(parcels, chosen, strict=True):
            if s < 0:
                cost += int(blocks[b][3][p])
                continue
            used[b][s] += 1
            cost += int(blocks[b][0][p][s])
            for at, contract in enumerate(contracts):
                if contract.covers[s]:
                    billed[at].append(int(blocks[b][4][p][s]))
        if any(n > most for row, room in zip(used, rooms, strict=True) for n, most in zip(row, room, strict=True)):
            continue
        if any(
            len(prices) > max(0, contract.highest_share_ppm * in_all // 1_000_000 - given[at])
            for at, (contract, prices) in enumerate(zip(contracts, billed, strict=True))
        ):
            continue
        for at, contract in enumerate(contracts):
            cost += bill_by_parcels(contract, billed[at], given[at], given_cents[at], in_all)
        if best is None or cost < best:
            best = cost
    return best
