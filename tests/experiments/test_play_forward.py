"""Two ways to order, played on the same days to come: what differs, what may not, and what each costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from model.small_models import small_business

from omsim.experiments.play_forward import LONGEST_EXCESS_DAYS, Arm, Played, horizon_days, play_forward, tomorrow
from omsim.sim.engine import run_once

if TYPE_CHECKING:
    from omsim.model.business import Business

START = date(2026, 9, 28)  # the day after tonight, a Monday
CELLS = 5  # north: 012, NA, 1e5; south: 012, NA
ON_HAND = [200, 150, 30, 100, 80]
EVERY = np.ones(CELLS, dtype=np.bool_)
MILL = {"lead_time": ["fixed"], "lead_time_days": ["3"], "order_days": ["Mon-Sun"]}


def arm(low: int | list[int] = 60, top: int | list[int] = 160, tonight: list[int] | None = None) -> Arm:
    """The same (s, S) for all cells, or one each."""
    return Arm(
        reorder_point_units=np.broadcast_to(np.array(low), CELLS).astype(np.int64),
        order_up_to_units=np.broadcast_to(np.array(top), CELLS).astype(np.int64),
        tonight_units=np.array(tonight or [0] * CELLS, dtype=np.int64),
    )


def played(business: Business, in_force: Arm, new: Arm, **changes: Any) -> Played:
    """Both arms over two weeks, tonight's orders coming on the third day."""
    known: dict[str, Any] = {
        "planned": EVERY,
        "due": np.full(CELLS, START.toordinal() + 3),
        "shortage_cents": np.full(CELLS, 5.0),
        "units_per_day": np.full(CELLS, 2.0),
        "n_days": 14,
        "seed": 3,
        "replications": 3,
    }
    return play_forward(business, in_force, new, **known | changes)


def still_business(**tables: Any) -> Business:
    """The small business without a customer."""
    return small_business(channels={"orders_per_day": ["0"]}, suppliers=MILL, **tables)


def replayed(days: range, *, seed: int = 1, factor_after: int = 1, **tables: Any) -> Business:
    """The small business with orders on these days, counted from the start; those from then on may be larger."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in days:
        for number in range(12):
            units = int(rng.integers(1, 6)) * (factor_after if day >= 0 else 1)
            row = (
                str(rng.choice(["web", "shop"])),
                str(rng.choice(["upland", "coast"])),
                str(rng.choice(["012", "NA"])),
            )
            when = (START + timedelta(days=day)).isoformat()
            rows.append((f"o{day}-{number}", f"{when} {int(rng.integers(0, 24)):02d}:30", *row, str(units)))
    names = ("order", "ordered_at", "channel", "region", "sku", "units")
    business = small_business(
        {"model.start_date": START + timedelta(days=days[0])},
        suppliers=MILL,
        orders={name: [row[i] for row in rows] for i, name in enumerate(names)},
        **tables,
    )
    return replace(business, settings=replace(business.settings, start_date=START))


def test_identical_arms_gain_exactly_nothing() -> None:
    """The same policies and the same orders of tonight cost the same to the last bit, on every future."""
    same = arm(tonight=[0, 40, 0, 7, 0])
    result = played(small_business(), same, arm(tonight=[0, 40, 0, 7, 0]))
    assert result.gain_cents.shape == (3, 3)
    assert not result.gain_cents.any()
    assert (result.sku_cost_cents[:, 0] > 0).all()
    assert len(np.unique(result.sku_cost_cents[:, 0, 0])) == 3
    for values in result.kpis.values():
        assert np.array_equal(values[:, 0], values[:, 1], equal_nan=True)


def test_more_stock_costs_its_holding_to_the_cent() -> None:
    """Without customers, ten units ordered tonight cost their days on the shelf, their order, and what is left over."""
    more = [0, 10, 0, 0, 0]
    result = played(still_business(), arm(-1, ON_HAND), arm(-1, ON_HAND, more))
    rate = 0.2 / 365
    days = 14 - 3
    left = 10 * (10 / 2.0) / 2  # used up at two a day
    expected = 10 * 500 * rate * days + left * 500 * rate + 2500
    np.testing.assert_allclose(-result.gain_cents, [[0, expected, 0]] * 3, rtol=1e-9)
    base = [300 * 300 * rate * 14, 230 * 500 * rate * 14, 30 * 2000 * rate * 14]
    np.testing.assert_allclose(result.sku_cost_cents[:, 0], [base] * 3, rtol=1e-9)


def test_goods_bought_below_their_cost_are_a_gain() -> None:
    """What a price break saves is set against the order that took it."""
    breaks = "supplier, sku, from_units, unit_cost_cents\nmill, NA, 10, 440"
    business = still_business(price_breaks=breaks)
    few, many = [0, 9, 0, 0, 0], [0, 10, 0, 0, 0]
    top = [200, 1000, 30, 100, 80]
    result = played(business, arm(-1, top, few), arm(-1, top, many))
    np.testing.assert_allclose(result.gain_cents[:, 1], 10 * (500 - 440) - 500 * 0.2 / 365 * 11, rtol=1e-9)


def test_the_lines_of_an_order_share_what_sending_it_costs() -> None:
    """Tonight's lines of a supplier and site are one order; its cost, freight and trucks are split evenly over them."""
    business = still_business(
        freight="supplier, from_value_cents, freight_cents\nmill, 0, 900",
    )
    trucked = small_business(
        channels={"orders_per_day": ["0"]},
        suppliers=MILL | {"truck_cost_cents": ["600"], "truck_g": ["5000"]},
        freight="supplier, from_value_cents, freight_cents\nmill, 0, 900",
    )
    top = [1000] * CELLS
    two, more = [4, 8, 0, 0, 0], [4, 8, 0, 0, 3]  # 4 x 400 g + 8 x 700 g take two trucks, three towels one
    nothing = arm(-1, top)
    held = [4 * 300, 8 * 500, 0]
    for model, charge in ((business, 3400), (trucked, 4600)):
        cost = -played(model, nothing, arm(-1, top, two), replications=1).gain_cents[0]
        holding = np.array(held) * 0.2 / 365 * 11
        np.testing.assert_allclose(cost - holding, [charge / 2, charge / 2, 0], rtol=1e-9, atol=1e-6)
    cost = -played(business, nothing, arm(-1, top, more), replications=1).gain_cents[0]
    np.testing.assert_allclose(cost[1], (8 + 3) * 500 * 0.2 / 365 * 11 + 3400 / 2 + 3400, rtol=1e-9)


def test_units_owed_cost_by_the_day() -> None:
    """With empty shelves and no supply the arms owe the same; one that orders owes less from its receipt on."""
    business = small_business(stock={"on_hand_units": ["0"]}, suppliers=MILL)
    none, some = arm(-(10**6), 0), arm(-(10**6), 0, [400, 300, 40, 200, 150])
    dear = played(business, none, some, shortage_cents=np.full(CELLS, 1000.0))
    cheap = played(business, none, some, shortage_cents=np.zeros(CELLS))
    assert (dear.gain_cents > 0).all()
    assert (cheap.gain_cents < 0).all()
    owed = (dear.sku_cost_cents - cheap.sku_cost_cents) / 1000
    np.testing.assert_allclose(owed, np.rint(owed), atol=1e-6)  # unit-days
    assert (owed[:, 1] < owed[:, 0]).all()


def test_what_stands_above_both_levels_is_charged_until_it_is_used() -> None:
    """The end charges half the excess for its days of demand, two years at most, to whichever arm has it."""
    business, rate = still_business(), 0.2 / 365
    top = [200, 150, 30, 100, 80]
    none, some = arm(-1, top), arm(-1, top, [0, 0, 8, 0, 0])
    plain = 8 * 2000 * rate * 11 + 2500
    for per_day, days in ((4.0, 2.0), (0.01, LONGEST_EXCESS_DAYS), (0.0, LONGEST_EXCESS_DAYS)):
        result = played(business, none, some, units_per_day=np.full(CELLS, per_day))
        np.testing.assert_allclose(-result.gain_cents[:, 2], plain + 8 * days / 2 * 2000 * rate, rtol=1e-9)
        turned = played(business, some, none, units_per_day=np.full(CELLS, per_day))
        assert turned.gain_cents.tolist() == (-result.gain_cents).tolist()


@pytest.mark.parametrize("lower", [[100, 100, 10, 50, 0], [0] * CELLS])
def test_the_same_stock_costs_the_same_whatever_its_level_is_called(lower: list[int]) -> None:
    """Arms that buy nothing and hold the same differ in no cent, though one calls some of it excess."""
    business = still_business()
    result = played(business, arm(-1, ON_HAND), arm(-1, lower))
    assert not result.gain_cents.any()
    assert not played(business, arm(-1, lower), arm(-1, ON_HAND)).gain_cents.any()


def test_nobody_wins_by_buying_ahead_of_the_last_day() -> None:
    """A year's demand bought tonight is a loss, although it saves the orders of two weeks."""
    business = small_business(suppliers=MILL)
    weekly, ahead = arm(60, 160), arm(60, 160, [5000, 3000, 500, 3000, 2000])
    mean = np.array([13.0, 10.0, 3.0, 20.0, 10.0])
    assert (played(business, weekly, ahead, units_per_day=mean).gain_cents.sum(axis=1) < 0).all()


def test_tonights_orders_come_on_their_day_and_nothing_else_is_sent_that_morning() -> None:
    """They are on order from the first second, arrive when due, and policies order from the day after on."""
    seen = []
    import omsim.sim.engine as engine

    def spy(business: Business, **named: Any) -> Any:
        records = run_once(business, **named)
        seen.append(records)
        return records

    tonight = [0, 40, 0, 7, 0]
    due = START.toordinal() + np.array([2, 2, 2, 5, 5])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "run_once", spy)
        played(small_business(suppliers=MILL), arm(), arm(500, 900, tonight), due=due, replications=1)
    before, after = seen
    assert not (before.purchases.ordered_s < 0).any()
    bought = after.purchases
    first = bought.ordered_s < 0
    assert bought.cell[first].tolist() == [1, 3]
    assert bought.units[first].tolist() == [40, 7]
    assert len(set(bought.po[first].tolist())) == 2
    assert (bought.receipt_s[first] // 86_400).tolist() == [2, 5]
    assert after.stock.daily_on_order[0].tolist() == tonight
    for records in seen:
        sent = records.purchases.ordered_s[records.purchases.ordered_s >= 0]
        assert sent.min() // 86_400 == 1


def test_the_optimizer_of_a_model_does_not_speak_for_the_arms() -> None:
    """Arms order by their own policies even where the model's runs are planned by the optimizer."""
    business = small_business(suppliers=MILL)
    optimized = replace(business, settings=replace(business.settings, reorder="optimizer"))
    arms = arm(60, 160), arm(100, 300)
    plain, same = played(business, *arms, replications=1), played(optimized, *arms, replications=1)
    assert plain.sku_cost_cents.tolist() == same.sku_cost_cents.tolist()
    assert plain.gain_cents.any()


def test_cells_that_are_not_planned_keep_their_rows() -> None:
    """What the arms say of a cell nobody plans has no effect."""
    planned = np.array([True, True, True, False, False])
    one = played(small_business(), arm(), arm([60, 60, 60, 0, 0], [160, 160, 160, 900, 900]), planned=planned)
    assert not one.gain_cents.any()
    assert played(small_business(), arm(), arm([60, 60, 60, 0, 0], [160, 160, 160, 900, 900])).gain_cents.any()


def test_nothing_after_tonight_is_looked_at() -> None:
    """Where orders are replayed those of the days to come change nothing; those of the past do."""
    arms = arm(20, 60), arm(40, 120)
    one, other, none = (
        played(business, *arms)
        for business in (
            replayed(range(-56, 14)),
            replayed(range(-56, 14), factor_after=9),
            replayed(range(-56, 0)),
        )
    )
    assert one.sku_cost_cents.tolist() == other.sku_cost_cents.tolist() == none.sku_cost_cents.tolist()
    assert one.futures == other.futures == none.futures
    assert "past orders" in one.futures
    assert len(one.gain_cents) == 3
    assert one.gain_cents.any()
    changed = played(replayed(range(-56, 0), seed=2), *arms)
    assert changed.sku_cost_cents.tolist() != one.sku_cost_cents.tolist()


def test_each_replay_begins_a_week_further_back() -> None:
    """Futures are stretches of past orders on their own weekdays, as many as the past has and no more."""
    arms = arm(20, 60), arm(40, 120)
    many = played(replayed(range(-35, 0)), *arms, replications=8)
    assert len(many.gain_cents) == 4  # fourteen days, from two, three, four and five weeks ago
    first = played(replayed(range(-35, 0)), *arms, replications=1)
    assert first.sku_cost_cents[0].tolist() == many.sku_cost_cents[0].tolist()
    lines = replayed(range(-35, -7))  # seen from a week earlier the second stretch is the first
    moved = replace(lines, settings=replace(lines.settings, start_date=START - timedelta(days=7)))
    earlier = played(moved, *arms, replications=1, due=np.full(CELLS, START.toordinal() - 4))
    np.testing.assert_allclose(earlier.sku_cost_cents[0], many.sku_cost_cents[1], rtol=1e-12)


def test_a_past_too_short_to_replay_leaves_the_model_s_demand() -> None:
    """Orders that lie ahead, or of a few days only, are no future: the model's demand is drawn, or there is none."""
    arms = arm(-1, ON_HAND), arm(-1, ON_HAND, [1, 0, 0, 0, 0])
    for days in (range(0, 14), range(-9, 14)):
        drawn = played(replayed(days), *arms)
        assert drawn.futures == "3 draws of 14 days of the model's demand"
        plain = played(small_business(suppliers=MILL), *arms)
        assert drawn.sku_cost_cents.tolist() == plain.sku_cost_cents.tolist()
        quiet = played(replayed(days, demand=None, baskets=None, quantities=None), *arms)
        assert quiet.futures == "no demand: fewer than 14 days of orders before tonight to replay"
        assert len(quiet.gain_cents) == 1
        assert np.isnan(quiet.kpis["unit_fill"]).all()


@pytest.mark.slow
def test_the_answer_is_the_same_whatever_the_number_of_processes() -> None:
    """One process and two give the same costs to the bit, drawn or replayed."""
    for business in (small_business(), replayed(range(-42, 0))):
        one, two = (played(business, arm(20, 60), arm(40, 120), replications=2, jobs=jobs) for jobs in (1, 2))
        assert one.sku_cost_cents.tobytes() == two.sku_cost_cents.tobytes()
        assert all(np.array_equal(one.kpis[name], two.kpis[name], equal_nan=True) for name in one.kpis)


def test_the_trial_is_long_enough_for_two_rounds_of_orders() -> None:
    """Whole weeks over the wait and two reviews of nearly all cells, four at least and thirteen at most."""
    assert horizon_days(np.array([3.0, 3.0]), np.array([1, 1])) == 28
    assert horizon_days(np.full(20, 31.0), np.full(20, 7)) == 49
    assert horizon_days(np.full(20, 28.0), np.full(20, 7)) == 42
    assert horizon_days(np.full(20, 400.0), np.full(20, 7)) == 91
    assert horizon_days(np.zeros(0), np.zeros(0, dtype=np.int64)) == 28
    assert tomorrow(date(2026, 12, 31)) == date(2027, 1, 1)
