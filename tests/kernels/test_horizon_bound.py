"""The bound over many days, against every way to serve tiny streams of orders in time."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers
from oracles.sourcing import order_options, tiny_case

from omsim.errors import FieldError
from omsim.kernels.allocation.dual_prices import price_stock
from omsim.kernels.allocation.horizon_bound import Stages, horizon_bound

SEEDS = integers(0, 2**32 - 1)


def tiny_stream(seed, n_orders):
    """A random tiny case whose stock and room come over one to three stages: (batch, ..., unserved cents), stages."""
    case = tiny_case(seed, n_orders)[:5]
    stock, rng = case[3], np.random.default_rng(seed)
    n_stages = int(rng.integers(1, 4))
    ends = np.sort(rng.integers(0, n_orders + 1, n_stages - 1))
    stages = Stages(
        first_order=np.concatenate([[0], ends, [n_orders]]),
        come_units=rng.multinomial(stock.free_units, np.full(n_stages, 1 / n_stages)).T.copy()
        if stock.free_units.size
        else np.zeros((n_stages, 0), dtype=np.int64),
        room=np.repeat(stock.room[None, :], n_stages, axis=0),
    )
    return case, stages


def best_stream_cost(case, stages):
    """Least cost of all ways to serve a stream in time, who knows it all."""
    batch, classes, lanes, stock, unserved_cents = case
    n_orders = batch.lane.size
    options = [order_options(batch, classes, lanes, stock, order, unserved_cents) for order in range(n_orders)]
    stage_of = np.repeat(np.arange(stages.come_units.shape[0]), np.diff(stages.first_order))

    def until(stage, next_stage, free, room):
        for t in range(stage + 1, next_stage + 1):
            free = tuple(np.add(free, stages.come_units[t]).tolist())
            room = tuple(stages.room[t].tolist())
        return free, room

    @cache
    def best_from(order, free, room):
        if order == n_orders:
            return 0
        free, room = until(stage_of[order - 1] if order else -1, stage_of[order], free, room)
        kept = classes.kept_units[batch.order_class[order]] if classes.kept_units.shape[1] else np.zeros(len(free))
        costs = []
        for cost, _, taken, sites in options[order]:
            left, places = list(free), list(room)
            for cell, units in taken:
                left[cell] -= units
            for site in sites:
                places[site] -= 1
            enough = all(left[cell] >= kept[cell] for cell, _ in taken)
            if enough and min(left, default=0) >= 0 and min(places, default=0) >= 0:
                costs.append(cost + best_from(order + 1, tuple(left), tuple(places)))
        return min(costs)

    return best_from(0, (0,) * stock.free_units.size, (0,) * stock.room.size)


@settings(max_examples=120)
@given(seed=SEEDS, passes=integers(1, 40), most_sites=integers(1, 4))
def test_nobody_serves_a_stream_for_less(seed, passes, most_sites):
    """Whatever the rules, the passes and the sets searched: the bound is at most the best of all plans."""
    case, stages = tiny_stream(seed, 4)
    bound = horizon_bound(*case[:4], stages, case[4], passes=passes, most_sites=most_sites)
    assert bound <= best_stream_cost(case, stages)


@settings(max_examples=60)
@given(seed=SEEDS)
def test_the_bound_of_single_units_is_near_the_optimum(seed):
    """Orders of one unit each are a transport problem in time, the bound of which has no gap but that of the search."""
    rng = np.random.default_rng(seed)
    (batch, classes, lanes, stock, _), _ = tiny_stream(seed, 6)
    n_stages, n_cells = 3, stock.free_units.size
    batch = batch._replace(
        first_line=np.arange(7), sku=batch.sku[batch.first_line[:-1]], units=np.ones(6, dtype=np.int64)
    )
    classes = classes._replace(kept_units=np.zeros((2, 0), dtype=np.int64))
    stock = stock._replace(free_units=np.full(n_cells, 6), room=np.full(stock.room.size, 1_000))
    stages = Stages(
        np.array([0, 2, 4, 6]), rng.integers(0, 2, (n_stages, n_cells)), np.full((n_stages, stock.room.size), 1_000)
    )
    lanes = lanes._replace(shipment_cents=lanes.shipment_cents * 100)
    case = (batch, classes, lanes, stock, 4_000)
    best = best_stream_cost(case, stages)
    bound = horizon_bound(*case[:4], stages, 4_000)
    assert best - 5 - best // 40 <= bound <= best


def test_a_later_stage_proves_more_than_the_whole_horizon_at_once():
    """Stock that comes after the orders helps none of them; taken as one batch, all are served."""
    case = tiny_case(5, 4, most_lines=1, keeping=False, tight_room=False)[:5]
    batch, classes, lanes, stock, _ = case
    classes = classes._replace(allowed=np.ones_like(classes.allowed))
    stock = stock._replace(free_units=np.full(stock.free_units.size, 10))
    come = np.stack([np.zeros_like(stock.free_units), stock.free_units])
    stages = Stages(np.array([0, 4, 4]), come, np.repeat(stock.room[None, :], 2, axis=0))
    bound = horizon_bound(batch, classes, lanes, stock, stages, 1_000)
    assert bound == 1_000 * int(batch.units.sum())
    assert price_stock(batch, classes, lanes, stock, 1_000, passes=50).bound_cents < bound


def test_more_passes_never_prove_less():
    """The best bound so far is kept."""
    case, stages = tiny_stream(11, 5)
    bounds = [horizon_bound(*case[:4], stages, case[4], passes=passes) for passes in (1, 5, 50, 300)]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize(
    ("field", "stages", "numbers"),
    [
        ("first_order", lambda s: s._replace(first_order=s.first_order + 1), {}),
        ("come_units", lambda s: s._replace(come_units=s.come_units[:, :-1]), {}),
        ("come_units", lambda s: s._replace(come_units=s.come_units - 100), {}),
        ("room", lambda s: s._replace(room=s.room[:1, :-1]), {}),
        ("passes", lambda s: s, {"passes": 0}),
        ("most_sites", lambda s: s, {"most_sites": 0}),
    ],
)
def test_stages_that_do_not_fit_are_refused(field, stages, numbers):
    """One line that names the field."""
    case, good = tiny_stream(3, 4)
    with pytest.raises(FieldError, match=field):
        horizon_bound(*case[:4], stages(good), case[4], **numbers)
