"""Carrier assignment at one tender: exact answers for few and for very many parcels."""

import numpy as np
import pytest

from omsim.optimize.carriers import assign_carriers


def tender(n_parcels, n_services=12, n_kinds=1_700):
    """Parcels of so many kinds (zone x weight x promise), slots for nine in ten."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, n_kinds, n_parcels)
    cost = rng.integers(400, 3_000, (n_kinds, n_services))[kind]
    offered = (rng.random((n_kinds, n_services)) < 0.7)[kind]
    slots = rng.multinomial(n_parcels * 9 // 10, np.ones(n_services) / n_services)
    return cost, offered, slots, np.full(n_parcels, 5_000)


@pytest.mark.parametrize("n_parcels", [5, 50, 1_000, 100_000])
def test_optimum(benchmark, n_parcels):
    """Proved optimum on crowded pickups, 12 services."""
    found = benchmark(assign_carriers, *tender(n_parcels))
    assert (found.status, found.method) == ("optimal", "flow")


def test_optimum_of_a_million(benchmark, measuring):
    """1,000,000 parcels x 12 services, exact, checked on every parcel (aim: 1 s)."""
    found = benchmark.pedantic(assign_carriers, tender(1_000_000), rounds=3)
    assert (found.status, found.method) == ("optimal", "flow")


@pytest.mark.parametrize("n_parcels", [50])
def test_everybody_fits(benchmark, n_parcels):
    """The common case of a quiet day: nothing to solve."""
    cost, offered, slots, hold = tender(n_parcels)
    assert benchmark(assign_carriers, cost, offered, slots + n_parcels, hold).method == "all_cheapest"


def test_cheapest_rule(benchmark):
    """The baseline rule on 100,000 parcels."""
    assert benchmark(assign_carriers, *tender(100_000), rule="cheapest").method == "cheapest"
