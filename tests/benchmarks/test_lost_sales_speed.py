"""Lost sales: the exact optimum of one item, and base stock with a cap for a whole table."""

import numpy as np

from omsim.demand.lead_time import Periods, negative_binomial_demand, poisson_demand
from omsim.optimize.policies.lost_sales import LostSalesItem, solve_lost_sales
from omsim.optimize.policies.lost_sales_tables import solve_lost_base_stock


def test_exact_optimum_of_lead_time_four(benchmark):
    """Poisson demand of 5, penalty 19: 20,500 states, to a ten-millionth."""
    day = poisson_demand([5.0], Periods.fixed(1)).row(0)
    best = benchmark(solve_lost_sales, LostSalesItem(pmf=day, lead_periods=4, holding_cost=1.0, penalty_cost=19.0))
    assert round(best.cost, 2) == 8.89


def test_capped_base_stock_of_a_thousand_items(measuring, benchmark):
    """Lead times of 1 to 9 periods, 4,000 sampled periods an item: cheaper than plain base stock in total."""
    rng = np.random.default_rng(0)
    mean = rng.uniform(0.2, 20, 1000)
    day = negative_binomial_demand(mean, mean * rng.uniform(1, 3, 1000), Periods.fixed(1))
    lead = rng.integers(1, 10, 1000)
    found = benchmark(solve_lost_base_stock, day, lead, 1.0, 19.0)
    plain = solve_lost_base_stock(day, lead, 1.0, 19.0, capped=False)
    assert found.cost_per_period.sum() < plain.cost_per_period.sum()
