"""Compiled passes at a cutoff: what stands at the dock, what leaves, when it is delivered, what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.compiled import compiled
from omsim.kernels.random import keyed_uniforms
from omsim.sim.parcels import DockParcels
from omsim.sim.records import MOST_WEIGHT_G
from omsim.sim.tariff import transit_days
from omsim.sim.window.flow import RETURN_SHIFT, send_back
from omsim.sim.window.state import (
    DAMAGED,
    DELIVERED,
    FATE,
    FINE,
    IN_SHIPMENT,
    LINE,
    LOST,
    N_LINES,
    NEXT_PIECE,
    NUMBER,
    OF_SHORT,
    ORDER,
    PIECE_UNITS,
    PRICE,
    R_DAMAGED,
    R_DISPOSITION,
    R_INSPECTED,
    R_LINE,
    R_RECEIVED,
    R_REQUESTED,
    R_SHIPMENT,
    R_SITE,
    R_TASK,
    R_UNITS,
    RETURNS,
    ROLLED,
    SERVICE,
    SHIPPED,
    SITE,
    TENDERED,
    Count,
    Int,
    State,
)
from omsim.sim.window.stock import change_on_hand

if TYPE_CHECKING:
    from omsim.sim.plan import Plan

I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
Floats = NDArray[np.float64]

DAY_S = 86_400
OUT_FROM_S, OUT_FOR_S = 8 * 3600, 10 * 3600
"""Parcels are handed over from eight in the morning, over ten hours."""


class ShippingGuide(NamedTuple):
    """What a tender reads of a plan; see `plan` and `tariff` for the meanings."""

    horizon_s: int
    warm_up_s: int
    return_transit_s: int
    day_start_s: I64
    cell_of: I32
    return_share: Floats
    return_lag_s: I64
    zone: I64
    transit: Floats
    delivered_day: I64
    loss_share: Floats
    damage_share: Floats


def shipping_guide_of(plan: Plan) -> ShippingGuide:
    """The shipping guide of a plan."""
    return ShippingGuide(
        horizon_s=plan.times.horizon_s,
        warm_up_s=plan.times.warm_up_s,
        return_transit_s=plan.rules.return_transit_s,
        day_start_s=plan.times.day_start_s,
        cell_of=plan.network.cell_of,
        return_share=plan.goods.return_share,
        return_lag_s=plan.goods.return_lag_s,
        zone=plan.tariff.zone,
        transit=plan.tariff.transit,
        delivered_day=plan.tariff.delivered_day,
        loss_share=plan.tariff.loss_share,
        damage_share=plan.tariff.damage_share,
    )


def dock_parcels(plan: Plan, state: State, shipments: I32) -> tuple[DockParcels, int]:
    """What the tender must know of each shipment, and how many lines they hold together."""
    n = shipments.size
    region, promise_day, weight_g, volume_mm3, longest_mm, girth_mm = (np.empty(n, dtype=np.int64) for _ in range(6))
    nothing = np.zeros(0, dtype=np.int64)
    parcels = DockParcels(
        region,
        promise_day,
        weight_g,
        volume_mm3,
        longest_mm,
        girth_mm,
        np.zeros(n + 1, dtype=np.int64),
        nothing,
        nothing,
    )
    goods, packaging = plan.goods, plan.packaging
    n_lines = describe_parcels(
        plan.times.day_start_s,
        goods.weight_g,
        goods.volume_mm3,
        packaging.items.length_mm,
        packaging.girth_mm,
        state,
        shipments,
        parcels,
    )
    if packaging.cartons.cost_cents.size:
        parcels = parcels._replace(sku=np.empty(n_lines, dtype=np.int64), units=np.empty(n_lines, dtype=np.int64))
        list_contents(state, shipments, parcels)
    return parcels, int(n_lines)


@compiled
def describe_parcels(
    day_start_s: I64,
    sku_g: I64,
    sku_mm3: I64,
    sku_longest_mm: I64,
    sku_girth_mm: I64,
    state: State,
    shipments: I32,
    parcels: DockParcels,
) -> int:
    """Write all but the contents of each shipment; returns how many lines they hold together."""
    n_lines = 0
    skus, units, line_shipment, first_line = state.sku, state.units, state.line_shipment, state.first_line
    for p in range(shipments.size):
        s = shipments[p]
        order = state.ships[ORDER, s]
        n_lines += state.small[N_LINES, s]
        parcels.region[p] = state.region[order]
        weight, volume, longest, girth = np.int64(0), np.int64(0), np.int64(0), np.int64(0)
        for line in range(first_line[order], first_line[order + 1]):
            if line_shipment[line] == s:
                sku = skus[line]
                weight += units[line] * sku_g[sku]
                volume += units[line] * sku_mm3[sku]
                longest = max(longest, sku_longest_mm[sku])
                girth = max(girth, sku_girth_mm[sku])
        piece = state.piece[s]
        while piece >= 0:
            sku = skus[state.short[LINE, state.pieces[OF_SHORT, piece]]]
            weight += state.pieces[PIECE_UNITS, piece] * sku_g[sku]
            volume += state.pieces[PIECE_UNITS, piece] * sku_mm3[sku]
            longest = max(longest, sku_longest_mm[sku])
            girth = max(girth, sku_girth_mm[sku])
            piece = state.pieces[NEXT_PIECE, piece]
        parcels.weight_g[p], parcels.volume_mm3[p] = weight, volume
        parcels.longest_mm[p], parcels.girth_mm[p] = longest, girth
        parcels.promise_day[p] = -1
        if state.promise_s[order] >= 0:
            parcels.promise_day[p] = np.searchsorted(day_start_s, state.promise_s[order], side="right") - 1
    return n_lines


@compiled
def list_contents(state: State, shipments: I32, parcels: DockParcels) -> None:
    """Write what is in each shipment: its whole lines, then its parts of short ones."""
    at = 0
    for p in range(shipments.size):
        s = shipments[p]
        order = state.ships[ORDER, s]
        for line in range(state.first_line[order], state.first_line[order + 1]):
            if state.line_shipment[line] == s:
                parcels.sku[at], parcels.units[at] = state.sku[line], state.units[line]
                at += 1
        piece = state.piece[s]
        while piece >= 0:
            parcels.sku[at] = state.sku[state.short[LINE, state.pieces[OF_SHORT, piece]]]
            parcels.units[at] = state.pieces[PIECE_UNITS, piece]
            at += 1
            piece = state.pieces[NEXT_PIECE, piece]
        parcels.first_line[p + 1] = at


@compiled
def _send_back(return_transit_s: int, state: State, s: int, line: int, units: Count, requested_s: int) -> None:
    returns = state.returns
    row = state.tally[RETURNS]
    state.tally[RETURNS] = row + 1
    returns[R_LINE, row] = line
    returns[R_SHIPMENT, row] = s
    returns[R_UNITS, row] = units
    returns[R_SITE, row] = state.small[SITE, s]
    returns[R_REQUESTED, row] = requested_s
    returns[R_RECEIVED, row] = requested_s + return_transit_s
    returns[R_INSPECTED, row] = -1
    returns[R_TASK, row] = 0
    returns[R_DISPOSITION, row] = -1
    returns[R_DAMAGED, row] = state.small[FATE, s] == DAMAGED
    send_back(state, row)


@compiled
def ship_parcels(
    guide: ShippingGuide,
    state: State,
    shipments: I32,
    service: I64,
    price_cents: I64,
    at_s: int,
    day: int,
    seed: int,
    shipment_stream: int,
    fate_stream: int,
    return_stream: int,
) -> None:
    """Tender each shipment with its service; those with service -1 go back to the dock.

    The columns need room for one return per line in the shipments.
    """
    ships, small, stock, dock, pieces, short = (
        state.ships, state.small, state.stock, state.dock, state.pieces, state.short,
    )  # fmt: skip
    entity_of, first_line, region_of, line_shipment = (
        state.entity, state.first_line, state.region, state.line_shipment,
    )  # fmt: skip
    sku_of, units_of, cell_of, link = state.sku, state.units, guide.cell_of, state.link
    loss_share, damage_share, zone, transit = guide.loss_share, guide.damage_share, guide.zone, guide.transit
    day_start_s, delivered_day, lag_s = guide.day_start_s, guide.delivered_day, guide.return_lag_s
    warm_up_s, horizon_s = guide.warm_up_s, guide.horizon_s
    share_of = guide.return_share[min(day, guide.return_share.shape[0] - 1)]
    for p in range(shipments.size):
        s = shipments[p]
        site = small[SITE, s]
        if service[p] < 0:
            small[ROLLED, s] += 1
            link[s] = dock[site]
            dock[site] = s
            continue
        order, number = ships[ORDER, s], small[NUMBER, s]
        entity, first, last = entity_of[order], first_line[order], first_line[order + 1]
        small[SERVICE, s] = service[p]
        ships[PRICE, s] = price_cents[p]
        ships[TENDERED, s] = at_s
        fate, delivered_s = FINE, -1
        u_lost, u_damaged, _, _ = keyed_uniforms(seed, fate_stream, entity, number)
        if u_lost < loss_share[service[p]]:
            fate = LOST
        else:
            if u_damaged < damage_share[service[p]]:
                fate = DAMAGED
            _, _, u_transit, u_hour = keyed_uniforms(seed, shipment_stream, entity, number)
            k = transit_days(transit, service[p], zone[site, region_of[order]], u_transit)
            morning_s = day_start_s[delivered_day[service[p], day, k]] + OUT_FROM_S
            delivered_s = max(morning_s + int(u_hour * OUT_FOR_S), at_s + 3600)
            ships[DELIVERED, s] = delivered_s
        small[FATE, s] = fate
        piece = state.piece[s]
        line = first
        while line < last or piece >= 0:
            if line < last:  # first the lines it holds whole, then the parts of short ones
                whole = line
                line += 1
                if line_shipment[whole] != s:
                    continue
                part_of, units = whole, np.int64(units_of[whole])
            else:
                part_of, units = short[LINE, pieces[OF_SHORT, piece]], np.int64(pieces[PIECE_UNITS, piece])
                piece = pieces[NEXT_PIECE, piece]
            sku = sku_of[part_of]
            cell = cell_of[site, sku]
            change_on_hand(stock, cell, -units, at_s, warm_up_s, horizon_s)
            stock[cell, SHIPPED] += units
            if fate == LOST:
                continue
            requested_s = delivered_s + DAY_S
            if fate == FINE:
                if share_of[sku] <= 0:
                    continue
                part = np.int64(part_of - first) * RETURN_SHIFT + number
                u_back, u_lag, _, _ = keyed_uniforms(seed, return_stream, entity, part)
                if u_back >= share_of[sku]:
                    continue
                requested_s = delivered_s + lag_s[int(u_lag * lag_s.size)]
            if requested_s < horizon_s:
                _send_back(guide.return_transit_s, state, s, part_of, units, requested_s)


@compiled
def shipment_weights(
    sku_g: I64, sku: Int, units: Int, line_shipment: I32, pieces: I32, short: I32, n_pieces: int, weight_g: I32
) -> None:
    """Add up what every shipment weighs, from its whole lines and its pieces; `weight_g` starts at zeros.

    Two thousand tonnes and more all weigh `MOST_WEIGHT_G`.
    """
    for line in range(sku.size):
        if line_shipment[line] >= 0:
            s = line_shipment[line]
            weight_g[s] = min(np.int64(weight_g[s]) + units[line] * sku_g[sku[line]], MOST_WEIGHT_G)
    for piece in range(n_pieces):
        line = short[LINE, pieces[OF_SHORT, piece]]
        s = pieces[IN_SHIPMENT, piece]
        weight_g[s] = min(np.int64(weight_g[s]) + pieces[PIECE_UNITS, piece] * sku_g[sku[line]], MOST_WEIGHT_G)
