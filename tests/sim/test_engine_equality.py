"""Both engines tell the same story of every order, to the second and the cent, and every audit is exact."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from itertools import product
from typing import TYPE_CHECKING

import pytest
from sim.busy_models import both_engines, digest_of, random_business, tied_business, with_changes

from omsim.model.fields import DISPOSITIONS
from omsim.model.loading import load
from omsim.sim.audit import audit
from omsim.sim.plan import compile_plan
from omsim.sim.records import NEVER, RunRecords, differences

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Business

SCENARIOS = (
    "automatic_validation",
    "baseline",
    "carrier_lost",
    "carrier_slots_cut",
    "carton_range",
    "cartons_today",
    "channel_fence",
    "contract_tier",
    "cutoff_moved",
    "hold_and_reassign",
    "new_site",
    "optimizer_in_the_loop",
    "peak_season",
    "pooled_or_siloed_stock",
    "returns_surge",
    "split_rule",
    "supplier_delay",
)
TIES = [
    (*rules, ("nearest", "fewest_splits")[i.bit_count() % 2], ("2026-10-12", "2026-03-20")[(i ^ i >> 2) % 2])
    for i, rules in enumerate(
        product(("at_cycle", "immediate"), ("daily", "continuous"), ("oldest", "priority"), (5, 60))
    )
]


def assert_equal_and_exact(process: RunRecords, window: RunRecords, business: Business) -> None:
    """The runs differ in no column, and no identity of either is broken."""
    assert differences(process, window) == []
    for records in (process, window):
        assert [identity for identity in audit(records, business) if identity.broken] == []


def cut_to(business: Business, start: date, n_days: int) -> Business:
    """The business from another first day on, for fewer days, without warm-up; its base likewise."""
    settings = replace(business.settings, start_date=start, horizon_days=n_days, warm_up_days=0)
    base = business.base and replace(
        business.base, settings=replace(business.base.settings, start_date=start, horizon_days=n_days, warm_up_days=0)
    )
    return replace(business, settings=settings, base=base)


def test_corner_shop(repo: Path):
    """The eight orders of the pencil model: equal in every replication."""
    business = load(repo / "models" / "corner_shop")
    for replication in range(3):
        process, window = both_engines(business, seed=1, replication=replication)
        assert_equal_and_exact(process, window, business)
    assert process.orders.arrived_s.size == 8


@pytest.mark.slow
def test_metro_whole(repo: Path):
    """Six weeks of metro, more than 100,000 orders through every stage: not one column differs."""
    business = load(repo / "models" / "metro")
    process, window = both_engines(business, seed=1)
    assert_equal_and_exact(process, window, business)
    assert process.orders.arrived_s.size > 100_000
    assert (process.shipments.delivered_s != NEVER).sum() > 100_000
    assert (process.returns.inspected_s != NEVER).sum() > 1_000
    assert process.short_lines.line.size > 1_000
    assert (process.contacts.answered_s != NEVER).sum() > 1_000


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenarios_of_metro(repo: Path, name: str):
    """Each shipped what-if, over a change of clocks in the middle of its effect."""
    assert {path.stem for path in (repo / "scenarios").glob("*.toml")} == set(SCENARIOS)
    business = cut_to(load(repo / "scenarios" / f"{name}.toml"), date(2026, 10, 23), 4)
    process, window = both_engines(business, seed=2)
    assert_equal_and_exact(process, window, business)
    assert process.orders.arrived_s.size > 5_000


@pytest.mark.parametrize("seed", range(60))
def test_random_businesses(seed: int):
    """Businesses drawn whole from a seed: rules, calendars, tables, events, windows, replayed orders."""
    business = random_business(seed)
    process, window = both_engines(business, seed=seed, replication=seed % 3)
    assert_equal_and_exact(process, window, business)


def test_random_businesses_have_everything():
    """The drawn businesses between them make everything happen that an engine could get wrong."""
    seen: Counter[str] = Counter()
    for seed in range(12):
        business = random_business(seed)
        _, run = both_engines(business, seed=seed)
        opened = run.purchases.ordered_s == NEVER
        seen.update(
            open_received=int((opened & (run.purchases.receipt_s < run.horizon_s)).sum()),
            open_due_at_once=int((opened & (run.purchases.receipt_s == 0)).sum()),
            open_still=int((opened & (run.purchases.receipt_s >= run.horizon_s)).sum()),
            supplier_days_off=int(compile_plan(business).supply.holiday.sum()),
            rejected=int(run.orders.rejected.sum()),
            waited=int((run.short_lines.cell >= 0).sum()),
            cancelled=int((run.short_lines.cancelled_s != NEVER).sum()),
            split=int((run.orders.n_shipments > 1).sum()),
            lost=int(run.shipments.lost.sum()),
            damaged=int(run.shipments.damaged.sum()),
            rolled=int(run.shipments.rolled_over.sum()),
            restocked=int(run.stock.restocked_units.sum()),
            scrapped=int((run.returns.disposition == DISPOSITIONS.index("scrap")).sum()),
            shrunk=int(run.stock.shrunk_units.sum()),
            abandoned=int(run.contacts.abandoned.sum()),
            stockouts=int(run.stock.stockout_cycles.sum()),
        )
    assert min(seen.values()) >= 10, seen


@pytest.mark.parametrize(("release", "review", "rank", "cycle", "rule", "start"), TIES)
def test_ties(release: str, review: str, rank: str, cycle: int, rule: str, start: str):
    """Fixed times of whole minutes: receipts, reviews, cycles, cutoffs and completions meet at the same seconds."""
    business = tied_business(
        {
            "decisions.release": release,
            "decisions.review": review,
            "decisions.backorder_rank": rank,
            "decisions.allocation_cycle_minutes": cycle,
            "decisions.allocation_rule": rule,
        },
        start_date=start,
    )
    process, window = both_engines(business, seed=cycle)
    assert_equal_and_exact(process, window, business)


@pytest.mark.parametrize(
    ("rule", "review", "rank", "cycle", "hold", "start"),
    [
        ("cheapest", "daily", "oldest", 5, 60, "2026-10-12"),
        ("dual_prices", "continuous", "priority", 60, 60, "2026-03-20"),
        ("fewest_splits", "daily", "priority", 60, 120, "2026-10-12"),
        ("batch_optimum", "continuous", "oldest", 60, 0, "2026-03-20"),
    ],
)
def test_ties_in_batches(rule: str, review: str, rank: str, cycle: int, hold: int, start: str):
    """Holds that end at a cycle, limits that end at midnight, and all that meets at the same seconds anyway."""
    business = tied_business(
        {
            "decisions.release": "at_cycle",
            "decisions.review": review,
            "decisions.backorder_rank": rank,
            "decisions.allocation_cycle_minutes": cycle,
            "decisions.allocation_rule": rule,
            "decisions.hold_minutes": hold,
        },
        start_date=start,
    )
    room = {"table": "sites", "column": "daily_shipments", "operation": "set", "value": 25, "where": {"site": "north"}}
    whole = {"table": "channels", "column": "ship_complete", "operation": "set", "value": True}
    business = with_changes(business, room, {**whole, "where": {"channel": "shop"}})
    process, window = both_engines(business, seed=cycle)
    assert_equal_and_exact(process, window, business)


def test_a_difference_is_seen():
    """The comparison names the one column in which one order is one second off; the digests differ as well."""
    process, window = both_engines(random_business(1), seed=1)
    packed_s = window.shipments.packed_s.copy()
    packed_s[3] += 1
    other = replace(window, shipments=replace(window.shipments, packed_s=packed_s))
    assert differences(process, other) == ["shipments.packed_s"]
    assert differences(process, replace(window, seed=5)) == ["seed"]
    assert digest_of(replace(other, engine="process")) != digest_of(process)
    assert digest_of(replace(window, engine="process")) == digest_of(process)
