"""KPIs as CSV that a spreadsheet opens without running anything.

Owns the layout of `kpis.csv` and the taming of names that a spreadsheet would take for formulas.
"""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING

from omsim.analysis.registry import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from omsim.analysis.kpis import KpiTable

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = ("arm", "replication", "kpi", "group", "numerator", "denominator", "value", "unit")


def harmless_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula: a leading apostrophe where it might.

    >>> harmless_cell("=HYPERLINK(1)"), harmless_cell("@sum"), harmless_cell("north")
    ("'=HYPERLINK(1)", "'@sum", 'north')
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def kpis_csv(arms: Mapping[str, Sequence[KpiTable]]) -> str:
    """Every KPI of every replication of every arm, one row each.

    Parameters
    ----------
    arms : mapping of arm name to one table a replication

    Returns
    -------
    str
        CSV with a header (`COLUMNS`); an empty cell where there is no number. Numbers are written with all their
        digits.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for arm, tables in arms.items():
        name = harmless_cell(arm)
        for replication, table in enumerate(tables):
            for kpi, group, *numbers in table.rows():
                cells = [_number(number) for number in numbers]
                rows.writerow([name, replication, kpi, harmless_cell(group), *cells, REGISTRY[kpi].unit])
    return text.getvalue()


def write_kpis_csv(path: Path, arms: Mapping[str, Sequence[KpiTable]]) -> None:
    """Write `kpis_csv` to a file, UTF-8."""
    path.write_text(kpis_csv(arms), encoding="utf-8", newline="")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
