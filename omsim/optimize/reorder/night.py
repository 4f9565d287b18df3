"""One night, from what is known to what is bought: the same for the nightly job and for the simulation in the loop.

Owns the order of the steps. A look ahead (:func:`look_ahead`) turns order history into distributions of demand and
into each cell's own policy, and is good for days; tonight's plan (:func:`plan_tonight`) turns positions into purchases
under everything that ties the lines together. Each step is a neighbour's: `cell_terms`, `omsim.demand.forecast`,
`omsim.optimize.policies`, `values`, `solve`, `check`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.demand.forecast.classes import CLASSES
from omsim.demand.forecast.predictive import predict_demand
from omsim.demand.forecast.tables import IntervalTables, in_order, joined
from omsim.errors import FieldError
from omsim.model.field_types import CENTS
from omsim.optimize.policies.service_levels import implied_shortage_cost
from omsim.optimize.policies.stock_position import min_max_drop
from omsim.optimize.reorder.cell_terms import demand_classes, fill_targets, may_order
from omsim.optimize.reorder.own_policies import Past, lane_rhythm, own_policies
from omsim.optimize.reorder.problem import (
    MC_PER_CENT,
    MM3_PER_DM3,
    NO_LIMIT,
    LineOptions,
    PurchaseLines,
    PurchaseOrders,
    ReorderProblem,
    Steps,
    StorageSites,
)
from omsim.optimize.reorder.solve import plan_purchases
from omsim.optimize.reorder.values import HORIZON_DAYS, line_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    from omsim.demand.lead_time import DemandTable
    from omsim.optimize.reorder.cell_terms import CellTerms
    from omsim.optimize.reorder.plan import PurchasePlan

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Texts = NDArray[np.object_]

LEAST_FILL, MOST_FILL = 0.01, 0.9999  # targets beyond are read as these


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the coming weeks may ask for, and each item's own policy for it; good until the next look ahead.

    Attributes
    ----------
    terms : CellTerms
    period, before, after : DemandTable
        Demand between reviews, until an order can be used, and until the next order can.
    mean_units_per_day, doubt_sigma : float64, shape (n_items,)
        Expected demand, and how unsure its level is (spread of the logarithm).
    order_cost_cents : float64, shape (n_items,)
        Share of the cost of sending an order the item is on.
    demand_class, method, abc, xyz : object (text), shape (n_items,)
        Pattern of demand, how it was forecast, value and steadiness class.
    target_fill : float64, shape (n_items,)
        Unit fill rate promised (aim ``fill_rate``).
    reorder_point, order_up_to : int64, shape (n_items,)
        (s, S) from tonight on.
    shortage_cents : float64, shape (n_items,)
        Of a unit owed at the end of a review period: given by the costs, or what the target makes it worth.
    source : str
        Where the demand was learnt, in words.
    """

    terms: CellTerms
    period: DemandTable
    before: DemandTable
    after: DemandTable
    mean_units_per_day: Floats
    order_cost_cents: Floats
    demand_class: Texts
    method: Texts
    doubt_sigma: Floats
    abc: Texts
    xyz: Texts
    target_fill: Floats
    reorder_point: Units
    order_up_to: Units
    shortage_cents: Floats
    source: str

    @property
    def holding_cents(self) -> Floats:
        """Of a unit left at the end of a review period; float64, shape (n_items,)."""
        return self.terms.holding_cents * self.terms.review_days

    def keeping(self, kept: Flags) -> Outlook:
        """The same with the policies of some items as the model has them, and shortages priced as those imply."""
        if not kept.any():
            return self
        low = np.where(kept, self.terms.old_reorder_point, self.reorder_point)
        top = np.where(kept, self.terms.old_order_up_to, self.order_up_to)
        top = np.maximum(top, low + 1)
        items = np.flatnonzero(kept)
        period, after = self.period.select(items), self.after.select(items)
        shortage = self.shortage_cents.copy()
        drop = min_max_drop(period, (top - low)[items])
        shortage[items] = implied_shortage_cost(after, drop, top[items], self.holding_cents[items])
        return replace(self, reorder_point=low, order_up_to=top, shortage_cents=shortage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Units of each item tonight; int64, shape (n_items,)."""

    on_hand_units: Units
    on_order_units: Units
    backordered_units: Units

    @property
    def units(self) -> Units:
        """Inventory position."""
        return self.on_hand_units + self.on_order_units - self.backordered_units


@dataclass(frozen=True, slots=True, kw_only=True)
class TonightsPlan:
    """A night's problem and its answer, line i being item i of the terms."""

    problem: ReorderProblem
    plan: PurchasePlan


def look_ahead(
    terms: CellTerms,
    history_units: Units,
    *,
    first_day: date,
    sold_out: Flags | None = None,
    seed: int,
    method: str = "auto",
    known: Outlook | None = None,
) -> Outlook:
    """Forecast every item and set its own policy.

    Parameters
    ----------
    terms : CellTerms
    history_units : int64, shape (n_items, n_days)
        Units asked for, the last column being tonight.
    first_day : date
        Of the history.
    sold_out : bool, shape (n_items, n_days), optional
        Days on which the history is only a lower bound.
    seed : int
        Of what the forecast samples.
    method : str
        As `predict_demand`'s.
    known : Outlook, optional
        An earlier look at the same items, whose methods and doubt are taken over instead of being scored anew.

    Raises
    ------
    FieldError
        No cell has a supplier, or as `predict_demand`.

    Notes
    -----
    What each aim of the model means is said in :mod:`omsim.optimize.reorder.own_policies`.
    """
    if not terms.n_items:
        raise FieldError("stock.supplier", "given in some row: there is nothing to reorder", "none")
    abc, xyz = demand_classes(terms, history_units)
    target = np.clip(fill_targets(terms, abc, xyz), LEAST_FILL, MOST_FILL)
    past = Past(history_units, first_day, history_units.sum(axis=0) > 0, seed)
    groups = [np.flatnonzero(terms.review_days == review) for review in np.unique(terms.review_days).tolist()]
    parts = [
        predict_demand(
            history_units[items],
            first_day=first_day,
            before_days=terms.lane_shares[terms.lane[items]],
            review_days=int(terms.review_days[items[0]]),
            sold_out=None if sold_out is None else sold_out[items],
            open_days=past.open_days,
            method=method if known is None else tuple(known.method[items].tolist()),
            doubt_sigma=None if known is None else known.doubt_sigma[items],
            seed=seed,
        )
        for items in groups
    ]
    order = np.argsort(np.concatenate(groups), kind="stable")

    def column(pieces: Sequence[NDArray[Any]]) -> NDArray[Any]:
        return np.concatenate(pieces)[order]

    def texts(pieces: Sequence[Sequence[str]]) -> Texts:
        return np.asarray([text for piece in pieces for text in piece], dtype=object)[order]

    mean = column([part.mean_units_per_day for part in parts])
    rhythm = lane_rhythm(terms, mean)
    levels = [
        own_policies(terms, items, part, target[items], past, rhythm) for items, part in zip(groups, parts, strict=True)
    ]
    tables = in_order(
        joined([IntervalTables(period=part.period, before=part.before, after=part.after) for part in parts]),
        np.concatenate(groups),
    )
    return Outlook(
        terms=terms,
        period=tables.period,
        before=tables.before,
        after=tables.after,
        mean_units_per_day=mean,
        order_cost_cents=rhythm.order_cost_cents,
        demand_class=texts([[CLASSES[code] for code in part.demand_class.tolist()] for part in parts]),
        method=texts([part.method for part in parts]),
        doubt_sigma=column([part.doubt_sigma for part in parts]),
        abc=abc,
        xyz=xyz,
        target_fill=target,
        reorder_point=column([low for low, _, _ in levels]),
        order_up_to=column([top for _, top, _ in levels]),
        shortage_cents=column([shortage for _, _, shortage in levels]),
        source=parts[0].source,
    )


def plan_tonight(
    outlook: Outlook,
    position: Position,
    *,
    tonight: date,
    due: Flags | None = None,
    seconds: float,
    aim_gap: float | None = None,
) -> TonightsPlan:
    """Buy for tonight under every rule that ties the lines together, and check the answer.

    Parameters
    ----------
    outlook : Outlook
    position : Position
    tonight : date
        Local day the purchase orders are sent.
    due : bool, shape (n_items,), optional
        Items under review tonight; all by default.
    seconds : float
        For solvers, in all; see `plan_purchases`.
    aim_gap : float, optional
        Share of the cost within which the plan is near enough to the best; the closer, the longer.

    Raises
    ------
    SolveError
        No plan can hold all rules; the message names the smallest set that cannot hold together.
    """
    problem = tonights_problem(outlook, position, tonight=tonight, due=due)
    return TonightsPlan(problem=problem, plan=plan_purchases(problem, solver_seconds=seconds, aim_gap=aim_gap))


def tonights_problem(
    outlook: Outlook, position: Position, *, tonight: date, due: Flags | None = None
) -> ReorderProblem:
    """The columns of a night; arguments as `plan_tonight`'s."""
    terms = outlook.terms
    orderable = may_order(terms, tonight)
    if due is not None:
        orderable &= due
    lines = _lines(outlook, position)
    options = line_options(
        lines,
        outlook.period,
        outlook.after,
        order_cost_cents=outlook.order_cost_cents,
        holding_cents=outlook.holding_cents,
        shortage_cents=outlook.shortage_cents,
        horizon_periods=HORIZON_DAYS / terms.review_days,
        orderable=orderable,
    )
    options = _with_truck_space(options, outlook)
    sites, budget = terms.business["sites"], terms.business.settings.budget_cents
    return ReorderProblem(
        lines=lines,
        orders=_orders(terms),
        sites=StorageSites(name=sites.texts("site"), storage_left_mm3=_room_left(outlook, position, orderable)),
        options=options,
        budget_cents=budget if budget < CENTS else NO_LIMIT,
    )


def _with_truck_space(options: LineOptions, outlook: Outlook) -> LineOptions:
    """Options whose costs count full trucks for the horizon's demand, less the space tonight's units take.

    Demand pays for its trucks whichever day they come, so tonight's trucks are no reason to wait: what is left to weigh
    is the space in them that stays empty.
    """
    terms = outlook.terms
    of_unit = np.rint(terms.truck_cents * MC_PER_CENT).astype(np.int64)
    demand = np.rint(outlook.mean_units_per_day * HORIZON_DAYS).astype(np.int64)
    line = options.line
    return replace(options, cost_mc=options.cost_mc + of_unit[line] * (demand[line] - options.units))


def _room_left(outlook: Outlook, position: Position, orderable: Flags) -> Units:
    """Volume tonight's orders may add at each site; int64, shape (n_sites,), mm3.

    Counted when tonight's goods come: all that is on its way has come, and has been sold from. Every line keeps the
    room of its usual stock (the middle of its spread), so that buying one article ahead does not shut out tomorrow's
    others; lines ordered tonight bring their own room with them.
    """
    terms = outlook.terms
    sites = terms.business["sites"]
    usual = outlook.order_up_to - (outlook.order_up_to - outlook.reorder_point) / 2
    there = np.maximum(np.maximum(position.units, usual) - outlook.before.mean(), 0.0)
    brought = np.where(orderable, np.maximum(outlook.order_up_to - position.units, 0), 0)
    used = np.bincount(terms.site, weights=(there - brought) * terms.volume_mm3, minlength=len(sites))
    capacity = sites.integers("storage_dm3").astype(np.float64) * MM3_PER_DM3
    return np.clip(capacity - used, 0, NO_LIMIT).astype(np.int64)


def _lines(outlook: Outlook, position: Position) -> PurchaseLines:
    terms = outlook.terms
    business = terms.business
    sku, site = business["skus"].texts("sku"), business["sites"].texts("site")
    cover = np.floor(terms.max_cover_days * outlook.mean_units_per_day) - position.units
    most = np.where(terms.max_cover_days > 0, np.maximum(cover, 0), NO_LIMIT).astype(np.int64)
    breaks = business["price_breaks"]
    rows: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for supplier, article, at, cents in zip(
        business.codes("price_breaks", "supplier").tolist(),
        business.codes("price_breaks", "sku").tolist(),
        breaks.integers("from_units").tolist(),
        breaks.integers("unit_cost_cents").tolist(),
        strict=True,
    ):
        rows.setdefault((supplier, article), []).append((at, cents))
    steps = [
        (line, at, cents)
        for line, key in enumerate(zip(terms.supplier.tolist(), terms.sku.tolist(), strict=True))
        for at, cents in rows.get(key, ())
    ]
    return PurchaseLines(
        name=tuple(f"{sku[a]} at {site[b]}" for a, b in zip(terms.sku.tolist(), terms.site.tolist(), strict=True)),
        order=terms.lane,
        position_units=position.units,
        unit_cost_cents=terms.unit_cost_cents,
        pack_units=terms.pack_units,
        moq_units=terms.moq_units,
        most_units=most,
        reorder_point_units=outlook.reorder_point,
        order_up_to_units=outlook.order_up_to,
        units_per_day=outlook.mean_units_per_day,
        weight_g=terms.weight_g,
        volume_mm3=terms.volume_mm3,
        price_breaks=Steps.of_rows(terms.n_items, steps),
    )


def _orders(terms: CellTerms) -> PurchaseOrders:
    business = terms.business
    suppliers, freight = business["suppliers"], business["freight"]
    names, sites = suppliers.texts("supplier"), business["sites"].texts("site")
    by_supplier: dict[int, list[tuple[int, int]]] = {}
    for supplier, at, cents in zip(
        business.codes("freight", "supplier").tolist(),
        freight.integers("from_value_cents").tolist(),
        freight.integers("freight_cents").tolist(),
        strict=True,
    ):
        by_supplier.setdefault(supplier, []).append((at, cents))
    steps = [
        (lane, at, cents)
        for lane, supplier in enumerate(terms.lane_supplier.tolist())
        for at, cents in by_supplier.get(supplier, ())
    ]
    return PurchaseOrders(
        name=tuple(
            f"{names[a]} to {sites[b]}"
            for a, b in zip(terms.lane_supplier.tolist(), terms.lane_site.tolist(), strict=True)
        ),
        site=terms.lane_site,
        fixed_cost_cents=suppliers.integers("order_cost_cents")[terms.lane_supplier],
        minimum_cents=suppliers.integers("minimum_order_cents")[terms.lane_supplier],
        minimum_g=suppliers.integers("minimum_order_g")[terms.lane_supplier],
        truck_cost_cents=suppliers.integers("truck_cost_cents")[terms.lane_supplier],
        truck_g=suppliers.integers("truck_g")[terms.lane_supplier],
        truck_dm3=suppliers.integers("truck_dm3")[terms.lane_supplier],
        most_trucks=suppliers.integers("most_trucks")[terms.lane_supplier],
        freight=Steps.of_rows(len(terms.lane_supplier), steps),
    )
