"""Published waits and service levels (../shared/facts/queues.md), met inside the simulator's own intervals.

Every system is a business model run by the window engine over independent replications; the exact number must lie in
the 99 % interval of the replications' means, and the interval must be narrow. Where narrower is cheap, the queue kernel
is asked directly with millions of customers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from oracles.queueing import erlang_b, erlang_c, wait_of_mmc
from published.queue_models import DAY_S, assert_met, replicated, textbook_shop

from omsim.demand.rng import Purpose, uniforms
from omsim.kernels.queues import serve_fifo, serve_with_patience
from omsim.sim.distributions import lognormal_factors
from omsim.sim.records import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from omsim.demand.arrivals import Intake
    from omsim.sim.records import RunRecords

SEED = 1
UNIT_S = 1000
"""The mean service time of a textbook's unit, long enough for whole seconds not to matter."""


def test_closed_forms_are_the_published_numbers():
    """Erlang's formulas, Pollaczek-Khinchine's and Cobham's give the table's values."""
    assert wait_of_mmc(3, 2.4) == pytest.approx(1.0786517, abs=5e-8)
    assert erlang_c(3, 2.4) == pytest.approx(0.647191, abs=5e-7)
    assert wait_of_mmc(10, 9) == pytest.approx(0.6687315, abs=5e-8)
    assert wait_of_mmc(23, 20) / 20 == pytest.approx(0.0069290, abs=5e-8)
    assert [60 * wait / rate for wait, rate in ((wait_of_mmc(23, 20), 20), (wait_of_mmc(12, 10), 40))] == pytest.approx(
        [0.4157, 0.3370], abs=5e-5
    )
    assert [round(erlang_c(agents, 10), 4) for agents in (12, 13, 14)] == [0.4494, 0.2853, 0.1741]
    assert [round(1 - erlang_b(level, 6), 6) for level in (9, 12)] == [0.924855, 0.988635]
    light, use = 0.16, 0.8
    assert use * (1 + 2) / 2 / (1 - use) == pytest.approx(6)
    first = use / (1 - light)
    assert [first, first / (1 - use)] == pytest.approx([0.952381, 4.761905], abs=5e-7)


# Validation desk and contact desk


@pytest.mark.slow
@pytest.mark.parametrize(
    ("servers", "load", "mean_s", "n_days", "replications"),
    [(3, 2.4, UNIT_S, 400, 20), (10, 9, UNIT_S, 150, 12), (23, 20, 180, 40, 10)],
)
def test_mmc_at_the_validation_desk(servers: int, load: float, mean_s: int, n_days: int, replications: int):
    """Every order is looked at for an exponential time by one of c people, and then rejected."""
    warm_s = n_days // 20 * DAY_S
    business = textbook_shop(
        n_days=n_days,
        orders_per_day=[load * DAY_S / mean_s],
        workers={"validate": servers},
        channels={"manual_review_share": 1, "review_s": mean_s, "reject_share": 1},
    )

    def measure(run: RunRecords, intake: Intake) -> tuple[float, float]:
        luck = uniforms(run.seed, run.replication, Purpose.VALIDATION, intake.entity)[:, 2]
        task_s = np.maximum(np.floor(-np.log1p(-luck) * mean_s + 0.5), 1)
        counted = (run.orders.arrived_s >= warm_s) & (run.orders.validated_s != NEVER)
        wait_s = (run.orders.validated_s - run.orders.arrived_s - task_s)[counted]
        assert (wait_s >= 0).all()
        return wait_s.mean() / mean_s, (wait_s > 0).mean()

    values = replicated(business, measure, replications=replications, seed=SEED)
    assert_met(values, wait_of_mmc(servers, load), erlang_c(servers, load), half_width=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agents", "waits", "within_20_s"), [(12, 0.4494, 0.640), (13, 0.2853, 0.796), (14, 0.1741, 0.888)]
)
def test_erlang_c_at_the_contact_desk(agents: int, waits: float, within_20_s: float):
    """Every order asks a question at once; 200 an hour, three minutes each, unlimited patience."""
    business = textbook_shop(
        n_days=16,
        orders_per_day=[4800],
        workers={"contact": agents},
        stock={"on_hand_units": 0},
        channels={"backorders": "false"},
        contacts={"reason": ["question"], "share": 1, "delay_hours": 0, "handle_s": 180, "patience_s": ""},
    )

    def measure(run: RunRecords, _: Intake) -> tuple[float, float]:
        calls = run.contacts
        counted = (calls.at_s >= DAY_S) & (calls.answered_s != NEVER)
        wait_s = (calls.answered_s - calls.at_s)[counted]
        return (wait_s > 0).mean(), (wait_s <= 20).mean()

    values = replicated(business, measure, replications=10, seed=SEED)
    assert_met(values, waits, within_20_s, half_width=0.06)


# Pick and pack stations


def floor_waits(run: RunRecords, warm_days: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Waits for picking and for packing, and the channel, of what was packed and ordered after the warm-up."""
    ships = run.shipments
    counted = (run.orders.arrived_s[ships.order] >= warm_days * DAY_S) & (ships.packed_s != NEVER)
    pick_wait_s = ships.picked_s - ships.pick_s - ships.released_s
    pack_wait_s = ships.packed_s - ships.pack_s - ships.picked_s
    return pick_wait_s[counted], pack_wait_s[counted], run.orders.channel[ships.order][counted]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("servers", "use", "wait", "n_days"), [(1, 0.8, 2.0, 300), (2, 0.8, 0.903284, 150), (5, 0.9, 0.776695, 130)]
)
def test_mdc_at_the_pick_station(servers: int, use: float, wait: float, n_days: int):
    """Fixed pick times, orders released as they come (Crommelin)."""
    business = textbook_shop(
        n_days=n_days,
        orders_per_day=[use * servers * DAY_S / UNIT_S],
        workers={"pick": servers},
        sites={"pick_order_s": UNIT_S},
    )
    values = replicated(business, lambda run, _: floor_waits(run, 10)[0].mean() / UNIT_S, replications=20, seed=SEED)
    assert_met(values, wait, half_width=0.06)


@pytest.mark.slow
def test_tandem_of_pick_and_pack():
    """400 an hour through 23 pickers and 12 packers: each station waits as if alone (Burke)."""
    sites = {"pick_order_s": 180, "pack_order_s": 90, "task_times": "exponential"}
    business = textbook_shop(n_days=24, orders_per_day=[9600], workers={"pick": 23, "pack": 12}, sites=sites)
    values = replicated(
        business, lambda run, _: tuple(wait.mean() / 60 for wait in floor_waits(run, 1)[:2]), replications=10, seed=SEED
    )
    assert_met(values, 0.4157, 0.3370, half_width=0.08)


@pytest.mark.slow
def test_priorities_at_the_pick_station():
    """One picker, two channels, no interruption (Cobham)."""
    business = textbook_shop(
        n_days=900,
        orders_per_day=[0.16 * DAY_S / UNIT_S, 0.64 * DAY_S / UNIT_S],
        workers={"pick": 1},
        sites={"pick_order_s": UNIT_S, "task_times": "exponential"},
    )

    def measure(run: RunRecords, _: Intake) -> tuple[float, float]:
        wait_s, _, channel = floor_waits(run, 20)
        return wait_s[channel == 0].mean() / UNIT_S, wait_s[channel == 1].mean() / UNIT_S

    assert_met(replicated(business, measure, replications=12, seed=SEED), 0.952381, 4.761905, half_width=0.06)


@pytest.mark.slow
def test_lognormal_times_at_the_pick_station():
    """Pollaczek-Khinchine with the second moment of the table that stands for the lognormal, itself near 3."""
    table = lognormal_factors(np.sqrt(2))
    second = float((table**2).mean())
    assert second == pytest.approx(3, rel=0.03)  # a cell's mean stands for its spread
    business = textbook_shop(
        n_days=500,
        orders_per_day=[0.8 * DAY_S / UNIT_S],
        workers={"pick": 1},
        sites={"pick_order_s": UNIT_S, "task_times": "lognormal", "task_cv": float(np.sqrt(2))},
    )
    values = replicated(business, lambda run, _: floor_waits(run, 20)[0].mean() / UNIT_S, replications=20, seed=SEED)
    assert_met(values, 0.8 * second / 2 / (1 - 0.8), half_width=0.12)


def test_cutoff_wait():
    """Packed as a Poisson stream, picked up once a day: waits are uniform over the day, 12 h with variance 48."""
    business = textbook_shop(n_days=60, orders_per_day=[400])

    def measure(run: RunRecords, _: Intake) -> tuple[float, float]:
        ships, first, last = run.shipments, run.tenders.at_s[0], run.tenders.at_s[-1]
        counted = (ships.packed_s > first) & (ships.packed_s <= last)
        assert (ships.tendered_s[counted] != NEVER).all()
        wait_h = (ships.tendered_s - ships.packed_s)[counted] / 3600
        return wait_h.mean(), wait_h.var()

    assert_met(replicated(business, measure, replications=10, seed=SEED), 12, 48, half_width=0.01)


# The kernel alone, with millions of customers; a unit is 2**20 ticks


TICKS = 1 << 20
ALWAYS = 1 << 61


def kernel_waits(
    servers: int, use: float, service: Callable[[np.random.Generator, int], np.ndarray], n: int, run: int
) -> np.ndarray:
    """Waits, in mean services, of all but the first fiftieth of n Poisson customers."""
    rng = np.random.default_rng([SEED, servers, run])
    ready = np.cumsum(rng.exponential(TICKS / (use * servers), n)).astype(np.int64)
    task = np.maximum(service(rng, n) * TICKS, 1).astype(np.int64)
    starts = serve_fifo(ready, task, np.zeros(1, dtype=np.int64), np.array([servers]), ALWAYS)
    return (starts - ready)[n // 50 :] / TICKS


def exponential(rng: np.random.Generator, n: int) -> np.ndarray:
    """Exponential services of mean 1."""
    return rng.exponential(1, n)


def fixed(_: np.random.Generator, n: int) -> np.ndarray:
    """Services of 1."""
    return np.ones(n)


def lognormal(rng: np.random.Generator, n: int) -> np.ndarray:
    """Lognormal services of mean 1 and squared coefficient of variation 2."""
    sigma = np.sqrt(np.log(3))
    return rng.lognormal(-(sigma**2) / 2, sigma, n)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("servers", "use", "service", "wait"),
    [
        (3, 0.8, exponential, 1.0786517),
        (10, 0.9, exponential, 0.6687315),
        (23, 20 / 23, exponential, 20 * 0.0069290),
        (1, 0.8, lognormal, 6.0),
        (1, 0.8, fixed, 2.0),
        (2, 0.8, fixed, 0.903284),
        (5, 0.9, fixed, 0.776695),
    ],
)
def test_the_queue_kernel(servers: int, use: float, service: Callable[..., np.ndarray], wait: float):
    """M/M/c, M/G/1 and M/D/c, six million customers each."""
    means = np.array([[kernel_waits(servers, use, service, 300_000, run).mean()] for run in range(20)])
    assert_met(means, wait, half_width=0.04)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("agents", "waits", "within_20_s"), [(12, 0.4494, 0.640), (13, 0.2853, 0.796), (14, 0.1741, 0.888)]
)
def test_the_patience_kernel_with_unlimited_patience(agents: int, waits: float, within_20_s: float):
    """Erlang C's shares of callers who wait, and of those answered in 20 s of 180 s handling."""
    values = []
    for run in range(10):
        rng = np.random.default_rng([SEED, agents, run])
        made = np.cumsum(rng.exponential(18_000, 500_000)).astype(np.int64)
        handle = np.maximum(rng.exponential(180_000, made.size), 1).astype(np.int64)
        no_limit = np.full(made.size, ALWAYS)
        starts = serve_with_patience(made, handle, no_limit, np.zeros(1, dtype=np.int64), np.array([agents]), ALWAYS)
        wait_ms = (starts - made)[10_000:]
        values.append(((wait_ms > 0).mean(), (wait_ms <= 20_000).mean()))
    assert_met(np.array(values), waits, within_20_s, half_width=0.02)
