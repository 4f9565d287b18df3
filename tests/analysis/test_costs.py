"""The money ledger: each component as written out, and everything adds up exactly."""

from __future__ import annotations

import numpy as np
import pytest
from analysis.slow_kpis import slow_costs
from analysis.small_records import made_records
from model.small_models import small_business

from omsim.analysis.costs import channel_costs, order_costs, stock_cents_s
from omsim.analysis.measure import compute_kpis
from omsim.analysis.outcomes import derive_outcomes
from omsim.kernels.outcome_columns import COST_NAMES, PER_CENT

DISPOSITIONS = """
    category, disposition, share, recovered_share, handling_cents
    mug,      restock,     6,     0,               20
    mug,      refurbish,   2,     0.6,             150
    mug,      scrap,       2,     0,               30
    ,         restock,     5,     0,               25
    ,         liquidate,   5,     0.333,           40
"""


@pytest.fixture(scope="module")
def business():
    """The small business with every cost switched on."""
    return small_business(
        {
            "model.warm_up_days": 3,
            "costs.late_penalty_cents": 500,
            "costs.split_penalty_cents": 70,
            "costs.return_label_cents": 390,
            "costs.holding_rate_per_year": 0.23,
        },
        dispositions=DISPOSITIONS,
    )


@pytest.mark.parametrize("seed", range(3))
def test_each_component_is_what_it_says(business, seed):
    """Order by order, components equal the slow ones to within a part of a cent."""
    records = made_records(business, 300, seed)
    costs = order_costs(records, business, derive_outcomes(records, business))
    for order, expected in enumerate(slow_costs(records, business)):
        for component, cents in expected.items():
            assert costs.cents(component)[order] == pytest.approx(cents, abs=0.01), (order, component)


@pytest.mark.parametrize("seed", range(3))
def test_orders_add_up_to_the_kpis_exactly(business, seed):
    """The ledger's orders sum to the channel totals in whole parts of a cent, and to the KPIs in cents."""
    records = made_records(business, 300, seed)
    outcomes = derive_outcomes(records, business)
    costs = order_costs(records, business, outcomes)
    by_channel, n_shipped = channel_costs(records, business, outcomes)
    channel = records.orders.channel
    for code in range(len(by_channel)):
        np.testing.assert_array_equal(costs.parts[channel == code].sum(axis=0), by_channel[code])
        assert n_shipped[code] == np.count_nonzero(costs.counted & (channel == code))
    table = compute_kpis(records, business)
    for at, name in enumerate(COST_NAMES):
        total = int(costs.parts[:, at].sum())
        assert table.numerator[table.row(f"cost_{name}")] == round(total / PER_CENT)


def test_shared_costs_are_spread_to_the_last_part_of_a_cent(business):
    """Holding and ordering reach the shipped orders in whole, in shares that differ by at most one part."""
    records = made_records(business, 300, 1)
    costs = order_costs(records, business, derive_outcomes(records, business))
    holding = costs.parts[:, COST_NAMES.index("holding")]
    expected = stock_cents_s(records, business) * 0.23 * PER_CENT / (365 * 86_400)
    assert holding.sum() == pytest.approx(expected, abs=1)
    assert np.ptp(holding[costs.counted]) <= 1
    assert not holding[~costs.counted].any()


def test_stock_value_integral_does_not_overflow(business):
    """A year of a huge stock is integrated exactly where 64 bits would not do."""
    records = made_records(business, 10)
    huge = np.full_like(records.stock.on_hand_unit_s, 10**9 * 31_536_000)
    object.__setattr__(records.stock, "on_hand_unit_s", huge)
    cost = business["skus"].integers("unit_cost_cents")[business.codes("stock", "sku")].tolist()
    assert stock_cents_s(records, business) == sum(10**9 * 31_536_000 * cents for cents in cost)


def test_no_orders_cost_nothing(business):
    """Without counted orders there is nothing to share costs over, and no cost per order."""
    records = made_records(business, 0)
    costs = order_costs(records, business, derive_outcomes(records, business))
    assert costs.parts.shape == (0, len(COST_NAMES))
