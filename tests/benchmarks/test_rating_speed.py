"""Prices of parcels: a million of them with every service of a big shipper's rate card, surcharges on."""

from __future__ import annotations

import time

import numpy as np
from oracles import rating as oracle

from omsim.kernels.rating.billable import girth_mm
from omsim.kernels.rating.card import EVER, Parcels, Surcharges, parcels_of, rate_card
from omsim.kernels.rating.prices import price_parcels

N_SERVICES, N_ZONES, N_BREAKS, N_SURCHARGES = 12, 8, 40, 8


def big_card(rng):
    """Twelve services, eight zones, forty weight breaks, and eight surcharges each."""
    some = lambda values, share: np.where(rng.random(k) < share, rng.choice(values, k), 0)  # noqa: E731
    k = N_SERVICES * N_SURCHARGES
    weights = np.cumsum(rng.integers(100, 1500, (N_SERVICES, 1, N_BREAKS)), axis=2)
    return rate_card(
        dim_divisor_cm3_per_kg=rng.choice([0, 4000, 5000, 5021.7], N_SERVICES),
        max_weight_g=rng.choice([20_000, 31_500, 10**9], N_SERVICES),
        max_length_mm=rng.choice([0, 1200, 1750], N_SERVICES),
        max_girth_mm=rng.choice([0, 3000], N_SERVICES),
        minimum_cents=rng.integers(0, 800, N_SERVICES),
        fuel_ppm=rng.integers(0, 250_000, N_SERVICES),
        over_kg_cents=rng.choice([0, 90], N_SERVICES),
        rate_first=np.arange(N_SERVICES * N_ZONES + 1) * N_BREAKS,
        up_to_g=np.broadcast_to(weights, (N_SERVICES, N_ZONES, N_BREAKS)).reshape(-1),
        rate_cents=np.sort(rng.integers(300, 6000, (N_SERVICES, N_ZONES, N_BREAKS)), axis=2).reshape(-1),
        surcharges=Surcharges(
            service=np.repeat(np.arange(N_SERVICES), N_SURCHARGES),
            zone=np.where(rng.random(k) < 0.4, rng.integers(0, N_ZONES, k), -1),
            from_g=some([15_000, 25_000], 0.3),
            from_mm=some([800, 1000], 0.3),
            from_mm3=some([10**8], 0.2),
            first_day=some([60], 0.3),
            last_day=np.where(rng.random(k) < 0.3, 90, EVER),
            cents=rng.integers(50, 900, k),
            share_ppm=some([50_000, 125_000], 0.3),
            fuelled=rng.integers(0, 2, k),
        ),
    )


def many_parcels(rng, n_parcels):
    """Parcels of a quarter: mostly small and light, some long or heavy."""
    sides = (np.sort(rng.integers(50, 1300, (n_parcels, 3)), axis=1) * rng.random((n_parcels, 1))).astype(np.int64) + 1
    return parcels_of(
        rng.integers(0, N_ZONES, n_parcels),
        np.minimum(rng.lognormal(7.3, 1, n_parcels), 60_000).astype(np.int64) + 1,
        sides.prod(axis=1),
        sides[:, 2],
        girth_mm(sides[:, 2], sides[:, 1], sides[:, 0]),
        rng.integers(0, 120, n_parcels),
    )


def test_prices(benchmark, measuring):
    """A million parcels x 12 services on one core, against pricing them one by one (target: 10 M prices a second)."""
    rng = np.random.default_rng(0)
    card, parcels = big_card(rng), many_parcels(rng, 1_000_000)
    few = Parcels(*(column[:500].copy() for column in parcels))
    start = time.perf_counter()
    slow = oracle.prices(card, few)
    slow_s = (time.perf_counter() - start) / len(slow)
    assert price_parcels(card, few).tolist() == slow
    price = benchmark.pedantic(price_parcels, (card, parcels), rounds=5, warmup_rounds=1)
    fast_s = benchmark.stats.stats.min / len(price)
    benchmark.extra_info.update(
        million_prices_per_s=N_SERVICES / fast_s / 1e6,
        times_faster_than_one_by_one=slow_s / fast_s,
        share_carried=float((price >= 0).mean()),
    )


def test_a_dock(benchmark):
    """The 200 parcels of an ordinary tender, checking included."""
    rng = np.random.default_rng(1)
    card, few = big_card(rng), many_parcels(rng, 200)
    price = benchmark(lambda: price_parcels(card, parcels_of(*few)))
    assert price.shape == (200, N_SERVICES)
