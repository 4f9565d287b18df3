"""A run is a pure function of (model, scenario, seed, replication), whoever computes it, where and after what."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sim.busy_models import digest_of, random_business

from omsim.demand.arrivals import draw_intake
from omsim.sim.engine import ENGINES, run_once
from omsim.sim.plan import compile_plan
from omsim.sim.records import differences

SEED = 11
MODEL = 5
TESTS = Path(__file__).resolve().parents[1]

ELSEWHERE = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from sim.busy_models import digest_of, random_business
from omsim.sim.engine import run_once

with np.errstate(over="ignore"):  # uncompiled, the keyed generator wraps around in NumPy's own scalars
    for replication in sys.argv[3:]:
        print(digest_of(run_once(random_business(int(sys.argv[2])), seed=11, replication=int(replication))))
"""


def digests_elsewhere(model: int, *replications: int, **environment: str) -> list[str]:
    """Digests of runs made by another process."""
    import omsim

    package = str(Path(omsim.__file__).resolve().parents[1])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    told = subprocess.run(
        [sys.executable, "-P", "-c", ELSEWHERE, str(TESTS), str(model), *map(str, replications)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment},
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.split()


@pytest.mark.parametrize("engine", ENGINES)
def test_twice_is_the_same(engine: str):
    """The same arguments give the same bits, also from a business built anew."""
    one, other = (run_once(random_business(MODEL), seed=SEED, engine=engine) for _ in range(2))
    assert differences(one, other) == []
    assert digest_of(one) == digest_of(other)


def test_a_replication_alone_is_the_one_among_others():
    """Replication 3 does not depend on 0, 1 and 2 having run before in the same process and on the same model."""
    business = random_business(MODEL)
    among = [run_once(business, seed=SEED, replication=k) for k in range(5)]
    alone = run_once(random_business(MODEL), seed=SEED, replication=3)
    assert differences(among[3], alone) == []
    assert len({digest_of(run) for run in among}) == 5


def test_seeds_differ():
    """Another seed is another run; a seed and a replication do not stand for each other."""
    business = random_business(MODEL)
    runs = [run_once(business, seed=seed, replication=k) for seed in range(3) for k in range(3)]
    arrivals = {run.orders.arrived_s.tobytes() for run in runs}
    assert len(arrivals) == 9


def test_another_process_makes_the_same_runs():
    """A fresh process, with another hash seed, in another order."""
    here = [digest_of(run_once(random_business(MODEL), seed=SEED, replication=k)) for k in (2, 0)]
    assert digests_elsewhere(MODEL, 2, 0, PYTHONHASHSEED="123") == here


@pytest.mark.slow
def test_uncompiled_kernels_make_the_same_run():
    """The same source without the compiler: every column of every table, to the bit."""
    model = 28
    business = random_business(model)
    here = run_once(business, seed=SEED)
    assert here.shipments.order.size > 100
    assert digests_elsewhere(model, 0, NUMBA_DISABLE_JIT="1") == [digest_of(here)]


def leaves(part: object) -> list[object]:
    """What a nested tuple is made of in the end."""
    return [leaf for item in part for leaf in leaves(item)] if isinstance(part, tuple) else [part]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_writes_into_nothing_it_was_given(engine: str):
    """Business, plan and intake are afterwards what they were before."""
    business = random_business(MODEL)
    plan, intake = compile_plan(business), draw_intake(business, seed=SEED, replication=0)
    before = business.digest()
    ENGINES[engine](business, plan, intake, seed=SEED, replication=0)
    anew = random_business(MODEL)
    assert anew.digest() == before
    for mine, fresh in zip(plan, compile_plan(anew), strict=True):
        for one, other in zip(leaves(mine), leaves(fresh), strict=True):
            np.testing.assert_array_equal(one, other)
    again = draw_intake(anew, seed=SEED, replication=0)
    for name in ("arrived_s", "channel", "region", "entity", "first_line", "sku", "units"):
        np.testing.assert_array_equal(getattr(intake, name), getattr(again, name))
