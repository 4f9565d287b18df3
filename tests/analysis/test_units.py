"""Values as text."""

from __future__ import annotations

import math

import pytest

from omsim.analysis.kpis import UNITS
from omsim.analysis.units import axis_scale, format_difference, format_interval, format_value


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.0, "share", "100.0 %"),
        (0.9996, "share", "99.96 %"),
        (0.0, "share", "0.0 %"),
        (-0.00001, "cents", "GBP 0.00"),
        (123_456_789, "cents", "GBP 1.23 M"),
        (-250, "cents", "GBP -2.50"),
        (90, "seconds", "1.5 min"),
        (59, "seconds", "59.0 s"),
        (7200, "seconds", "2.0 h"),
        (250_000, "seconds", "2.9 d"),
        (3, "count", "3"),
        (3.25, "count", "3.2"),
        (12_345.6, "count", "12,346"),
        (61.23, "per_hour", "61.2 /h"),
        (1.204, "per_order", "1.204"),
        (math.nan, "ratio", "n/a"),
        (math.inf, "share", "n/a"),
    ],
)
def test_values_read_as_people_write_them(value, unit, text):
    """Scale, digits and unit fit the size of the value."""
    assert format_value(value, unit, "GBP") == text


def test_every_unit_can_be_shown():
    """No registered unit is unknown to the formatter, positive, negative or missing."""
    for unit in UNITS:
        for value in (0.0, 0.5, -3.0, 1e7, math.nan):
            assert format_value(value, unit)
            assert format_difference(value, unit)
        assert axis_scale(unit, 5.0)[0] > 0


def test_differences_carry_their_sign():
    """Shares differ by points; small ones keep their digits."""
    assert format_difference(0.0004, "share") == "+0.04 points"
    assert format_difference(-0.148, "share") == "-14.8 points"
    assert format_difference(0.0, "seconds") == "0.0 s"


def test_intervals_without_ends_are_empty():
    """One replication has no interval, and no text for it."""
    assert format_interval(math.nan, math.nan, "share") == ""
    assert format_interval(1500, 5400, "seconds") == "25.0 min to 1.5 h"
