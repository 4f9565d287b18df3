"""Contracts with carriers over a run: their periods, what counts for them, and their bounds for the days simulated.

Owns the translation from tables. How contracts stand during a run, and how they are settled, is `contract_book`'s.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omsim.model.business import Business

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

PPM = 1_000_000
NO_TIER = np.iinfo(np.int64).max


class ContractTerms(NamedTuple):
    """The contracts and their periods within the horizon, compiled.

    Attributes
    ----------
    steer : bool
        Tenders are decided with an eye on the contracts.
    covers : bool, shape (n_contracts, n_services)
        Services whose parcels count.
    steered : bool, shape (n_contracts,)
        Whether tenders are steered by it: not where an earlier one counts the same services, or some of them beside
        others while this one does too.
    shortfall_cents, lowest_ppm, highest_ppm : int64, shape (n_contracts,)
    incremental : bool, shape (n_contracts,)
    share_ppm : int64, shape (n_contracts, n_tiers)
        Discount of each tier, rising; 0 behind the last.
    contract, first_day, last_day, n_days : int64, shape (n_periods,)
        Periods by contract and day: first and last local day simulated, days of the whole period.
    minimum_parcels : int64, shape (n_periods,)
        For the days simulated, rounded down.
    from_parcels : int64, shape (n_periods, n_tiers)
        Bounds of the tiers for the days simulated, rounded up; `NO_TIER` behind the last.
    row : int64, shape (n_contracts, n_days)
        Period each local day belongs to.
    parcels_a_pickup : int
        Orders of the channels' own rates by cutoff of any site: what a site's first pickups are expected to bring.
    """

    steer: bool
    covers: Flags
    steered: Flags
    shortfall_cents: Ints
    lowest_ppm: Ints
    highest_ppm: Ints
    incremental: Flags
    share_ppm: Ints
    contract: Ints
    first_day: Ints
    last_day: Ints
    n_days: Ints
    minimum_parcels: Ints
    from_parcels: Ints
    row: Ints
    parcels_a_pickup: int


def compile_contracts(business: Business, n_cutoffs: int) -> ContractTerms:
    """Contracts of a model over its horizon; `n_cutoffs` of all sites in it."""
    contracts, tiers, services = business["contracts"], business["contract_tiers"], business["services"]
    settings = business.settings
    n, n_days = len(contracts), settings.horizon_days
    named = list(zip(services.texts("service"), services.texts("carrier"), strict=True))
    covers = np.array([[party in pair for pair in named] for party in contracts.texts("party")], dtype=np.bool_)
    covers = covers.reshape(n, len(named))
    ladders: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    for row, bound, share in zip(
        business.codes("contract_tiers", "contract").tolist(),
        tiers.integers("from_parcels").tolist(),
        tiers.numbers("discount_share").tolist(),
        strict=True,
    ):
        ladders[row].append((bound, int(np.floor(share * PPM + 0.5))))
    n_tiers = max(map(len, ladders), default=0)
    share_ppm = np.zeros((n, n_tiers), dtype=np.int64)
    bounds = np.full((n, n_tiers), NO_TIER, dtype=np.int64)
    for at, ladder in enumerate(ladders):
        for tier, (bound, ppm) in enumerate(sorted(ladder)):
            bounds[at, tier], share_ppm[at, tier] = bound, ppm
    minimum = contracts.integers("minimum_parcels")
    rows: list[tuple[int, ...]] = []
    row_of_day = np.zeros((n, n_days), dtype=np.int64)
    for at, kind in enumerate(contracts.texts("period")):
        for first, last, whole in _periods(kind, settings.start_date, n_days):
            row_of_day[at, first : last + 1] = len(rows)
            simulated = last - first + 1
            scaled = [-(-bound * simulated // whole) if bound != NO_TIER else NO_TIER for bound in bounds[at].tolist()]
            rows.append((at, first, last, whole, int(minimum[at]) * simulated // whole, *scaled))
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 5 + n_tiers)
    orders = float(business.by_day("channels", "orders_per_day").sum())
    return ContractTerms(
        steer=bool(n) and settings.contract_rule == "steer" and settings.carrier_rule == "optimum",
        covers=covers,
        steered=_steered(covers),
        shortfall_cents=np.array(contracts.integers("shortfall_cents")),
        lowest_ppm=np.floor(contracts.numbers("lowest_share") * PPM + 0.5).astype(np.int64),
        highest_ppm=np.floor(contracts.numbers("highest_share") * PPM + 0.5).astype(np.int64),
        incremental=np.array([kind == "incremental" for kind in contracts.texts("tier_kind")], dtype=np.bool_),
        share_ppm=share_ppm,
        contract=table[:, 0].copy(),
        first_day=table[:, 1].copy(),
        last_day=table[:, 2].copy(),
        n_days=table[:, 3].copy(),
        minimum_parcels=table[:, 4].copy(),
        from_parcels=table[:, 5:].copy(),
        row=row_of_day,
        parcels_a_pickup=int(orders / max(n_cutoffs, 1) + 0.5),
    )


def _steered(covers: Flags) -> Flags:
    """Contracts of which any two count services apart, or one all that the other counts and more; bool, (n,)."""
    steered = np.zeros(covers.shape[0], dtype=np.bool_)
    for at, mine in enumerate(covers):
        before = covers[:at][steered[:at]]
        alike = [(mine & other).any() and (mine & ~other).any() == (other & ~mine).any() for other in before]
        steered[at] = not any(alike)
    return steered


def _periods(kind: str, start: date, n_days: int) -> Iterator[tuple[int, int, int]]:
    """First and last day of each period within the horizon, and the days of the whole of it."""
    first = 0
    while first < n_days:
        today = start + timedelta(days=first)
        if kind == "week":
            begins = today - timedelta(days=today.weekday())
            ends = begins + timedelta(days=7)
        else:
            begins = today.replace(day=1)
            ends = (begins + timedelta(days=31)).replace(day=1)
        last = min((ends - start).days, n_days) - 1
        yield first, last, (ends - begins).days
        first = last + 1
