"""The two real data sets as cases to re-plan on, under the conditions of the published curves."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.parquet as pq

from omsim.experiments.rolling_cases import case_from_lines

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.experiments.replanning import RollingCase


def retail_case(shared_data: Path, *, selling_from: int = 0) -> RollingCase:
    """Goods sold on at least 20 days (from `selling_from` on) before September 2010; the autumn unseen, planned weekly.

    A sure fortnight: an order placed after a day's demand serves the 14th day after.
    """
    columns = ["doc_type", "stock_code", "quantity", "invoice_ts", "unit_price_gbp", "is_merch"]
    lines = pq.read_table(shared_data / "online_retail_y1" / "online_retail_y1.parquet", columns=columns).to_pandas()
    goods = lines.is_merch & (lines.quantity > 0) & (lines.unit_price_gbp > 0)
    lines = lines[(lines.doc_type == "sale") & goods].sort_values("invoice_ts", kind="stable")
    day = lines.invoice_ts.to_numpy().astype("datetime64[D]") - np.datetime64("2009-12-01")
    return case_from_lines(
        lines.stock_code.str.upper().to_numpy(dtype=str),
        day.astype(np.int64),
        lines.quantity.to_numpy(),
        price=lines.unit_price_gbp.to_numpy(),
        first_day=date(2009, 12, 1),
        unseen_from=274,
        every_periods=7,
        lead_periods=14,
        least_selling_periods=20,
        selling_from=selling_from,
    )


def parts_case(shared_data: Path) -> RollingCase:
    """Spare parts asked for in the first 27 months; the last 12 unseen, planned monthly, ordered two months ahead.

    The data have no prices: a unit of anything is worth 1, and stock is counted in units. Nor have they lines: what is
    asked of a part in a month counts as one.
    """
    rows = pq.read_table(shared_data / "carparts_monthly" / "carparts_monthly.parquet").to_pandas()
    month = rows.month.to_numpy().astype("datetime64[M]")
    return case_from_lines(
        rows.part_id.to_numpy(),
        (month - month.min()).astype(np.int64),
        rows.demand.to_numpy(),
        first_day=date(1998, 1, 1),
        unseen_from=27,
        every_periods=1,
        lead_periods=2,
    )
