"""What contracts make of a number of parcels, in exact cents: tiers, rebates, shortfalls, shares.

Owns the rules between contracts and a tender (which cover what, what share of how many) and the bill, one contract at a
time from counts alone. The search in `contracts` works on scaled costs of its own; this is what its answers are checked
against, and what a caller may settle a period by.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.errors import FieldError
from omsim.optimize.carriers.shapes import MILLION, MOST_CENTS, Contract

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Units = NDArray[np.int64]


class Bill(NamedTuple):
    """One contract at the end of its period.

    Attributes
    ----------
    tier : int
        0 = none reached.
    rebate_cents, shortfall_parcels, shortfall_cents, share_short_parcels : int
        As in `ContractOutcome`.
    counted_cents : int
        Shortfall and `share_miss_cents` less rebate: what the decision counts.
    """

    tier: int
    rebate_cents: int
    shortfall_parcels: int
    shortfall_cents: int
    share_short_parcels: int
    counted_cents: int


def bill_contract(contract: Contract, parcels: int, list_cents: int, parcels_in_all: int) -> Bill:
    """Settle one contract.

    Parameters
    ----------
    parcels : int
        Of the contract in the period.
    list_cents : int
        Their prices together, before discounts.
    parcels_in_all : int
        Of the period, whoever took them.

    Examples
    --------
    >>> contract = Contract(covers=np.array([True]), from_parcels=(1, 120), share_ppm=(200_000, 400_000))
    >>> bill_contract(contract, 120, 26_000, 300).rebate_cents, bill_contract(contract, 119, 25_700, 300).rebate_cents
    (10400, 5140)
    """
    tier = bisect_right(contract.from_parcels, parcels)
    rebate = 0
    if tier and contract.tier_kind == "all_units":
        if contract.rebate_cents:
            rebate = contract.rebate_cents[tier - 1] * parcels
        else:
            rebate = contract.share_ppm[tier - 1] * list_cents // MILLION
    elif tier:
        ends = (*contract.from_parcels[1:], parcels + 1)
        for t in range(tier):
            n_parcels = min(ends[t], parcels + 1) - contract.from_parcels[t]
            if contract.rebate_cents:
                rebate += contract.rebate_cents[t] * n_parcels
            else:
                rebate += contract.share_ppm[t] * contract.reference_cents * n_parcels  # cents x millionths
        if contract.share_ppm:
            rebate //= MILLION
    missing = max(0, contract.minimum_parcels - parcels)
    short = max(0, lowest_parcels(contract, parcels_in_all) - parcels)
    return Bill(
        tier=tier,
        rebate_cents=rebate,
        shortfall_parcels=missing,
        shortfall_cents=missing * contract.shortfall_cents,
        share_short_parcels=short,
        counted_cents=missing * contract.shortfall_cents + short * contract.share_miss_cents - rebate,
    )


def lowest_parcels(contract: Contract, parcels_in_all: int) -> int:
    """Fewest parcels that reach the lowest share."""
    return -(-contract.lowest_share_ppm * parcels_in_all // MILLION)


def most_parcels(contract: Contract, parcels_in_all: int) -> int:
    """Most parcels that keep the highest share; without one, all."""
    return contract.highest_share_ppm * parcels_in_all // MILLION


def contract_tree(contracts: Sequence[Contract], n_services: int) -> tuple[Units, Units]:
    """The smallest contract around each service and around each contract; -1 where there is none.

    Returns
    -------
    home : int64, shape (n_services,)
    parent : int64, shape (n_contracts,)

    Raises
    ------
    FieldError
        Masks of another length; contracts that overlap without one covering the other; two that cover the same.
    """
    for at, contract in enumerate(contracts):
        if contract.covers.shape != (n_services,):
            raise FieldError(f"contracts[{at}].covers", f"of shape ({n_services},)", f"shape {contract.covers.shape}")
    home = np.full(n_services, -1, dtype=np.int64)
    parent = np.full(len(contracts), -1, dtype=np.int64)
    size = [int(contract.covers.sum()) for contract in contracts]
    for at, contract in enumerate(contracts):
        around = []
        for other_at, other in enumerate(contracts):
            if other_at == at or not (contract.covers & other.covers).any():
                continue
            inside, outside = not (contract.covers & ~other.covers).any(), not (other.covers & ~contract.covers).any()
            if inside == outside:
                rule = f"apart from contracts[{other_at}].covers, or wholly inside or around it"
                raise FieldError(f"contracts[{at}].covers", rule, np.flatnonzero(contract.covers).tolist())
            if inside:
                around.append((size[other_at], other_at))
        parent[at] = min(around)[1] if around else -1
    for service in range(n_services):
        holding = [(size[at], at) for at, contract in enumerate(contracts) if contract.covers[service]]
        home[service] = min(holding)[1] if holding else -1
    return home, parent


def period_state(
    contracts: Sequence[Contract], given_parcels: ArrayLike, given_cents: ArrayLike, given_in_all: int
) -> tuple[list[int], list[int], int]:
    """What each contract was given before, checked: whole, not negative, and no more than there were in all."""
    columns = []
    for field, given in (("given_parcels", given_parcels), ("given_cents", given_cents)):
        column = np.asarray(given)
        if column.shape != (len(contracts),) or (column.size and column.dtype.kind not in "iu"):
            rule = f"whole numbers, shape ({len(contracts)},)"
            raise FieldError(field, rule, f"{column.dtype}, shape {column.shape}")
        if column.size and (column.min() < 0 or column.max() > MOST_CENTS * 1000):
            worst = column.min() if column.min() < 0 else column.max()
            raise FieldError(field, f"from 0 to {MOST_CENTS * 1000}", int(worst))
        columns.append([int(value) for value in column])
    most = max(columns[0], default=0)
    if isinstance(given_in_all, bool) or not isinstance(given_in_all, (int, np.integer)) or given_in_all < most:
        raise FieldError("given_in_all", f"a whole number, at least given_parcels ({most})", given_in_all)
    return columns[0], columns[1], int(given_in_all)
