"""How contracts with carriers stand during a run: the book both engines keep, and the bill at each period's end.

Owns what was counted, what later pickups are expected to bring, and the settlement. What a contract says is
`contracts`' translation, what a tender makes of the state `assignment`'s work, the search over tiers
`optimize.carriers`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from omsim.optimize.carriers import Contract, Expected, Period
from omsim.sim.contracts import NO_TIER, PPM
from omsim.sim.records import ContractColumns

if TYPE_CHECKING:
    from omsim.sim.plan import Plan
    from omsim.sim.tariff import Tariff

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_KINDS = 40
"""Kinds of parcels a site's later pickups are expected to bring: enough for a plan, few enough for every tender."""
MOST_ROOM = 10**9
WEEK = 7


class Decided(Protocol):
    """What the book reads of a decided tender; see `decisions.TenderDecision`."""

    @property
    def service(self) -> Ints:
        """Service of each shipment, -1 = left behind."""

    @property
    def price_cents(self) -> Ints:
        """Price of each shipment."""

    @property
    def kinds(self) -> Kinds | None:
        """What is remembered of the tender's parcels."""


class Kinds(NamedTuple):
    """Parcels a pickup of one site was seen to bring, in a few kinds, as the assignment reads them."""

    cost_cents: Ints
    offered: Flags
    hold_cents: Ints
    billed_cents: Ints

    def at(self, rows: slice | Ints) -> Kinds:
        """Some of them."""
        return Kinds(self.cost_cents[rows], self.offered[rows], self.hold_cents[rows], self.billed_cents[rows])


class ContractBook:
    """How every contract stands, tender by tender; one a run.

    Parameters
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan) -> None:
        times, terms = plan.times, plan.contracts
        self.terms = terms
        n_periods, n_tiers = terms.from_parcels.shape
        n_sites = plan.tariff.slots.shape[1]
        self.parcels = np.zeros(n_periods, dtype=np.int64)
        self.freight_cents = np.zeros(n_periods, dtype=np.int64)
        self.all_parcels = np.zeros(n_periods, dtype=np.int64)
        self.tier_cents = np.zeros((n_periods, n_tiers), dtype=np.int64)
        """What those parcels of a period cost that have reached a tier's bound and not the next one's."""
        self._cutoff_day = np.searchsorted(times.day_start_s, times.cutoff_s, side="right") - 1
        self._cutoff_site = times.cutoff_site
        self._turn = 0
        self._weekday = times.weekday
        self._cutoff_weekday = times.weekday[self._cutoff_day]
        self._pickups = np.zeros((n_sites, WEEK), dtype=np.int64)
        self._brought = np.zeros((n_sites, WEEK), dtype=np.int64)
        self._kinds: list[Kinds | None] = [None] * n_sites

    def contracts_now(self, day: int, n_later: int, n_now: int, usual_cents: Ints) -> tuple[list[Contract], Period]:
        """The steered contracts as they stand before a tender, for the assignment; `Period.expected` is left out.

        Parameters
        ----------
        day : int
        n_now, n_later : int
            Parcels of the tender, and expected until the first of the contracts' periods ends.
        usual_cents : int64, shape (n_contracts,)
            Price of a usual parcel of each contract.

        Notes
        -----
        A contract whose period goes on when the first one ends is held to its pace: the part of its bounds that the
        days until then make of the period's.
        """
        terms = self.terms
        steered = np.flatnonzero(terms.steered)
        rows = terms.row[steered, day]
        until = terms.last_day[rows].min()
        in_all = int(self.all_parcels[rows].max()) + n_now + n_later
        found = []
        for at, row, cents in zip(steered.tolist(), rows.tolist(), usual_cents[steered].tolist(), strict=True):
            gone, whole = int(until - terms.first_day[row] + 1), int(terms.last_day[row] - terms.first_day[row] + 1)
            mine = int(self.all_parcels[row]) + n_now + n_later
            bounds = [-(-int(bound) * gone // whole) for bound in terms.from_parcels[row] if bound != NO_TIER]
            ladder = dict(zip(bounds, terms.share_ppm[at].tolist(), strict=False))  # of equal bounds the last
            minimum = -(-int(terms.minimum_parcels[row]) * gone // whole)
            shortfall = int(terms.shortfall_cents[at])
            highest = _highest(int(terms.highest_ppm[at]), mine, in_all)
            found.append(
                Contract(
                    covers=terms.covers[at],
                    minimum_parcels=minimum if shortfall else 0,
                    shortfall_cents=shortfall if minimum else 0,
                    lowest_share_ppm=min(-(-int(terms.lowest_ppm[at]) * mine // max(in_all, 1)), highest),
                    highest_share_ppm=highest,
                    tier_kind="incremental" if terms.incremental[at] else "all_units",
                    from_parcels=tuple(ladder),
                    share_ppm=tuple(ladder.values()),
                    reference_cents=max(cents, 1) if terms.incremental[at] else 0,
                )
            )
        return found, Period(
            given_parcels=self.parcels[rows],
            given_cents=self.freight_cents[rows],
            given_in_all=int(self.all_parcels[rows].max()),
        )

    def outlook(self, tariff: Tariff, site: int, day: int, kinds: Kinds, n_now: int) -> Expected:
        """What the pickups after this one are expected to bring until the first of the contracts' periods ends.

        Every later pickup of a site brings as many parcels as its pickups of that weekday did so far on average, or
        its pickups of all weekdays if there was none, of the kinds its last one brought; a site that had no pickup yet,
        as many as the channels' rates say, of the kinds here now.
        """
        terms = self.terms
        until = terms.last_day[terms.row[terms.steered, day]].min()
        later = slice(self._turn + 1, int(np.searchsorted(self._cutoff_day, until, side="right")))
        sites, n_sites = self._cutoff_site[later], len(self._kinds)
        turns = np.bincount(sites * WEEK + self._cutoff_weekday[later], minlength=n_sites * WEEK).reshape(n_sites, WEEK)
        pickups, brought = self._pickups.copy(), self._brought.copy()
        pickups[site, self._weekday[day]] += 1
        brought[site, self._weekday[day]] += n_now
        parcels, tables = [kinds.hold_cents[:0]], [kinds.at(slice(0))]
        for at in np.flatnonzero(turns.any(axis=1)).tolist():
            of_site = self._kinds[at]
            tables.append(kinds if at == site or of_site is None else of_site)
            n_kinds = tables[-1].hold_cents.size
            means = [self._mean(pickups[at], brought[at], weekday) for weekday in range(WEEK)]
            n = int(turns[at] @ np.array(means, dtype=np.int64))
            parcels.append(np.diff(np.arange(n_kinds + 1) * n // n_kinds))
        slots = tariff.slots[self._cutoff_day[later], sites].sum(axis=0)
        cost, offered, hold, billed = (np.concatenate(columns) for columns in zip(*tables, strict=True))
        return Expected(
            parcels=np.concatenate(parcels),
            cost_cents=cost,
            offered=offered,
            hold_cents=hold,
            slots=np.minimum(slots, MOST_ROOM),
            billed_cents=billed,
        )

    def _mean(self, pickups: Ints, brought: Ints, weekday: int) -> int:
        """Parcels a pickup of a site is expected to bring on a weekday, rounded half up."""
        n, total = int(pickups[weekday]), int(brought[weekday])
        if not n:
            n, total = int(pickups.sum()), int(brought.sum())
        return (2 * total + n) // (2 * n) if n else self.terms.parcels_a_pickup

    def take(self, site: int, day: int, decision: Decided) -> None:
        """Count a tender, once it is decided."""
        terms, service, price_cents = self.terms, decision.service, decision.price_cents
        self._turn += 1
        self._pickups[site, self._weekday[day]] += 1
        self._brought[site, self._weekday[day]] += service.size
        self._kinds[site] = decision.kinds or self._kinds[site]
        sent = np.flatnonzero(service >= 0)
        for at in range(terms.covers.shape[0]):
            row = int(terms.row[at, day])
            mine = sent[terms.covers[at, service[sent]]]
            number = self.parcels[row] + 1 + np.arange(mine.size)
            tier = np.searchsorted(terms.from_parcels[row], number, side="right") - 1
            np.add.at(self.tier_cents[row], tier[tier >= 0], price_cents[mine[tier >= 0]])
            self.parcels[row] += mine.size
            self.freight_cents[row] += price_cents[mine].sum()
            self.all_parcels[row] += sent.size

    def settle(self) -> ContractColumns:
        """The bill of every period, at its end or at the horizon."""
        terms = self.terms
        tier, rebate = [], []
        for row, at in enumerate(terms.contract.tolist()):
            reached = int(np.searchsorted(terms.from_parcels[row], self.parcels[row], side="right"))
            tier.append(reached)
            share = terms.share_ppm[at].tolist()
            if terms.incremental[at]:
                credit = sum(cents * ppm for cents, ppm in zip(self.tier_cents[row].tolist(), share, strict=True))
            else:
                credit = int(self.freight_cents[row]) * share[reached - 1] if reached else 0
            rebate.append(credit // PPM)
        missing = np.maximum(terms.minimum_parcels - self.parcels, 0)
        return ContractColumns(
            contract=terms.contract,
            first_day=terms.first_day,
            last_day=terms.last_day,
            parcels=self.parcels.copy(),
            all_parcels=self.all_parcels.copy(),
            freight_cents=self.freight_cents.copy(),
            minimum_parcels=terms.minimum_parcels,
            tier=np.array(tier, dtype=np.int64),
            rebate_cents=np.array(rebate, dtype=np.int64),
            shortfall_cents=missing * terms.shortfall_cents[terms.contract],
        )


def kinds_of(cost_cents: Ints, offered: Flags, hold_cents: Ints, billed_cents: Ints) -> Kinds:
    """A few kinds for all parcels of a tender: evenly spread over them by what they cost at least."""
    n = hold_cents.size
    least = np.where(offered, cost_cents, hold_cents[:, None]).min(axis=1, initial=NO_TIER)
    by_cost = np.argsort(least, kind="stable")
    n_kinds = min(n, MOST_KINDS)
    rows = by_cost[(2 * np.arange(n_kinds) + 1) * n // (2 * n_kinds)]
    return Kinds(cost_cents, offered, hold_cents, billed_cents).at(rows)


def usual_cents(covers: Flags, kinds: Kinds, book: ContractBook, day: int) -> Ints:
    """Price of a usual parcel of each contract: what its period's cost so far, else what those here would."""
    found = []
    for at, row in enumerate(book.terms.row[:, day].tolist()):
        given = int(book.parcels[row])
        open_here = kinds.offered & covers[at]
        mine = int(kinds.billed_cents[open_here].sum()), int(open_here.sum())
        total, n = (int(book.freight_cents[row]), given) if given else mine
        found.append(total // n if n else 0)
    return np.array(found, dtype=np.int64)


def _highest(ppm: int, mine: int, in_all: int) -> int:
    """A highest share of a contract's own period as one of the parcels counted for all; none stays none."""
    return PPM if ppm >= PPM else ppm * mine // max(in_all, 1)
