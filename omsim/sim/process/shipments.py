"""The life of a shipment, from its release over picking, packing and the dock to its customer.

Owns who goes where next; which carrier takes a shipment is `tenders`' work, and what comes back `returns`'.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

from omsim.sim.process.returns import come_back
from omsim.sim.tariff import transit_days

if TYPE_CHECKING:
    from simpy.events import ProcessGenerator

    from omsim.sim.process.entities import Shipment
    from omsim.sim.process.shop import Shop
    from omsim.sim.process.tenders import Docks

DELIVERIES_FROM_S = 8 * 3600
DELIVERY_SPAN_S = 10 * 3600
SHORTEST_TRANSIT_S = 3600


def carry_shipment(shop: Shop, docks: Docks, shipment: Shipment) -> ProcessGenerator:
    """Pick, pack and hand over one shipment, and follow it to its customer."""
    work = shop.sites[shipment.site]
    pick_luck, pack_luck, transit_luck, hour_luck = shop.draws.of_shipment(shipment.order, shipment.number)

    pickers = shop.people("pick", shipment.site)
    yield pickers.request((shop.terms_of(shipment.order).rank, shipment.row))
    shipment.pick_s = work.pick_s(len(shipment.pieces), shipment.units, pick_luck)
    yield pickers.work(shipment.pick_s)
    pickers.release()
    shipment.picked_s = shop.now

    packers = shop.people("pack", shipment.site)
    yield packers.request((shop.now, shipment.row))
    shipment.pack_s = work.pack_s(shipment.units, pack_luck)
    yield packers.work(shipment.pack_s)
    packers.release()
    shipment.packed_s = shop.now

    yield docks.put(shipment)
    deliver(shop, shipment, transit_luck, hour_luck)
    come_back(shop, shipment)


def deliver(shop: Shop, shipment: Shipment, transit_luck: float, hour_luck: float) -> None:
    """Settle, as the carrier takes a shipment, when it reaches its customer, and how."""
    tariff, service = shop.plan.tariff, shipment.service
    lost_luck, damage_luck, _, _ = shop.draws.of_fate(shipment.order, shipment.number)
    if lost_luck < tariff.loss_share[service]:
        shipment.lost = True
        return
    shipment.damaged = bool(damage_luck < tariff.damage_share[service])
    zone = int(tariff.zone[shipment.site, shop.book.region[shipment.order]])
    days = transit_days(tariff.transit, service, zone, transit_luck)
    arrival_day = int(tariff.delivered_day[service, shop.day_of(shop.now), days])
    at_door_s = shop.day_start_s[arrival_day] + DELIVERIES_FROM_S + floor(hour_luck * DELIVERY_SPAN_S)
    shipment.delivered_s = max(at_door_s, shipment.tendered_s + SHORTEST_TRANSIT_S)
