"""The reorder optimizer in the loop: what it knows, when, and that both engines ask it the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from model.small_models import small_business
from sim.busy_models import digest_of, random_business, with_changes

from omsim.demand.arrivals import Intake, draw_intake
from omsim.model.building import replace_columns
from omsim.model.calendars import Calendar
from omsim.model.loading import load
from omsim.sim.engine import run_once
from omsim.sim.plan import Plan, compile_plan
from omsim.sim.planning import LEAST_KNOWN_DAYS, ReorderPlanner, asked_by_day, nearest_cells
from omsim.sim.records import differences

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Business

START = date(2026, 9, 28)
PLANNED = {"purchasing.reorder": "optimizer"}


def planned(business: Business, **settings: object) -> Business:
    """The business with the optimizer in the loop."""
    changed = {"reorder": "optimizer", "review": "daily", **settings}
    return replace(business, settings=replace(business.settings, **changed))  # type: ignore[arg-type]


def with_past(business: Business, seed: int, n_days: int = 60, last: int = 3) -> Business:
    """The business with a recorded past, every other SKU without its sites; `last` days of it lie in the run."""
    rng = np.random.default_rng(seed)
    start = business.settings.start_date
    sites, skus = business["sites"].texts("site"), business["skus"].texts("sku")
    rows = [
        ((start + timedelta(days=int(day))).isoformat(), site, sku, int(rng.poisson(4)))
        for day in range(-n_days, last)
        for number, sku in enumerate(skus)
        for site in (sites if number % 2 else ("",))
        if rng.random() < 0.6
    ]
    columns = {name: [row[i] for row in rows] for i, name in enumerate(("date", "site", "sku", "units"))}
    unsaid = {"sold_out": ["false"] * len(rows), **columns}
    return replace_columns(business, "history", {name: unsaid[name] for name in business["history"].columns})


def own_past(business: Business) -> np.ndarray:
    """Units by day and cell before the first day, as a planner of the business knows them."""
    planner, _ = planner_of(business)
    return planner._known[:, : planner._n_past].T


def planner_of(business: Business, intake: Intake | None = None) -> tuple[ReorderPlanner, Plan]:
    """A planner, and the plan it was made of."""
    plan = compile_plan(business)
    drawn = draw_intake(business, seed=1, replication=0) if intake is None else intake
    return ReorderPlanner(business, plan, drawn, seed=1, replication=0), plan


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 6])
def test_both_engines_buy_the_same(seed: int) -> None:
    """Window and process leave equal records, with a past that is drawn, or orders that are replayed."""
    business = planned(random_business(seed))
    window, process = (run_once(business, seed=seed, engine=engine) for engine in ("window", "process"))
    assert differences(window, process) == []


@pytest.mark.parametrize(("seed", "aim"), [(2, "cost"), (4, "fill_rate"), (6, "one_price"), (9, "cost")])
def test_both_engines_buy_the_same_by_a_recorded_past(seed: int, aim: str) -> None:
    """So they do with a history, whatever the aim, and the planner's orders are not the policies'."""
    base = with_past(random_business(seed), seed)
    business = planned(base, aim=aim, budget_cents=60_000, reforecast_days=3)
    window, process = (run_once(business, seed=seed, engine=engine) for engine in ("window", "process"))
    assert differences(window, process) == []
    assert (window.purchases.ordered_s >= 0).any()
    by_policies = run_once(planned(base, reorder="policies"), seed=seed)
    assert "purchases.units" in differences(window, by_policies)


@pytest.mark.slow
def test_both_engines_buy_the_same_for_a_whole_shop(repo: Path) -> None:
    """Days of the metro model under its scenario: terms, trucks and holidays of seven suppliers."""
    business = load(repo / "scenarios" / "optimizer_in_the_loop.toml")
    slower = replace_columns(
        business, "channels", {"orders_per_day": business["channels"].numbers("orders_per_day") / 20}
    )
    short = replace(slower, settings=replace(slower.settings, horizon_days=3, warm_up_days=0))
    window, process = (run_once(short, seed=1, engine=engine) for engine in ("window", "process"))
    assert differences(window, process) == []
    assert len(window.purchases.po) > 20


def test_a_run_is_repeated_to_the_bit() -> None:
    """The same model and seed give the same records, whatever ran before."""
    business = planned(with_past(random_business(4), 4))
    one = digest_of(run_once(business, seed=4))
    run_once(planned(random_business(1)), seed=9)
    assert digest_of(run_once(business, seed=4)) == one
    assert digest_of(run_once(business, seed=5)) != one


def replayed(n_days: int, *, per_day: int = 6, seed: int = 1, cut: int | None = None) -> Business:
    """The small business replaying made orders; those of day `cut` and later are others."""
    rng = np.random.default_rng(seed)
    orders: dict[str, list[object]] = {c: [] for c in ("order", "ordered_at", "channel", "region", "sku", "units")}
    for day in range(n_days):
        if day == cut:
            rng = np.random.default_rng(seed + 77)
        for number in range(per_day):
            units = int(rng.integers(1, 5)) * (3 if cut is not None and day >= cut else 1)
            when = START + timedelta(days=day)
            for name, cell in zip(
                orders,
                (
                    f"o{day}-{number}",
                    f"{when.isoformat()} {int(rng.integers(0, 24)):02d}:15",
                    str(rng.choice(["web", "shop"])),
                    str(rng.choice(["upland", "coast"])),
                    str(rng.choice(["012", "NA", "1e5"])),
                    units,
                ),
                strict=True,
            ):
                orders[name].append(cell)
    return small_business(
        {"model.horizon_days": n_days, **PLANNED},
        orders={name: [str(cell) for cell in cells] for name, cells in orders.items()},
    )


def test_policies_order_while_too_little_is_known() -> None:
    """Without a past the first 28 days are the policies'; from then on the planner answers."""
    business = replayed(LEAST_KNOWN_DAYS + 3)
    planner, _ = planner_of(business)
    n_cells = len(business["stock"])
    nothing = np.zeros(n_cells, dtype=np.int64)
    for day in range(LEAST_KNOWN_DAYS + 3):
        answer = planner.orders(day, nothing, nothing, nothing)
        assert (answer is None) == (day < LEAST_KNOWN_DAYS)
    run, by_policies = run_once(business, seed=1), run_once(planned(business, reorder="policies"), seed=1)
    early = [records.purchases.ordered_s < LEAST_KNOWN_DAYS * 86_400 for records in (run, by_policies)]
    for column in ("cell", "units", "ordered_s"):
        a, b = (
            getattr(records.purchases, column)[of].tolist()
            for records, of in zip((run, by_policies), early, strict=True)
        )
        assert a == b
    assert early[0].any()
    assert differences(run, run_once(business, seed=1, engine="process")) == []


def test_a_recorded_past_counts_towards_what_is_known() -> None:
    """A past of 20 days leaves eight to the policies, one of 60 none."""
    base = random_business(1)
    nothing = np.zeros(len(base["stock"]), dtype=np.int64)
    for n_days, first in ((20, 8), (60, 0)):
        business = with_past(base, 1, n_days)
        length = business.settings.start_date.toordinal() - int(business["history"].integers("date").min())
        planner, _ = planner_of(planned(business))
        known = [planner.orders(day, nothing, nothing, nothing) is not None for day in range(9)]
        assert known.index(True) == max(LEAST_KNOWN_DAYS - length, 0)
        assert abs(known.index(True) - first) <= 1


@pytest.mark.parametrize("cut", [29, 33])
def test_tomorrow_is_not_known_today(cut: int) -> None:
    """Orders of a day and after it change nothing the planner decides up to that morning, and do later."""
    n_days = 36
    one, other = (planner_of(replayed(n_days, cut=at))[0] for at in (None, cut))
    free = np.array([3, 0, 5, 2, 1])
    nothing = np.zeros(5, dtype=np.int64)
    differ = []
    for day in range(LEAST_KNOWN_DAYS, n_days):
        answers = [planner.orders(day, free, nothing, nothing) for planner in (one, other)]
        assert answers[0] is not None
        assert answers[1] is not None
        a, b = ([column.tolist() for column in answer] for answer in answers)
        if day <= cut:
            assert a == b, day
        else:
            differ.append(a != b)
    looks_after = [day for day in range(LEAST_KNOWN_DAYS, n_days, 7) if day > cut]
    assert any(differ) == bool(looks_after)


def test_the_end_of_an_intake_may_be_missing() -> None:
    """With all orders from a day on taken out of the intake, decisions up to that day stay as they were."""
    business = planned(random_business(1), reforecast_days=1)
    whole = draw_intake(business, seed=1, replication=0)
    plan = compile_plan(business)
    cut = 4
    n = int(np.searchsorted(whole.arrived_s, plan.times.day_start_s[cut]))
    lines = int(whole.first_line[n])
    part = Intake(
        arrived_s=whole.arrived_s[:n],
        channel=whole.channel[:n],
        region=whole.region[:n],
        entity=whole.entity[:n],
        first_line=whole.first_line[: n + 1],
        sku=whole.sku[:lines],
        units=whole.units[:lines],
    )
    one, other = planner_of(business, whole)[0], planner_of(business, part)[0]
    zero = np.zeros(len(business["stock"]), dtype=np.int64)
    for day in range(cut + 1):
        a, b = (planner.orders(day, zero, zero, zero + 3) for planner in (one, other))
        assert a is not None
        assert b is not None
        assert [column.tolist() for column in a] == [column.tolist() for column in b]
    assert one._known[:, one._n_past + cut :].any()
    assert not other._known[:, other._n_past + cut :].any()


def asked_slowly(business: Business, plan: Plan, intake: Intake) -> np.ndarray:
    """Units by day and cell, an order line at a time."""
    n_days = plan.times.n_days
    starts = plan.times.day_start_s.tolist()[: n_days + 1]
    asked = np.zeros((n_days, len(business["stock"])), dtype=np.int64)
    cells = {
        (site, sku): row
        for row, (site, sku) in enumerate(
            zip(business.codes("stock", "site").tolist(), business.codes("stock", "sku").tolist(), strict=True)
        )
    }
    for order, arrived in enumerate(intake.arrived_s.tolist()):
        days = [day for day, (a, b) in enumerate(pairwise(starts)) if a <= arrived < b]
        if not days:
            continue
        for line in range(int(intake.first_line[order]), int(intake.first_line[order + 1])):
            for site in plan.network.ranking[int(intake.region[order])].tolist():
                if site >= 0 and (site, int(intake.sku[line])) in cells:
                    asked[days[0], cells[site, int(intake.sku[line])]] += int(intake.units[line])
                    break
    return asked


@pytest.mark.parametrize("seed", range(6))
def test_demand_is_counted_at_the_nearest_site_that_carries_it(seed: int) -> None:
    """Lines are summed as a slow loop does, over days in which the clocks change too."""
    business = random_business(seed)
    plan, intake = compile_plan(business), draw_intake(business, seed=seed, replication=0)
    calendar = Calendar(business.settings.time_zone, business.settings.start_date, plan.times.n_days)
    n_cells = len(business["stock"])
    fast = asked_by_day(plan.network, intake, calendar.day_start_s, plan.times.n_days, n_cells)
    assert fast.tolist() == asked_slowly(business, plan, intake).tolist()
    assert fast.any()
    fewer = plan.times.n_days - 3
    assert asked_by_day(plan.network, intake, calendar.day_start_s, fewer, n_cells).tolist() == fast[:fewer].tolist()


def test_a_recorded_past_of_sites_is_taken_as_it_is() -> None:
    """Every unit before the first day stands at its site and day; what a site does not carry is left out."""
    base = small_business(
        PLANNED,
        history="""
            date,       site,  sku, units
            2026-09-20, north, 012, 5
            2026-09-20, south, 012, 7
            2026-09-22, north, 1e5, 2
            2026-09-22, south, 1e5, 9
            2026-09-27, south, NA,  4
            2026-09-28, south, NA,  400
        """,
    )
    past = own_past(base)
    expected = np.zeros((8, 5), dtype=np.int64)  # north 012, NA, 1e5; south 012, NA; the south has no 1e5
    expected[0, [0, 3]] = (5, 7)
    expected[2, 2] = 2
    expected[7, 4] = 4
    assert past.tolist() == expected.tolist()


def test_a_recorded_past_without_sites_is_shared_by_regions() -> None:
    """Units without a site go to the nearest site of each region by its share of orders, and all of them go."""
    rows = [("2026-09-24", "012", 1), ("2026-09-24", "NA", 32), ("2026-09-25", "1e5", 7), ("2026-09-27", "012", 2)]
    base = small_business(
        PLANNED,
        history={
            "date": [row[0] for row in rows],
            "sku": [row[1] for row in rows],
            "units": [str(row[2]) for row in rows],
        },
    )
    past = own_past(base)
    assert past.sum(axis=1).tolist() == [33, 7, 0, 2]
    assert past[0].tolist() == [0, 11, 0, 1, 21]  # upland, a third, is nearest to north; coast, two thirds, to south
    assert past[1].tolist() == [0, 0, 7, 0, 0]  # only north carries the lamp


@pytest.mark.parametrize("seed", range(5))
def test_a_recorded_past_adds_up_to_the_history(seed: int) -> None:
    """By day and SKU all that was recorded before the first day is there, wherever somebody carries it."""
    business = planned(with_past(random_business(seed), seed, last=5))
    past = own_past(business)
    supplied = [bool(name) for name in business["stock"].texts("supplier")]
    assert all(supplied)
    history, start = business["history"], business.settings.start_date.toordinal()
    plan = compile_plan(business)
    nearest = nearest_cells(plan.network)
    sku_of = business.codes("stock", "sku")
    cell_of = plan.network.cell_of
    total: dict[tuple[int, int], int] = {}
    for day, site, sku, units in zip(
        history.integers("date").tolist(),
        business.codes("history", "site").tolist(),
        business.codes("history", "sku").tolist(),
        history.integers("units").tolist(),
        strict=True,
    ):
        carried = cell_of[site, sku] >= 0 if site >= 0 else (nearest[:, sku] >= 0).all()
        if day < start and carried:
            total[day - start, sku] = total.get((day - start, sku), 0) + units
    found = {
        (day - len(past), sku): int(past[day, sku_of == sku].sum())
        for day in range(len(past))
        for sku in range(len(business["skus"]))
    }
    assert {key: units for key, units in found.items() if units} == {k: u for k, u in total.items() if u}


def test_a_past_that_is_drawn_is_of_the_model_before_the_change() -> None:
    """Demand doubled by a scenario is not known beforehand; and the past is none of the orders of the run."""
    base = small_business(PLANNED)
    doubled = with_changes(base, {"table": "channels", "column": "orders_per_day", "operation": "scale", "value": 2.0})
    assert doubled.base is not None
    before, after = own_past(base), own_past(doubled)
    assert before.tolist() == after.tolist()
    assert len(before) % 7 == 0
    assert len(before) >= 120
    plan, intake = compile_plan(base), draw_intake(base, seed=1, replication=0)
    run = asked_slowly(base, plan, intake)
    assert all((before[k : k + 14] != run).any() for k in range(0, len(before) - 13, 14))
    assert before.mean() == pytest.approx(run.mean(), rel=0.25)
