"""The certified joint cycle against trying every multiple, and its bound against a fine grid of cycles."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsim.errors import FieldError, SolveError
from omsim.optimize.policies.joint_replenishment import cost_of_joint_cycle, joint_cycle_by_silver, solve_joint_cycle

costs = st.floats(0.1, 100)


@given(
    joint=st.floats(2, 100),
    items=st.lists(st.tuples(st.floats(0, 60), costs, costs), min_size=1, max_size=3),
)
def test_no_multiples_up_to_thirty_are_cheaper(joint, items):
    """Every set of multiples at its own best cycle costs at least the certified optimum, and one costs it."""
    own, hold, demand = np.array(items).T
    best = solve_joint_cycle(joint, own, hold, demand)
    rate = hold * demand
    multiples = np.array(list(product(range(1, 31), repeat=own.size)))
    cost = 2.0 * np.sqrt((joint + (own / multiples).sum(axis=1)) * (rate * multiples).sum(axis=1) / 2.0)
    assert best.cost <= cost.min() * (1 + 1e-12)
    if best.multiple.max() <= 30:
        assert best.cost == pytest.approx(cost.min(), rel=1e-12)
    assert cost_of_joint_cycle(best.cycle, best.multiple, joint, own, hold, demand) == pytest.approx(best.cost)


@given(
    joint=costs,
    items=st.lists(st.tuples(st.floats(0, 60), costs, costs), min_size=1, max_size=6),
)
def test_silver_lies_between_the_optimum_and_its_bound(joint, items):
    """The rule's cost is at least the optimum's, its bound at most, and the bound is the relaxation's minimum."""
    own, hold, demand = np.array(items).T
    best = solve_joint_cycle(joint, own, hold, demand)
    ruled = joint_cycle_by_silver(joint, own, hold, demand)
    assert ruled.bound <= best.cost * (1 + 1e-12) <= ruled.cost * (1 + 1e-9)
    rate = hold * demand
    cycles = best.cycle * np.geomspace(0.05, 20, 20_001)
    cost = joint / cycles
    for k, r in zip(own, rate, strict=True):
        multiple = np.maximum(1.0, np.sqrt(2.0 * k / r) / cycles)
        cost += k / (multiple * cycles) + r * multiple * cycles / 2.0
    assert ruled.bound <= cost.min() * (1 + 1e-12)
    assert ruled.bound == pytest.approx(cost.min(), rel=1e-6)


def test_a_thousand_items_are_certified():
    """The optimum of many items is at most 2.1 % above the bound of multiples not whole (Jackson et al. 1985)."""
    rng = np.random.default_rng(0)
    data = (100.0, rng.uniform(1, 50, 1000), rng.uniform(0.1, 2, 1000), rng.uniform(1, 1000, 1000))
    best = solve_joint_cycle(*data)
    assert best.bound == best.cost
    assert joint_cycle_by_silver(*data).bound <= best.cost <= 1.021 * joint_cycle_by_silver(*data).bound


def test_one_item_is_the_economic_order_quantity():
    """With one item the two order costs add up and the cycle is the classic one."""
    best = solve_joint_cycle(30, 20, 2, 100)
    assert best.cost == pytest.approx(np.sqrt(2 * 50 * 200))
    assert best.order_units(100)[0] == pytest.approx(np.sqrt(2 * 50 * 100 / 2))


def test_bad_input_is_named():
    """A joint cost of nothing, a multiple of nothing, and a joint cost lost in rounding are refused."""
    with pytest.raises(FieldError, match="joint_order_cost"):
        solve_joint_cycle(0, [1], 1, 1)
    with pytest.raises(FieldError, match="demand"):
        solve_joint_cycle(1, [1, 2], 1, [1, np.nan])
    with pytest.raises(FieldError, match="multiple"):
        cost_of_joint_cycle(1, [0], 1, 1, 1, 1)
    with pytest.raises(SolveError):
        solve_joint_cycle(1e-9, [1, 2], 1, 1)
