"""Local calendars in absolute seconds, through changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsim.model.calendars import Calendar, local_seconds, parse_weekdays, weekdays_text

ZONES = ("Europe/London", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana", "UTC")


def test_march_day_in_london_has_23_hours():
    """The hour the clocks skip has length 0."""
    calendar = Calendar("Europe/London", date(2026, 3, 28), 3)
    assert np.diff(calendar.day_start_s).tolist() == [86_400, 82_800, 86_400]
    hours = np.diff(calendar.hour_start_s[1])
    assert hours[1] == 0
    assert hours.sum() == 82_800
    assert (np.delete(hours, 1) == 3600).all()


def test_october_day_in_london_has_25_hours():
    """The hour the clocks repeat is two hours long, and 09:00 is ten hours after midnight."""
    calendar = Calendar("Europe/London", date(2026, 10, 24), 3)
    assert np.diff(calendar.day_start_s).tolist() == [86_400, 90_000, 86_400]
    assert np.diff(calendar.hour_start_s[1])[1] == 7200
    assert calendar.instant_s(1, 9 * 60) == 86_400 + 10 * 3600


def test_november_day_in_new_york_has_25_hours():
    """The second hour of 1 November 2026 is repeated there."""
    calendar = Calendar("America/New_York", date(2026, 11, 1), 1)
    assert calendar.day_start_s.tolist() == [0, 90_000]
    assert np.diff(calendar.hour_start_s[0])[1] == 7200


def test_kathmandu_has_no_clock_changes_and_an_odd_offset():
    """A year there is 365 equal days, shown in its own clock."""
    calendar = Calendar("Asia/Kathmandu", date(2026, 1, 1), 365)
    assert (np.diff(calendar.day_start_s) == 86_400).all()
    assert calendar.local_text(3661) == "2026-01-01 01:01:01"


def test_midnight_that_does_not_exist_is_the_next_instant():
    """Where clocks jump at midnight (Havana, March 2026) the day begins at the jump."""
    calendar = Calendar("America/Havana", date(2026, 3, 7), 3)
    assert calendar.local_text(int(calendar.day_start_s[1])) == "2026-03-08 01:00:00"
    assert np.diff(calendar.hour_start_s[1])[0] == 0


def test_half_hour_change_keeps_every_second():
    """Lord Howe Island moves its clocks by thirty minutes."""
    calendar = Calendar("Australia/Lord_Howe", date(2026, 10, 3), 3)
    assert np.diff(calendar.day_start_s).tolist() == [86_400, 84_600, 86_400]
    assert np.diff(calendar.hour_start_s[1])[2] == 1800


@given(
    zone=st.sampled_from(ZONES),
    start=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    day=st.integers(-3, 400),
    second=st.integers(0, 86_400),
)
def test_instants_agree_with_a_clock_read_one_by_one(zone, start, day, second):
    """Vectorised instants equal those of aware datetimes, in and beyond the calendar."""
    calendar = Calendar(zone, start, 370)
    there = ZoneInfo(zone)
    local = datetime(start.year, start.month, start.day) + timedelta(days=day, seconds=second)
    zero = datetime(start.year, start.month, start.day, tzinfo=there)
    expected = int((local.replace(tzinfo=there).astimezone(UTC) - zero.astimezone(UTC)).total_seconds())
    assert calendar.instants_s(np.array([day]), second).tolist() == [expected]


@given(zone=st.sampled_from(ZONES), start=st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_hours_tile_the_days(zone, start):
    """Hours never run backwards and the last one ends with the day."""
    calendar = Calendar(zone, start, 370)
    assert (np.diff(calendar.hour_start_s, axis=1) >= 0).all()
    np.testing.assert_array_equal(calendar.hour_start_s[:, 0], calendar.day_start_s[:-1])
    np.testing.assert_array_equal(calendar.hour_start_s[:, 24], calendar.day_start_s[1:])
    expected = [(start + timedelta(days=day)).weekday() for day in range(370)]
    assert calendar.weekday.tolist() == expected


def test_day_of_an_instant():
    """A day holds its own midnight and not the next."""
    calendar = Calendar("Europe/London", date(2026, 10, 24), 3)
    instants = np.array([0, 86_399, 86_400, 86_400 + 89_999, 86_400 + 90_000])
    assert calendar.day_of(instants).tolist() == [0, 0, 1, 1, 2]


def test_local_texts_become_seconds_through_the_clock_change():
    """Wall-clock texts of order files are placed on the absolute clock."""
    calendar = Calendar("Europe/London", date(2026, 10, 24), 3)
    texts = ["2026-10-24 00:00", "2026-10-25 12:00:30", "2026-10-26T00:00"]
    assert calendar.seconds_of(texts).tolist() == [0, 86_400 + 13 * 3600 + 30, 86_400 + 90_000]


@pytest.mark.parametrize(
    "text",
    [
        "today",
        "now",
        "",
        "2026-10-24",
        "2026-10-24 10",
        "2026-10-24 25:00",
        "2026-13-01 00:00",
        "2026-10-24 10:00Z",
        "24.10.2026 10:00",
    ],
)
def test_texts_that_are_no_local_time_are_refused(text):
    """Only YYYY-MM-DD HH:MM[:SS] is a local time."""
    with pytest.raises(ValueError, match=r"local time|out of range"):
        local_seconds(["2026-10-24 10:00", text], date(2026, 1, 1))


@given(st.integers(1, 127))
def test_weekday_text_reads_back(mask):
    """Every set of weekdays has a text that means it."""
    assert parse_weekdays(weekdays_text(mask)) == mask


@pytest.mark.parametrize("text", ["", "Mon-", "Monday", "Mon-Fri-Sun", "1-5", "Mon; Tue", "-Tue"])
def test_texts_that_name_no_weekdays_are_refused(text):
    """A weekday is one of seven words of three letters."""
    with pytest.raises(ValueError, match=r".*"):
        parse_weekdays(text)
