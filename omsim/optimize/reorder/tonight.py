"""Tonight's problem: what the look ahead says of every item, and tonight's positions, as columns of lines and orders.

Owns the translation only. What is known of the items is `outlook`'s, the columns
and their checks are `problem`'s, solving them is `solve`'s.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from omsim.model.field_types import CENTS
from omsim.optimize.reorder.cell_terms import may_order
from omsim.optimize.reorder.problem import (
    MC_PER_CENT,
    MM3_PER_DM3,
    NO_LIMIT,
    LineOptions,
    PurchaseLines,
    PurchaseOrders,
    ReorderProblem,
    StorageSites,
)
from omsim.optimize.reorder.values import HORIZON_DAYS, line_options

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from omsim.optimize.reorder.cell_terms import CellTerms
    from omsim.optimize.reorder.outlook import Outlook, Position

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]
    Flags = NDArray[np.bool_]


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
    options = with_usual_terms(options, outlook)
    sites, budget = terms.business["sites"], terms.business.settings.budget_cents
    return ReorderProblem(
        lines=lines,
        orders=_orders(terms),
        sites=StorageSites(name=sites.texts("site"), storage_left_mm3=_room_left(outlook, position, orderable)),
        options=options,
        budget_cents=budget if budget < CENTS else NO_LIMIT,
    )


def with_usual_terms(options: LineOptions, outlook: Outlook) -> LineOptions:
    """Options whose costs count trucks for the horizon's demand, less the space tonight's units take, at usual prices.

    Demand pays for its trucks whichever day they come, so tonight's trucks are no reason to wait: what is left to weigh
    is the space in them that stays empty. Nor is a price break a reason to buy ahead when the next order, in a lot of
    the usual size, will have it as well: what is left to weigh is a price that differs from the usual one.
    """
    terms = outlook.terms
    truck_mc = np.rint(terms.truck_cents * MC_PER_CENT).astype(np.int64)
    saved_mc = np.rint(outlook.saved_cents * MC_PER_CENT).astype(np.int64)
    demand = np.rint(outlook.mean_units_per_day * HORIZON_DAYS).astype(np.int64)
    line, units = options.line, options.units
    return replace(options, cost_mc=options.cost_mc + truck_mc[line] * (demand[line] - units) + saved_mc[line] * units)


def _room_left(outlook: Outlook, position: Position, orderable: Flags) -> Units:
    """Volume tonight's orders may add at each site; int64, shape (n_sites,), mm3.

    Counted when tonight's goods come: all that is on its way has come, and has been sold from. Every line keeps the
    room of its usual stock (the middle of its spread; all in proportion where the site is too small for them), so that
    buying one article ahead takes nothing but room nobody else will need; what is ordered tonight may use its own.
    """
    terms = outlook.terms
    sites = terms.business["sites"]
    sold = outlook.before.mean()
    usual = outlook.order_up_to - (outlook.order_up_to - outlook.reorder_point) / 2

    def volume(units: Floats) -> Floats:
        return np.bincount(terms.site, weights=units * terms.volume_mm3, minlength=len(sites)).astype(np.float64)

    capacity = sites.integers("storage_dm3").astype(np.float64) * MM3_PER_DM3
    fits = np.minimum(capacity / np.maximum(volume(np.maximum(usual - sold, 0.0)), 1.0), 1.0)
    free = capacity - volume(np.maximum(np.maximum(position.units, usual) - sold, 0.0))
    own = volume(np.where(orderable, np.maximum(usual - position.units, 0.0), 0.0)) * fits
    still_empty = capacity - volume(np.maximum(position.units - sold, 0.0))
    return np.clip(np.minimum(np.maximum(free, 0.0) + own, still_empty), 0, NO_LIMIT).astype(np.int64)


def _lines(outlook: Outlook, position: Position) -> PurchaseLines:
    terms = outlook.terms
    business = terms.business
    sku, site = business["skus"].texts("sku"), business["sites"].texts("site")
    cover = np.floor(terms.max_cover_days * outlook.mean_units_per_day) - position.units
    most = np.where(terms.max_cover_days > 0, np.maximum(cover, 0), NO_LIMIT).astype(np.int64)
    if outlook.kept.any():
        by_policy = terms.policy_units(position.units, outlook.reorder_point, outlook.order_up_to)
        most = np.where(outlook.kept, np.minimum(most, by_policy), most)
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
        price_breaks=terms.price_breaks,
    )


def _orders(terms: CellTerms) -> PurchaseOrders:
    business = terms.business
    suppliers = business["suppliers"]
    names, sites = suppliers.texts("supplier"), business["sites"].texts("site")
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
        freight=terms.freight,
    )
