"""A business compiled for one run: every calendar, tariff and rule as the arrays the engines read.

Owns the translation from tables to arrays and nothing that happens in time; both engines read the same plan, so that
what they do alike is the specification's and what they read alike is the model's. See `SPECIFICATION.md`. Suppliers
and open orders are `supply`'s, carriers `tariff`'s, cartons `parcels`', contracts `contracts`', people `staffing`'s
work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.demand.numbering import base_numbers
from omsim.model.calendars import DAY_S, Calendar
from omsim.model.fields import DISPOSITIONS
from omsim.model.places import zone_distances_km
from omsim.sim.contracts import ContractTerms, compile_contracts
from omsim.sim.cycles import allocation_cycles, outage_days
from omsim.sim.distributions import TASK_KIND, lognormal_factors, lognormal_lag_s
from omsim.sim.parcels import Packaging, compile_packaging
from omsim.sim.sourcing.terms import sources_in_batches
from omsim.sim.staffing import closed_days, station_capacity
from omsim.sim.supply import OpenOrders, Supply, compile_open_orders, compile_supply
from omsim.sim.tariff import Tariff, compile_tariff

if TYPE_CHECKING:
    from omsim.model.business import Business

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

INFEASIBLE_CENTS = 100_000
HOLD_CENTS = 10_000_000
BEYOND_DAYS = 450
"""Days behind the horizon the calendar still knows: promises (at most 365) and transits (at most 60) end there."""

POLICY_NONE, POLICY_MIN_MAX, POLICY_QUANTITY, POLICY_BASE_STOCK = 0, 1, 2, 3
_POLICIES = {
    "none": POLICY_NONE,
    "min_max": POLICY_MIN_MAX,
    "quantity": POLICY_QUANTITY,
    "base_stock": POLICY_BASE_STOCK,
}


class Times(NamedTuple):
    """Horizon and control instants, int64 seconds.

    `cycle_s` are the allowed allocation cycles; `review_s` one instant a day; `cutoff_s`/`cutoff_site` the tenders,
    sorted; `day_start_s` the local midnights, `BEYOND_DAYS` past the horizon; `out_until_s` for each day the end of the
    outage it lies in (0 = the system is up), before which `immediate` release allocates nothing.
    """

    horizon_s: int
    warm_up_s: int
    n_days: int
    day_start_s: Ints
    weekday: Ints
    cycle_s: Ints
    review_s: Ints
    cutoff_s: Ints
    cutoff_site: Ints
    out_until_s: Ints


class Rules(NamedTuple):
    """Settings as numbers."""

    fewest_splits: bool
    immediate: bool
    oldest_first: bool
    continuous: bool
    refund_stage: int  # 0 scan, 1 receipt, 2 inspection
    return_transit_s: int
    late_penalty_cents: int
    promise_quantile: float
    batches: bool  # orders of a cycle are sourced together, by `sim.sourcing`


class Network(NamedTuple):
    """Sites, what they carry, and in which order a region's orders ask them.

    `cell_of` int32 (n_sites, n_skus), -1 = not carried; `ranking` int32 (n_regions, n_ranked), -1 = no further site;
    `closed` bool (n_sites, n_days); task means float64 (n_sites,), `task_table` float64 (n_sites, N_CELLS).
    """

    cell_of: NDArray[np.int32]
    ranking: NDArray[np.int32]
    closed: Flags
    pick_order_s: Floats
    pick_line_s: Floats
    pick_unit_s: Floats
    pack_order_s: Floats
    pack_unit_s: Floats
    inspect_unit_s: Floats
    task_kind: Ints
    task_table: Floats


class Channels(NamedTuple):
    """Channels, shape (n_channels,); `rank` numbers the distinct priorities from 0."""

    rank: Ints
    n_ranks: int
    backorders: Flags
    partial: Flags
    split_limit: Ints
    patience_s: Ints  # -1 = never
    promise_days: Ints  # -1 = no promise
    promise_cutoff_s: Ints
    auto_check_s: Ints
    manual_share: Floats
    review_s: Floats
    review_kind: Ints
    reject_share: Floats


class Cells(NamedTuple):
    """Stock rows (site x SKU), shape (n_cells,)."""

    site: Ints
    sku: Ints
    opening: Ints
    supplier: Ints
    policy: Ints
    reorder_point: Ints
    order_up_to: Ints
    order_quantity: Ints
    review_days: Ints
    moq: Ints
    pack: Ints
    shrinkage: Floats
    number: Ints  # what draws know the cell by


class Goods(NamedTuple):
    """SKUs, shape (n_skus,); `return_share` is (n_days or 1, n_skus), `disposition` (n_groups, 4) cumulative."""

    weight_g: Ints
    volume_mm3: Ints
    price_cents: Ints
    unit_cost_cents: Ints
    return_share: Floats
    disposition_group: Ints
    disposition: Floats
    return_lag_s: Ints


class Stations(NamedTuple):
    """Capacity calendars: station i has people[k] from change_s[k], k in first[i]..first[i + 1] - 1.

    Stations: 0 validate, 1 contact, then pick, pack and inspect of every site (2 + stage x n_sites + site).
    """

    first: Ints
    change_s: Ints
    people: Ints


class Plan(NamedTuple):
    """Everything a run reads, compiled; a NamedTuple of arrays so that kernels take it whole."""

    times: Times
    rules: Rules
    network: Network
    channels: Channels
    cells: Cells
    goods: Goods
    supply: Supply
    open_orders: OpenOrders
    tariff: Tariff
    packaging: Packaging
    contracts: ContractTerms
    stations: Stations


def compile_plan(business: Business) -> Plan:
    """Compile a checked business for a run over its horizon."""
    settings = business.settings
    calendar = Calendar(settings.time_zone, settings.start_date, settings.horizon_days + BEYOND_DAYS)
    closed = closed_days(business)
    tariff = compile_tariff(business, calendar)
    times = _times(business, calendar, closed, tariff)
    return Plan(
        times=times,
        rules=Rules(
            fewest_splits=settings.allocation_rule == "fewest_splits",
            immediate=settings.release == "immediate",
            oldest_first=settings.backorder_rank == "oldest",
            continuous=settings.review == "continuous",
            refund_stage=("at_scan", "at_receipt", "after_inspection").index(settings.refund_rule),
            return_transit_s=settings.return_transit_days * DAY_S,
            late_penalty_cents=settings.late_penalty_cents,
            promise_quantile=settings.promise_quantile,
            batches=sources_in_batches(business),
        ),
        network=_network(business, closed),
        channels=_channels(business),
        cells=_cells(business),
        goods=_goods(business),
        supply=compile_supply(business),
        open_orders=compile_open_orders(business, calendar),
        tariff=tariff,
        packaging=compile_packaging(business),
        contracts=compile_contracts(business, times.cutoff_s.size),
        stations=Stations(*station_capacity(business, calendar, closed)),
    )


def receiving_instant(plan: Plan, calendar: Calendar, site: int, arrives_s: int) -> int:
    """When a purchase order reaching `site` at `arrives_s` is put away."""
    minute = int(plan.supply.receiving_minute[site])
    if minute < 0:
        return arrives_s
    day = int(np.searchsorted(plan.times.day_start_s, arrives_s, side="right")) - 1
    instant = calendar.instant_s(day, minute)
    return instant if instant >= arrives_s else calendar.instant_s(day + 1, minute)


def _times(business: Business, calendar: Calendar, closed: Flags, tariff: Tariff) -> Times:
    settings = business.settings
    n_days = settings.horizon_days
    starts = calendar.day_start_s
    horizon_s = int(starts[n_days])
    out = outage_days(business)
    out_until = np.zeros(n_days + 1, dtype=np.int64)  # the first second after the outage that covers a day
    for day in range(n_days - 1, -1, -1):
        out_until[day] = (out_until[day + 1] or starts[day + 1]) if out[day] else 0
    days = np.arange(n_days, dtype=np.int64)
    cutoff_s, cutoff_site = [], []
    for site, minute in enumerate(business["sites"].integers("cutoff")):
        some = (tariff.slots[:, site] > 0).any(axis=1) & ~closed[site]
        instants = calendar.instants_s(days[some], int(minute) * 60)
        cutoff_s.append(instants)
        cutoff_site.append(np.full(instants.size, site, dtype=np.int64))
    at, site_at = np.concatenate(cutoff_s), np.concatenate(cutoff_site)
    order = np.lexsort((site_at, at))
    order = order[at[order] < horizon_s]
    return Times(
        horizon_s=horizon_s,
        warm_up_s=int(starts[settings.warm_up_days]),
        n_days=n_days,
        day_start_s=np.array(starts),
        weekday=np.array(calendar.weekday),
        cycle_s=allocation_cycles(business, calendar),
        review_s=calendar.instants_s(days, settings.review_time * 60),
        cutoff_s=at[order],
        cutoff_site=site_at[order],
        out_until_s=out_until,
    )


def _network(business: Business, closed: Flags) -> Network:
    sites, stock = business["sites"], business["stock"]
    n_sites, n_regions = len(sites), len(business["regions"])
    cell_of = np.full((n_sites, len(business["skus"])), -1, dtype=np.int32)
    cell_of[business.codes("stock", "site"), business.codes("stock", "sku")] = np.arange(len(stock))
    zone_site, zone_region = business.codes("zones", "site"), business.codes("zones", "region")
    distance = zone_distances_km(business)
    width = min(business.settings.sourcing_sites, n_sites)
    ranking = np.full((n_regions, width), -1, dtype=np.int32)
    for region in range(n_regions):
        rows = np.flatnonzero(zone_region == region)
        near = rows[np.lexsort((zone_site[rows], distance[rows]))][:width]
        ranking[region, : near.size] = zone_site[near]
    return Network(
        cell_of=cell_of,
        ranking=ranking,
        closed=closed,
        pick_order_s=np.array(sites.numbers("pick_order_s")),
        pick_line_s=np.array(sites.numbers("pick_line_s")),
        pick_unit_s=np.array(sites.numbers("pick_unit_s")),
        pack_order_s=np.array(sites.numbers("pack_order_s")),
        pack_unit_s=np.array(sites.numbers("pack_unit_s")),
        inspect_unit_s=np.array(sites.numbers("inspect_unit_s")),
        task_kind=np.array([TASK_KIND[kind] for kind in sites.texts("task_times")], dtype=np.int64),
        task_table=np.stack([lognormal_factors(float(cv)) for cv in sites.numbers("task_cv")]),
    )


def _channels(business: Business) -> Channels:
    channels = business["channels"]
    levels, rank = np.unique(channels.integers("priority"), return_inverse=True)
    promise = channels.numbers("promise_days")
    patience = channels.numbers("patience_days")
    return Channels(
        rank=rank.astype(np.int64),
        n_ranks=len(levels),
        backorders=np.array(channels.flags("backorders")),
        partial=np.array(channels.flags("partial_lines")),
        split_limit=np.array(channels.integers("split_limit")),
        patience_s=np.where(np.isnan(patience), -1, np.nan_to_num(patience) * DAY_S).astype(np.int64),
        promise_days=np.where(np.isnan(promise), -1, np.ceil(np.nan_to_num(promise))).astype(np.int64),
        promise_cutoff_s=channels.integers("promise_cutoff") * 60,
        auto_check_s=np.array(channels.integers("auto_check_s")),
        manual_share=np.array(channels.numbers("manual_review_share")),
        review_s=np.array(channels.numbers("review_s")),
        review_kind=np.array([TASK_KIND[kind] for kind in channels.texts("review_times")], dtype=np.int64),
        reject_share=np.array(channels.numbers("reject_share")),
    )


def _cells(business: Business) -> Cells:
    stock = business["stock"]
    supplier = business.codes("stock", "supplier")
    policy = np.array([_POLICIES[name] for name in stock.texts("policy")], dtype=np.int64)
    return Cells(
        site=np.array(business.codes("stock", "site")),
        sku=np.array(business.codes("stock", "sku")),
        opening=np.array(stock.integers("on_hand_units")),
        supplier=np.array(supplier),
        policy=np.where(supplier < 0, POLICY_NONE, policy),
        reorder_point=np.array(stock.integers("reorder_point_units")),
        order_up_to=np.array(stock.integers("order_up_to_units")),
        order_quantity=np.array(stock.integers("order_quantity_units")),
        review_days=np.array(stock.integers("review_days")),
        moq=np.array(stock.integers("moq_units")),
        pack=np.array(stock.integers("pack_units")),
        shrinkage=np.array(stock.numbers("shrinkage_units_per_day")),
        number=base_numbers(business, "stock", "site", "sku"),
    )


def _goods(business: Business) -> Goods:
    skus, settings = business["skus"], business.settings
    windowed = any((w.table, w.field) == ("skus", "return_share") for w in business.windows)
    share = business.by_day("skus", "return_share") if windowed else skus.numbers("return_share")[None, :]
    group, disposition = _dispositions(business)
    return Goods(
        weight_g=np.array(skus.integers("weight_g")),
        volume_mm3=skus.integers("length_mm") * skus.integers("width_mm") * skus.integers("height_mm"),
        price_cents=np.array(skus.integers("price_cents")),
        unit_cost_cents=np.array(skus.integers("unit_cost_cents")),
        return_share=np.array(share),
        disposition_group=group,
        disposition=disposition,
        return_lag_s=lognormal_lag_s(settings.return_lag_median_days, settings.return_lag_sigma),
    )


def _dispositions(business: Business) -> tuple[Ints, Floats]:
    """Group of each SKU, and each group's cumulative shares over `DISPOSITIONS`."""
    table = business["dispositions"]
    shares: dict[str, Floats] = {}
    for category, disposition, share in zip(
        table.texts("category"), table.texts("disposition"), table.numbers("share"), strict=True
    ):
        shares.setdefault(category, np.zeros(len(DISPOSITIONS)))[DISPOSITIONS.index(disposition)] += share
    shares.setdefault("", np.array([1.0, 0.0, 0.0, 0.0]))
    names = list(shares)
    group = [names.index(category if category in shares else "") for category in business["skus"].texts("category")]
    cumulative = np.cumsum(np.stack(list(shares.values())), axis=1)
    return np.array(group, dtype=np.int64), cumulative / cumulative[:, -1:]
