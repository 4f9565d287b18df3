"""One night on small businesses: what is bought when nothing, and when everything, ties the lines together."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date, timedelta
from itertools import pairwise
from math import floor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model.small_models import small_business

from omsim.demand.lead_time import DemandTable
from omsim.errors import FieldError
from omsim.optimize.policies.service_levels import implied_shortage_cost
from omsim.optimize.policies.stock_position import min_max_drop
from omsim.optimize.reorder.cell_terms import DAYS_PER_YEAR, read_terms
from omsim.optimize.reorder.check import check_purchases
from omsim.optimize.reorder.night import TonightsPlan, look_ahead, plan_tonight
from omsim.optimize.reorder.outlook import Outlook, Position
from omsim.optimize.reorder.own_policies import LONGEST_CYCLE_DAYS, economic_units, lane_rhythm
from omsim.optimize.reorder.problem import MC_PER_CENT, NO_LIMIT, option_row
from omsim.optimize.reorder.tonight import tonights_problem, with_usual_terms
from omsim.optimize.reorder.values import HORIZON_DAYS, line_options, position_costs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omsim.model.business import Business

MONDAY, SATURDAY = date(2026, 9, 28), date(2026, 10, 3)
N_DAYS = 112
MEANS = (6.0, 2.0, 0.3, 4.0, 1.0)  # units a day of the small business's five cells
CELLS = 5
MILL = {"lead_time": ["fixed"], "lead_time_days": ["3"], "order_days": ["Mon-Sun"], "order_cost_cents": ["0"]}


def one_supplier_each(order_cost_cents: int = 0) -> str:
    """Table `suppliers` of five, each with one article at one site: nothing is shared."""
    rows = [f"m{i}, fixed, 3, Mon-Sun, {order_cost_cents}" for i in range(CELLS)]
    return "\n".join(["supplier, lead_time, lead_time_days, order_days, order_cost_cents", *rows])


def apart(
    aim: str, *, order_cost_cents: int = 0, stock: Mapping[str, Sequence[str]] | None = None, **change: object
) -> Business:
    """A business none of whose lines share an order."""
    own = {"supplier": [f"m{i}" for i in range(CELLS)], **(stock or {})}
    given = {"purchasing.aim": aim, "purchasing.unit_value_cents": 50, **change}
    return small_business(given, suppliers=one_supplier_each(order_cost_cents), stock=own)


def together(
    settings: Mapping[str, object] | None = None,
    *,
    stock: Mapping[str, Sequence[str]] | None = None,
    skus: Mapping[str, Sequence[str]] | None = None,
    sites: Mapping[str, Sequence[str]] | None = None,
    price_breaks: str | None = None,
    supplier_holidays: str | None = None,
    freight: str | None = None,
    **terms: object,
) -> Business:
    """The small business, its one supplier open every day at a fixed lead time, with terms as given."""
    return small_business(
        dict(settings or {}),
        suppliers=MILL | {name: [str(value)] for name, value in terms.items()},
        stock=dict(stock or {}),
        skus=dict(skus or {}),
        sites=dict(sites or {}),
        price_breaks=price_breaks,
        supplier_holidays=supplier_holidays,
        freight=freight,
    )


def past(seed: int = 3, means: Sequence[float] = MEANS) -> np.ndarray:
    """Units asked for by cell and day."""
    return np.random.default_rng(seed).poisson(np.array(means)[:, None], (len(means), N_DAYS)).astype(np.int64)


def looked(business: Business, history: np.ndarray | None = None, **changes: object) -> Outlook:
    """The look ahead of the evening before Monday."""
    units = past() if history is None else history
    first = MONDAY - timedelta(days=units.shape[1])
    return look_ahead(read_terms(business), units, first_day=first, seed=1, **changes)  # type: ignore[arg-type]


def at(units: np.ndarray) -> Position:
    """These positions, owed units where they are negative."""
    units = np.asarray(units, dtype=np.int64)
    return Position(
        on_hand_units=np.maximum(units, 0), on_order_units=np.zeros_like(units), backordered_units=np.maximum(-units, 0)
    )


def bought(outlook: Outlook, units: np.ndarray, tonight: date = MONDAY, **changes: object) -> TonightsPlan:
    """The plan at these positions."""
    return plan_tonight(outlook, at(units), tonight=tonight, seconds=60.0, **changes)  # type: ignore[arg-type]


def cost_of(night: TonightsPlan, units: np.ndarray) -> int:
    """Milli-cents of these units, each line on an order of its own."""
    problem = night.problem
    sent = problem.orders.fixed_cost_cents[problem.lines.order[units > 0]].sum() * MC_PER_CENT
    return int(problem.option_total_mc[option_row(problem, units)].sum() + sent)


@pytest.mark.parametrize("aim", ["fill_rate", "cost"])
def test_without_order_cost_every_line_is_ordered_up_to_its_own_level(aim: str) -> None:
    """With nothing shared and nothing to pay for sending, the plan is base stock, line by line."""
    outlook = looked(apart(aim))
    assert (outlook.order_up_to - outlook.reorder_point == 1).all()
    for below in range(-5, 24):
        position = outlook.order_up_to - below
        night = bought(outlook, position)
        own = np.full(CELLS, max(below, 0))
        assert cost_of(night, night.plan.units) <= cost_of(night, own)
        assert (np.abs(night.plan.units - own) <= 1).all()
        if aim == "fill_rate":  # the shortage cost is the level's own; that of a margin may leave two levels as good
            assert night.plan.units.tolist() == own.tolist()


@pytest.mark.parametrize(("pack", "moq"), [(1, 1), (1, 10), (6, 1), (6, 12)])
def test_lines_that_share_nothing_follow_their_own_policies(pack: int, moq: int) -> None:
    """With a cost of sending the plan orders exactly when the cheapest (s, S) does, and to S or the pack next to it."""
    stock = {"pack_units": [str(pack)], "moq_units": [str(moq)]}
    outlook = looked(apart("cost", order_cost_cents=2500, stock=stock))
    low, top = outlook.reorder_point, outlook.order_up_to
    assert (top - low > 12).all()
    for position in (low - 3, low - 1, low, low + 1, low + 2, (low + top) // 2, top):
        units = bought(outlook, position).plan.units
        wanted = np.where(position <= low, top - position, 0)
        assert (units % pack == 0).all()
        assert ((units == 0) == (wanted == 0)).all()
        assert (np.abs(units - wanted) < pack).all()


@pytest.mark.parametrize(("pack", "moq"), [(6, 1), (1, 10), (6, 12)])
def test_packs_without_order_cost_are_the_cheapest_legal_quantities(pack: int, moq: int) -> None:
    """Each line takes the quantity whose position has the least expected cost, among all its packs allow."""
    stock = {"pack_units": [str(pack)], "moq_units": [str(moq)]}
    outlook = looked(apart("fill_rate", stock=stock))
    legal = np.array([0, *(n for n in range(pack, 120, pack) if n >= moq)])
    first = np.arange(CELLS + 1) * legal.size
    for below in (-4, 0, 3, 7, 11, 20):
        position = outlook.order_up_to - below
        cost = position_costs(
            outlook.period,
            outlook.after,
            outlook.reorder_point,
            outlook.order_up_to,
            outlook.order_cost_cents,
            outlook.holding_cents,
            outlook.shortage_cents,
            horizon_periods=HORIZON_DAYS,
            first=first,
            units=(position[:, None] + legal).ravel(),
        ).reshape(CELLS, -1)
        units = bought(outlook, position).plan.units
        taken = cost[np.arange(CELLS), np.searchsorted(legal, units)]
        np.testing.assert_allclose(taken, cost.min(axis=1), atol=1.0 / MC_PER_CENT)


def test_nothing_is_sent_on_closed_days_and_holidays() -> None:
    """On a day its supplier takes no orders, or is on holiday, a line has no choice but nothing."""
    outlook = looked(together(order_days="Mon-Fri", supplier_holidays="supplier, date\nmill, 2026-09-29"))
    needy = outlook.reorder_point - 20
    for tonight, open_ in ((MONDAY, True), (MONDAY + timedelta(days=1), False), (SATURDAY, False)):
        night = bought(outlook, needy, tonight)
        assert (night.plan.units > 0).all() == open_
        assert night.plan.units.any() == open_
        assert (np.diff(night.problem.options.first) == 1).all() != open_


def test_only_lines_under_review_are_ordered() -> None:
    """`due` bars a line however much it lacks, and leaves the others alone."""
    outlook = looked(together())
    needy = outlook.reorder_point - 20
    due = np.array([True, False, True, False, True])
    free, some = bought(outlook, needy).plan, bought(outlook, needy, due=due).plan
    assert some.units.tolist() == np.where(due, free.units, 0).tolist()
    assert free.units.all()


def test_a_tight_budget_holds_and_has_a_price() -> None:
    """No more is spent than there is, what is bought is a good part of it, and a further cent is worth something."""
    wide = looked(together())
    needy = wide.reorder_point - 20
    free = bought(wide, needy)
    assert free.plan.budget_price == 0
    assert free.problem.budget_cents == NO_LIMIT
    budget = free.plan.spent_cents // 2
    tight = bought(looked(together({"purchasing.budget_cents": budget})), needy)
    assert tight.plan.spent_cents == int((tight.plan.units * tight.plan.price_cents).sum())
    assert budget * 0.8 < tight.plan.spent_cents <= budget
    assert tight.plan.budget_price > 0
    assert tight.plan.objective_mc > free.plan.objective_mc


def test_cover_and_shelf_life_cap_the_position() -> None:
    """After ordering no position covers more days of mean demand than its cell's cover or its SKU's life allow."""
    cover, life = [6.0, 0.0, 0.0, 4.0, 0.0], [9.0, 5.0, 0.0]  # of 012, NA, 1e5
    capped = together(
        {"purchasing.target_fill_rate": 0.999},
        stock={"max_cover_days": [str(days) for days in cover]},
        skus={"shelf_life_days": [str(days) for days in life]},
    )
    outlook, position = looked(capped), np.array([2, 1, 0, 1, 0])
    after = position + bought(outlook, position).plan.units
    free = replace(outlook, terms=replace(outlook.terms, max_cover_days=np.zeros(CELLS)))
    wanted = position + bought(free, position).plan.units
    mean = outlook.mean_units_per_day.tolist()
    limits = [6.0, 5.0, None, 4.0, 5.0]  # the shorter of both
    for cell, limit in enumerate(limits):
        if limit is None:
            assert after[cell] == wanted[cell]
        else:
            assert after[cell] <= floor(limit * mean[cell]) < wanted[cell]


def test_a_full_site_takes_no_more_than_its_room() -> None:
    """What is ordered fits the room that is left, to the cubic millimetre, and a cubic decimetre more has a price."""
    wide = looked(together())
    needy = wide.order_up_to - np.array([12, 5, 1, 9, 4])
    volume, north = wide.terms.volume_mm3, wide.terms.site == 0
    free = bought(wide, needy).plan
    taken = int((free.units * volume)[north].sum())
    sizes = [dm3 for dm3 in range(17, 400) if 0 < room_by_hand(wide, needy, (dm3, 10**6))[0] < 0.9 * taken]
    for dm3 in (sizes[len(sizes) // 2], sizes[-1]):
        tight = bought(looked(together(sites={"storage_dm3": [str(dm3), "1000000"]})), needy)
        left = tight.problem.sites.storage_left_mm3
        assert 0 < (tight.plan.units * volume)[north].sum() <= left[0] < taken
        assert tight.plan.storage_price_cents_per_dm3[0] > 0
        assert tight.plan.storage_price_cents_per_dm3[1] == 0
        assert (np.abs(tight.plan.units - free.units)[~north] <= 1).all()  # one unit more is all but as good


def room_by_hand(
    outlook: Outlook, position: np.ndarray, capacity_dm3: tuple[int, int], orderable: bool = True
) -> list[float]:
    """mm3 that may be added to each site: what no line needs, and the ordered lines' own share, while there is room."""
    room = []
    sold = outlook.before.mean().tolist()
    for site, dm3 in enumerate(capacity_dm3):
        needed = stands = own = there = 0.0
        for item in np.flatnonzero(outlook.terms.site == site).tolist():
            low, top, here = (int(v[item]) for v in (outlook.reorder_point, outlook.order_up_to, position))
            usual, of_unit = (low + top) / 2, int(outlook.terms.volume_mm3[item])
            there += max(here - sold[item], 0.0) * of_unit
            needed += max(usual - sold[item], 0.0) * of_unit
            stands += max(max(here, usual) - sold[item], 0.0) * of_unit
            own += max(usual - here, 0.0) * of_unit if orderable else 0.0
        share = min(dm3 * 1e6 / max(needed, 1.0), 1.0)
        room.append(max(min(max(dm3 * 1e6 - stands, 0.0) + own * share, dm3 * 1e6 - there), 0.0))
    return room


@pytest.mark.parametrize("order_cost_cents", [0, 3000])
@pytest.mark.parametrize("tonight", [MONDAY, SATURDAY])
@pytest.mark.parametrize("capacity", [(5_000, 900), (300, 40), (17, 3)])
def test_every_line_keeps_the_room_of_its_usual_stock(
    order_cost_cents: int, tonight: date, capacity: tuple[int, int]
) -> None:
    """Room is what nobody will need, and the usual room of what is ordered, less of it where all are too many."""
    sites = {"storage_dm3": [str(dm3) for dm3 in capacity]}
    outlook = looked(together(sites=sites, order_cost_cents=order_cost_cents, order_days="Mon-Fri"))
    for offset in (-15, 0, 40):
        position = outlook.reorder_point + offset
        problem = tonights_problem(outlook, at(position), tonight=tonight)
        expected = room_by_hand(outlook, position, capacity, orderable=tonight == MONDAY)
        np.testing.assert_allclose(problem.sites.storage_left_mm3, expected, atol=2)


def test_a_lot_at_a_lower_price_waits_for_its_turn_and_its_room() -> None:
    """The lot of a price break is bought at the reorder point, not before, and no more of it than there is room for."""
    breaks = "supplier, sku, from_units, unit_cost_cents\nmill, NA, 60, 100"
    outlook = looked(together(price_breaks=breaks))
    assert outlook.saved_cents[1] > 0
    position = outlook.order_up_to.copy()
    position[1] -= 3
    assert bought(outlook, position).plan.units[1] < 60
    position[1] = outlook.reorder_point[1]
    assert bought(outlook, position).plan.units[1] >= 60
    small = looked(together(sites={"storage_dm3": ["150", "1000000"]}, price_breaks=breaks))
    night = bought(small, position)
    volume = int((night.plan.units * small.terms.volume_mm3)[small.terms.site == 0].sum())
    assert volume <= int(night.problem.sites.storage_left_mm3[0]) <= 150_000_000
    assert night.plan.units[1] < 60


def test_price_breaks_are_taken_when_they_are_worth_it() -> None:
    """A deep break a little beyond the wish is taken to the unit; a shallow one, or one far away, is left."""
    position = looked(together()).order_up_to - 10

    def units(at_units: int, cents: int) -> tuple[int, int]:
        breaks = f"supplier, sku, from_units, unit_cost_cents\nmill, 012, {at_units}, {cents}"
        plan = bought(looked(together(price_breaks=breaks)), position).plan
        assert plan.price_cents[0] == (cents if plan.units[0] >= at_units else 300)
        return int(plan.units[0]), int(plan.units[1])

    assert units(16, 270)[0] >= 16
    assert units(200, 299) == (10, 10)
    assert units(4000, 290) == (10, 10)
    assert units(9, 100)[0] >= 10


def test_truck_space_shifts_options_by_whole_numbers() -> None:
    """Every option pays full trucks for the horizon's demand less its own space: exact, and adding up for any plan."""
    outlook = looked(together(truck_cost_cents=4000, truck_g=20_000, truck_dm3=300))
    plain = looked(together())
    position = outlook.reorder_point - 4
    lines = tonights_problem(plain, at(position), tonight=MONDAY).lines
    before = line_options(
        lines,
        outlook.period,
        outlook.after,
        order_cost_cents=outlook.order_cost_cents,
        holding_cents=outlook.holding_cents,
        shortage_cents=outlook.shortage_cents,
    )
    shifted = with_usual_terms(before, outlook)
    goods = [(400, 100 * 90 * 90), (700, 300 * 200 * 40), (2500, 400 * 200 * 200), (400, 810_000), (700, 2_400_000)]
    of_unit = [round(max(g / 20_000, mm3 / 300e6) * 4000 * MC_PER_CENT) for g, mm3 in goods]
    demand = [round(rate * HORIZON_DAYS) for rate in outlook.mean_units_per_day.tolist()]
    by_hand = [
        cost + of_unit[line] * (demand[line] - units)
        for line, units, cost in zip(before.line.tolist(), before.units.tolist(), before.cost_mc.tolist(), strict=True)
    ]
    assert shifted.cost_mc.tolist() == by_hand
    assert shifted.units.tolist() == before.units.tolist()
    night = bought(outlook, position)
    plan, check = night.plan, check_purchases(night.problem, night.plan.units)
    assert not check.broken
    trucks = [
        max(-(-weight // 20_000), -(-volume // 300_000_000))
        for weight, volume in zip(plan.order_weight_g.tolist(), plan.order_volume_mm3.tolist(), strict=True)
    ]
    assert plan.order_trucks.tolist() == trucks
    assert with_usual_terms(before, plain).cost_mc.tolist() == before.cost_mc.tolist()


def test_trucks_are_sent_in_time_and_full() -> None:
    """A dear truck is no reason to wait, only to be filled: without its space counted it would never leave."""
    outlook = looked(together(truck_cost_cents=30_000, truck_g=60_000))
    position = outlook.reorder_point - 1
    plan = bought(outlook, position).plan
    unpaid = replace(outlook, terms=replace(outlook.terms, truck_cents=np.zeros(CELLS)))
    assert not bought(unpaid, position).plan.units.any()
    sent = plan.order_trucks > 0
    assert sent.any()
    assert (plan.order_weight_g[sent] > 0.9 * 60_000 * plan.order_trucks[sent]).all()


def test_keeping_returns_the_old_policies_with_what_they_imply() -> None:
    """Kept items have the model's (s, S), one unit apart at least, and the shortage cost that makes S the best."""
    outlook = looked(together())
    assert outlook.keeping(np.zeros(CELLS, dtype=np.bool_)) is outlook
    kept = np.array([True, False, True, True, False])
    mixed = outlook.keeping(kept)
    old_low, old_top = [120, 80, 39, 60, 50], [300, 240, 40, 160, 150]  # base stock is S - 1, S; (r, Q) is r, r + Q
    for item in range(CELLS):
        low, top = int(mixed.reorder_point[item]), int(mixed.order_up_to[item])
        if kept[item]:
            assert (low, top) == (old_low[item], old_top[item])
            one = np.array([item])
            implied = implied_shortage_cost(
                outlook.after.select(one),
                min_max_drop(outlook.period.select(one), top - low),
                top,
                float(outlook.holding_cents[item]),
            )
            assert mixed.shortage_cents[item] == implied[0]
        else:
            assert (low, top) == (int(outlook.reorder_point[item]), int(outlook.order_up_to[item]))
            assert mixed.shortage_cents[item] == outlook.shortage_cents[item]


def test_a_kept_policy_is_what_is_ordered_by() -> None:
    """Levels near those of need, kept, are ordered to as the policy says, not as the forecast would have it."""
    outlook = looked(apart("fill_rate"))
    level = outlook.order_up_to + np.array([4, 3, 2, -3, -2])
    terms = replace(outlook.terms, old_reorder_point=level - 1, old_order_up_to=level)
    kept = replace(outlook, terms=terms).keeping(np.ones(CELLS, dtype=np.bool_))
    position = np.minimum(level, outlook.order_up_to) - 3
    assert bought(kept, position).plan.units.tolist() == (level - position).tolist()


def test_a_higher_target_never_lowers_a_level() -> None:
    """Levels, and the price of a shortage, rise with the fill rate that is promised."""
    found = [looked(together({"purchasing.target_fill_rate": target})) for target in (0.8, 0.9, 0.97, 0.995)]
    for lower, higher in pairwise(found):
        assert (higher.order_up_to >= lower.order_up_to).all()
        assert (higher.shortage_cents >= lower.shortage_cents).all()
        assert higher.order_up_to.sum() > lower.order_up_to.sum()


@pytest.mark.parametrize("target", [0.85, 0.95, 0.99])
def test_the_pooled_target_is_reached_and_hardly_passed(target: float) -> None:
    """On its own tables all items together fill the promised share at once; one step down the price they would not."""
    outlook = looked(together({"purchasing.target_fill_rate": target}))
    levels = outlook.order_up_to.tolist()
    assert (outlook.order_up_to - outlook.reorder_point == 1).all()

    def short(table: DemandTable, item: int) -> float:
        row = table.row(item)
        return float(sum(max(k - levels[item], 0) * share for k, share in enumerate(row.tolist())))

    lost = [short(outlook.after, item) - short(outlook.before, item) for item in range(CELLS)]
    asked = outlook.after.mean() - outlook.before.mean()
    filled = 1 - sum(lost) / asked.sum()
    assert target - 1e-9 <= filled < target + 0.02


def test_classes_have_their_own_pools() -> None:
    """Items of a class with a higher promise of its own are served better than under the common one."""
    common = looked(together({"purchasing.target_fill_rate": 0.9}))
    promised = small_business(
        {"purchasing.target_fill_rate": 0.9}, suppliers=MILL, service_targets="abc, xyz, fill_rate\nA, , 0.99"
    )
    own = looked(promised)
    best = own.abc == "A"
    assert best.any()
    assert not best.all()
    assert own.target_fill.tolist() == [0.99 if is_best else 0.9 for is_best in best.tolist()]
    assert (own.order_up_to[best] > common.order_up_to[best]).all()


def test_dearer_shortages_and_units_worth_more_raise_levels() -> None:
    """Aim cost: a wider margin never lowers S; aim one_price: a unit worth more never lowers a level."""
    prices = [["500", "700", "2500"], ["900", "1500", "6000"], ["4000", "9000", "30000"]]
    by_margin = [
        looked(together({"purchasing.aim": "cost"}, skus={"price_cents": price})).order_up_to for price in prices
    ]
    by_worth = [
        looked(together({"purchasing.aim": "one_price", "purchasing.unit_value_cents": cents})).order_up_to
        for cents in (5, 50, 500)
    ]
    for levels in (by_margin, by_worth):
        for lower, higher in pairwise(levels):
            assert (higher >= lower).all()
            assert (higher > lower).any()


def test_methods_known_are_taken_over() -> None:
    """A second look with the first at hand uses its methods and doubt, and on the same history finds the same."""
    business = together()
    first = looked(business)
    again = looked(business, known=first)
    assert again.method.tolist() == first.method.tolist()
    assert again.doubt_sigma.tolist() == first.doubt_sigma.tolist()
    assert again.order_up_to.tolist() == first.order_up_to.tolist()
    later = looked(business, np.concatenate((past(), past(9, (1.0, 5.0, 2.0, 0.2, 4.0))), axis=1), known=first)
    assert later.method.tolist() == first.method.tolist()
    assert later.order_up_to.tolist() != first.order_up_to.tolist()


def same(one: Outlook, other: Outlook) -> bool:
    """Whether two outlooks agree to the bit."""
    for part in fields(Outlook):
        a, b = getattr(one, part.name), getattr(other, part.name)
        if part.name == "terms" or isinstance(a, str):
            continue
        if isinstance(a, DemandTable):
            if a.pmf.tobytes() != b.pmf.tobytes() or a.first.tobytes() != b.first.tobytes():
                return False
        elif a.tolist() != b.tolist():
            return False
    return True


@pytest.mark.parametrize("aim", ["fill_rate", "cost", "one_price"])
def test_a_night_is_repeated_to_the_bit(aim: str) -> None:
    """The same evening gives the same outlook and the same plan, whatever went before."""
    business = together({"purchasing.aim": aim, "purchasing.budget_cents": 200_000}, order_cost_cents=2500)
    one = looked(business)
    night = bought(one, one.reorder_point - 3)
    looked(business, past(8))
    two = looked(business)
    again = bought(two, two.reorder_point - 3)
    assert same(one, two)
    for part in fields(night.plan):
        a, b = getattr(night.plan, part.name), getattr(again.plan, part.name)
        assert np.array_equal(a, b, equal_nan=isinstance(a, np.ndarray) and a.dtype == np.float64), part.name


def test_review_periods_keep_their_items_apart() -> None:
    """Items of unlike review periods are forecast in groups and come back in the order of the table."""
    mixed = together(stock={"review_days": ["1", "7", "1", "2", "7"]})
    outlook, daily = looked(mixed), looked(together())
    assert outlook.terms.review_days.tolist() == [1, 7, 1, 2, 7]
    np.testing.assert_allclose(outlook.mean_units_per_day, daily.mean_units_per_day, rtol=0.1)
    assert np.argsort(-outlook.mean_units_per_day).tolist() == np.argsort(-past().sum(axis=1)).tolist()
    protection = outlook.after.mean() / outlook.mean_units_per_day
    np.testing.assert_allclose(protection, 3 + outlook.terms.review_days, rtol=0.2)
    np.testing.assert_allclose(outlook.holding_cents, daily.holding_cents * [1, 7, 1, 2, 7])


@pytest.mark.parametrize("aim", ["fill_rate", "cost", "one_price"])
def test_what_never_sells_is_bought_only_for_those_who_wait(aim: str) -> None:
    """No demand: s = -1, S = 0, nothing is stocked, units owed are still bought, and for no more than their margin."""
    history = past()
    history[2] = 0
    outlook = looked(apart(aim), history)
    assert (int(outlook.reorder_point[2]), int(outlook.order_up_to[2])) == (-1, 0)
    assert 0 < outlook.shortage_cents[2] <= 6000 - 2000
    kept = outlook.keeping(np.arange(CELLS) == 2)
    assert kept.shortage_cents[2] == outlook.shortage_cents[2]
    for position, units in ((0, 0), (5, 0), (-3, 3)):
        assert bought(outlook, np.array([500, 500, position, 500, 500])).plan.units.tolist() == [0, 0, units, 0, 0]


def test_nothing_to_reorder_is_said() -> None:
    """A model without a supplied cell is refused in words."""
    bare = small_business(stock={"supplier": [""], "policy": ["none"]})
    with pytest.raises(FieldError, match=r"stock\.supplier"):
        look_ahead(read_terms(bare), np.zeros((0, 40), dtype=np.int64), first_day=MONDAY, seed=1)


@settings(max_examples=40)
@given(
    means=st.lists(st.floats(0, 50), min_size=CELLS, max_size=CELLS),
    sending=st.integers(0, 100_000),
    minimum=st.integers(0, 500_000),
    moq=st.lists(st.integers(1, 200), min_size=CELLS, max_size=CELLS),
)
def test_shares_of_sending_add_up(means: list[float], sending: int, minimum: int, moq: list[int]) -> None:
    """Shares weighed by how often each line is on the order pay for sending once; all on each: equal shares of it."""
    business = together(
        order_cost_cents=sending, minimum_order_cents=minimum, stock={"moq_units": [str(units) for units in moq]}
    )
    terms = read_terms(business)
    rhythm = lane_rhythm(terms, np.array(means))
    for lane in range(2):  # north has three of the cells, south two
        of_lane = [item for item in range(CELLS) if terms.lane[item] == lane]
        cycle = float(rhythm.cycle_days[lane])
        value = sum(means[item] * int(terms.unit_cost_cents[item]) for item in of_lane)
        holding = sum(max(means[item], 1e-12) * float(terms.holding_cents[item]) for item in of_lane)
        wanted = max((2 * sending / max(holding, 1e-12)) ** 0.5, minimum / max(value, 1e-9))
        assert cycle == pytest.approx(min(max(wanted, 1.0), LONGEST_CYCLE_DAYS), rel=1e-6)
        often = [min(cycle * max(means[item], 1e-12) / moq[item], 1.0) for item in of_lane]
        paid = sum(share * float(rhythm.order_cost_cents[item]) for share, item in zip(often, of_lane, strict=True))
        assert paid == pytest.approx(sending * min(sum(often), 1.0), abs=1e-6)
        if min(often) == 1.0:
            assert rhythm.order_cost_cents[of_lane].tolist() == [sending / len(of_lane)] * len(of_lane)


def test_order_quantities_are_economic_within_what_may_be_bought() -> None:
    """The square-root quantity at the line's share, the lane's cycle at least, the smallest order, at most a year."""
    business = together(order_cost_cents=3000, stock={"moq_units": ["1", "1", "500", "1", "1"]})
    terms = read_terms(business)
    mean = np.array([6.0, 2.0, 0.3, 4.0, 0.001])
    rhythm = lane_rhythm(terms, mean)
    units = economic_units(terms, np.arange(CELLS), mean, rhythm).tolist()
    for item in range(CELLS):
        root = (2 * float(rhythm.order_cost_cents[item]) * mean[item] / float(terms.holding_cents[item])) ** 0.5
        cycle = float(rhythm.cycle_days[terms.lane[item]]) * mean[item]
        most = max(mean[item] * DAYS_PER_YEAR, 1)
        assert units[item] == max(round(min(max(root, cycle), most)), [1, 1, 500, 1, 1][item])
    free = read_terms(together())
    still = lane_rhythm(free, mean)
    assert still.order_cost_cents.tolist() == [0.0] * CELLS
    assert economic_units(free, np.arange(CELLS), mean, still).tolist() == [1] * CELLS


def test_freight_and_minimum_bind_the_order_as_a_whole() -> None:
    """An order is worth its supplier's minimum or is not sent, and pays the freight of its value."""
    freight = "supplier, from_value_cents, freight_cents\nmill, 0, 8000\nmill, 60000, 0"
    outlook = looked(together(minimum_order_cents=15_000, freight=freight))
    for below in (0, 2, 5, 10, 40, 150):
        plan = bought(outlook, outlook.order_up_to - below).plan
        for value, paid in zip(plan.order_value_cents.tolist(), plan.order_freight_cents.tolist(), strict=True):
            assert value == 0 or value >= 15_000
            assert paid == (8000 if 0 < value < 60_000 else 0)
    assert plan.order_value_cents.all()
