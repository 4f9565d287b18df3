"""What customers send back: its way to the inspection bench, its disposition and its refund.

Owns the life of a returned piece up to the shelf; putting it there is `warehouse`'s work.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from omsim.model.calendars import DAY_S
from omsim.model.fields import DISPOSITIONS
from omsim.sim.process.entities import ReturnedPiece

if TYPE_CHECKING:
    from simpy.events import ProcessGenerator

    from omsim.sim.process.entities import Shipment
    from omsim.sim.process.shop import Shop

RESTOCK, SCRAP = DISPOSITIONS.index("restock"), DISPOSITIONS.index("scrap")
REFUND_AT_SCAN, REFUND_AT_RECEIPT, REFUND_AFTER_INSPECTION = 0, 1, 2


def come_back(shop: Shop, shipment: Shipment) -> None:
    """Draw, as a shipment leaves, which of its pieces will be sent back, and let those begin their way."""
    if shipment.lost:
        return
    goods, book = shop.plan.goods, shop.book
    shares = goods.return_share
    day = shop.day_of(shipment.tendered_s) if len(shares) > 1 else 0
    for piece in shipment.pieces:
        position = piece.line - book.first_line[shipment.order]
        luck = shop.draws.of_return(shipment.order, position, shipment.number)
        if shipment.damaged:
            requested_s = shipment.delivered_s + DAY_S
        elif luck[0] < shares[day, book.sku[piece.line]]:
            requested_s = shipment.delivered_s + int(goods.return_lag_s[int(luck[1] * goods.return_lag_s.size)])
        else:
            continue
        if requested_s < shop.horizon_s:
            returned = ReturnedPiece(shipment=shipment, piece=piece, requested_s=requested_s)
            book.returned.append(returned)
            shop.env.process(send_back(shop, returned, luck[2], luck[3]))


def send_back(shop: Shop, returned: ReturnedPiece, inspection_luck: float, disposition_luck: float) -> ProcessGenerator:
    """Carry a returned piece from its request to its disposition."""
    env, rules = shop.env, shop.plan.rules
    shipment, piece = returned.shipment, returned.piece
    yield env.timeout(returned.requested_s - env.now)
    if rules.refund_stage == REFUND_AT_SCAN:
        returned.refunded_s = shop.now
    if returned.requested_s + rules.return_transit_s >= shop.horizon_s:
        return
    yield env.timeout(rules.return_transit_s)
    returned.received_s = shop.now
    if rules.refund_stage == REFUND_AT_RECEIPT:
        returned.refunded_s = shop.now

    inspectors = shop.people("inspect", shipment.site)
    yield inspectors.request((shop.now, shipment.row, piece.line))
    yield inspectors.work(shop.sites[shipment.site].inspect_s(piece.units, inspection_luck))
    inspectors.release()
    returned.inspected_s = shop.now
    if rules.refund_stage == REFUND_AFTER_INSPECTION:
        returned.refunded_s = shop.now
    if shipment.damaged:
        returned.disposition = SCRAP
    else:
        group = shop.plan.goods.disposition_group[shop.book.sku[piece.line]]
        returned.disposition = bisect_right(shop.plan.goods.disposition[group].tolist(), disposition_luck)
    if returned.disposition == RESTOCK:
        shop.to_shelve.append((piece.cell, piece.units))
