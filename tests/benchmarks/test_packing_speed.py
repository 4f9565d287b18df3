"""Cartons for orders of one to ten units, eight cartons, six rotations, one core; and py3dbp on the same orders.

SKUs are of mixed sizes (longest side about 14 cm, 4 to 45 cm, from flat to cubic); an order's further units repeat its
last line in four of ten cases. py3dbp runs under an interpreter of its own, named by the environment variable
OMSIM_PY3DBP_PYTHON, and is asked for the smallest carton that takes all, in both its modes: the default one, and bigger
items first, its best.
"""

import json
import os
import subprocess
import time

import numpy as np
import pytest

from omsim.kernels.packing.cartons import carton_range, goods, pack_parcels
from omsim.optimize.carton_candidates import candidate_cartons
from omsim.optimize.carton_range import choose_range, range_costs

N_ORDERS = 50_000
N_COMPARED = 400
CARTONS = carton_range(
    [200, 250, 300, 350, 400, 400, 500, 600],
    [150, 200, 220, 250, 300, 300, 400, 400],
    [100, 150, 160, 200, 200, 300, 300, 400],
)
INNER_MM3 = CARTONS.length_mm * CARTONS.width_mm * CARTONS.height_mm


def mixed_goods(n_skus=20_000):
    """SKUs as the module says."""
    rng = np.random.default_rng(0)
    long = np.clip(np.exp(rng.normal(np.log(140), 0.5, n_skus)), 40, 450)
    wide = long * rng.uniform(0.4, 1, n_skus)
    sides = np.maximum(np.rint([long, wide, wide * rng.uniform(0.2, 1, n_skus)]), 1).astype(np.int64)
    return goods(*sides, np.maximum(sides.prod(axis=0) // 2500, 10))


def orders_of_up_to_ten(n_orders, n_skus=20_000):
    """First lines, SKUs and units of orders with one to ten units, all numbers of units alike."""
    rng = np.random.default_rng(3)
    n_units = rng.integers(1, 11, n_orders)
    order = np.repeat(np.arange(n_orders), n_units)
    first_of_order = np.diff(order, prepend=-1) > 0
    new_line = first_of_order | (rng.random(order.size) >= 0.4)
    line = np.cumsum(new_line) - 1
    per_order = np.bincount(order[new_line], minlength=n_orders)
    return np.concatenate([[0], np.cumsum(per_order)]), rng.integers(0, n_skus, line[-1] + 1), np.bincount(line)


def least_seconds(call, rounds=5):
    """The quickest of a few runs, after one that may compile; and the answer."""
    answer = call()
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return min(took), answer


def test_cartons_of_50_000_orders(benchmark, measuring):
    """A hundred thousand orders a second, 70 of 100 proved smallest."""
    items, order = mixed_goods(), orders_of_up_to_ten(N_ORDERS)
    packed = benchmark.pedantic(pack_parcels, (CARTONS, items, *order), rounds=10, warmup_rounds=1)
    per_second = N_ORDERS / benchmark.stats.stats.min
    first = packed.first_carton[:-1]
    one = (np.diff(packed.first_carton) == 1) & (packed.carton[first] >= 0)
    chosen, least = packed.carton[first[one]], packed.least_carton[one]
    benchmark.extra_info.update(
        orders_per_second=per_second,
        in_one_carton_share=float(one.mean()),
        mean_fill=float(packed.fill_share[first[one]].mean()),
        certified_share=float(packed.certified.mean()),
        volume_above_bound=float(INNER_MM3[chosen].sum() / INNER_MM3[least].sum() - 1),
    )
    assert packed.certified.mean() >= 0.7
    assert per_second >= 100_000


PY3DBP = """
import json, sys, time
from py3dbp import Bin, Item, Packer
data = json.load(sys.stdin)
answers = {}
for bigger_first in (False, True):
    began = time.perf_counter()
    chosen = []
    for units in data["orders"]:
        smallest = -1
        for number, sides in enumerate(data["cartons"]):
            packer, carton = Packer(), Bin("carton", *sides, 10**9)
            packer.add_bin(carton)
            for unit in units:
                packer.add_item(Item("unit", *unit, 0))
            packer.pack(bigger_first=bigger_first)
            if len(carton.items) == len(units):
                smallest = number
                break
        chosen.append(smallest)
    answers[str(bigger_first)] = [chosen, time.perf_counter() - began]
json.dump(answers, sys.stdout)
"""


@pytest.mark.slow
def test_against_py3dbp(benchmark, measuring):
    """On the same orders the goods fill a fifth more of our cartons than of py3dbp's, in a fraction of its time.

    Its best mode leaves less to gain, as the bound tells: there only that we fill more, and how much.
    """
    python = os.environ.get("OMSIM_PY3DBP_PYTHON")
    if not python:
        pytest.skip("set OMSIM_PY3DBP_PYTHON to an interpreter that has py3dbp")
    items = mixed_goods()
    first, sku, units = orders_of_up_to_ten(N_COMPARED)
    seconds, packed = least_seconds(lambda: pack_parcels(CARTONS, items, first, sku, units))
    sides = np.stack(items[:3], axis=1)
    data = {
        "cartons": np.stack(CARTONS[:3], axis=1).tolist(),
        "orders": [
            np.repeat(sides[sku[a:b]], units[a:b], axis=0).tolist()
            for a, b in zip(first[:-1].tolist(), first[1:].tolist(), strict=True)
        ],
    }
    done = subprocess.run([python, "-c", PY3DBP], input=json.dumps(data), capture_output=True, text=True, check=True)
    goods_mm3 = np.add.reduceat(sides.prod(axis=1)[sku] * units, first[:-1])
    ours = packed.carton[packed.first_carton[:-1]]
    one = (np.diff(packed.first_carton) == 1) & (ours >= 0)
    ratios = {}
    for mode, (chosen, their_seconds) in json.loads(done.stdout).items():
        theirs = np.array(chosen)
        both = one & (theirs >= 0)
        fill = goods_mm3[both] / INNER_MM3[theirs[both]], goods_mm3[both] / INNER_MM3[ours[both]]
        best = goods_mm3[both] / INNER_MM3[packed.least_carton[both]]
        ratios[mode] = fill[1].mean() / fill[0].mean()
        benchmark.extra_info[f"bigger_first={mode}"] = {
            "orders": int(both.sum()),
            "orders_we_alone_put_into_one_carton": int((one & (theirs < 0)).sum()),
            "their_orders_per_second": N_COMPARED / their_seconds,
            "times_as_fast": their_seconds / seconds,
            "their_mean_fill": float(fill[0].mean()),
            "our_mean_fill": float(fill[1].mean()),
            "fill_ratio": float(ratios[mode]),
            "no_packer_above": float(best.mean() / fill[0].mean()),
            "they_took_a_larger_carton": float((INNER_MM3[theirs] > INNER_MM3[ours])[both].mean()),
            "they_took_a_smaller_carton": float((INNER_MM3[theirs] < INNER_MM3[ours])[both].mean()),
        }
        assert not (one < (theirs >= 0)).any()
        assert their_seconds / seconds > 20
    benchmark.pedantic(pack_parcels, (CARTONS, items, first, sku, units), rounds=1)
    assert ratios["False"] > 1.2
    assert ratios["True"] > 1.05


def test_choosing_eight_cartons_of_many(benchmark, measuring):
    """Eight of some fifty candidates for a sample of 2,000 orders, proved, packing each order in each."""
    items, order = mixed_goods(), orders_of_up_to_ten(2000)
    candidates = candidate_cartons(items, *order)

    def choose():
        costs = range_costs(candidates, items, *order, parcel_cents=500, own_packaging_cents=300, dm3_cents=5.0)
        return choose_range(costs, most_kinds=8)

    chosen = benchmark.pedantic(choose, rounds=1, warmup_rounds=1)
    benchmark.extra_info.update(
        candidates=int(candidates.cost_cents.size), gap=chosen.gap, how=chosen.how, cost_cents=chosen.cost_cents
    )
    assert chosen.gap <= 0.01
