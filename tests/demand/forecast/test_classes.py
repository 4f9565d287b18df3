"""Demand classes: the cuts, the buckets and what is refused."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from omsim.demand.forecast.classes import CLASSES, bucket_units, demand_classes
from omsim.errors import FieldError


def test_each_class_has_its_corner():
    """Interval and size spread on either side of 1.32 and 0.49, and an item that sold too seldom to tell."""
    even, uneven = [4, 5, 4, 5, 4, 5], [1, 30, 1, 1, 1, 2]
    spread = np.zeros((2, 12), np.int64)
    spread[0, ::2], spread[1, ::2] = even, uneven
    history = np.vstack([np.tile(even, 2), np.tile(uneven, 2), spread, np.eye(1, 12, dtype=np.int64)])
    classes = demand_classes(history)
    assert [CLASSES[code] for code in classes.code] == ["smooth", "erratic", "intermittent", "lumpy", "too few"]
    assert classes.interval_periods.tolist() == [1, 1, 2, 2, 12]
    assert classes.size_cv2[0] == pytest.approx(np.var(even) / np.mean(even) ** 2)
    assert classes.shares().tolist() == [0.2] * 5


def test_a_late_item_counts_from_its_first_sale_if_asked():
    """Selling every day of the last third is intermittent over the whole history, smooth from first to last sale."""
    history = np.zeros((1, 30), np.int64)
    history[0, 20:] = 5
    assert CLASSES[demand_classes(history).code[0]] == "intermittent"
    assert CLASSES[demand_classes(history, whole_history=False).code[0]] == "smooth"


def test_weeks_end_with_the_history_and_months_are_whole():
    """Sums by week leave out the oldest days; sums by month what belongs to no whole calendar month."""
    history = np.arange(1, 17)[None, :]
    assert bucket_units(history, bucket="week").tolist() == [[sum(range(3, 10)), sum(range(10, 17))]]
    days = np.ones((1, 70), np.int64)
    assert bucket_units(days, bucket="month", first_day=date(2024, 1, 31)).tolist() == [[29, 31]]
    assert bucket_units(days[:, :60], bucket="month", first_day=date(2024, 2, 1)).tolist() == [[29, 31]]


@pytest.mark.parametrize(
    ("history", "bucket", "field"),
    [
        (np.zeros(3, np.int64), "day", "history_units"),
        (np.full((1, 9), -1), "day", "history_units"),
        (np.zeros((1, 6), np.int64), "week", "history_units"),
        (np.zeros((1, 30), np.int64), "month", "history_units"),
        (np.zeros((1, 30), np.int64), "decade", "bucket"),
    ],
)
def test_unusable_buckets_are_refused(history, bucket, field):
    """The error names the argument at fault."""
    with pytest.raises(FieldError, match=field):
        demand_classes(history, bucket=bucket, first_day=date(2024, 2, 15))


def test_months_need_a_date():
    """Nobody can tell a calendar month without one."""
    with pytest.raises(FieldError, match="first_day"):
        bucket_units(np.ones((1, 90), np.int64), bucket="month")


@pytest.mark.shared
def test_car_parts_are_mostly_intermittent(shared_data):
    """Shares of a published set, by month, of the parts with demand in two months or more: nine in ten intermittent."""
    pq = pytest.importorskip("pyarrow.parquet")
    rows = pq.read_table(shared_data / "carparts_monthly" / "carparts_monthly.parquet").to_pandas()
    history = rows.pivot(index="part_id", columns="month", values="demand").fillna(0).to_numpy(np.int64)
    shares = demand_classes(history, fewest_periods=2).shares()
    assert shares[4] == pytest.approx(109 / 2674)
    shares = shares[:4] / shares[:4].sum()
    np.testing.assert_allclose(shares, [0.007, 0.002, 0.876, 0.116], atol=0.0015)
