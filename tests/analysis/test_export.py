"""kpis.csv: complete, exact, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io

import pytest
from analysis.small_records import made_records
from model.small_models import small_business

from omsim.analysis.export import COLUMNS, harmless_cell, kpis_csv, write_kpis_csv
from omsim.analysis.measure import compute_kpis


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\tx", "\rx"])
def test_formula_like_names_get_an_apostrophe(text):
    """No cell begins with a sign that starts a formula."""
    assert harmless_cell(text) == "'" + text


def test_the_file_holds_every_number_exactly(tmp_path):
    """Reading the file back gives each value bit by bit; missing ones are empty."""
    business = small_business()
    tables = [compute_kpis(made_records(business, 80, 0, replication), business) for replication in range(2)]
    path = tmp_path / "kpis.csv"
    write_kpis_csv(path, {"=evil()": tables})
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2 * len(tables[0])
    for row in rows:
        assert row["arm"] == "'=evil()"
        value = tables[int(row["replication"])].get(row["kpi"], row["group"])
        assert row["value"] == "" if value != value else float(row["value"]) == value


def test_quotes_and_line_breaks_in_names_survive():
    """A name with a comma, a quote and a line break is one cell."""
    name = 'a, "b"\nc'
    text = kpis_csv({name: [compute_kpis(made_records(small_business(), 5), small_business())]})
    assert next(csv.DictReader(io.StringIO(text)))["arm"] == name
