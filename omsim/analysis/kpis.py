"""The shape of a KPI and of a table of KPI values.

Owns `Kpi`, `KpiTable` and the builder the measuring modules fill; the definitions are in `registry`, the measuring in
`order_kpis`, `supply_kpis`, `parcel_kpis`, `sourcing_kpis` and `customer_kpis`, the one door in `measure`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Direction = Literal["up", "down", "neutral"]
Floats = NDArray[np.float64]

UNITS = ("share", "cents", "seconds", "days", "count", "ratio", "per_order", "per_hour", "per_day")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpi:
    """One measure of a run.

    Attributes
    ----------
    id : str
    name : str
        As a planner says it.
    numerator, denominator : str
        The formula in words; the value is their ratio unless it is a quantile ("q of ... over ...").
    unit : str
        One of `UNITS`; says how the value is shown.
    time_basis : str
        Which events are in the base.
    null_rule : str
        When there is no value.
    direction : str
        ``up``: more is better; ``down``: less is; ``neutral``: neither by itself.
    scor : str
        Id in the SCOR model, ``id@edition``; empty = none.
    group : str
        Chapter it is shown in.
    """

    id: str
    name: str
    numerator: str
    denominator: str
    unit: str
    time_basis: str
    null_rule: str
    direction: Direction
    scor: str
    group: str

    @property
    def formula(self) -> str:
        """Numerator over denominator, as text."""
        return f"{self.numerator} / {self.denominator}" if self.denominator != "1" else self.numerator


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KpiTable:
    """KPI values in long form, one row a KPI and group.

    Attributes
    ----------
    kpi, group : tuple of str
        Ids; group ``""`` is the whole business, others read ``channel=web``, ``site=north``, ``service=swift``...
        Which rows there are depends on the model alone, so replications and arms of one model align.
    numerator, denominator, value : float64, shape (n_rows,)
        value is NaN where the null rule holds. Quantiles have no numerator (NaN) and count their base below.
    """

    kpi: tuple[str, ...]
    group: tuple[str, ...]
    numerator: Floats
    denominator: Floats
    value: Floats
    _row: dict[tuple[str, str], int] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.kpi)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KpiTable):
            return NotImplemented
        same = self.kpi == other.kpi and self.group == other.group
        return same and all(
            np.array_equal(getattr(self, name), getattr(other, name), equal_nan=True)
            for name in ("numerator", "denominator", "value")
        )

    def __hash__(self) -> int:
        return hash((self.kpi, self.group))

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.kpi, self.group, self.numerator, self.denominator, self.value)

    def row(self, kpi: str, group: str = "") -> int:
        """Row of a KPI in a group; KeyError if there is none."""
        if not self._row:
            self._row.update({key: i for i, key in enumerate(zip(self.kpi, self.group, strict=True))})
        return self._row[kpi, group]

    def has(self, kpi: str, group: str = "") -> bool:
        """Whether there is such a row (its value may still be NaN)."""
        try:
            self.row(kpi, group)
        except KeyError:
            return False
        return True

    def get(self, kpi: str, group: str = "") -> float:
        """Value of a KPI in a group; NaN = none."""
        return float(self.value[self.row(kpi, group)])

    def groups(self, dimension: str) -> list[str]:
        """Names within a dimension (``channel``, ``site``...), in the model's order."""
        found = dict.fromkeys(text.partition("=")[2] for text in self.group if text.partition("=")[0] == dimension)
        return list(found)

    def rows(self) -> Iterator[tuple[str, str, float, float, float]]:
        """Every row as plain values: kpi, group, numerator, denominator, value."""
        columns = (self.numerator.tolist(), self.denominator.tolist(), self.value.tolist())
        return zip(self.kpi, self.group, *columns, strict=True)


def _rebuild(
    kpi: tuple[str, ...], group: tuple[str, ...], numerator: Floats, denominator: Floats, value: Floats
) -> KpiTable:
    return KpiTable(kpi=kpi, group=group, numerator=numerator, denominator=denominator, value=value)


class Rows:
    """Collects KPI rows in their order."""

    def __init__(self) -> None:
        self._kpi: list[str] = []
        self._group: list[str] = []
        self._numerator: list[float] = []
        self._denominator: list[float] = []
        self._value: list[float] = []

    def ratio(self, kpi: str, group: str, numerator: float, denominator: float) -> None:
        """Add numerator over denominator; no value when the denominator is not above zero."""
        value = numerator / denominator if denominator > 0 else float("nan")
        self._add(kpi, group, numerator, denominator, value)

    def count(self, kpi: str, group: str, count: float) -> None:
        """Add a plain number; NaN = none."""
        self._add(kpi, group, count, 1.0, count)

    def quantile(self, kpi: str, group: str, value: float, n: int) -> None:
        """Add a quantile of `n` observations; no value when there are none."""
        self._add(kpi, group, float("nan"), n, value if n else float("nan"))

    def _add(self, kpi: str, group: str, numerator: float, denominator: float, value: float) -> None:
        self._kpi.append(kpi)
        self._group.append(group)
        self._numerator.append(float(numerator))
        self._denominator.append(float(denominator))
        self._value.append(float(value))

    def table(self) -> KpiTable:
        """The rows as a table."""
        return KpiTable(
            kpi=tuple(self._kpi),
            group=tuple(self._group),
            numerator=np.array(self._numerator),
            denominator=np.array(self._denominator),
            value=np.array(self._value),
        )


def quantiles(values: NDArray[np.integer], shares: Sequence[float]) -> list[float]:
    """Exact lower quantiles: the smallest value that at least a share of all lie at or below.

    Parameters
    ----------
    values : integer, shape (n,)
        Reordered in place.
    shares : sequence of float in (0, 1]

    >>> quantiles(np.array([30, 10, 20, 40]), [0.5, 0.9])
    [20.0, 40.0]
    """
    n = len(values)
    if not n:
        return [float("nan")] * len(shares)
    ranks = [max(int(np.ceil(share * n - 1e-9)) - 1, 0) for share in shares]
    values.partition(sorted(set(ranks)))
    return [float(values[rank]) for rank in ranks]
