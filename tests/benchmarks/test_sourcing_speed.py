"""Sourcing whole batches: lines a second of the order subproblem, prices with a certified gap, moves on small batches.

The figures stand in `extra_info`; costs and gaps are the same on every machine, lines a second are not.
"""

import time

import numpy as np
import pytest
from oracles.sourcing import broken_rules
from sourcing_cases import UNSERVED_CENTS, fresh, sourcing_case

from omsim.kernels.allocation.choice_costs import cost_by_order
from omsim.kernels.allocation.dual_prices import carry_prices, price_stock, source_with_prices
from omsim.kernels.allocation.order_choice import choose_orders, fewest_shipments
from omsim.optimize.sourcing.optimum import optimal_sourcing

N_ORDERS, N_SKUS = 400_000, 50_000


def compile_kernels():
    """Run every kernel once on a small case."""
    (batch,), classes, lanes, stock = sourcing_case(200, 400, 1.1)
    source_with_prices(batch, classes, lanes, fresh(stock), UNSERVED_CENTS, passes=2, moves=10)


def no_prices(stock):
    """Prices of nothing."""
    return np.zeros(stock.free_units.size, dtype=np.int64)


def myopic_cost(batch, classes, lanes, stock):
    """Cost of the better of the two rules that look at one order at a time."""
    cheapest = choose_orders(batch, classes, lanes, fresh(stock), UNSERVED_CENTS, no_prices(stock))
    fewest = fewest_shipments(batch, classes, lanes, fresh(stock), UNSERVED_CENTS)
    return min(int(cost_by_order(batch, lanes, stock, c, UNSERVED_CENTS).sum()) for c in (cheapest, fewest))


@pytest.mark.parametrize("ratio", [1.3, 1.0])
def test_exact_order_subproblem(benchmark, measuring, ratio):
    """880,000 lines x 10 sites in turn, each order at its exact least cost (up to four sites searched together)."""
    compile_kernels()
    (batch,), classes, lanes, stock = sourcing_case(N_ORDERS, N_SKUS, ratio)
    left = [fresh(stock) for _ in range(6)]
    choice = benchmark.pedantic(
        lambda: choose_orders(batch, classes, lanes, left.pop(), UNSERVED_CENTS, no_prices(stock), most_sites=4),
        rounds=6,
    )
    benchmark.extra_info["million_lines_per_s"] = batch.sku.size / benchmark.stats["min"] / 1e6
    assert choice.units.sum() <= batch.units.sum()


@pytest.mark.parametrize(
    ("ratio", "passes", "moves", "gap_share"), [(1.3, 10, 200_000, 0.025), (1.0, 15, 90_000, 0.05)]
)
def test_dual_prices_cold(benchmark, measuring, ratio, passes, moves, gap_share):
    """The same lines at prices found from nothing: certified gap, and the saving against the best myopic rule."""
    compile_kernels()
    (batch,), classes, lanes, stock = sourcing_case(N_ORDERS, N_SKUS, ratio)
    left = [fresh(stock) for _ in range(2)]
    found = benchmark.pedantic(
        lambda: source_with_prices(
            batch, classes, lanes, left.pop(), UNSERVED_CENTS, passes=passes, moves=moves
        ),
        rounds=2,
    )  # fmt: skip
    myopic = myopic_cost(batch, classes, lanes, stock)
    benchmark.extra_info["thousand_lines_per_s"] = batch.sku.size / benchmark.stats["min"] / 1e3
    benchmark.extra_info["certified_gap_share"] = found.gap_share
    benchmark.extra_info["saving_on_myopic_share"] = 1.0 - found.cost_cents / myopic
    assert found.gap_share <= gap_share
    assert found.cost_cents <= 0.95 * myopic


def test_dual_prices_warm(benchmark, measuring):
    """The day after: other orders of the same law, prices of the day before."""
    compile_kernels()
    (yesterday, today), classes, lanes, stock = sourcing_case(N_ORDERS, N_SKUS, 1.3, days=2)
    before = price_stock(yesterday, classes, lanes, stock, UNSERVED_CENTS, passes=15)
    left = [fresh(stock) for _ in range(5)]

    def serve():
        start = carry_prices(today, lanes, stock, UNSERVED_CENTS, before.price_cents)
        return source_with_prices(today, classes, lanes, left.pop(), UNSERVED_CENTS, passes=5, start_price_cents=start)

    found = benchmark.pedantic(serve, rounds=5)
    benchmark.extra_info["thousand_lines_per_s"] = today.sku.size / benchmark.stats["min"] / 1e3
    benchmark.extra_info["certified_gap_share"] = found.gap_share
    assert found.gap_share <= 0.04


def test_small_batches_against_the_optimum(benchmark, measuring):
    """200 orders, three stock ratios, two seeds each: moves for 20 ms and for less than 1.5 s against the proof."""
    compile_kernels()
    cases = [sourcing_case(200, 400, ratio, seed) for ratio in (1.5, 1.1, 0.9) for seed in (0, 1)]
    optima = [optimal_sourcing(b, c, lanes, s, UNSERVED_CENTS, isolate=False) for (b,), c, lanes, s in cases]
    for moves, name, most_share in ((1_000, "20_ms", 0.03), (100_000, "1500_ms", 0.006)):
        gaps, seconds = [], []
        for ((batch,), classes, lanes, stock), optimum in zip(cases, optima, strict=True):
            assert optimum.status == "optimal"
            left = fresh(stock)
            begun = time.perf_counter()
            found = source_with_prices(batch, classes, lanes, left, UNSERVED_CENTS, passes=20, moves=moves)
            seconds.append(time.perf_counter() - begun)
            gaps.append(found.cost_cents / optimum.cost_cents - 1.0)
            assert broken_rules(batch, classes, lanes, stock, found.choice) == []
            assert found.bound_cents <= optimum.cost_cents <= found.cost_cents
        benchmark.extra_info[f"mean_gap_share_{name}"] = float(np.mean(gaps))
        benchmark.extra_info[f"worst_gap_share_{name}"] = float(np.max(gaps))
        benchmark.extra_info[f"mean_s_{name}"] = float(np.mean(seconds))
        assert np.mean(gaps) <= most_share
    (batch,), classes, lanes, stock = cases[2]
    benchmark.pedantic(
        lambda: source_with_prices(batch, classes, lanes, fresh(stock), UNSERVED_CENTS, passes=20, moves=1_000),
        rounds=5,
    )
