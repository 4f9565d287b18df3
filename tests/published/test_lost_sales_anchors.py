"""Published costs of lost-sales policies and of a season of normal demand."""

import pytest

from omsim.demand.lead_time import Periods, poisson_demand
from omsim.optimize.policies.finite_horizon import normal_period_cost, normal_periods, solve_season
from omsim.optimize.policies.lost_sales import (
    LostSalesItem,
    base_stock_policy,
    best_base_stock,
    best_constant_order,
    myopic_policy,
    solve_lost_sales,
    vector_base_stock_policy,
)

# Zipkin (2008), table 3 (costs, Poisson demand of 5, holding cost 1) and table 1 (states), lead times 1 to 4
ZIPKIN = {
    4: {
        "optimal": (4.04, 4.40, 4.60, 4.73),
        "myopic": (4.11, 4.56, 4.84, 5.06),
        "myopic2": (4.04, 4.41, 4.64, 4.82),
        "vector": (4.31, 4.80, 5.51, 5.83),
        "better vector": (4.07, 4.45, 4.63, 4.80),
        "base stock": (4.39, 4.94, 5.77, 6.14),
        "best base stock": (4.16, 4.64, 4.98, 5.20),
        "states": (14, 124, 1152, 9984),
    },
    19: {
        "optimal": (6.68, 7.66, 8.36, 8.89),
        "myopic": (6.69, 7.77, 8.56, 9.18),
        "myopic2": (6.68, 7.67, 8.40, 8.96),
        "vector": (6.71, 8.08, 9.09, 9.57),
        "better vector": (6.69, 7.76, 8.47, 8.99),
        "base stock": (6.73, 8.15, 9.19, 9.67),
        "best base stock": (6.73, 7.84, 8.60, 9.23),
        "states": (16, 185, 2000, 20500),
    },
}
ROUNDING = 0.006


def item_of(penalty, lead):
    """Poisson demand of 5 a period, holding cost 1."""
    day = poisson_demand([5.0], Periods.fixed(1)).row(0)
    return LostSalesItem(pmf=day, lead_periods=lead, holding_cost=1.0, penalty_cost=float(penalty))


@pytest.mark.parametrize("lead", [1, 2, 3, 4])
@pytest.mark.parametrize("penalty", [4, 19])
def test_zipkin_2008(penalty, lead):
    """Zipkin (2008): optimum, myopic, vector and plain base stock, and the number of states, to the printed digits."""
    item, printed = item_of(penalty, lead), ZIPKIN[penalty]
    best = solve_lost_sales(item)
    assert best.n_states == printed["states"][lead - 1]
    found = {
        "optimal": best,
        "myopic": myopic_policy(item),
        "myopic2": myopic_policy(item, periods=2),
        "vector": vector_base_stock_policy(item),
        "base stock": base_stock_policy(item, int(item.levels_units[0])),
        "best base stock": best_base_stock(item)[2],
    }
    for name, policy in found.items():
        assert policy.cost == pytest.approx(printed[name][lead - 1], abs=ROUNDING), name
        assert policy.cost >= best.bound


@pytest.mark.parametrize("lead", [1, 2, 3])
@pytest.mark.parametrize("penalty", [4, 19])
def test_capped_base_stock_is_nearly_optimal(penalty, lead):
    """Best capped base stock (Xin 2021) is within 1 % of the optimum, and no dearer than Zipkin's best vector rule."""
    item = item_of(penalty, lead)
    capped = best_base_stock(item, capped=True)[2]
    assert capped.cost <= 1.01 * solve_lost_sales(item).cost
    assert capped.cost <= ZIPKIN[penalty]["better vector"][lead - 1] + ROUNDING


def test_zipkin_constant_order():
    """Zipkin (2008): the best constant order costs 5.27 at a penalty of 4, at any lead time.

    At a penalty of 19 his table prints 15.78; a whole constant order below mean demand loses at least a unit a period,
    so it cannot cost less than 19, and we do not reproduce that figure.
    """
    for lead in (1, 4):
        units, cost = best_constant_order(item_of(4, lead))
        assert (units, cost) == (4, pytest.approx(5.27, abs=ROUNDING))
    assert best_constant_order(item_of(19, 1))[1] == pytest.approx(20.2748, abs=1e-4)


@pytest.mark.parametrize(
    ("order_cost", "reorder_points", "order_up_to", "cost"),
    [
        (0, [22] * 10, [23] * 10, 234.79622567591312),
        (40, [17] * 9 + [18], [42] * 8 + [41, 23], 519.3557887889581),
    ],
)
def test_season_of_normal_demand(order_cost, reorder_points, order_up_to, cost):
    """Snyder & Shen, problems 4.29 and 4.30: ten periods, normal (18, 3), levels exact on whole units."""
    season = solve_season(
        normal_periods(18, 3, 10),
        order_cost,
        1,
        25,
        1,
        end_holding_cost=1,
        end_shortage_cost=25,
        discount=0.98,
        period_cost=normal_period_cost(18, 3, 1, 25),
    )
    assert season.reorder_point_units.tolist() == reorder_points
    assert season.order_up_to_units.tolist() == order_up_to
    assert season.cost == pytest.approx(cost, rel=1e-3)
