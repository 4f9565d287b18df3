"""What the reorder plan must know of a business that does not change from night to night.

Owns the step from the model's tables to columns by cell (row of `stock`): who supplies it and in what sizes, what a
unit costs to buy, hold and lack, how long an order takes, how much may be stocked, and which service its class is
promised. Demand is `omsim.demand.forecast`, tonight's positions are the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.waits import lane_wait_days, period_shares, review_days
from omsim.optimize.reorder.problem import MM3_PER_DM3, Steps

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from omsim.model.business import Business

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

DAYS_PER_YEAR = 365.0
LEAST_HOLDING_CENTS = 1e-6  # a day; goods that cost nothing to keep would be ordered without end
ABC_SHARES = (0.8, 0.95)  # of yearly demand at selling price, cumulated from the best seller
XYZ_CVS = (0.5, 1.0)  # of weekly demand
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class CellTerms:
    """Static columns of the cells that have a supplier, in order of their row of `stock`.

    Attributes
    ----------
    business : Business
        The model they were read from.
    row : int64, shape (n_items,)
        Row of `stock`.
    site, sku, supplier, lane : int64, shape (n_items,)
        Rows of the model's tables; `lane` numbers the pairs of supplier and site that occur.
    lane_site, lane_supplier : int64, shape (n_lanes,)
    lane_shares : float64, shape (n_lanes, most_days + 1)
        Probability of whole days of demand before an order can be used.
    review_days, own_review_days : int64, shape (n_items,)
        Days between two chances to order, with and without the supplier's order days.
    pack_units, moq_units, unit_cost_cents, price_cents, weight_g, volume_mm3 : int64, shape (n_items,)
    max_cover_days : float64, shape (n_items,)
        Most days of mean demand the position may cover (its own limit or the shelf life); 0 = no limit.
    holding_cents : float64, shape (n_items,)
        Cost of keeping a unit a day.
    sending_cents : float64, shape (n_lanes,)
        What sending an order costs whatever is on it, but for freight: its fixed cost, and half a truck, as that much
        of the last one is empty on average.
    freight, price_breaks : Steps
        Freight of an order by value, by lane; unit cost of a line by units, by item.
    minimum_cents : int64, shape (n_lanes,)
        Least value of an order.
    truck_cents : float64, shape (n_items,)
        A unit's part of a full truck.
    old_reorder_point, old_order_up_to : int64, shape (n_items,)
        The policy in the model (an (r, Q) read as (r, r + Q)).
    """

    business: Business
    row: Ints
    site: Ints
    sku: Ints
    supplier: Ints
    lane: Ints
    lane_site: Ints
    lane_supplier: Ints
    lane_shares: Floats
    review_days: Ints
    own_review_days: Ints
    pack_units: Ints
    moq_units: Ints
    unit_cost_cents: Ints
    price_cents: Ints
    weight_g: Ints
    volume_mm3: Ints
    max_cover_days: Floats
    holding_cents: Floats
    sending_cents: Floats
    minimum_cents: Ints
    truck_cents: Floats
    freight: Steps
    price_breaks: Steps
    old_reorder_point: Ints
    old_order_up_to: Ints

    @property
    def n_items(self) -> int:
        """Cells with a supplier."""
        return len(self.row)

    def policy_units(self, position_units: Ints, reorder_point: Ints, order_up_to: Ints) -> Ints:
        """What (s, S) policies order at these positions, in packs, at least the smallest order; shape (n_items,)."""
        wanted = np.where(position_units <= reorder_point, order_up_to - position_units, 0)
        wanted = np.where(wanted > 0, np.maximum(wanted, self.moq_units), 0)
        return np.asarray(-(-wanted // self.pack_units) * self.pack_units)

    def mean_wait_days(self) -> Floats:
        """Mean days before an order can be used; float64, shape (n_items,)."""
        lane = self.lane_shares @ np.arange(self.lane_shares.shape[1])
        return np.asarray(lane[self.lane])


def read_terms(business: Business) -> CellTerms:
    """Gather the columns of every cell with a supplier."""
    stock, skus = business["stock"], business["skus"]
    all_suppliers = business.codes("stock", "supplier")
    row = np.flatnonzero(all_suppliers >= 0)
    supplier, site = all_suppliers[row], business.codes("stock", "site")[row]
    sku = business.codes("stock", "sku")[row]
    n_sites = max(len(business["sites"]), 1)
    pairs, lane = np.unique(supplier * n_sites + site, return_inverse=True)
    lane_supplier, lane_site = pairs // n_sites, pairs % n_sites
    shares = period_shares(lane_wait_days(business, lane_site, lane_supplier)) if len(pairs) else np.ones((0, 1))
    cost = skus.integers("unit_cost_cents")[sku]
    holding = np.maximum(cost * business.settings.holding_rate_per_year / DAYS_PER_YEAR, LEAST_HOLDING_CENTS)
    size = [skus.integers(f"{side}_mm")[sku] for side in ("length", "width", "height")]
    cover, shelf = stock.numbers("max_cover_days")[row], skus.numbers("shelf_life_days")[sku]
    limit = np.minimum(np.where(cover > 0, cover, np.inf), np.where(shelf > 0, shelf, np.inf))
    point, up_to = stock.integers("reorder_point_units")[row], stock.integers("order_up_to_units")[row]
    policy = np.asarray(stock.texts("policy"), dtype=object)[row]
    up_to = np.where(policy == "quantity", point + stock.integers("order_quantity_units")[row], up_to)
    point = np.where(policy == "base_stock", up_to - 1, point)
    return CellTerms(
        business=business,
        row=row,
        site=site,
        sku=sku,
        supplier=supplier,
        lane=lane.astype(np.int64),
        lane_site=lane_site,
        lane_supplier=lane_supplier,
        lane_shares=shares,
        review_days=review_days(business)[row],
        own_review_days=stock.integers("review_days")[row],
        pack_units=stock.integers("pack_units")[row],
        moq_units=stock.integers("moq_units")[row],
        truck_cents=_truck_cents(business, supplier, skus.integers("weight_g")[sku], size[0] * size[1] * size[2]),
        unit_cost_cents=cost,
        price_cents=skus.integers("price_cents")[sku],
        weight_g=skus.integers("weight_g")[sku],
        volume_mm3=size[0] * size[1] * size[2],
        max_cover_days=np.where(np.isfinite(limit), limit, 0.0),
        holding_cents=holding.astype(np.float64),
        sending_cents=_sending_cents(business)[lane_supplier],
        freight=_freight(business, lane_supplier),
        price_breaks=_price_breaks(business, supplier, sku),
        minimum_cents=business["suppliers"].integers("minimum_order_cents")[lane_supplier],
        old_reorder_point=point,
        old_order_up_to=up_to,
    )


def _sending_cents(business: Business) -> Floats:
    """Cost of sending an order of each supplier, whatever is on it; float64, shape (n_suppliers,)."""
    suppliers = business["suppliers"]
    return suppliers.integers("order_cost_cents") + suppliers.integers("truck_cost_cents") / 2


def _freight(business: Business, lane_supplier: Ints) -> Steps:
    """Freight steps of each lane's supplier."""
    table = business["freight"]
    by_supplier: dict[int, list[tuple[int, int]]] = {}
    for supplier, at, cents in zip(
        business.codes("freight", "supplier").tolist(),
        table.integers("from_value_cents").tolist(),
        table.integers("freight_cents").tolist(),
        strict=True,
    ):
        by_supplier.setdefault(supplier, []).append((at, cents))
    rows = [
        (lane, at, cents)
        for lane, supplier in enumerate(lane_supplier.tolist())
        for at, cents in by_supplier.get(supplier, ())
    ]
    return Steps.of_rows(len(lane_supplier), rows)


def _price_breaks(business: Business, supplier: Ints, sku: Ints) -> Steps:
    """Price steps of each item."""
    table = business["price_breaks"]
    by_article: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for seller, article, at, cents in zip(
        business.codes("price_breaks", "supplier").tolist(),
        business.codes("price_breaks", "sku").tolist(),
        table.integers("from_units").tolist(),
        table.integers("unit_cost_cents").tolist(),
        strict=True,
    ):
        by_article.setdefault((seller, article), []).append((at, cents))
    rows = [
        (item, at, cents)
        for item, key in enumerate(zip(supplier.tolist(), sku.tolist(), strict=True))
        for at, cents in by_article.get(key, ())
    ]
    return Steps.of_rows(len(supplier), rows)


def _truck_cents(business: Business, supplier: Ints, weight_g: Ints, volume_mm3: Ints) -> Floats:
    """What a unit costs on a full truck of its supplier; float64, shape (n_items,)."""
    suppliers = business["suppliers"]
    part = np.zeros(len(supplier))
    for load, room in (
        (weight_g, suppliers.integers("truck_g")[supplier]),
        (volume_mm3, suppliers.integers("truck_dm3")[supplier] * MM3_PER_DM3),
    ):
        part = np.maximum(part, np.divide(load, room, out=np.zeros(len(supplier)), where=room > 0))
    return np.asarray(part * suppliers.integers("truck_cost_cents")[supplier])


def may_order(terms: CellTerms, tonight: date) -> Flags:
    """Items whose supplier takes purchase orders that day and is not on holiday; bool, shape (n_items,)."""
    business = terms.business
    takes = business["suppliers"].integers("order_days") >> tonight.weekday() & 1 == 1
    holidays = business["supplier_holidays"]
    if len(holidays):
        off = business.codes("supplier_holidays", "supplier")[holidays.integers("date") == tonight.toordinal()]
        takes = takes.copy()
        takes[off] = False
    return np.asarray(takes[terms.supplier])


def value_classes(terms: CellTerms, history_units: Ints) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """ABC class by value of demand, XYZ class by variation of weekly demand; texts, shape (n_items,) each.

    Parameters
    ----------
    history_units : int64, shape (n_items, n_days)
        Units asked for.

    Notes
    -----
    A are the items that make the first 80 % of yearly demand at selling price, B those up to 95 %, C the rest; X have
    a coefficient of variation of weekly demand up to 0.5, Y up to 1, Z more (or no demand at all).
    """
    value = history_units.sum(axis=1) * terms.price_cents
    order = np.argsort(-value, kind="stable")
    before = np.cumsum(value[order]) - value[order]
    total = max(int(value.sum()), 1)
    abc = np.empty(terms.n_items, dtype=object)
    abc[order] = np.asarray(["A", "B", "C"], dtype=object)[
        np.searchsorted(np.asarray(ABC_SHARES) * total, before, side="right")
    ]
    abc[value == 0] = "C"
    n_weeks = history_units.shape[1] // WEEK_DAYS
    xyz = np.full(terms.n_items, "Z", dtype=object)
    if n_weeks > 1:
        weekly = history_units[:, -n_weeks * WEEK_DAYS :].reshape(terms.n_items, n_weeks, WEEK_DAYS).sum(axis=2)
        mean = weekly.mean(axis=1)
        sold = mean > 0
        cv = np.full(terms.n_items, np.inf)
        cv[sold] = weekly[sold].std(axis=1) / mean[sold]
        xyz = np.asarray(["X", "Y", "Z"], dtype=object)[np.searchsorted(XYZ_CVS, cv, side="left")]
    return abc, xyz


def fill_targets(terms: CellTerms, abc: NDArray[np.object_], xyz: NDArray[np.object_]) -> Floats:
    """Unit fill rate (type 2) each item's class is promised; float64, shape (n_items,).

    The most particular row of `service_targets` counts: both classes named, then ABC, then XYZ, then a row for all,
    then the model's `target_fill_rate`.
    """
    table = terms.business["service_targets"]
    rows = dict(
        zip(zip(table.texts("abc"), table.texts("xyz"), strict=True), table.numbers("fill_rate").tolist(), strict=True)
    )
    default = terms.business.settings.target_fill_rate
    targets = {
        (a, x): next((rows[key] for key in ((a, x), (a, ""), ("", x), ("", "")) if key in rows), default)
        for a in ("A", "B", "C")
        for x in ("X", "Y", "Z")
    }
    return np.array([targets[pair] for pair in zip(abc.tolist(), xyz.tolist(), strict=True)], dtype=np.float64)
