"""Identities of tenders, cartons and contracts, from the records alone.

Owns the proof that what carriers are owed and credited follows from the parcels they took; stock and time are
`audit`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.sim.contracts import PPM, compile_contracts
from omsim.sim.cycles import run_calendar
from omsim.sim.records import NEVER
from omsim.sim.tariff import pickup_room

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

Int = NDArray[np.integer]
Claim = tuple[str, Int | int, Int | int]


def shipping_identities(records: RunRecords, business: Business) -> Iterator[Claim]:
    """Every identity of what carriers take."""
    tenders, ships = records.tenders, records.shipments
    sent = np.flatnonzero(ships.tendered_s != NEVER)
    yield "parcels tendered = slots used", sent.size, int(tenders.used.sum())
    yield "no pickup takes more than its slots", (tenders.used > tenders.slots).sum(), 0
    yield "parcels at a tender = sent + held", tenders.parcels, tenders.used.sum(axis=1) + tenders.held
    yield "what nobody carries is held", (tenders.unoffered > tenders.held).sum(), 0
    paid = ships.price_cents[sent].sum(dtype=np.int64)
    yield "carrier prices paid = tender costs", int(paid), int(tenders.cost_cents.sum())
    yield "no tender costs less than its bound", (tenders.bound_cents > tenders.objective_cents).sum(), 0
    yield "one slot more never costs", (tenders.slot_price_cents < 0).sum(), 0
    trivial = np.array([status == "trivial" for status in tenders.status], dtype=np.bool_)
    yield "where everybody's cheapest fits, slots are worth nothing", np.abs(tenders.slot_price_cents[trivial]).sum(), 0
    calendar = run_calendar(business)
    slots, room_g = pickup_room(business, calendar)
    day = calendar.day_of(tenders.at_s.astype(np.int64))
    yield "slots of every pickup = the model's", tenders.slots, slots[day, tenders.site]
    if room_g.size:
        yield "no pickup takes more than its kilograms", (_carried_g(records) > room_g[day, tenders.site]).sum(), 0
    if len(business["cartons"]):
        yield from _carton_identities(records, business, sent)
    if len(business["contracts"]):
        yield from _contract_identities(
            records, business, sent, calendar.day_of(ships.tendered_s[sent].astype(np.int64))
        )


def _carried_g(records: RunRecords) -> NDArray[np.int64]:
    """Weight of what each tender sent with each service; int64, shape (n_tenders, n_services)."""
    tenders, ships = records.tenders, records.shipments
    row_of = {key: row for row, key in enumerate(zip(tenders.at_s.tolist(), tenders.site.tolist(), strict=True))}
    grams = np.zeros(tenders.used.shape, dtype=np.int64)
    sent = np.flatnonzero(ships.tendered_s != NEVER)
    rows = [row_of[key] for key in zip(ships.tendered_s[sent].tolist(), ships.site[sent].tolist(), strict=True)]
    np.add.at(grams, (np.array(rows, dtype=np.intp), ships.service[sent]), ships.weight_g[sent].astype(np.int64))
    return grams


def _carton_identities(records: RunRecords, business: Business, sent: NDArray[np.intp]) -> Iterator[Claim]:
    """Cartons are as the model has them, and hold no more than fits."""
    ships, cartons = records.shipments, business["cartons"]
    waits = np.ones(ships.order.size, dtype=np.bool_)
    waits[sent] = False
    yield "what was not tendered has no carton", (ships.cartons[waits] != 0) | (ships.carton[waits] != -1), False
    yield "what was tendered is at least one parcel", (ships.cartons[sent] < 1).sum(), 0
    only = sent[(ships.cartons[sent] == 1) & (ships.own_packages[sent] == 0)]
    kind = ships.carton[only]
    volume = cartons.integers("length_mm") * cartons.integers("width_mm") * cartons.integers("height_mm")
    yield "packaging of one carton = its price", ships.packaging_cents[only], cartons.integers("cost_cents")[kind]
    yield "inside of one carton = its sides", ships.carton_mm3[only], volume[kind]
    yield "goods fit in their cartons", (ships.filled_mm3 > ships.carton_mm3).sum(), 0
    own = sent[ships.own_packages[sent] == ships.cartons[sent]]
    yield "own packaging costs nothing", ships.packaging_cents[own], 0 * own


def _contract_identities(
    records: RunRecords, business: Business, sent: NDArray[np.intp], day: NDArray[np.int64]
) -> Iterator[Claim]:
    """Every period's bill, parcel by parcel in order of tender."""
    ships, settled = records.shipments, records.contracts
    terms = compile_contracts(business, 1)
    order = np.lexsort((sent, ships.site[sent], ships.tendered_s[sent]))
    service, day = ships.service[sent[order]], day[order]
    cents = ships.price_cents[sent[order]].astype(np.int64)
    yield "periods of contracts = the calendar's", settled.first_day, terms.first_day
    parcels, in_all, freight, rebate = (np.zeros(settled.contract.size, dtype=np.int64) for _ in range(4))
    for row, at in enumerate(settled.contract.tolist()):
        inside = (day >= settled.first_day[row]) & (day <= settled.last_day[row])
        mine = cents[inside & terms.covers[at, service]]
        parcels[row], in_all[row], freight[row] = mine.size, inside.sum(), mine.sum()
        share = np.append(terms.share_ppm[at], 0)  # the last is that of no tier
        tier = np.searchsorted(terms.from_parcels[row], np.arange(1, mine.size + 1), side="right") - 1
        if terms.incremental[at]:
            rebate[row] = sum(a * b for a, b in zip(mine.tolist(), share[tier].tolist(), strict=True)) // PPM
        elif mine.size:
            rebate[row] = int(mine.sum()) * int(share[tier[-1]]) // PPM
    missing = np.maximum(terms.minimum_parcels - parcels, 0)
    yield "parcels of a contract's period = those tendered under it", settled.parcels, parcels
    yield "parcels of its share = all tendered in it", settled.all_parcels, in_all
    yield "freight of a contract's period = the prices of its parcels", settled.freight_cents, freight
    yield "rebate of a period = its tiers on its parcels", settled.rebate_cents, rebate
    yield (
        "shortfall of a period = parcels missing x their charge",
        settled.shortfall_cents,
        missing * terms.shortfall_cents[terms.contract],
    )
