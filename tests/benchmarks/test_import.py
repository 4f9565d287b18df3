"""How long a year of a real shop's order lines takes to become a model."""

from __future__ import annotations

import time

import pytest

from omsim.model.history.importing import import_history


@pytest.mark.shared
def test_import_of_the_real_year(benchmark, shared_data, repo, tmp_path):
    """Half a million order lines in under ten seconds, models written and all."""
    lines = shared_data / "online_retail_y1" / "online_retail_y1.parquet"
    mapping = repo / "models" / "online_retail.mapping.toml"
    folders = iter(tmp_path / f"model{i}" for i in range(100))
    began = time.perf_counter()
    report = benchmark.pedantic(lambda: import_history(lines, mapping, next(folders)), rounds=1)
    assert report.rows_read == 502_938
    assert time.perf_counter() - began < 10
