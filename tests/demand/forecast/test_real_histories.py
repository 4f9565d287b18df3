"""Real demand, unseen: spare parts by month and a gift shop by day, beside the rules a forecast must beat."""

from __future__ import annotations

from datetime import date

import numpy as np
import pyarrow.parquet as pq
import pytest

from omsim.demand.forecast.holdout import score_forecasts
from omsim.demand.forecast.predictive import predict_demand

pytestmark = pytest.mark.shared


def rule(method, lead_periods, first_day, **arguments):
    """Forecast of a sure lead time and one period more."""
    before = np.eye(lead_periods + 1)[[lead_periods]]
    return lambda known: (
        predict_demand(known, first_day=first_day, before_days=before, review_days=1, method=method, **arguments).after
    )


@pytest.fixture(scope="module")
def car_parts(shared_data):
    """Units by part and month; every third part."""
    rows = pq.read_table(shared_data / "carparts_monthly" / "carparts_monthly.parquet").to_pandas()
    table = rows.pivot(index="part_id", columns="month", values="demand")
    return table.fillna(0).to_numpy(np.int64)[::3]


@pytest.fixture(scope="module")
def gift_shop(shared_data):
    """Units by article and day over nine months; every eighth article."""
    columns = ["doc_type", "stock_code", "quantity", "invoice_ts", "unit_price_gbp", "is_merch"]
    lines = pq.read_table(shared_data / "online_retail_y1" / "online_retail_y1.parquet", columns=columns).to_pandas()
    lines = lines[(lines.doc_type == "sale") & lines.is_merch & (lines.quantity > 0) & (lines.unit_price_gbp > 0)]
    sku, item = np.unique(lines.stock_code.str.upper().to_numpy(dtype=str), return_inverse=True)
    day = (lines.invoice_ts.to_numpy().astype("datetime64[D]") - np.datetime64("2009-12-01")).astype(np.int64)
    units = np.zeros((sku.size, day.max() + 1), np.int64)
    np.add.at(units, (item, day), lines.quantity.to_numpy())
    return units[::8, :274]


def test_spare_parts_are_forecast_better_than_by_naive_and_classic_rules(car_parts):
    """Two months' lead time and one of review, four origins in the last year."""
    always = np.ones(car_parts.shape[1], bool)
    methods = {
        name: (
            lambda known, name=name: rule(
                name, 2, date(1998, 1, 1), weekdays=False, open_days=always[: known.shape[1]]
            )(known)
        )
        for name in ("auto", "croston", "sba", "tsb")
    }
    scores = score_forecasts(car_parts, methods, interval_days=3, n_origins=4)
    auto = scores.row("all", "auto")
    assert auto["coverage_share"] == pytest.approx(0.9, abs=0.04)
    assert abs(auto["bias_share"]) < 0.2
    for name, gain in (("last interval", 0.7), ("mean, Poisson", 0.87), ("croston", 0.85), ("sba", 0.85), ("tsb", 1.0)):
        assert auto["pinball"] < gain * scores.row("all", name)["pinball"], name


def test_a_gift_shop_is_forecast_better_than_by_naive_and_classic_rules(gift_shop):
    """A fortnight's lead time and daily review, two origins at the end of the nine months."""
    methods = {name: rule(name, 14, date(2009, 12, 1)) for name in ("compound", "empirical", "sba")}
    scores = score_forecasts(gift_shop, methods, interval_days=15, n_origins=2)
    compound = scores.row("all", "compound")
    assert compound["coverage_share"] == pytest.approx(0.9, abs=0.05)
    assert abs(compound["bias_share"]) < 0.25
    for name in ("last interval", "mean, Poisson", "empirical", "sba"):
        assert compound["pinball"] < 0.97 * scores.row("all", name)["pinball"], name
    for name in ("last interval", "mean, Poisson"):
        assert scores.row("all", name)["coverage_share"] < 0.5
