"""Values as people read them: shares in per cent, money with its currency, durations in days, hours or minutes.

The one place where a KPI's number becomes text; the command line, the figures and the report all use it.
"""

from __future__ import annotations

import math

NO_VALUE = "n/a"
MINUS = "-"

_DURATIONS = ((1.5 * 86_400.0, 86_400.0, "d"), (1.5 * 3600.0, 3600.0, "h"), (90.0, 60.0, "min"), (0.0, 1.0, "s"))


def format_value(value: float, unit: str, currency: str = "EUR") -> str:
    """A KPI's value with its unit; NaN reads ``n/a``.

    Parameters
    ----------
    value : float
        In the unit's own scale: shares in [0, 1], cents, seconds, counts.
    unit : str
        One of `kpis.UNITS`.
    currency : str

    >>> format_value(0.9612, "share"), format_value(412, "cents"), format_value(154_000, "seconds")
    ('96.1 %', 'EUR 4.12', '1.8 d')
    >>> format_value(11_520, "seconds"), format_value(1_234_567, "count"), format_value(float("nan"), "share")
    ('3.2 h', '1,234,567', 'n/a')
    """
    if not math.isfinite(value):
        return NO_VALUE
    if unit == "share":
        return f"{_fixed(value * 100, _share_digits(value))} %"
    if unit == "cents":
        return f"{currency} {_money(value / 100)}"
    if unit == "seconds":
        return _duration(value)
    if unit == "days":
        return f"{_fixed(value, 1)} d"
    if unit == "count":
        return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.1f}"
    if unit == "per_order":
        return _fixed(value, 3 if abs(value) < 10 else 1)
    suffix = {"per_hour": " /h", "per_day": "", "ratio": ""}[unit]
    return f"{_significant(value)}{suffix}"


def format_difference(value: float, unit: str, currency: str = "EUR") -> str:
    """A difference with its sign; shares differ by points.

    >>> format_difference(-0.148, "share"), format_difference(37, "cents"), format_difference(-7200, "seconds")
    ('-14.8 points', '+EUR 0.37', '-2.0 h')
    """
    if not math.isfinite(value):
        return NO_VALUE
    sign = "+" if value > 0 else MINUS if value < 0 else ""
    size = abs(value)
    if unit == "share":
        return f"{sign}{_fixed(size * 100, 2 if size < 0.001 else 1)} points"
    return f"{sign}{format_value(size, unit, currency)}"


def format_interval(low: float, high: float, unit: str, currency: str = "EUR", *, difference: bool = False) -> str:
    """A confidence interval as "low to high"; empty where there is none.

    >>> format_interval(-0.16, -0.135, "share", difference=True), format_interval(0.958, 0.964, "share")
    ('-16.0 to -13.5', '95.8 to 96.4 %')
    >>> format_interval(-419, 46, "cents", difference=True), format_interval(172_800, 259_200, "seconds")
    ('-EUR 4.19 to +0.46', '2.0 to 3.0 d')

    A share lies between 0 and 1, and so does what is shown of its interval (a level below 0, such as gamma's, stays).

    >>> format_interval(0.978, 1.006, "share"), format_interval(-0.004, 0.015, "share")
    ('97.8 to 100.0 %', '0.0 to 1.5 %')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    if unit == "share" and not difference:
        low, high = max(low, 0.0) if low + high >= 0 else low, min(high, 1.0)
    text = format_difference if difference else format_value
    first, last = text(low, unit, currency), text(high, unit, currency)
    if unit == "share" and difference:
        return f"{first} to {last}".replace(" points", "")
    (start, _, measure), (_, _, other) = first.rpartition(" "), last.rpartition(" ")
    if unit == "cents":
        last = last.replace(f"{currency} ", "")
    elif measure == other and start:
        first = start
    return f"{first} to {last}"


def axis_scale(unit: str, largest: float, currency: str = "EUR") -> tuple[float, str]:
    """Factor that brings values of a unit to an axis, and the axis's unit text.

    >>> axis_scale("seconds", 200_000), axis_scale("share", 1)
    ((1.1574074074074073e-05, 'days'), (100.0, '%'))
    """
    if unit == "share":
        return 100.0, "%"
    if unit == "cents":
        return 0.01, currency
    if unit == "seconds":
        for least, size, name in _DURATIONS:
            if abs(largest) >= least:
                return 1 / size, {"d": "days", "h": "hours", "min": "minutes", "s": "seconds"}[name]
    names = {"count": "", "days": "days", "per_hour": "per hour", "per_day": "per day", "per_order": "per order"}
    return 1.0, names.get(unit, "")


def _share_digits(share: float) -> int:
    return 2 if 0.999 <= share < 1 or 0 < abs(share) < 0.001 else 1


def _fixed(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text


def _money(value: float) -> str:
    size = abs(value)
    if size >= 1e9:
        return f"{value / 1e9:,.2f} bn"
    if size >= 1e6:
        return f"{value / 1e6:,.2f} M"
    return _fixed(value, 0 if size >= 1000 else 2)


def _duration(seconds: float) -> str:
    for least, size, name in _DURATIONS:
        if abs(seconds) >= least:
            return f"{_fixed(seconds / size, 1)} {name}"
    return f"{_fixed(seconds, 1)} s"


def _significant(value: float) -> str:
    size = abs(value)
    return _fixed(value, 0 if size >= 1000 else 1 if size >= 10 else 2)
