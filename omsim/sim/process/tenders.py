"""The docks: packed shipments wait for their site's cutoff, when carriers take them or leave them behind.

Owns the waiting and the handing over; which service takes which parcel is `sim.decisions`' work.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from omsim.sim.contract_book import ContractBook
from omsim.sim.decisions import decide_tender
from omsim.sim.parcels import DockParcels
from omsim.sim.process.entities import Cartons, Shipment, Tender
from omsim.sim.process.moments import TENDER, Moment

if TYPE_CHECKING:
    from simpy.events import Event, ProcessGenerator

    from omsim.sim.process.shop import Shop


class Docks:
    """Packed shipments of every site, and the tenders that empty them.

    Parameters
    ----------
    shop : Shop

    Attributes
    ----------
    contracts : ContractBook
        How the contracts with carriers stand.
    """

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.contracts = ContractBook(shop.plan)
        self._waiting: list[list[Shipment]] = [[] for _ in shop.sites]
        shop.env.process(self._tender_at_cutoffs())

    def put(self, shipment: Shipment) -> Event:
        """Leave a packed shipment at its site's dock; the event fires when it has been picked up."""
        self._waiting[shipment.site].append(shipment)
        return shipment.picked_up

    def _tender_at_cutoffs(self) -> ProcessGenerator:
        times = self.shop.plan.times
        for cutoff_s, site in zip(times.cutoff_s.tolist(), times.cutoff_site.tolist(), strict=True):
            yield Moment(self.shop.env, cutoff_s, TENDER)
            self._tender(site)

    def _tender(self, site: int) -> None:
        shop, book = self.shop, self.shop.book
        parcels = sorted(self._waiting[site], key=lambda shipment: shipment.row)
        day = shop.day_of(shop.now)

        def column(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
            return np.array(values, dtype=np.int64)

        items = shop.plan.packaging.items
        longest_mm, girth_mm = items.length_mm.tolist(), shop.plan.packaging.girth_mm.tolist()
        contents = [[(piece.cell.sku, piece.units) for piece in shipment.pieces] for shipment in parcels]
        dock = DockParcels(
            region=column([book.region[shipment.order] for shipment in parcels]),
            promise_day=column([book.promise_day[shipment.order] for shipment in parcels]),
            weight_g=column([shipment.weight_g for shipment in parcels]),
            volume_mm3=column([shipment.volume_mm3 for shipment in parcels]),
            longest_mm=column([max(longest_mm[sku] for sku, _ in held) for held in contents]),
            girth_mm=column([max(girth_mm[sku] for sku, _ in held) for held in contents]),
            first_line=column([0, *accumulate(len(held) for held in contents)]),
            sku=column([sku for held in contents for sku, _ in held]),
            units=column([units for held in contents for _, units in held]),
        )
        decision = decide_tender(shop.plan, shop.carrier_rule, dock, site=site, day=day, book=self.contracts)
        self.contracts.take(site, day, decision)
        book.tenders.append(Tender(at_s=shop.now, site=site, day=day, parcels=len(parcels), decision=decision))
        self._waiting[site] = []
        services, prices = decision.service.tolist(), decision.price_cents.tolist()
        for at, (shipment, service, price_cents) in enumerate(zip(parcels, services, prices, strict=True)):
            if service < 0:
                shipment.rolled_over += 1
                self._waiting[site].append(shipment)
                continue
            shipment.tendered_s = shop.now
            shipment.service, shipment.price_cents = service, price_cents
            if decision.packed is not None:
                shipment.packed = Cartons(*(int(values[at]) for values in decision.packed))
            for piece in shipment.pieces:
                piece.cell.ship(piece.units)
            shipment.picked_up.succeed()
