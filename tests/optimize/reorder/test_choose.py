"""One option for each item under budgets, against every combination."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsim.errors import FieldError, SolveError
from omsim.optimize.reorder.choose import choose_options


def every_choice(costs, weights, budgets):
    """Least cost of all combinations within the budgets; inf when there is none."""
    n_items, n_options = costs.shape
    best = np.inf
    for choice in product(range(n_options), repeat=n_items):
        rows = np.arange(n_items), np.array(choice)
        if (weights[rows].sum(axis=0) <= budgets).all():
            best = min(best, costs[rows].sum())
    return best


@given(
    n_items=st.integers(1, 5),
    n_options=st.integers(1, 4),
    n_budgets=st.integers(1, 3),
    seed=st.integers(0, 10**6),
    share=st.floats(0.0, 1.0),
)
def test_choice_is_legal_and_between_bound_and_optimum(n_items, n_options, n_budgets, seed, share):
    """What is chosen keeps every budget, costs at least the optimum, and the bound does not exceed the optimum."""
    rng = np.random.default_rng(seed)
    costs = rng.integers(-20, 40, (n_items, n_options)).astype(float)
    weights = rng.integers(0, 9, (n_items, n_options, n_budgets)).astype(float)
    budgets = np.floor(weights.max(axis=1).sum(axis=0) * share)
    best = every_choice(costs, weights, budgets)
    try:
        choice = choose_options(costs, weights, budgets)
    except SolveError:
        assert best == np.inf or n_budgets > 1
        return
    rows = np.arange(n_items), choice.option
    assert (weights[rows].sum(axis=0) <= budgets).all()
    assert choice.cost == costs[rows].sum()
    assert choice.bound <= best + 1e-9
    assert best <= choice.cost
    np.testing.assert_array_equal(choice.used, weights[rows].sum(axis=0))


def many_items(n_items, n_budgets, seed=0):
    """Falling costs over rising weights, as policies of many items have them."""
    rng = np.random.default_rng(seed)
    weights = np.cumsum(rng.uniform(1, 100, (n_items, 20, n_budgets)), axis=1)
    shape = np.exp(-np.linspace(0, 3, 20)) * rng.uniform(0.9, 1.1, (n_items, 20))
    costs = rng.uniform(500, 3000, (n_items, 1)) * shape + 0.2 * weights.mean(axis=2)
    return costs, weights, 0.35 * weights[:, -1].sum(axis=0)


def test_many_items_one_budget_close_the_gap():
    """Ten thousand items of twenty options: the certified gap is below a millionth."""
    choice = choose_options(*many_items(10_000, 1))
    assert choice.gap_share < 1e-6
    assert choice.price[0] > 0


def test_many_items_three_budgets_come_close():
    """Three budgets at once, prices first sought on a sample."""
    costs, weights, budgets = many_items(20_000, 3)
    choice = choose_options(costs, weights, budgets)
    assert choice.gap_share < 1e-4
    assert (choice.used <= budgets).all()


def test_price_says_what_a_little_more_budget_is_worth():
    """The multiplier is the slope of the cost in the budget."""
    costs, weights, budgets = many_items(5_000, 1)
    least, more = choose_options(costs, weights, budgets), choose_options(costs, weights, budgets * 1.01)
    slope = (least.cost - more.cost) / (0.01 * budgets[0])
    assert slope == pytest.approx(least.price[0], rel=0.05)


def test_a_generous_budget_gives_everyone_the_cheapest():
    """Nothing binds: no price, no gap but rounding."""
    costs, weights, budgets = many_items(500, 2)
    choice = choose_options(costs, weights, budgets * 100)
    np.testing.assert_array_equal(choice.option, costs.argmin(axis=1))
    assert choice.price.tolist() == [0.0, 0.0]
    assert choice.gap_share < 1e-10


def test_the_same_input_gives_the_same_choice():
    """Twice the same, to the bit."""
    one, two = (choose_options(*many_items(3_000, 2)) for _ in range(2))
    np.testing.assert_array_equal(one.option, two.option)
    assert (one.cost, one.bound) == (two.cost, two.bound)


def test_what_cannot_be_is_an_error():
    """No choice fits: a clear error, not an empty answer."""
    with pytest.raises(SolveError, match="above a budget"):
        choose_options([[1.0, 2.0]], [[5.0, 6.0]], 4.0)
    with pytest.raises(SolveError, match="within the budgets"):
        choose_options([[1.0, 2.0]], [[[5.0, 1.0], [1.0, 5.0]]], [3.0, 3.0])


@pytest.mark.parametrize(
    ("costs", "weights", "budgets", "field"),
    [
        ([[np.nan, 1.0]], [[0.0, 1.0]], 1.0, "costs"),
        ([[0.0, 1.0]], [[0.0, np.inf]], 1.0, "weights"),
        ([[0.0, 1.0]], [[0.0, -1.0]], 1.0, "weights"),
        ([[0.0, 1.0]], [[0.0, 1.0]], np.nan, "budgets"),
        ([[0.0, 1.0]], [[0.0]], 1.0, "weights"),
        ([0.0, 1.0], [0.0, 1.0], 1.0, "costs"),
    ],
)
def test_bad_numbers_are_refused(costs, weights, budgets, field):
    """Non-finite numbers, negative weights and shapes that do not fit name their field."""
    with pytest.raises(FieldError, match=field):
        choose_options(costs, weights, budgets)
