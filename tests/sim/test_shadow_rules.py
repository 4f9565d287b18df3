"""Shadow rules and the bound: told before by hand, equal to what a run did, and never above what any rule pays."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers
from sim.busy_models import both_engines, random_business, with_changes
from sim.test_sourcing_stories import two_shops

from omsim.model.building import replace_columns
from omsim.model.sourcing_tables import SOURCING_RULES
from omsim.sim.engine import run_once
from omsim.sim.plan import compile_plan
from omsim.sim.sourcing.shadow import Replay, regret_of, rules_compared
from omsim.sim.sourcing.supply_stream import StockPaths, supply_of

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

KEPT_FOR_THE_COAST = (
    *(f"{name}, 2026-09-28 08:10, first, coast, pen, 1" for name in "abc"),
    *(f"{name}, 2026-09-28 08:20, first, town, pen, 1" for name in "de"),
    "f, 2026-09-29 08:10, first, town, pen, 1",
    *(f"{name}, 2026-09-29 09:10, first, coast, pen, 1" for name in "gh"),
)
"""A parcel costs the town 4.00 from here and 5.00 from there, the coast 5.00 and 9.00."""


def shadowed(rules: str, own: str = "cheapest", **more: object) -> dict[str, object]:
    """Settings of a run with shadow rules."""
    return {"decisions.allocation_rule": own, "decisions.shadow_rules": rules, **more}


def sourced_pieces(told: RunRecords) -> list[tuple[int, int, int]]:
    """Line, site and units of everything a run put into shipments."""
    lines, short, pieces = told.lines, told.short_lines, told.pieces
    units = lines.units.astype(np.int64)
    units[short.line] = short.shipment_units
    whole = np.flatnonzero(lines.shipment >= 0)
    return sorted(
        zip(
            [*whole.tolist(), *pieces.line.tolist()],
            told.shipments.site[[*lines.shipment[whole], *pieces.shipment]].tolist(),
            [*units[whole].tolist(), *pieces.units.tolist()],
            strict=True,
        )
    )


def decided_pieces(business: Business, told: RunRecords) -> list[tuple[int, int, int]]:
    """The same of the run's own rule in the replay."""
    found: list[tuple[int, int, int]] = []
    for cycle, (own, *_) in Replay(business, told, (business.settings.allocation_rule,)).cycles():
        found += zip(
            cycle.lines[own.choice.line].tolist(), own.choice.site.tolist(), own.choice.units.tolist(), strict=True
        )
    return sorted(found)


def without_waits(seed: int, *, sourcing: bool) -> Business:
    """A drawn business in which a run does no more than its first attempts."""
    business = random_business(seed, sourcing=sourcing)
    channels: dict[str, list[str]] = {"backorders": ["false"], "substitutes": ["false"]}
    for table, columns in (("channels", channels), ("sites", {"daily_shipments": ["1000000000"]})):
        n_rows = len(business[table])
        business = replace_columns(business, table, {name: cells * n_rows for name, cells in columns.items()})
    return with_changes(
        business, {"table": "settings", "column": "decisions.hold_minutes", "operation": "set", "value": 0}
    )


def test_half_the_gap_of_a_story_is_caught():
    """Six pens here: cheapest pays 45.00, dual prices 42.00, and whoever knows all orders 39.00.

    Cheapest gives three to the coast (15.00) and three to the town (12.00); the coast's last two then cost 9.00 each.
    Dual prices have learnt by Tuesday: the town's third order gets a pen from there (5.00), and one of the coast's two
    the one from here. Knowing all, two of the town's three are served from there.
    """
    business = two_shops(*KEPT_FOR_THE_COAST, on_hand=(6, 0, 50, 0), settings=shadowed("dual_prices"))
    regret = regret_of(business, run_once(business))
    assert [(one.rule, one.cost_cents, one.shipments, one.unserved_units) for one in regret.rules] == [
        ("cheapest", 1500 + 1200 + 1800, 8, 0),
        ("dual_prices", 1500 + 800 + 500 + 500 + 900, 8, 0),
    ]
    assert regret.bound_cents == 5 * 500 + 400 + 2 * 500
    assert (regret.own, regret.n_orders, regret.n_units) == ("cheapest", 8, 8)


def test_the_bound_of_a_tiny_stream_is_the_best_of_all_plans():
    """One pen on Monday for two orders, two more on Wednesday for two later ones: every plan tried, in time."""
    orders = (
        ("2026-09-28 08:10", "coast"),
        ("2026-09-28 09:10", "town"),
        ("2026-09-30 12:10", "town"),
        ("2026-09-30 13:10", "coast"),
    )
    business = two_shops(
        *(f"o{i}, {at}, first, {region}, pen, 1" for i, (at, region) in enumerate(orders)),
        on_hand=(1, 0, 0, 0),
        receipts=("here, pen, 1, 2026-09-30", "there, pen, 1, 2026-09-30"),
        settings=shadowed("nearest", **{"costs.unserved_unit_cents": 3000}),
    )
    cents = {("town", 0): 400, ("town", 1): 500, ("coast", 0): 500, ("coast", 1): 900}
    best = None
    for plan in product((0, 1, None), repeat=len(orders)):
        monday = [site for site in plan[:2] if site is not None]
        if plan[:2].count(0) > 1 or 1 in monday or plan.count(0) > 2 or plan.count(1) > 1:
            continue
        cost = sum(
            3000 if site is None else cents[region, site] for (_, region), site in zip(orders, plan, strict=True)
        )
        best = cost if best is None else min(best, cost)
    regret = regret_of(business, run_once(business))
    assert regret.bound_cents == best == 3000 + 400 + 500 + 500
    assert regret.of("nearest").unserved_units == 1
    assert regret.of("cheapest").cost_cents == 500 + 3000 + 400 + 900


def test_stock_that_comes_later_serves_nobody_before():
    """Three orders for nothing on Monday and ten pens on Tuesday: all three stay unserved, in the bound as well."""
    business = two_shops(
        *(f"{name}, 2026-09-28 08:10, first, town, pen, 1" for name in "abc"),
        "d, 2026-09-29 12:10, first, town, pen, 1",
        on_hand=(0, 0, 0, 0),
        receipts=("here, pen, 10, 2026-09-29",),
        settings=shadowed("nearest", **{"costs.unserved_unit_cents": 3000}),
    )
    regret = regret_of(business, run_once(business))
    assert [(one.cost_cents, one.unserved_units) for one in regret.rules] == [(3 * 3000 + 400, 3)] * 2
    assert regret.bound_cents == 3 * 3000 + 400


def test_ample_stock_leaves_no_gap():
    """Where everybody gets the cheapest there is nothing to catch: the bound is met."""
    business = two_shops(*KEPT_FOR_THE_COAST, on_hand=(50, 0, 50, 0), settings=shadowed("nearest dual_prices"))
    regret = regret_of(business, run_once(business))
    assert {one.cost_cents for one in regret.rules} == {regret.bound_cents} == {5 * 500 + 3 * 400}


def test_no_rule_is_computed_twice_and_none_without_being_asked():
    """The run's own, those named, and the reference; nothing in a model that names none."""
    assert rules_compared(two_shops(*KEPT_FOR_THE_COAST)) == ()
    business = two_shops(*KEPT_FOR_THE_COAST, settings=shadowed("nearest most_stock", own="most_stock"))
    assert rules_compared(business) == ("most_stock", "nearest", "cheapest")


def test_limits_of_a_day_hold_for_every_rule_and_the_bound():
    """Here ships one parcel a day: Monday's other four orders pay for there, whoever decides."""
    business = two_shops(
        *(f"{name}, 2026-09-28 08:10, first, town, pen, 1" for name in "abcde"),
        settings=shadowed("nearest"),
        on_hand=(50, 0, 50, 0),
        sites={"daily_shipments": ["1", "1000000000"]},
    )
    regret = regret_of(business, run_once(business))
    assert [one.cost_cents for one in regret.rules] == [400 + 4 * 500] * 2
    assert regret.bound_cents == 400 + 4 * 500


@pytest.mark.parametrize("number", range(len(SOURCING_RULES)))
def test_the_runs_own_rule_decides_as_the_run_did(number: int):
    """Without waits, holds and substitutes the replay makes the very pieces and parcels of the run, by every rule."""
    business = without_waits(number, sourcing=True)
    assert business.settings.allocation_rule == SOURCING_RULES[number]
    told = run_once(business, seed=number)
    assert told.shipments.order.size > 0
    assert decided_pieces(business, told) == sourced_pieces(told)


@pytest.mark.parametrize("seed", [0, 1, 2, 4])
def test_orders_allocated_at_any_second_are_decided_as_the_run_did(seed: int):
    """In immediate release too, with receipts, returns and losses in between."""
    business = without_waits(seed, sourcing=False)
    business = with_changes(
        business, {"table": "settings", "column": "decisions.release", "operation": "set", "value": "immediate"}
    )
    told = run_once(business, seed=seed)
    assert told.shipments.order.size > 0
    assert decided_pieces(business, told) == sourced_pieces(told)


@pytest.mark.parametrize("seed", range(4))
def test_supply_is_what_the_run_put_on_the_shelf(seed: int):
    """Events add up to the stock accounts, cell by cell, and stocks that follow them go below nothing."""
    business = random_business(seed)
    told, plan = run_once(business, seed=seed), compile_plan(business)
    supply = supply_of(told, plan)
    total = np.zeros(plan.cells.site.size, dtype=np.int64)
    np.add.at(total, supply.cell, supply.units)
    np.testing.assert_array_equal(
        total, told.stock.received_units + told.stock.restocked_units - told.stock.shrunk_units
    )
    paths = StockPaths(told, plan, 2)
    paths.free_units[1] = 0
    paths.advance(told.horizon_s)
    np.testing.assert_array_equal(paths.free_units[0], plan.cells.opening + total)
    assert paths.free_units.min() >= 0


@settings(max_examples=6, deadline=None)
@given(seed=integers(0, 2000))
def test_nobody_pays_less_than_the_bound_and_engines_agree(seed: int):
    """Drawn businesses, every rule: records of both engines give one answer, and no rule pays less than the bound."""
    rules = " ".join(rule for rule in SOURCING_RULES if rule != "batch_optimum")
    business = with_changes(
        random_business(seed, sourcing=True),
        {"table": "settings", "column": "decisions.shadow_rules", "operation": "set", "value": rules},
    )
    process, window = both_engines(business, seed=seed)
    regret = regret_of(business, window)
    assert regret == regret_of(business, process)
    assert regret.bound_cents <= min(one.cost_cents for one in regret.rules)
    tried = window.orders.allocated_s >= 0
    assert regret.n_orders == int(tried.sum())
    assert regret.n_units == int(window.lines.units[np.repeat(tried, np.diff(window.orders.first_line))].sum())
    assert all(0 <= one.unserved_units <= regret.n_units for one in regret.rules)
