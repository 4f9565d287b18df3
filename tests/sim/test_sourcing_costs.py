"""What sourcing decides on: costs of lanes, expected demand, prices of stock, and who keeps what for whom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from model.small_models import small_business

from omsim.demand.arrivals import draw_intake
from omsim.sim.plan import compile_plan
from omsim.sim.sourcing.costs import SourcingCosts, open_ranking, straight_line
from omsim.sim.sourcing.outlook import demand_means, expected_units, order_sample, units_so_far
from omsim.sim.sourcing.stock_prices import StockOutlook
from omsim.sim.sourcing.substitutes import put_in_substitutes
from omsim.sim.sourcing.terms import compile_terms

NORTH, SOUTH = 0, 1
UPLAND, COAST = 0, 1


def of(business):
    """Plan, terms and costs of a business."""
    plan = compile_plan(business)
    terms = compile_terms(business, plan.network.ranking, plan.channels.rank, plan.channels.patience_s)
    return plan, terms, SourcingCosts(business, plan, terms)


def test_a_line_through_points_never_falls_nor_starts_below_nothing():
    """Exact on a line; a falling one becomes its mean; one that would start below 0 goes through it."""
    x, one = np.array([1.0, 2.0, 4.0]), np.ones(3)
    assert straight_line(x, 3 + 2 * x, one) == pytest.approx((3, 2))
    assert straight_line(x, np.array([6.0, 5.0, 1.0]), one) == pytest.approx((4, 0))
    assert straight_line(x, 3 * x - 2, one) == (0, pytest.approx(49 / 21))
    assert straight_line(x[:0], x[:0], x[:0]) == (0, 0)


def test_a_lane_costs_parcel_work_and_split():
    """3.00 near, 3.80 far, 10 % fuel, any weight; 128 s of work a shipment and 5 s a unit, at 18.00 an hour."""
    business = small_business(
        {"costs.split_penalty_cents": 40},
        sites={
            "labour_cents_per_hour": ["1800"],
            "pick_order_s": ["60"],
            "pick_line_s": ["8"],
            "pack_order_s": ["60"],
            "pick_unit_s": ["2"],
            "pack_unit_s": ["3"],
        },
        rates="""
            service,  zone, up_to_g, price_cents
            standard, near, 100000,  300
            standard, far,  100000,  380
            express,  near, 100000,  800
            express,  far,  100000,  1100
        """,
    )
    _, _, costs = of(business)
    lanes = costs.base_lanes(0)
    work = 64 + 40
    assert lanes.shipment_cents[:2].tolist() == [[330 + work, 418 + work], [418 + work, 330 + work]]
    assert lanes.kg_cents.tolist() == [[0, 0]] * 4
    assert lanes.unit_cents.tolist() == [[2, 2]] * 4  # 2.5, to the even cent
    assert lanes.ranking[:2].tolist() == [[NORTH, SOUTH], [SOUTH, NORTH]]


def test_parcels_are_dearer_while_a_surcharge_lasts():
    """A peak fee of 50 cents on the cheaper service holds on its days only, and is no reason to take the dearer one."""
    rates = "service, zone, up_to_g, price_cents\nstandard, near, 9000, 300\nstandard, far, 9000, 300\n"
    rates += "express, near, 9000, 800\nexpress, far, 9000, 800"
    business = small_business(
        rates=rates,
        services={"fuel_share": ["0"], "over_kg_cents": ["50"]},
        surcharges="service, surcharge, start, end, price_cents\nstandard, peak, 2026-09-30, 2026-10-01, 50",
    )
    _, _, costs = of(business)
    each = [int(costs.base_lanes(day).shipment_cents[0, NORTH]) for day in range(5)]
    assert [cents - each[0] for cents in each] == [0, 0, 50, 50, 0]


def test_expected_units_are_the_mean_of_what_is_drawn():
    """A fortnight of the small business, 200 times: expected units by region and SKU within four standard errors."""
    business = small_business()
    plan, means = compile_plan(business), demand_means(business, compile_plan(business))
    expected = expected_units(means, 0, 14)
    drawn = []
    for replication in range(200):
        intake = draw_intake(business, seed=3, replication=replication)
        drawn.append(units_so_far(intake, plan.times.horizon_s, 14, expected.shape))
    error = np.std(drawn, axis=0) / np.sqrt(len(drawn))
    assert (np.abs(np.mean(drawn, axis=0) - expected) < 4 * np.maximum(error, 1e-9)).all()
    assert expected_units(means, 0, 3.5) == pytest.approx(expected_units(means, 0, 3) + expected_units(means, 3, 0.5))
    assert expected_units(means, 12, 7).sum() == pytest.approx(expected_units(means, 5, 7).sum())


def test_replayed_orders_are_expected_to_go_on_as_so_far():
    """Nothing is known of replayed orders before they come: a third of the units by day three, as if it went on."""
    orders = """
        order, ordered_at,       channel, region, sku, units
        a,     2026-09-28 10:00, web,     coast,  012, 4
        b,     2026-09-30 10:00, web,     upland, NA,  2
    """
    business = small_business(orders=orders, demand=None, quantities=None, baskets=None)
    assert demand_means(business, compile_plan(business)) is None
    assert order_sample(business).share.tolist() == [1.0] * 6
    intake = draw_intake(business, seed=1, replication=0)
    so_far = units_so_far(intake, 2 * 86_400, 7, (2, 3))
    assert so_far[COAST].tolist() == [14, 0, 0]
    assert so_far[UPLAND].tolist() == [0, 0, 0]
    assert units_so_far(intake, 40_000, 7, (2, 3))[COAST, 0] == 28  # the first day counts whole


def test_stock_is_worth_what_serving_it_saves():
    """Ample stock is worth nothing; a site's last units save the difference to the next site or to serving nobody."""
    business = small_business({"decisions.allocation_rule": "dual_prices", "costs.unserved_unit_cents": 3000})
    plan, terms, costs = of(business)
    luck = {"seed": 1, "replication": 0}
    outlook = StockOutlook(business, plan, draw_intake(business, **luck), terms, costs, **luck)
    outlook.look(0, 0, np.full(5, 100_000))
    assert outlook.cell_prices().tolist() == [0] * 5
    outlook.look(0, 0, np.array([100_000, 5, 100_000, 10, 5]))
    worth = outlook.cell_prices()
    assert worth[0] == worth[2] == 0
    assert 0 < worth[3] < 1000  # the coast's, which north could serve as well
    assert worth[1] > 2000
    assert worth[4] > 2000


def test_protected_units_are_kept_from_all_other_channels():
    """Rows for one SKU and for all of a site add up; each channel must leave what the others own."""
    business = small_business(
        protected_stock="""
            channel, site,  sku, units, order_up_to_share
            web,     north, ,    2,     0
            web,     north, 012, 1,     0.1
            shop,    north, NA,  4,     0
        """
    )
    kept = of(business)[1].classes.kept_units
    web, shop = kept
    assert shop.tolist() == [2 + 1 + 30, 2, 2, 0, 0]
    assert web.tolist() == [0, 4, 0, 0, 0]


@given(st.integers(0, 2**32 - 1))
def test_substitutes_as_told_line_by_line(seed: int):
    """The compiled pass does what the sentence says: too few of the own SKU left, enough of the other."""
    rng = np.random.default_rng(seed)
    n_orders, n_skus = 6, 4
    first_line = np.concatenate([[0], np.cumsum(rng.integers(1, 4, n_orders))]).astype(np.int64)
    asked, units = rng.integers(0, n_skus, first_line[-1]), rng.integers(1, 5, first_line[-1])
    may_change, row = rng.random(n_orders) < 0.7, rng.integers(0, 2, n_orders)
    usable, substitute = rng.integers(0, 12, (2, n_skus)), rng.integers(-1, n_skus, n_skus)
    told, claims = [], [0] * n_skus
    for order in range(n_orders):
        for line in range(first_line[order], first_line[order + 1]):
            sku, other = int(asked[line]), int(substitute[asked[line]])
            has_own = usable[row[order], sku] - claims[sku] >= units[line]
            if may_change[order] and not has_own and other >= 0:
                sku = other if usable[row[order], other] - claims[other] >= units[line] else sku
            claims[sku] += int(units[line])
            told.append(sku)
    nothing = np.zeros(n_skus, dtype=np.int64)
    put_in_substitutes(first_line, asked, units, may_change, row, usable, substitute, nothing)
    assert asked.tolist() == told


def test_closed_sites_leave_the_ranking_and_others_move_up():
    """Of three sites in each region's order the middle one is closed."""
    ranking = np.array([[0, 1, 2], [1, 2, -1]])
    assert open_ranking(ranking, np.array([False, True, False])).tolist() == [[0, 2, -1], [2, -1, -1]]


def test_only_models_that_need_it_source_in_batches():
    """Neutral defaults walk order by order; each feature alone makes a batch of a cycle."""
    assert not compile_plan(small_business()).rules.batches
    for settings in ({"decisions.allocation_rule": "ranked"}, {"decisions.hold_minutes": 1}):
        assert compile_plan(small_business(settings)).rules.batches
    for tables in (
        {"channels": {"ship_complete": ["true", "false"]}},
        {"channels": {"substitutes": ["true", "false"]}},
        {"sites": {"daily_shipments": ["5", ""]}},
        {"channel_sites": "channel, site\nweb, north"},
        {"protected_stock": "channel, site, units\nweb, north, 1"},
    ):
        assert compile_plan(small_business(**tables)).rules.batches
