"""Gates let a sound night pass and stop one that is too old, too empty or too different, with a reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made_nights import AS_OF, made_night, made_snapshot

from omsim.model.files import read_business
from omsim.nightly.gates import GateLimits, judge_inputs, judge_plan, judge_with
from omsim.nightly.snapshot import LastNight, Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.nightly.night import Night
    from omsim.nightly.outcome import GateResult


@pytest.fixture(scope="module")
def snapshot(repo: Path) -> Snapshot:
    """A sound evening."""
    return made_snapshot(read_business(repo / "models" / "metro"))


@pytest.fixture(scope="module")
def night(snapshot: Snapshot) -> Night:
    """A sound night."""
    return made_night(snapshot)


def failed(results: tuple[GateResult, ...]) -> dict[str, str]:
    """Reasons of the gates that did not pass."""
    return {gate.name: gate.reason for gate in results if not gate.passed}


def levels_of(night: Night) -> dict[tuple[str, str], tuple[int, int]]:
    """Its policies, as the next night will remember them."""
    columns = (night.tables["policies"][c] for c in ("site", "sku", "reorder_point_units", "order_up_to_units"))
    return {(site, sku): (low, top) for site, sku, low, top in zip(*columns, strict=True)}


def test_a_sound_first_night_passes(snapshot: Snapshot, night: Night) -> None:
    """Nothing is compared with a yesterday there is not."""
    judge = judge_with(GateLimits())
    results = tuple(judge(snapshot, night, LastNight()))
    assert failed(results) == {}
    assert not {"size", "order_value_change", "policies_moved"} & {gate.name for gate in results}
    assert {gate.name for gate in judge(snapshot, None, LastNight())} < {gate.name for gate in results}


def test_old_inputs_are_stopped(snapshot: Snapshot) -> None:
    """The reason says how old, what is allowed, and which option moves the limit."""
    old = replace(snapshot, counted_on=AS_OF - timedelta(days=2), history_to=AS_OF - timedelta(days=4))
    told = failed(judge_inputs(old, LastNight(), GateLimits()))
    assert told["stock_age"] == (
        "stock was counted on 2026-09-25, 2 days before the night; allowed: at most 1 "
        "(--max-stock-age-days moves the limit)"
    )
    assert set(told) == {"stock_age", "history_age"}
    assert failed(judge_inputs(old, LastNight(), GateLimits(max_stock_age_days=2, max_history_age_days=4))) == {}


def test_the_limit_itself_is_allowed(snapshot: Snapshot) -> None:
    """A day old is at most a day old."""
    yesterday = replace(snapshot, counted_on=AS_OF - timedelta(days=1))
    assert failed(judge_inputs(yesterday, LastNight(), GateLimits())) == {}


def test_empty_inputs_are_stopped(snapshot: Snapshot) -> None:
    """Too short a history, too few cells, too many without demand, and a week without sales."""
    short = replace(snapshot, history_units=snapshot.history_units[:, -20:])
    assert set(failed(judge_inputs(short, LastNight(), GateLimits()))) == {"history_length"}
    known = LastNight(as_of=AS_OF - timedelta(days=1), n_cells=600)
    assert set(failed(judge_inputs(snapshot, known, GateLimits()))) == {"size"}
    idle = snapshot.history_units.copy()
    idle[:445] = 0
    told = failed(judge_inputs(replace(snapshot, history_units=idle), LastNight(), GateLimits()))
    assert set(told) == {"idle"}
    halted = snapshot.history_units.copy()
    halted[:, -7:] = 0
    told = failed(judge_inputs(replace(snapshot, history_units=halted), LastNight(), GateLimits()))
    assert told["recent_demand"].startswith("the last known week of demand is 0 % of the mean week before it")


def test_unknown_days_are_no_week_without_sales(snapshot: Snapshot) -> None:
    """A history that ends early is old, not empty."""
    units = snapshot.history_units.copy()
    units[:, -7:] = 0
    early = replace(snapshot, history_units=units, history_to=AS_OF - timedelta(days=7))
    assert set(failed(judge_inputs(early, LastNight(), GateLimits()))) == {"history_age"}


def test_orders_beyond_the_budget_or_reason_are_stopped(snapshot: Snapshot, night: Night) -> None:
    """The model's budget, a limit asked for, days of demand, and a multiple of last night's."""
    value = sum(night.tables["purchase_orders"]["value_cents"])
    settings = replace(snapshot.business.settings, budget_cents=value - 1)
    poor = replace(snapshot, business=replace(snapshot.business, settings=settings))
    assert set(failed(judge_plan(poor, night, LastNight(), GateLimits()))) == {"budget"}
    limits = GateLimits(max_order_value=value / 100 - 1)
    assert set(failed(judge_plan(snapshot, night, LastNight(), limits))) == {"budget"}
    assert set(failed(judge_plan(snapshot, night, LastNight(), GateLimits(max_value_days=0.5)))) == {"order_value"}
    small = LastNight(as_of=AS_OF - timedelta(days=1), value_cents=value // 20)
    quiet = replace(snapshot, history_units=snapshot.history_units // 4)
    assert "order_value_change" in failed(judge_plan(quiet, night, small, GateLimits(max_value_days=1e9)))


def test_a_small_order_after_a_smaller_one_is_no_alarm(snapshot: Snapshot, night: Night) -> None:
    """Twenty times next to nothing is still less than a week of demand."""
    busy = replace(snapshot, history_units=snapshot.history_units * 50)
    value = sum(night.tables["purchase_orders"]["value_cents"])
    last = LastNight(as_of=AS_OF - timedelta(days=1), value_cents=value // 20)
    results = {gate.name: gate for gate in judge_plan(busy, night, last, GateLimits())}
    assert results["order_value_change"].passed
    assert "no more than a week of demand" in results["order_value_change"].reason


def test_policies_that_leap_are_stopped(snapshot: Snapshot, night: Night) -> None:
    """Small steps are no matter; a third of the levels moving by more than a quarter is."""
    yesterday = AS_OF - timedelta(days=1)
    near = {place: (low, round(top * 1.2)) for place, (low, top) in levels_of(night).items()}
    assert failed(judge_plan(snapshot, night, LastNight(as_of=yesterday, levels=near), GateLimits())) == {}
    far = {place: (low, 3 * top + 10) for place, (low, top) in levels_of(night).items()}
    told = failed(judge_plan(snapshot, night, LastNight(as_of=yesterday, levels=far), GateLimits()))
    assert told["policies_moved"].startswith("460 of 460 policies moved their order-up-to level by more than 25 %")


@pytest.mark.parametrize("gap", [0.06, float("nan"), float("inf")])
def test_a_plan_without_proof_is_stopped(snapshot: Snapshot, night: Night, gap: float) -> None:
    """A gap above the limit, or none that is a number."""
    loose = replace(night, facts=night.facts | {"plan": {"gap_share": gap}})
    assert set(failed(judge_plan(snapshot, loose, LastNight(), GateLimits()))) == {"gap"}


def test_results_are_plain_numbers(snapshot: Snapshot, night: Night) -> None:
    """What is stored with the run is Python's own, whatever NumPy computed."""
    last = LastNight(as_of=AS_OF, value_cents=int(np.int64(5)), levels=levels_of(night), n_cells=460)
    for gate in judge_with(GateLimits())(snapshot, night, last):
        assert type(gate.passed) is bool
        assert (type(gate.measured), type(gate.limit)) == (float, float)
