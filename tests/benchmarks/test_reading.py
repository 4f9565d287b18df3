"""Reading big tables: a stock file of 40,000 rows, orders to replay in Parquet."""

from __future__ import annotations

import numpy as np
import pytest

from omsim.model.building import RawTable, parse_table
from omsim.model.csv_files import read_csv, written
from omsim.model.fields import table
from omsim.model.parquet import read_parquet, write_parquet


def test_stock_of_40_000_rows(benchmark, tmp_path):
    """CSV text to checked columns: 8 sites, 5,000 SKUs."""
    rng = np.random.default_rng(0)
    n = 40_000
    columns = {
        "site": [f"site-{row // 5000}" for row in range(n)],
        "sku": [f"SKU-{row % 5000:05d}" for row in range(n)],
        "supplier": ["mill"] * n,
        "policy": ["min_max"] * n,
        "on_hand_units": list(map(str, rng.integers(0, 900, n))),
        "reorder_point_units": list(map(str, rng.integers(0, 100, n))),
        "order_up_to_units": list(map(str, rng.integers(100, 900, n))),
        "shrinkage_units_per_day": [f"{mean:.4f}" for mean in rng.random(n)],
    }
    path = tmp_path / "stock.csv"
    path.write_text(written(columns))
    problems = []

    def read():
        return parse_table(table("stock"), read_csv(path, "stock", problems), problems, [])

    assert len(benchmark(read)) == n
    assert not problems


@pytest.mark.parametrize("n", [100_000])
def test_orders_in_parquet(benchmark, tmp_path, n):
    """Parquet to checked columns; texts stay texts."""
    rng = np.random.default_rng(0)
    order = np.sort(rng.integers(0, n // 2, n))
    moments = np.datetime64("2026-09-28T00:00:00") + order * 6
    columns = {
        "order": order.astype(str).tolist(),
        "ordered_at": [text.replace("T", " ") for text in np.datetime_as_string(moments).tolist()],
        "channel": ["web"] * n,
        "region": ["coast"] * n,
        "sku": [f"SKU-{sku:04d}" for sku in rng.integers(0, 3000, n).tolist()],
        "units": rng.integers(1, 9, n),
    }
    problems = []
    spec = table("orders")
    write_parquet(
        tmp_path / "orders.parquet", spec, parse_table(spec, RawTable(name="orders", columns=columns), problems, [])
    )

    def read():
        return parse_table(spec, read_parquet(tmp_path / "orders.parquet", spec, problems), problems, [])

    assert len(benchmark(read)) == n
    assert not problems
