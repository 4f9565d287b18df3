"""What waits at a dock as parcels: measured, packed into cartons where the model has some, and priced.

Owns the step from a shipment's contents to what carriers see of it; both engines hand in contents and read back cartons
and prices. The packer is `kernels.packing`'s, the prices are `kernels.rating`'s, the choice is `decisions`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.packing.cartons import OWN_PACKAGING, CartonRange, Goods, carton_range, goods, pack_parcels
from omsim.kernels.rating.billable import MOST_G, girth_mm
from omsim.kernels.rating.card import EVER, NOT_CARRIED, Parcels
from omsim.kernels.rating.prices import price_parcels

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.tariff import Tariff

Ints = NDArray[np.int64]


class Packaging(NamedTuple):
    """What parcels are packed in, compiled.

    Attributes
    ----------
    cartons : CartonRange
        No rows: a shipment is one parcel with the weight, the volume and the longest sides of its goods.
    items : Goods
        Sides and weight of every SKU.
    girth_mm : int64, shape (n_skus,)
        Length plus girth; 0 where sides are not known.
    most_fill_share : float
    """

    cartons: CartonRange
    items: Goods
    girth_mm: Ints
    most_fill_share: float


class DockParcels(NamedTuple):
    """Shipments waiting at a dock, in order of shipment number; int64, shape (n_shipments,) unless said otherwise.

    Attributes
    ----------
    region : int64
    promise_day : int64
        Local day by whose end delivery is promised, -1 = no promise.
    weight_g, volume_mm3 : int64
        Of the goods.
    longest_mm, girth_mm : int64
        The largest of any SKU in it.
    first_line : int64, shape (n_shipments + 1,)
        Shipment i holds contents first_line[i] to first_line[i + 1] - 1; zeros where contents are not needed.
    sku, units : int64, shape (n_contents,)
        In any order.
    """

    region: Ints
    promise_day: Ints
    weight_g: Ints
    volume_mm3: Ints
    longest_mm: Ints
    girth_mm: Ints
    first_line: Ints
    sku: Ints
    units: Ints


class PackedShipments(NamedTuple):
    """What each shipment of a dock is packed in; int64, shape (n_shipments,).

    Attributes
    ----------
    carton
        Row of `cartons` of its biggest, `OWN_PACKAGING` when it has none.
    cartons, own_packages
        Parcels it makes, and those of them that travel as they are because no carton takes them.
    packaging_cents, tare_g
        Of its cartons.
    carton_mm3, filled_mm3
        Inside of its cartons, and what the goods in them fill of it.
    """

    carton: Ints
    cartons: Ints
    own_packages: Ints
    packaging_cents: Ints
    tare_g: Ints
    carton_mm3: Ints
    filled_mm3: Ints

    def at(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> PackedShipments:
        """Some of them."""
        return PackedShipments(*(column[rows] for column in self))


class Boxes(NamedTuple):
    """Single parcels as carriers measure them; shipment i makes boxes first_box[i] to first_box[i + 1] - 1."""

    first_box: Ints
    weight_g: Ints
    volume_mm3: Ints
    longest_mm: Ints
    girth_mm: Ints


def compile_packaging(business: Business) -> Packaging:
    """Cartons and goods of a model."""
    cartons, skus = business["cartons"], business["skus"]
    items = goods(
        skus.integers("length_mm"), skus.integers("width_mm"), skus.integers("height_mm"), skus.integers("weight_g")
    )
    return Packaging(
        cartons=carton_range(
            cartons.integers("length_mm"),
            cartons.integers("width_mm"),
            cartons.integers("height_mm"),
            wall_mm=cartons.integers("wall_mm"),
            tare_g=cartons.integers("tare_g"),
            max_weight_g=cartons.integers("max_weight_g"),
            cost_cents=cartons.integers("cost_cents"),
        ),
        items=items,
        girth_mm=girth_mm(items.length_mm, items.width_mm, items.height_mm),
        most_fill_share=business.settings.most_fill_share,
    )


def pack_shipments(packaging: Packaging, parcels: DockParcels) -> tuple[Boxes, PackedShipments | None]:
    """The parcels the shipments make, and what they are packed in (None without cartons).

    Contents are packed SKU by SKU in the model's order, whatever the order they are handed in.
    """
    n_shipments = parcels.region.size
    cartons = packaging.cartons
    if not cartons.cost_cents.size:
        return Boxes(
            np.arange(n_shipments + 1), parcels.weight_g, parcels.volume_mm3, parcels.longest_mm, parcels.girth_mm
        ), None
    of_line = np.repeat(np.arange(n_shipments), np.diff(parcels.first_line))
    order = np.lexsort((parcels.sku, of_line))
    of_line, sku, units = of_line[order], parcels.sku[order], parcels.units[order]
    begins = np.flatnonzero((np.diff(of_line, prepend=-1) != 0) | (np.diff(sku, prepend=-1) != 0))
    units = np.add.reduceat(units, begins) if begins.size else units
    of_line, sku = of_line[begins], sku[begins]
    packed = pack_parcels(
        cartons,
        packaging.items,
        np.searchsorted(of_line, np.arange(n_shipments + 1)),
        sku,
        units,
        most_fill_share=packaging.most_fill_share,
    )
    in_carton = packed.carton != OWN_PACKAGING
    of_box = np.repeat(np.arange(n_shipments), np.diff(packed.first_carton))
    inside_mm3 = np.where(in_carton, (cartons.length_mm * cartons.width_mm * cartons.height_mm)[packed.carton], 0)
    of_content = np.repeat(np.arange(packed.carton.size), np.diff(packed.first_content))
    items = packaging.items
    sku_mm3 = items.length_mm * items.width_mm * items.height_mm
    filled_mm3 = np.zeros(packed.carton.size, dtype=np.int64)
    np.add.at(filled_mm3, of_content, packed.content_units * sku_mm3[sku[packed.content_line]])

    def total(values: Ints) -> Ints:
        added = np.zeros(n_shipments, dtype=np.int64)
        np.add.at(added, of_box, values)
        return added

    by_size = np.lexsort((packed.carton, -inside_mm3, of_box))
    biggest = by_size[np.flatnonzero(np.diff(of_box[by_size], prepend=-1))]
    return (
        Boxes(packed.first_carton, packed.weight_g, packed.volume_mm3, packed.longest_mm, packed.girth_mm),
        PackedShipments(
            carton=packed.carton[biggest],
            cartons=np.diff(packed.first_carton),
            own_packages=total(~in_carton),
            packaging_cents=total(np.where(in_carton, cartons.cost_cents[packed.carton], 0)),
            tare_g=total(np.where(in_carton, cartons.tare_g[packed.carton], 0)),
            carton_mm3=total(inside_mm3),
            filled_mm3=total(np.where(in_carton, filled_mm3, 0)),
        ),
    )


def price_shipments(tariff: Tariff, zone: Ints, day: int, boxes: Boxes) -> Ints:
    """Price of every shipment with every service: the sum of its parcels' prices, or that of one parcel of them all.

    Returns
    -------
    int64, shape (n_shipments, n_services)
        NOT_CARRIED where the service does not take one of its parcels.
    """
    priced = price_parcels(tariff.card, rated_parcels(zone, day, boxes))
    if priced.shape[0] == zone.size:
        return priced
    total = _added_up(priced, boxes.first_box)
    if tariff.rated_whole.any():
        whole = price_parcels(tariff.card, rated_parcels(zone, day, put_together(boxes)))
        total[:, tariff.rated_whole] = whole[:, tariff.rated_whole]
    return total


def put_together(boxes: Boxes) -> Boxes:
    """Each shipment as one parcel: its boxes' weight and volume together, as long as the longest of them."""
    begins = boxes.first_box[:-1]
    return Boxes(
        np.arange(begins.size + 1),
        np.add.reduceat(boxes.weight_g, begins),
        np.add.reduceat(boxes.volume_mm3, begins),
        np.maximum.reduceat(boxes.longest_mm, begins),
        np.maximum.reduceat(boxes.girth_mm, begins),
    )


def rated_parcels(zone: Ints, day: int, boxes: Boxes) -> Parcels:
    """The boxes as the rate card reads them; `zone` int64, shape (n_shipments,)."""
    n_boxes = boxes.weight_g.size
    return Parcels(
        zone=zone if n_boxes == zone.size else np.repeat(zone, np.diff(boxes.first_box)),
        weight_g=np.minimum(boxes.weight_g, MOST_G),
        volume_mm3=boxes.volume_mm3,
        longest_mm=np.minimum(boxes.longest_mm, EVER),
        girth_mm=np.minimum(boxes.girth_mm, EVER),
        day=np.full(n_boxes, day, dtype=np.int64),
    )


@compiled
def _added_up(price: Ints, first_box: Ints) -> Ints:
    """Prices of boxes added up by shipment; a box that is not carried keeps the whole shipment back."""
    n_shipments, n_services = first_box.size - 1, price.shape[1]
    total = np.zeros((n_shipments, n_services), dtype=np.int64)
    for i in range(n_shipments):
        for s in range(n_services):
            for box in range(first_box[i], first_box[i + 1]):
                if price[box, s] == NOT_CARRIED:
                    total[i, s] = NOT_CARRIED
                    break
                total[i, s] += price[box, s]
    return total
