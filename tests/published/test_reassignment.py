"""Published: re-assigning waiting orders removes 40-50 % of extra shipments (Xu, Allgor & Graves 2009)."""

import numpy as np
import pytest
from reassignment_case import UNSERVED_CENTS, held_orders, shipments_before_and_after

from omsim.kernels.allocation.order_choice import fewest_shipments
from omsim.kernels.allocation.reassign import reassign
from omsim.optimize.sourcing.check import check_sourcing

COVER = 1.4
"""Stock over the demand of the orders on hold and those sourced before them."""


def removed_shares(carried_share, cover=COVER, **changes):
    """Mean shares removed over three draws: of all extra shipments, and of those infinite stock would save."""
    counts = [
        shipments_before_and_after(held_orders(carried_share=carried_share, cover=cover, seed=seed, **changes))
        for seed in range(3)
    ]
    extra = sum(one.myopic - one.orders for one in counts)
    avoidable = sum(one.myopic - one.at_least for one in counts)
    removed = sum(one.myopic - one.reassigned for one in counts)
    return removed / extra, removed / avoidable


@pytest.mark.parametrize(
    ("assortment", "least", "most"),
    [
        ((0.40, 0.45, 0.50), 0.05, 0.13),  # sparse: SKUs at 40-50 % of the sites
        ((0.70, 0.75), 0.40, 0.50),  # the retailer's own figure
        ((0.80, 0.85), 0.60, 0.85),  # dense: SKUs at 80-90 % of the sites
    ],
)
def test_the_curve_over_assortments(assortment, least, most):
    """Sparse 5-13 %, the published 40-50 % at realistic assortments, dense 60-85 % of the extra shipments."""
    assert least <= np.mean([removed_shares(share)[0] for share in assortment]) <= most


def test_what_decides_is_at_how_many_sites_a_sku_lies():
    """The share removed rises with every step from sparse to dense."""
    shares = [removed_shares(share)[0] for share in (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)]
    assert shares == sorted(shares)


@pytest.mark.parametrize("carried_share", [0.4, 0.6, 0.75, 0.9])
def test_most_of_what_stock_could_save_is_saved(carried_share):
    """Against the sites needed even with infinite stock, the share hardly depends on the assortment: 70 % and more."""
    assert removed_shares(carried_share)[1] >= 0.7


def test_at_sparse_carriage_ample_stock_leaves_little_to_remove():
    """From a cover of 1.05 to 2.0 the share falls by more than half: what stays split, no stock could join."""
    assert removed_shares(0.45, cover=2.0)[0] < 0.5 * removed_shares(0.45, cover=1.05)[0]


@pytest.mark.parametrize(("n_sites", "n_skus", "n_orders", "multi_share"), [(5, 300, 4_000, 0.2), (7, 400, 6_000, 0.4)])
def test_other_retailers_show_the_same(n_sites, n_skus, n_orders, multi_share):
    """Fewer or more sites, SKUs, orders and multi-item orders: sparse below, dense above the published 40-50 %."""
    shop = {"n_sites": n_sites, "n_skus": n_skus, "n_orders": n_orders, "multi_share": multi_share}
    assert removed_shares(0.4, **shop)[0] < 0.4
    assert removed_shares(0.9, **shop)[0] > 0.5


def test_nothing_is_paid_for_it():
    """Every line keeps its units, no cell gives more than it has, and cents fall along with shipments."""
    batch, classes, lanes, stock = held_orders(carried_share=0.7, cover=COVER, seed=0)
    left = stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())
    before = fewest_shipments(batch, classes, lanes, left, UNSERVED_CENTS)
    after = reassign(batch, classes, lanes, left, before)
    checks = [check_sourcing(batch, classes, lanes, stock, choice, UNSERVED_CENTS) for choice in (before, after)]
    assert [check.broken for check in checks] == ["", ""]
    assert checks[1].shipments < checks[0].shipments
    assert checks[1].cost_cents < checks[0].cost_cents
    np.testing.assert_array_equal(np.bincount(before.line, before.units), np.bincount(after.line, after.units))
