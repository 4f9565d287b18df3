"""KPIs against the same definitions written out order by order."""

from __future__ import annotations

import math
import os
import pickle
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from analysis.slow_kpis import lower_quantile, pieces_of_lines, slow_backlog, slow_kpis
from analysis.small_records import made_records
from hypothesis import given, settings
from hypothesis import strategies as st
from model.small_models import small_business

from omsim.analysis.kpis import UNITS, Rows, quantiles
from omsim.analysis.measure import compute_kpis, measure
from omsim.analysis.outcomes import derive_outcomes, ship_by_s
from omsim.analysis.registry import CHAPTERS, COST_TEXTS, HEADLINE, REGISTRY
from omsim.analysis.series import N_WORST
from omsim.kernels import outcome_columns as columns
from omsim.kernels.parcel_outcomes import day_of
from omsim.model.calendars import Calendar


@pytest.fixture(scope="module", params=[0, 5])
def business(request):
    """The small business with and without a warm-up."""
    return small_business({"model.warm_up_days": request.param, "costs.late_penalty_cents": 500})


@pytest.mark.parametrize("seed", range(4))
def test_order_kpis_equal_the_slow_ones(business, seed):
    """Every order KPI, overall and by channel, is what counting order by order gives."""
    records = made_records(business, 300, seed)
    table = compute_kpis(records, business)
    groups = {"": None, **{f"channel={name}": i for i, name in enumerate(business["channels"].texts("channel"))}}
    for group, channel in groups.items():
        for kpi, value in slow_kpis(records, business, channel).items():
            assert table.get(kpi, group) == pytest.approx(value, nan_ok=True, rel=1e-12), (kpi, group)


def test_regions_add_up_to_the_whole(business):
    """Counts by region sum to the overall count."""
    table = compute_kpis(made_records(business, 300, 1), business)
    regions = [f"region={name}" for name in business["regions"].texts("region")]
    assert sum(table.get("orders_due", group) for group in regions) == table.get("orders_due")


@pytest.mark.parametrize("seed", range(2))
def test_backlog_by_day_is_what_is_in_the_house(business, seed):
    """The backlog at each midnight equals counting the orders that have not left."""
    records = made_records(business, 200, seed)
    _, series = measure(records, business)
    assert series.backlog.tolist() == slow_backlog(records, business)


def test_supply_kpis_equal_their_formulas(business):
    """Stock, carrier and people KPIs equal their formulas written out."""
    records = made_records(business, 300, 2)
    table, series = measure(records, business)
    stock, ships = records.stock, records.shipments
    counted_s = records.horizon_s - records.warm_up_s
    cost = business["skus"].integers("unit_cost_cents")
    value = float((stock.on_hand_unit_s * cost[business.codes("stock", "sku")]).sum()) / counted_s
    goods = sum(
        units * int(cost[records.lines.sku[line]])
        for line, shipment, units in pieces_of_lines(records)
        if ships.tendered_s[shipment] >= records.warm_up_s and ships.tendered_s[shipment] >= 0
    )
    assert table.get("inventory_value") == pytest.approx(value)
    assert table.get("inventory_turns") == pytest.approx(goods / counted_s * 365 * 86_400 / value)
    assert table.get("days_on_hand") == pytest.approx(365 / table.get("inventory_turns"))
    assert table.get("cycle_service") == 1 - stock.stockout_cycles.sum() / stock.cycles.sum()
    tendered = (ships.tendered_s >= records.warm_up_s) & (ships.tendered_s >= 0)
    assert table.get("carrier_spend") == ships.price_cents[tendered].sum()
    assert table.get("lost_share") == ships.lost[tendered].mean()
    limited = records.tenders.slots < 10**8
    late_enough = (records.tenders.at_s >= records.warm_up_s)[:, None] & limited
    assert table.get("slots_used") == pytest.approx(
        records.tenders.used[late_enough].sum() / records.tenders.slots[late_enough].sum()
    )
    assert math.isnan(table.get("slots_used", f"service={business['services'].texts('service')[-1]}"))
    stations = records.stations
    assert table.get("utilisation", "stage=validate") == stations.busy_s[0] / stations.staffed_s[0]
    assert series.flows.sum() == np.count_nonzero(tendered)
    assert series.tendered.sum() == np.count_nonzero(ships.tendered_s >= 0)


def test_causes_cover_every_miss_and_nothing_else(business):
    """Each due order that is not on time in full has one cause, all others have none."""
    records = made_records(business, 400, 3)
    outcomes = derive_outcomes(records, business)
    due = outcomes.has(columns.DUE)
    otif = outcomes.has(columns.ON_TIME, columns.IN_FULL)
    assert ((outcomes.cause > 0) == ~otif)[due].all()
    assert outcomes.misses.sum() == np.count_nonzero(due)
    lost = outcomes.has(columns.LOST, columns.DUE)
    assert (outcomes.cause[lost] == columns.BY_LOSS).all()
    cancelled = outcomes.has(columns.CANCELLED, columns.DUE) & ~outcomes.has(columns.LOST)
    assert (outcomes.cause[cancelled] == columns.BY_CANCEL).all()


def test_worst_orders_are_the_latest_of_each_cause(business):
    """No missed order is later than those listed for its cause."""
    records = made_records(business, 400, 3)
    _, series = measure(records, business)
    outcomes = derive_outcomes(records, business)
    missed = np.flatnonzero(outcomes.has(columns.DUE) & (outcomes.cause > 0))
    ended = np.where(outcomes.last_delivered_s[missed] < 0, records.horizon_s, outcomes.last_delivered_s[missed])
    late = ended - records.orders.promise_s[missed]
    for code in range(1, len(columns.CAUSES)):
        expected = sorted(late[outcomes.cause[missed] == code].tolist(), reverse=True)[:N_WORST]
        assert [order.late_s for order in series.worst if order.cause == columns.CAUSES[code]] == expected


def test_ship_by_is_the_last_useful_cutoff():
    """The last cutoff that meets a promise is the one a search day by day finds."""
    business = small_business({"model.horizon_days": 21})
    settings_ = business.settings
    calendar = Calendar(settings_.time_zone, settings_.start_date, settings_.horizon_days)
    found = ship_by_s(business, calendar)
    services, transits, zones = business["services"], business["transits"], business["zones"]
    cutoff = dict(zip(business["sites"].texts("site"), business["sites"].integers("cutoff").tolist(), strict=True))
    lanes: dict[tuple[str, str], dict[int, float]] = {}
    for service, zone, days, share in zip(
        transits.texts("service"),
        transits.texts("zone"),
        transits.integers("days"),
        transits.numbers("share"),
        strict=True,
    ):
        lanes.setdefault((service, zone), {})[int(days)] = float(share)
    for region_at, region in enumerate(business["regions"].texts("region")):
        for promised in range(calendar.n_days):
            best = -1
            for site, to, zone in zip(zones.texts("site"), zones.texts("region"), zones.texts("zone"), strict=True):
                for service_at, service in enumerate(services.texts("service")):
                    if to != region or (service, zone) not in lanes:
                        continue
                    shares = lanes[service, zone]
                    for day in range(promised + 1):
                        if not services.integers("pickup_days")[service_at] >> calendar.weekday[day] & 1:
                            continue
                        delivering = services.integers("delivery_days")[service_at] >> calendar.weekday & 1
                        passed = int(delivering[day + 1 : promised + 1].sum())
                        in_time = sum(share for days, share in shares.items() if days <= passed)
                        if in_time >= settings_.promise_quantile * sum(shares.values()) - 1e-12:
                            best = max(best, calendar.instant_s(day, cutoff[site]))
            assert found[region_at, promised] == best, (region, promised)


def test_an_empty_run_has_no_values_but_all_rows(business):
    """Without a single order ratios are missing, counts are zero, and the rows are the same."""
    empty = made_records(business, 0)
    table = compute_kpis(empty, business)
    full = compute_kpis(made_records(business, 300), business)
    assert (table.kpi, table.group) == (full.kpi, full.group)
    assert math.isnan(table.get("on_time_delivery"))
    assert table.get("orders_due") == 0


def test_every_row_is_registered_and_every_kpi_measured(business):
    """Tables and registry name the same KPIs; registry entries are well formed."""
    table = compute_kpis(made_records(business, 50), business)
    assert set(table.kpi) == set(REGISTRY)
    assert len(set(zip(table.kpi, table.group, strict=True))) == len(table)
    for kpi in REGISTRY.values():
        assert kpi.unit in UNITS
        assert kpi.direction in ("up", "down", "neutral")
        assert kpi.group in CHAPTERS
        assert kpi.numerator
        assert kpi.denominator
        assert kpi.null_rule
    assert set(HEADLINE) <= set(REGISTRY)
    assert {f"cost_{name}" for name in COST_TEXTS} <= set(REGISTRY)
    assert tuple(COST_TEXTS) == tuple(columns.COST_NAMES)


def test_tables_and_series_survive_pickling(business):
    """What crosses process borders comes out equal."""
    table, series = measure(made_records(business, 100), business)
    assert pickle.loads(pickle.dumps(table)) == table
    copy = pickle.loads(pickle.dumps(series))
    assert copy.worst == series.worst
    assert copy.backlog.tolist() == series.backlog.tolist()


def test_measuring_changes_no_record(business):
    """KPIs are a pure function: measuring twice gives the same table."""
    records = made_records(business, 100)
    assert compute_kpis(records, business) == compute_kpis(records, business)


@given(st.lists(st.integers(-50, 50), max_size=60), st.floats(0.01, 1))
def test_quantiles_are_exact(values, share):
    """The partition finds what sorting and counting finds."""
    expected = lower_quantile(values, share)
    assert quantiles(np.array(values, dtype=np.int64), [share])[0] == pytest.approx(expected, nan_ok=True)


@given(st.integers(0, 40 * 86_400 - 1))
@settings(max_examples=200)
def test_day_of_knows_daylight_saving(instant):
    """The guess put right equals the search, in a month when the clocks change."""
    calendar = Calendar("Europe/London", date(2026, 10, 10), 41)
    assert day_of(instant, calendar.day_start_s) == calendar.day_of(np.array([instant]))[0]


def test_ratio_without_base_is_no_value():
    """A denominator of zero gives NaN, never an error or an infinity."""
    rows = Rows()
    rows.ratio("otif", "", 0, 0)
    assert math.isnan(rows.table().get("otif"))


def test_uncompiled_kernels_give_the_same_table():
    """The same source run as plain Python measures the same, bit for bit."""
    code = (
        "import hashlib\n"
        "from analysis.small_records import made_records\n"
        "from model.small_models import small_business\n"
        "from omsim.analysis.measure import compute_kpis\n"
        "business = small_business({'model.warm_up_days': 2})\n"
        "rows = list(compute_kpis(made_records(business, 120), business).rows())\n"
        "print(hashlib.sha256(repr(rows).encode()).hexdigest())"
    )
    found = set()
    for disabled in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disabled, "PYTHONPATH": str(Path(__file__).parents[1])}
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        found.add(run.stdout)
    assert len(found) == 1


def test_measuring_needs_neither_pictures_nor_pandas():
    """Workers that only measure do not pay for importing what they never use."""
    code = "import sys, omsim.analysis.measure, omsim.analysis.summary; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"matplotlib", "pandas", "jinja2", "scipy.stats"} & set(loaded)


def test_a_run_that_is_all_warm_up_counts_nothing():
    """With no counted time every ratio is missing and every count is zero."""
    business = small_business({"model.warm_up_days": 13})
    records = made_records(business, 100)
    object.__setattr__(records, "warm_up_s", records.horizon_s)
    table, series = measure(records, business)
    assert table.get("orders_due") == 0
    for kpi in ("otif", "cycle_time", "inventory_value", "inventory_turns", "orders_per_day", "cost_per_order"):
        assert math.isnan(table.get(kpi)), kpi
    assert series.arrived.sum() == 100
