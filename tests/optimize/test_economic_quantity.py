"""Economic quantities: square roots, discounts and packs, against searches over the cost itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from omsim.errors import FieldError
from omsim.optimize.policies.economic_quantity import (
    cost_of_quantity,
    solve_all_units_discount,
    solve_economic_quantity,
    solve_incremental_discount,
    solve_whole_quantity,
)

positive = st.floats(0.01, 1000)


@given(rate=positive, fixed=positive, hold=positive, penalty=st.none() | positive, extra=st.none() | positive)
def test_quantity_and_backorders_are_where_the_cost_is_flat(rate, fixed, hold, penalty, extra):
    """No quantity or planned share of backorders near by is cheaper, and the cost is the formula's."""
    others = {"shortage_cost": penalty, "production_rate": None if extra is None else rate * (1 + extra)}
    best = solve_economic_quantity(rate, fixed, hold, **others)
    quantity, share = best.order_units[0], best.backordered_share[0]
    assert cost_of_quantity(quantity, rate, fixed, hold, **others)[0] == pytest.approx(best.cost_per_period[0])
    for q in (0.9, 1.0, 1.1):
        for x in (0.9, 1.0, 1.1):
            near = cost_of_quantity(
                quantity * q, rate, fixed, hold, **others, backordered_share=min(share * x, 1.0) if penalty else None
            )
            assert near[0] >= best.cost_per_period[0] * (1 - 1e-12)


def test_limits_of_the_family_are_the_plain_quantity():
    """Dear backorders and fast production end at the plain square root."""
    plain = solve_economic_quantity(1300, 8, 0.225).order_units[0]
    other = solve_economic_quantity(1300, 8, 0.225, shortage_cost=1e12, production_rate=1e14)
    assert other.order_units[0] == pytest.approx(plain, rel=1e-9)


@given(rate=positive, fixed=positive, hold=positive, factor=st.floats(0.3, 3.0))
def test_cost_away_from_the_optimum_is_the_known_ratio(rate, fixed, hold, factor):
    """Ordering a multiple of the economic quantity costs (f + 1 / f) / 2 times as much."""
    best = solve_economic_quantity(rate, fixed, hold)
    cost = cost_of_quantity(best.order_units * factor, rate, fixed, hold)
    assert cost[0] == pytest.approx(best.cost_per_period[0] * 0.5 * (factor + 1 / factor))


@given(rate=positive, fixed=positive, hold=positive, pack=st.integers(1, 50), least=st.integers(1, 200))
@settings(max_examples=60)
def test_whole_packs_are_the_best_of_all_multiples(rate, fixed, hold, pack, least):
    """Among all multiples of the pack that reach the minimum none is cheaper."""
    best = solve_whole_quantity(rate, fixed, hold, pack_units=pack, least_units=least)
    assert best.order_units[0] % pack == 0
    assert best.order_units[0] >= least
    ideal = solve_economic_quantity(rate, fixed, hold).order_units[0]
    multiples = pack * np.arange(max(1, -(-least // pack)), max(least, ideal) // pack + 3)
    every = [cost_of_quantity(units, rate, fixed, hold)[0] for units in multiples[:2000]]
    assert best.cost_per_period[0] <= min(every) * (1 + 1e-12)
    assert cost_of_quantity(best.order_units, rate, fixed, hold)[0] == best.cost_per_period[0]


def all_units(quantity, rate, fixed, share, start, price):
    """Cost of a quantity when its price holds for all units."""
    c = price[max(j for j, b in enumerate(start) if b <= quantity)]
    return c * rate + fixed * rate / quantity + share * c * quantity / 2


def incremental(quantity, rate, fixed, share, start, price):
    """Cost of a quantity when each unit has the price of its step."""
    ends = [*start[1:], np.inf]
    paid = sum(c * (min(quantity, e) - b) for b, e, c in zip(start, ends, price, strict=True) if quantity > b)
    return (paid + fixed) * rate / quantity + share * paid / 2


@given(
    rate=st.floats(10, 1000),
    fixed=st.floats(1, 500),
    share=st.floats(0.05, 0.5),
    steps=st.lists(st.integers(1, 300), max_size=3),
    cuts=st.lists(st.floats(0.0, 0.2), min_size=3, max_size=3),
)
@settings(max_examples=60)
def test_discounts_are_the_best_of_a_fine_search(rate, fixed, share, steps, cuts):
    """No quantity on a fine grid, refined in each step, is cheaper than the one found, for either kind of discount."""
    start = [0.0, *np.cumsum(steps).astype(float).tolist()]
    price = [10.0, *(10.0 * np.cumprod([1 - cut for cut in cuts[: len(steps)]])).tolist()]
    given_data = (rate, fixed, share, start, price)
    for solve, cost in ((solve_all_units_discount, all_units), (solve_incremental_discount, incremental)):
        best = solve(*given_data)
        assert cost(best.order_units[0], *given_data) == pytest.approx(best.cost_per_period[0], rel=1e-10)
        for low, high in zip(start, [*start[1:], 20_000.0], strict=True):
            low = max(low, 1e-3)
            found = optimize.minimize_scalar(
                lambda q, cost=cost: cost(q, *given_data), bounds=(low, high - 1e-9), method="bounded"
            )
            assert best.cost_per_period[0] <= min(found.fun, cost(low, *given_data)) * (1 + 1e-9)


def test_a_break_without_a_discount_changes_nothing():
    """Equal prices on both sides of a break give the plain quantity, also where it lies on the break."""
    plain = solve_economic_quantity(100.0, 10.0, 0.1 * 0.7)
    for at in (0.1, plain.order_units[0], 1e4):
        for solve in (solve_all_units_discount, solve_incremental_discount):
            best = solve(100.0, 10.0, 0.1, [0.0, at], [0.7, 0.7])
            assert best.order_units[0] == pytest.approx(plain.order_units[0], rel=1e-9)
            assert best.cost_per_period[0] == pytest.approx(plain.cost_per_period[0] + 70.0, rel=1e-12)


def test_a_table_of_items_is_each_item_alone():
    """Columns and tables of breaks give each item what it gets alone, to the bit."""
    rate, fixed = np.array([100.0, 2000.0]), np.array([5.0, 50.0])
    start, price = np.array([[0, 50], [0, 700]]), np.array([[9, 8.5], [3, 2.5]])
    for solve in (solve_all_units_discount, solve_incremental_discount):
        together = solve(rate, fixed, 0.3, start, price)
        for item in range(2):
            alone = solve(rate[item], fixed[item], 0.3, start[item], price[item])
            assert alone.order_units[0] == together.order_units[item]
            assert alone.cost_per_period[0] == together.cost_per_period[item]


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: solve_economic_quantity(0.0, 1, 1), "demand_rate"),
        (lambda: solve_economic_quantity(1.0, 1, float("nan")), "holding_cost"),
        (lambda: solve_economic_quantity(5.0, 1, 1, production_rate=5.0), "production_rate"),
        (lambda: cost_of_quantity(1.0, 1, 1, 1, backordered_share=0.5), "shortage_cost"),
        (lambda: solve_all_units_discount(1, 1, 1, [1, 2], [3, 2]), "from_units"),
        (lambda: solve_all_units_discount(1, 1, 1, [0, 2, 2], [3, 2, 1]), "from_units"),
        (lambda: solve_all_units_discount(1, 1, 1, [0, 2], [3, 4]), "unit_cost"),
        (lambda: solve_incremental_discount(1, 1, 1, [0, 2], [3]), "unit_cost"),
    ],
)
def test_impossible_data_are_refused_by_name(call, field):
    """The field at fault is named."""
    with pytest.raises(FieldError) as refused:
        call()
    assert refused.value.args[0] == field
