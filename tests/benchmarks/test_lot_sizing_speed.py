"""Lot sizing: whole tables at once, and the proofs of the published instances."""

import numpy as np
import pytest
from published.trigeiro import OPTIMA, trigeiro

from omsim.optimize.policies.capacitated_lot_sizing import check_capacitated_lots, solve_capacitated_lots
from omsim.optimize.policies.lot_sizing import plan_by_rule, solve_lot_sizes


def test_wagner_whitin_of_ten_thousand_items(benchmark):
    """Optimal plans over 52 periods; Silver-Meal on the same demand is a few per cent dearer."""
    rng = np.random.default_rng(0)
    units = rng.integers(0, 100, (10_000, 52))
    plan = benchmark(solve_lot_sizes, units, 500.0, 1.0)
    assert 1.0 < plan_by_rule(units, 500.0, 1.0).cost.sum() / plan.cost.sum() < 1.1


@pytest.mark.parametrize("name", sorted(OPTIMA))
def test_trigeiro_is_proved_within_a_minute(measuring, benchmark, name):
    """F1 to F5 (6 items), G53 (12 items) and G57 (24 items), 15 periods: the optimum, proved and checked."""
    instance = trigeiro(name)
    plan = benchmark.pedantic(solve_capacitated_lots, kwargs={**instance, "seconds": 60.0}, rounds=1)
    assert (plan.status, plan.cost) == ("optimal", OPTIMA[name])
    assert check_capacitated_lots(plan.order_units, **instance).cost == OPTIMA[name]
