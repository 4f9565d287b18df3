"""Reading a large night: 100,000 SKUs at sites, 300 days of history of which one cell-day in twenty sells."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from omsim.model.building import build_business
from omsim.nightly.inputs import read_snapshot

AS_OF = date(2026, 9, 27)
N_SKUS, N_DAYS = 50_000, 300
SITES = ("east", "west")


def large_business():
    """Two sites that carry every SKU."""
    skus = [f"SKU-{row:06d}" for row in range(N_SKUS)]
    cells = {"site": [site for site in SITES for _ in skus], "sku": skus * 2}
    n = 2 * N_SKUS
    tables = {
        "skus": {"sku": skus, "unit_cost_cents": np.full(N_SKUS, 100), "price_cents": np.full(N_SKUS, 300),
                 "weight_g": np.full(N_SKUS, 100)},
        "sites": {"site": SITES, "labour_cents_per_hour": [1500, 1500]},
        "channels": {"channel": ["web"], "orders_per_day": [5.0]},
        "regions": {"region": ["here"], "order_share": [1.0]},
        "demand": {"sku": skus, "channel": ["web"] * N_SKUS, "line_share": np.ones(N_SKUS),
                   "quantity_profile": ["one"] * N_SKUS},
        "quantities": {"profile": ["one"], "units": [1], "share": [1.0]},
        "baskets": {"channel": ["web"], "lines": [1], "share": [1.0]},
        "services": {"service": ["post"], "carrier": ["post"], "over_kg_cents": [100]},
        "zones": {"site": SITES, "region": ["here"] * 2, "zone": ["z"] * 2, "distance_km": [1.0, 9.0]},
        "transits": {"service": ["post"], "zone": ["z"], "days": [1], "share": [1.0]},
        "rates": {"service": ["post"], "zone": ["z"], "up_to_g": [30_000], "price_cents": [400]},
        "suppliers": {"supplier": ["mill"], "lead_time_days": [3.0]},
        "stock": {**cells, "on_hand_units": np.full(n, 5), "supplier": ["mill"] * n, "policy": ["min_max"] * n,
                  "reorder_point_units": np.full(n, 3), "order_up_to_units": np.full(n, 9)},
        "staff": {"stage": ["pick", "pack"] * 2, "site": ["east", "east", "west", "west"], "days": ["Mon-Sun"] * 4,
                  "start": ["06:00"] * 4, "end": ["18:00"] * 4, "workers": [2] * 4},
    }  # fmt: skip
    return build_business({"model.name": "large", "model.start_date": "2026-09-28", "model.currency": "EUR"}, tables)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_inputs_of_100_000_cells(benchmark, measuring, tmp_path, kind):
    """Files to the arrays of a snapshot, every rule checked."""
    business = large_business()
    rng = np.random.default_rng(0)
    picked = np.unique(rng.integers(0, 2 * N_SKUS * N_DAYS, 2 * N_SKUS * N_DAYS // 20))
    cell, day = np.divmod(picked, N_DAYS)
    sku = np.array(business["skus"].texts("sku"))
    days = np.array([(AS_OF - timedelta(days=back)).isoformat() for back in range(N_DAYS)])
    stock = business["stock"]
    tables = {
        "stock_on_hand": {
            "counted_on": [AS_OF.isoformat()] * len(stock),
            "site": list(stock.texts("site")),
            "sku": list(stock.texts("sku")),
            "on_hand_units": rng.poisson(4, len(stock)),
        },
        "open_orders": {
            "purchase_order": ["PO-1"] * N_SKUS,
            "supplier": ["mill"] * N_SKUS,
            "site": ["east"] * N_SKUS,
            "sku": sku,
            "units": np.full(N_SKUS, 3),
            "due_date": ["2026-10-02"] * N_SKUS,
        },
        "history": {
            "date": days[day],
            "site": np.array(SITES)[cell // N_SKUS],
            "sku": sku[cell % N_SKUS],
            "units": rng.integers(1, 5, len(picked)),
        },
    }
    for name, columns in tables.items():
        if kind == "parquet":
            pq.write_table(pa.table(columns), tmp_path / f"{name}.parquet")
        else:
            unquoted = pyarrow.csv.WriteOptions(quoting_style="none")
            pyarrow.csv.write_csv(pa.table(columns), tmp_path / f"{name}.csv", unquoted)
    found = benchmark.pedantic(read_snapshot, (business,), {"inputs": tmp_path, "as_of": AS_OF}, rounds=2, iterations=1)
    assert found.history_units.shape == (2 * N_SKUS, N_DAYS)
    assert np.count_nonzero(found.history_units) == len(picked)
