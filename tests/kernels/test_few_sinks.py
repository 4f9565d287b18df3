"""The quick flow over few options: equal to a general linear program, from any start; compiled equal to its source."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from omsim.kernels.few_sinks import flow_to_few, price_options


@st.composite
def small_flows(draw):
    """Classes over services, some under one convex link bundle with a must; the last option always has room."""
    n_classes, n_services = draw(st.integers(0, 6)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    parcels = rng.integers(0, 5, n_classes)
    total = int(parcels.sum())
    is_open = np.column_stack([rng.random((n_classes, n_services)) < 0.7, np.ones(n_classes, dtype=bool)])
    arc_class, option = np.nonzero(is_open)
    cost = rng.integers(0, 12, option.size) * draw(st.sampled_from([1, 1, 7]))
    bundle, end = n_services + 1, n_services + 2
    up = np.append(np.where(rng.random(n_services) < 0.6, bundle, end), [end, end])
    slopes = np.sort(rng.integers(-6, 7, 3))
    tail = np.concatenate([np.arange(n_services + 1), np.full(3, bundle)])
    width = np.concatenate([rng.integers(0, 6, n_services), [total], rng.integers(0, 5, 3)])
    slope = np.concatenate([np.zeros(n_services + 1, dtype=np.int64), slopes])
    start = rng.integers(-9, 10, end)
    return arc_class, option, cost, parcels, n_services + 1, up, tail, width, slope, start


def least_cost(arc_class, option, cost, parcels, up, tail, width, slope):
    """The flow's cost as a linear program."""
    n_arcs, n_nodes = option.size, up.size + 1
    balance = np.zeros((parcels.size + n_nodes - 1, n_arcs + tail.size))
    balance[arc_class, np.arange(n_arcs)] = 1
    balance[parcels.size + option, np.arange(n_arcs)] = 1
    for k in range(tail.size):
        balance[parcels.size + tail[k], n_arcs + k] -= 1
        if up[tail[k]] < n_nodes - 1:
            balance[parcels.size + up[tail[k]], n_arcs + k] += 1
    limits = [(0, None)] * n_arcs + [(0, int(most)) for most in width]
    right = np.append(parcels, np.zeros(n_nodes - 1))
    return linprog(np.append(cost, slope), A_eq=balance, b_eq=right, bounds=limits, method="highs").fun


@given(case=small_flows(), passes=st.integers(1, 12))
@settings(deadline=None, max_examples=150)
def test_quick_flow_is_the_least_cost_flow(case, passes):
    """From prices of an ascent, and from any prices at all, the flow balances and costs what the LP costs."""
    arc_class, option, cost, parcels, n_options, up, tail, width, slope, start = case
    first = np.searchsorted(arc_class, np.arange(parcels.size + 1))
    links = np.searchsorted(tail, np.arange(up.size + 1))
    steps = np.full(up.size, 3)
    risen = price_options(first, option, cost, parcels, up, links, width, slope, start.copy(), steps, -(2**40), passes)
    best = least_cost(arc_class, option, cost, parcels, up, tail, width, slope) if parcels.size else 0.0
    for price in (risen, np.append(start, 0)):
        found = flow_to_few(first, option, cost, parcels, n_options, tail, up[tail], width, slope, price.copy(), 9_999)
        n_paths, flow, used = found
        assert n_paths >= 0
        assert np.bincount(arc_class, flow, minlength=parcels.size).tolist() == parcels.tolist()
        assert (used >= 0).all()
        assert (used <= width).all()
        through = np.bincount(option, flow, minlength=n_options)
        assert np.bincount(tail, used, minlength=n_options)[:n_options].tolist() == through.tolist()
        assert int((flow * cost).sum() + (used * slope).sum()) == round(best)


def test_quick_flow_gives_up_when_told():
    """Too few paths allowed: -1, and no answer is pretended."""
    first, option, cost = np.array([0, 2]), np.array([0, 1]), np.array([0, 5])
    tail, head, width = np.array([0, 1]), np.array([2, 2]), np.array([1, 9])
    zeros = np.zeros(2, dtype=np.int64)
    for most, done in ((0, -1), (1, -1), (5, 1)):
        price = np.zeros(3, dtype=np.int64)
        assert flow_to_few(first, option, cost, np.array([4]), 2, tail, head, width, zeros, price, most)[0] == done


def test_quick_flow_agrees_with_its_source():
    """Compiled and plain runs give the same prices, paths and flows."""
    rng = np.random.default_rng(3)
    first, option = np.arange(0, 161, 4), np.tile(np.arange(4), 40)
    cost, parcels = rng.integers(0, 900, 160), rng.integers(1, 9, 40)
    up, tail = np.full(4, 4), np.arange(4)
    width, slope = np.array([30, 40, 50, 999]), np.zeros(4, dtype=np.int64)
    results = []
    for plain in (False, True):
        ascent = getattr(price_options, "py_func", price_options) if plain else price_options
        toll, step = np.zeros(4, dtype=np.int64), np.full(4, 40)
        price = ascent(first, option, cost, parcels, up, np.arange(5), width, slope, toll, step, -(2**40), 9)
        begun = price.tolist()
        n_paths, flow, used = flow_to_few(first, option, cost, parcels, 4, tail, up, width, slope, price, 999)
        results.append((begun, int(n_paths), flow.tolist(), used.tolist()))
    assert results[0] == results[1]
