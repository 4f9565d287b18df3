"""Local calendars as absolute seconds: days, hours, weekdays, with daylight saving exact.

Owns the one place where time zones are looked at (`zoneinfo`) and the text forms of weekdays. What happens
at an instant is the simulator's business.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY_S = 86_400
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The local days and hours of a run, in seconds since its first local midnight.

    Attributes
    ----------
    time_zone : str
        IANA name.
    start_date : date
        Local day 0.
    n_days : int
    day_start_s : int64, shape (n_days + 1,)
        Local midnights. A day in which clocks change has 82,800 or 90,000 seconds.
    hour_start_s : int64, shape (n_days, 25)
        Starts of the local hours and of the next day. An hour that is skipped has length 0; one that is repeated is
        twice as long.
    weekday : int64, shape (n_days,)
        Monday = 0.

    Notes
    -----
    A local time that does not exist stands for the instant that many minutes after the clocks changed would have been
    on the old clock; one that exists twice stands for its first occurrence.
    """

    time_zone: str
    start_date: date
    n_days: int
    day_start_s: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    hour_start_s: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    weekday: NDArray[np.int64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        days = np.array([self._exact_s(day, 0) for day in range(self.n_days + 1)], dtype=np.int64)
        hours = days[:-1, None] + np.arange(25) * 3600
        for day in np.flatnonzero(np.diff(days) != DAY_S).tolist():
            hours[day] = [self._exact_s(day, hour * 3600) for hour in range(25)]
        for name, values in (
            ("day_start_s", days),
            ("hour_start_s", hours),
            ("weekday", (self.start_date.weekday() + np.arange(self.n_days)) % 7),
        ):
            values.setflags(write=False)
            object.__setattr__(self, name, values)

    def _exact_s(self, day: int, second: int) -> int:
        zone = ZoneInfo(self.time_zone)
        zero = datetime.combine(self.start_date, time(), tzinfo=zone)
        local = datetime.combine(self.start_date, time()) + timedelta(days=day, seconds=second)
        passed = local.replace(tzinfo=zone).astimezone(UTC) - zero.astimezone(UTC)
        return passed.days * DAY_S + passed.seconds

    def instant_s(self, day: int, minute: int) -> int:
        """Seconds at which the local clock of `day` first shows `minute`; any day, 1440 = the next midnight."""
        return self._exact_s(day, minute * 60)

    def instants_s(self, days: NDArray[np.int64], second: NDArray[np.int64] | int) -> NDArray[np.int64]:
        """Seconds at which the local clock of each day first shows `second` of the day.

        Parameters
        ----------
        days : int64, shape (n,)
            Day numbers; those outside [0, n_days) are allowed and slower.
        second : int64, shape (n,) or int
            Second of the local day, 0 to 86,400.

        Returns
        -------
        int64, shape (n,)
        """
        within = (days >= 0) & (days < self.n_days)
        day = np.where(within, days, 0)
        seconds = np.broadcast_to(np.asarray(second, dtype=np.int64), day.shape)
        regular = within & (np.diff(self.day_start_s)[day] == DAY_S) if self.n_days else within
        instants = np.empty(day.shape, dtype=np.int64)
        instants[regular] = self.day_start_s[day[regular]] + seconds[regular]
        for i in np.flatnonzero(~regular).tolist():
            instants[i] = self._exact_s(int(days[i]), int(seconds[i]))
        return instants

    def seconds_of(self, local_texts: Sequence[str]) -> NDArray[np.int64]:
        """Seconds of local times written ``YYYY-MM-DD HH:MM[:SS]``; int64, shape (n,).

        Raises
        ------
        ValueError
            A text is not such a time.
        """
        clock = local_seconds(local_texts, self.start_date)
        return self.instants_s(clock // DAY_S, clock % DAY_S)

    def day_of(self, seconds: NDArray[np.int64]) -> NDArray[np.int64]:
        """Local day number of each instant within the calendar; int64, shape (n,)."""
        return np.searchsorted(self.day_start_s, seconds, side="right").astype(np.int64) - 1

    def local_text(self, seconds: int) -> str:
        """The local clock at an instant, ``YYYY-MM-DD HH:MM:SS``."""
        zone = ZoneInfo(self.time_zone)
        zero = datetime.combine(self.start_date, time(), tzinfo=zone).astimezone(UTC)
        return (zero + timedelta(seconds=int(seconds))).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def local_seconds(texts: Sequence[str], start_date: date) -> NDArray[np.int64]:
    """Seconds on the wall clock from `start_date` 00:00 to local times ``YYYY-MM-DD HH:MM[:SS]``.

    Wall-clock arithmetic only: no time zone, no daylight saving. A ``T`` may stand for the blank.

    Raises
    ------
    ValueError
        A text is not such a time.

    >>> local_seconds(["2026-01-02 00:01", "2026-01-01 00:00:30"], date(2026, 1, 1)).tolist()
    [86460, 30]
    """
    if not len(texts):
        return np.zeros(0, dtype=np.int64)
    wide = np.array(texts, dtype=np.str_)
    width = wide.dtype.itemsize // 4
    if width not in (16, 19):
        raise ValueError("a local time is not YYYY-MM-DD HH:MM[:SS]")
    signs = wide.view(np.uint32).reshape(len(texts), width)
    ends = signs[:, 16:]
    short = (ends == 0).all(axis=1)  # without seconds
    fits = np.isin(signs[:, 10], (ord(" "), ord("T")))
    for at, sign in ((4, "-"), (7, "-"), (13, ":")):
        fits &= signs[:, at] == ord(sign)
    for at in (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15):
        fits &= (signs[:, at] >= ord("0")) & (signs[:, at] <= ord("9"))
    if width == 19:
        digits = (ends[:, 1:] >= ord("0")) & (ends[:, 1:] <= ord("9"))
        fits &= short | ((ends[:, 0] == ord(":")) & digits.all(axis=1))
    if not fits.all():
        raise ValueError("a local time is not YYYY-MM-DD HH:MM[:SS]")
    return (wide.astype("datetime64[s]") - np.datetime64(start_date, "s")).astype(np.int64)


def parse_weekdays(text: str) -> int:
    """Bit mask of weekdays, bit 0 = Monday, from ``Mon-Fri``, ``Mon Wed Sat``, ``Sat-Mon`` or ``Mon-Wed, Sat``.

    Raises
    ------
    ValueError
        The text names no day, or something that is not a day.

    >>> parse_weekdays("Mon-Fri"), parse_weekdays("sat sun"), parse_weekdays("Sun-Mon")
    (31, 96, 65)
    """
    numbers = {name.lower(): i for i, name in enumerate(WEEKDAYS)}
    mask = 0
    for part in text.replace(",", " ").split():
        first, dash, last = part.lower().partition("-")
        if first not in numbers or (dash and last not in numbers):
            raise ValueError(part)
        begin = numbers[first]
        span = (numbers[last] - begin) % 7 if dash else 0
        for day in range(begin, begin + span + 1):
            mask |= 1 << day % 7
    if not mask:
        raise ValueError(text)
    return mask


def weekdays_text(mask: int) -> str:
    """Shortest usual form of a weekday mask.

    >>> weekdays_text(31), weekdays_text(127), weekdays_text(0b100101), weekdays_text(96)
    ('Mon-Fri', 'Mon-Sun', 'Mon Wed Sat', 'Sat Sun')
    """
    days = [day for day in range(7) if mask >> day & 1]
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        return f"{WEEKDAYS[days[0]]}-{WEEKDAYS[days[-1]]}"
    return " ".join(WEEKDAYS[day] for day in days)
