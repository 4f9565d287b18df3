"""The published frontier: levels set on nine months of a real shop's orders, the next three replayed unseen.

Conditions, found by reproducing the known points: stock codes upper-cased; sale lines with quantity and price above
zero of goods; items with at least 20 selling days before September; calendar days, Saturdays included; stock opens at
its level; an order placed after a day's demand arrives before the demand of the 14th day after, so that the protection
interval is 15 days; stock is scored at the item's median price over its lines of the whole year, as the known points
are. Our levels are set with the median price of the nine months: nothing of the autumn enters them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.special import ndtri

from omsim.demand.forecast.compound import forecast_from_history
from omsim.demand.supplier_lead_times import rescaled_lead_times
from omsim.kernels.replay import replay_base_stock
from omsim.optimize.reorder.levels import choose_levels, level_curves

pytestmark = pytest.mark.shared

FIRST_DAY = date(2009, 12, 1)
TRAINING_DAYS = 274
PROTECTION_DAYS = 15
LEAST_SELLING_DAYS = 20
KNOWN_GBP = np.array([464_000.0, 715_000.0, 863_000.0, 1_140_000.0])
KNOWN_FILL = np.array([0.733, 0.783, 0.813, 0.850])  # of the marginal rule
BUDGETS_GBP = np.geomspace(300_000, 1_400_000, 12)


@dataclass(frozen=True)
class Shop:
    """Units by item and day, and prices: nine months to learn from, three to replay."""

    history: np.ndarray
    autumn: np.ndarray
    price_gbp: np.ndarray  # to score stock with
    known_price_gbp: np.ndarray  # of the nine months, to set levels with


@pytest.fixture(scope="module")
def shop(shared_data):
    """The real shop's goods sold often enough to set levels for."""
    columns = ["doc_type", "stock_code", "quantity", "invoice_ts", "unit_price_gbp", "is_merch"]
    lines = pq.read_table(shared_data / "online_retail_y1" / "online_retail_y1.parquet", columns=columns).to_pandas()
    goods = lines.is_merch & (lines.quantity > 0) & (lines.unit_price_gbp > 0)
    lines = lines[(lines.doc_type == "sale") & goods]
    sku, item = np.unique(lines.stock_code.str.upper().to_numpy(dtype=str), return_inverse=True)
    day = (lines.invoice_ts.to_numpy().astype("datetime64[D]") - np.datetime64(FIRST_DAY)).astype(np.int64)
    units = np.zeros((sku.size, day.max() + 1), np.int64)
    np.add.at(units, (item, day), lines.quantity.to_numpy())
    price = lines.unit_price_gbp.groupby(item).median()
    learnt = day < TRAINING_DAYS
    known_price = lines.unit_price_gbp[learnt].groupby(item[learnt]).median().reindex(price.index)
    often = (units[:, :TRAINING_DAYS] > 0).sum(axis=1) >= LEAST_SELLING_DAYS
    assert int(often.sum()) == 2_240
    return Shop(
        units[often, :TRAINING_DAYS],
        units[often, TRAINING_DAYS:],
        price.to_numpy()[often],
        known_price.to_numpy()[often],
    )


@pytest.fixture(scope="module")
def scms_lead_times(shared_data):
    """Purchase order to delivery, direct from the vendor, at a mean of 14 days."""
    columns = ["fulfill_via", "po_date", "deliv_date"]
    rows = pq.read_table(shared_data / "scms_deliveries" / "scms_deliveries.parquet", columns=columns).to_pandas()
    rows = rows[(rows.fulfill_via == "Direct Drop") & rows.po_date.notna()]
    ordered, delivered = (rows[name].to_numpy().astype("datetime64[D]") for name in ("po_date", "deliv_date"))
    took = (delivered - ordered).astype(np.int64)
    return rescaled_lead_times(took[took > 0], mean_days=14.0)


def point(shop, levels, lead_time_days=14):
    """Stock value in GBP and unit fill rate of the replayed autumn."""
    filled, on_hand = replay_base_stock(shop.autumn, levels.astype(np.int64), lead_time_days)
    return float(on_hand @ shop.price_gbp), float(filled.sum() / shop.autumn.sum())


def our_plans(shop, lead_share):
    """Plans along the frontier."""
    forecast = forecast_from_history(shop.history, first_day=FIRST_DAY, protection_days=PROTECTION_DAYS, seed=1)
    value_cents = np.maximum(1, np.rint(shop.known_price_gbp * 100)).astype(np.int64)
    curves = level_curves(forecast, value_cents, lead_time_days=lead_share)
    return [choose_levels(curves, budget_cents=int(budget * 100)) for budget in BUDGETS_GBP]


def windows(history):
    """Demand of every protection interval of the history, shape (n_items, n_windows)."""
    running = np.cumsum(np.pad(history, ((0, 0), (1, 0))), axis=1)
    return running[:, PROTECTION_DAYS:] - running[:, :-PROTECTION_DAYS]


def marginal_rule(shop, price_of_stock):
    """The twenty-line rule: raise a level while the share of windows that reach it is worth its price."""
    demand = np.sort(windows(shop.history), axis=1)[:, ::-1]
    reached = (np.arange(demand.shape[1]) + 1) / demand.shape[1]
    needed = price_of_stock * shop.price_gbp
    column = np.searchsorted(reached, needed, side="left")
    levels = demand[np.arange(column.size), np.minimum(column, demand.shape[1] - 1)]
    return np.where(needed <= 1, levels, 0)


def test_known_points_are_reproduced(shop):
    """Under the stated conditions the published baselines come out: the replay means what they mean."""
    mean, spread = shop.history.mean(axis=1), shop.history.std(axis=1)
    normal = np.ceil(mean * PROTECTION_DAYS + ndtri(0.95) * spread * np.sqrt(PROTECTION_DAYS))
    assert point(shop, normal) == pytest.approx((667_000, 0.720), rel=2e-3)
    empirical = np.ceil(np.quantile(windows(shop.history), 0.95, axis=1))
    assert point(shop, empirical) == pytest.approx((1_150_000, 0.807), rel=2e-3)
    rule = np.array([point(shop, marginal_rule(shop, price)) for price in np.geomspace(0.01, 0.5, 30)])
    rule = rule[np.argsort(rule[:, 0])]
    np.testing.assert_allclose(np.interp(KNOWN_GBP, rule[:, 0], rule[:, 1]), KNOWN_FILL, atol=2e-3)


def test_frontier_lies_above_every_known_point(shop):
    """At each known stock value at least six points of unit fill more, and a curve that rises throughout."""
    plans = our_plans(shop, np.eye(15)[14])
    stock, fill = np.array([point(shop, plan.levels) for plan in plans]).T
    assert stock[0] < 400_000
    assert stock[-1] > 1_200_000
    assert (np.diff(stock) > 0).all()
    assert (np.diff(fill) > 0).all()
    at_known = np.interp(KNOWN_GBP, stock, fill)
    assert (at_known > KNOWN_FILL + 0.06).all(), at_known
    assert np.interp(667_000, stock, fill) > 0.720 + 0.12
    assert np.interp(1_150_000, stock, fill) > 0.807 + 0.10


def test_forecast_is_honest(shop):
    """Unseen fill is within three points of the predicted, and stock within a tenth, though demand grew by a third."""
    for plan in our_plans(shop, np.eye(15)[14]):
        stock, fill = point(shop, plan.levels)
        assert plan.predicted_fill_rate == pytest.approx(fill, abs=0.03)
        assert plan.predicted_stock_value_cents / 100 == pytest.approx(stock, rel=0.12)
        assert plan.gap < 1e-3


def test_frontier_holds_with_random_lead_times(shop, scms_lead_times):
    """With lead times of the observed shape the curve stays above what the rules reach at a sure fortnight."""
    days = np.arange(scms_lead_times.size)
    mean = float(scms_lead_times @ days)
    assert mean == pytest.approx(14.0, abs=0.1)
    assert np.sqrt(scms_lead_times @ (days - mean) ** 2) / mean == pytest.approx(0.67, abs=0.01)
    source = np.random.Generator(np.random.Philox(100))
    lead = source.choice(days, p=scms_lead_times, size=shop.autumn.shape)
    stock, fill = np.array([point(shop, plan.levels, lead) for plan in our_plans(shop, scms_lead_times)]).T
    assert (np.interp(KNOWN_GBP, stock, fill) > KNOWN_FILL + 0.05).all()
    rule = np.array([point(shop, marginal_rule(shop, price), lead) for price in np.geomspace(0.01, 0.5, 20)])
    rule = rule[np.argsort(rule[:, 0])]
    assert (np.interp(KNOWN_GBP, stock, fill) > np.interp(KNOWN_GBP, rule[:, 0], rule[:, 1]) + 0.05).all()
