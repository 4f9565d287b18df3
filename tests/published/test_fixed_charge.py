"""Fixed charges per shipment: published optima of transport and covering, found and proved by both solvers.

Which instances a batch of orders says exactly, and which it does not, is told in `fixed_charge_cases`. Where customers
must be served whole from one source, no instance was found that maps exactly; there the numbers are the published ones
and the optimum is by enumeration.
"""

import itertools

import numpy as np
import pytest
from fixed_charge_cases import COVERS, OPTIMA, transport, triples

from omsim.kernels.allocation.batch import Batch, Classes, Lanes, Stock, nothing_kept
from omsim.optimize.sourcing.check import check_sourcing
from omsim.optimize.sourcing.optimum import optimal_sourcing

SOLVERS = ("highs", "cp_sat")
NEVER_CENTS = 100_000  # above any way to serve a unit


def orders_of(case, *, in_part=True, most_sources=None):
    """Fixed-charge transport as a batch: customers are orders of one line, each in its own lane."""
    n_sources, n_customers = case.unit.shape
    none = np.zeros(n_customers, dtype=np.int64)
    return (
        Batch(np.arange(n_customers + 1), none, case.demand, np.arange(n_customers), none),
        Classes(
            np.ones((1, n_sources), dtype=bool),
            np.array([most_sources or n_sources]),
            np.array([in_part]),
            np.zeros(1, dtype=bool),
            nothing_kept(1),
        ),
        Lanes(
            np.tile(np.arange(n_sources), (n_customers, 1)),
            np.ascontiguousarray(case.charge.T),
            np.ascontiguousarray(case.unit.T),
            np.zeros((n_customers, n_sources), dtype=np.int64),
        ),
        Stock(
            np.arange(n_sources, dtype=np.int32)[:, np.newaxis],
            case.supply,
            np.full(n_sources, n_customers),
            np.array([100]),
        ),
    )


def least_by_tens(case):
    """Fixed-charge transport by enumeration of all flows in tens, in which some optimum is where all data are tens."""
    supply, demand = case.supply // 10, case.demand // 10
    ways = [
        [way for way in itertools.product(range(int(need) + 1), repeat=supply.size) if sum(way) == need]
        for need in demand
    ]
    least = None
    for flows in itertools.product(*ways):
        flow = np.array(flows).T
        if (flow.sum(axis=1) <= supply).all():
            cents = int((flow * 10 * case.unit + (flow > 0) * case.charge).sum())
            least = cents if least is None else min(least, cents)
    return least


def least_from_one_source(case, unserved_cents):
    """The same with every customer whole from one source, or not served: by enumeration."""
    n_sources = case.supply.size
    least = None
    for sources in itertools.product(range(-1, n_sources), repeat=case.demand.size):
        left = case.supply.tolist()
        cents = 0
        for customer, source in enumerate(sources):
            units = int(case.demand[customer])
            if source < 0:
                cents += units * unserved_cents
            else:
                left[source] -= units
                cents += int(case.charge[source, customer]) + units * int(case.unit[source, customer])
        if min(left) >= 0:
            least = cents if least is None else min(least, cents)
    return least


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", OPTIMA)
def test_fixed_charge_transport_has_the_published_optimum(name, solver):
    """bk4x3 350, gr4x6 202.35 and bal8x12 471.55: found, proved, everybody served."""
    case = transport(name)
    data = orders_of(case)
    best = optimal_sourcing(*data, NEVER_CENTS, solver=solver, isolate=False)
    assert (best.cost_cents, best.bound_cents, best.status, best.fallback) == (
        case.optimum, case.optimum, "optimal", "",
    )  # fmt: skip
    check = check_sourcing(*data, best.choice, NEVER_CENTS)
    assert (check.broken, check.unserved_units, check.served_units) == ("", 0, int(case.demand.sum()))


def test_the_published_optimum_is_that_of_enumeration():
    """bk4x3, all of whose supplies and demands are tens: no flow in tens costs less than 350."""
    assert least_by_tens(transport("bk4x3")) == OPTIMA["bk4x3"]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(("name", "unserved_cents"), [("bk4x3", 900), ("bk4x3", 150), ("gr4x6", 300), ("gr4x6", 80)])
def test_from_one_source_each_the_optimum_is_that_of_enumeration(name, unserved_cents, solver):
    """Customers whole from one source, as in single-source location; some are better left, and one fits nowhere."""
    case = transport(name)
    least = least_from_one_source(case, unserved_cents)
    best = optimal_sourcing(*orders_of(case, in_part=False), unserved_cents, solver=solver, isolate=False)
    assert (best.cost_cents, best.bound_cents, best.status) == (least, least, "optimal")
    assert best.check.unserved_units > 0
    both_limits = orders_of(case, in_part=False, most_sources=1)
    assert optimal_sourcing(*both_limits, unserved_cents, solver=solver, isolate=False).cost_cents == least


@pytest.mark.parametrize(("dimension", "solver"), [(2, "highs"), (2, "cp_sat"), (3, "cp_sat")])
def test_fewest_shipments_of_one_order_are_the_published_covers(dimension, solver):
    """A line for each triple, a site for each point that carries its triples: 5 of 9 points, and 18 of 27."""
    lines = triples(dimension)
    n_lines, n_sites = len(lines), 3**dimension
    cell_of = np.full((n_sites, n_lines), -1, dtype=np.int32)
    cell_of[lines.ravel(), np.repeat(np.arange(n_lines), 3)] = np.arange(lines.size)
    one = np.ones(1, dtype=bool)
    none = np.zeros(1, dtype=np.int64)
    best = optimal_sourcing(
        Batch(np.array([0, n_lines]), np.arange(n_lines), np.ones(n_lines, dtype=np.int64), none, none),
        Classes(np.ones((1, n_sites), dtype=bool), np.array([n_sites]), one, ~one, nothing_kept(1)),
        Lanes(
            np.arange(n_sites)[np.newaxis],
            np.ones((1, n_sites), dtype=np.int64),
            np.zeros((1, n_sites), dtype=np.int64),
            np.zeros((1, n_sites), dtype=np.int64),
        ),
        Stock(cell_of, np.ones(lines.size, dtype=np.int64), np.ones(n_sites, dtype=np.int64), np.full(n_lines, 100)),
        1_000,
        solver=solver,
        isolate=False,
    )
    assert (best.cost_cents, best.bound_cents, best.status) == (COVERS[dimension], COVERS[dimension], "optimal")
    assert best.check.shipments == COVERS[dimension]
