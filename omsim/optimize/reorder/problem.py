"""One night's purchasing problem as columns: lines, purchase orders, sites, and the rules that tie them.

Owns the data and their checks. What a quantity is expected to cost comes from
:mod:`omsim.optimize.reorder.values`; choosing quantities is :mod:`omsim.optimize.reorder.solve`; re-checking an answer
is :mod:`omsim.optimize.reorder.check`.

Rules of a plan
---------------
A line (one SKU at one site, bought of one supplier) takes one of its options: nothing, or a multiple of the pack from
the least order quantity up to its cap. All lines of a supplier and site are one purchase order. An order is empty, or
its goods are worth the supplier's minimum value *and* weigh the minimum weight; then it costs a fixed amount, freight
by the value of its goods, and as many trucks as weight and volume need. Goods are worth units x the unit cost that
applies to so many. The goods of all orders together fit the budget, the volume arriving at a site its free storage.

Money of the aim is counted in whole milli-cents (``_mc``), so that sums are exact whatever their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.optimize.reorder.columns import NO_LIMIT, check_rows, first_bad, optional_column, whole_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Units = NDArray[np.int64]
    Floats = NDArray[np.float64]

__all__ = [
    "MC_PER_CENT",
    "MM3_PER_DM3",
    "NO_LIMIT",
    "LineOptions",
    "PurchaseLines",
    "PurchaseOrders",
    "ReorderProblem",
    "Steps",
    "StorageSites",
    "names_of",
    "option_row",
]

MC_PER_CENT = 1000
MM3_PER_DM3 = 1_000_000
_MOST_TOTAL = 4 * 10**18  # no sum of whole numbers may come near the end of int64


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Steps of a staircase for each owner: price breaks of lines, freight of orders.

    Attributes
    ----------
    first : int64, shape (n_owners + 1,)
        Where each owner's steps begin, and the end.
    at : int64, shape (n_steps,)
        From how much on (units, or cents of goods) a step holds; >= 0, rising within an owner.
    cents : int64, shape (n_steps,)
        Unit cost, or freight of the order, from there on; >= 0.
    """

    first: Units
    at: Units
    cents: Units

    @classmethod
    def none(cls, n_owners: int) -> Steps:
        """No steps for anybody."""
        empty = np.zeros(0, dtype=np.int64)
        return cls(first=np.zeros(n_owners + 1, dtype=np.int64), at=empty, cents=empty)

    @classmethod
    def of_rows(cls, n_owners: int, rows: Iterable[tuple[int, int, int]]) -> Steps:
        """Steps from rows of owner number, from how much on, and cents, in any order."""
        table = np.array(sorted(rows), dtype=np.int64).reshape(-1, 3)
        first = np.searchsorted(table[:, 0], np.arange(n_owners + 1))
        return cls(first=first.astype(np.int64), at=table[:, 1].copy(), cents=table[:, 2].copy())

    def cents_at(self, owner: Units, amount: Units, below: Units) -> Units:
        """What holds for these owners at these amounts; `below` where the amount is under the first step."""
        answer = np.array(np.broadcast_to(below, owner.shape), dtype=np.int64)
        start, stop = self.first[owner], self.first[owner + 1]
        for step in range(int((stop - start).max(initial=0))):
            at = np.minimum(start + step, max(self.at.size - 1, 0))
            held = (start + step < stop) & (amount >= self.at[at])
            answer[held] = self.cents[at[held]]
        return answer


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """The quantities each line may take, and what each is expected to cost.

    Attributes
    ----------
    first : int64, shape (n_lines + 1,)
        Where each line's options begin, and the end.
    units : int64, shape (n_options,)
        Strictly rising within a line; the first is 0 unless the line must be ordered.
    cost_mc : int64, shape (n_options,)
        Expected cost over the horizon of the position that follows, in milli-cents, without tonight's price
        difference, line cost, freight, trucks or fixed cost.
    """

    first: Units
    units: Units
    cost_mc: Units

    @property
    def line(self) -> Units:
        """Line of each option, shape (n_options,)."""
        return np.repeat(np.arange(self.first.size - 1), np.diff(self.first))


def _left_out() -> Units:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseLines:
    """Columns by line, int64 and shape (n_lines,) unless said otherwise; any array-like of whole numbers is taken.

    Attributes
    ----------
    name : tuple of str
        How a buyer calls the line, e.g. ``SKU-17 at north``.
    order : ndarray
        Purchase order (row of `PurchaseOrders`) the line belongs to.
    position_units : ndarray
        On hand + on order - owed, before tonight's order.
    unit_cost_cents : ndarray
        Before price breaks.
    pack_units, moq_units : ndarray
        Orders are multiples of the pack, at least the least order quantity; both >= 1.
    least_units, most_units : ndarray
        Must be ordered at least (0: need not be ordered) and may be ordered at most (cover, shelf life).
    weight_g, volume_mm3 : ndarray
        Of one unit.
    line_cost_cents : ndarray
        Of having the line on the order at all.
    reorder_point_units, order_up_to_units : ndarray
        The line's own (s, S), for the reasons given.
    units_per_day : float64 ndarray
        Expected demand, for the reasons given.
    price_breaks : Steps
        All-units unit cost from so many units on.
    """

    name: tuple[str, ...]
    order: Units
    position_units: Units
    unit_cost_cents: Units
    pack_units: Units
    moq_units: Units
    most_units: Units
    reorder_point_units: Units
    order_up_to_units: Units
    units_per_day: Floats
    weight_g: Units = field(default_factory=_left_out)
    volume_mm3: Units = field(default_factory=_left_out)
    least_units: Units = field(default_factory=_left_out)
    line_cost_cents: Units = field(default_factory=_left_out)
    price_breaks: Steps = field(default_factory=lambda: Steps.none(0))

    def __post_init__(self) -> None:
        n_lines = len(self.name)
        _set(self, "name", tuple(self.name))
        _set(self, "order", whole_column("order", self.order, n_lines))
        for name in ("position_units", "reorder_point_units", "order_up_to_units"):
            _set(self, name, whole_column(name, getattr(self, name), n_lines, least=-(10**12), most=10**12))
        for name in ("pack_units", "moq_units"):
            _set(self, name, whole_column(name, getattr(self, name), n_lines, least=1, most=10**12))
        for name in ("unit_cost_cents", "most_units"):
            _set(self, name, whole_column(name, getattr(self, name), n_lines))
        for name in ("weight_g", "volume_mm3", "least_units", "line_cost_cents"):
            _set(self, name, optional_column(name, getattr(self, name), n_lines))
        mean = np.asarray(self.units_per_day, dtype=np.float64)
        if mean.shape != (n_lines,) or not np.isfinite(mean).all() or (mean < 0).any():
            raise FieldError("units_per_day", f"{n_lines} finite numbers >= 0", first_bad(mean))
        _set(self, "units_per_day", mean)
        _set(self, "price_breaks", _steps("price_breaks", self.price_breaks, n_lines))

    @property
    def n_lines(self) -> int:
        """Number of lines."""
        return len(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseOrders:
    """Columns by purchase order (a supplier at a site), int64 and shape (n_orders,); those left out are 0.

    Attributes
    ----------
    name : tuple of str
        How a buyer calls the order, e.g. ``Acme to north``.
    site : ndarray
        Row of `StorageSites` the goods arrive at.
    fixed_cost_cents : ndarray
        Of placing the order.
    minimum_cents, minimum_g : ndarray
        Least value and weight of the goods of an order that is not empty.
    truck_cost_cents, truck_g, truck_dm3, most_trucks : ndarray
        Of one truck, what it carries (0: not counted in that measure), and how many there are (0: no limit).
    freight : Steps
        Freight in cents by cents of goods; none below the first step.
    """

    name: tuple[str, ...]
    site: Units
    fixed_cost_cents: Units = field(default_factory=_left_out)
    minimum_cents: Units = field(default_factory=_left_out)
    minimum_g: Units = field(default_factory=_left_out)
    truck_cost_cents: Units = field(default_factory=_left_out)
    truck_g: Units = field(default_factory=_left_out)
    truck_dm3: Units = field(default_factory=_left_out)
    most_trucks: Units = field(default_factory=_left_out)
    freight: Steps = field(default_factory=lambda: Steps.none(0))

    def __post_init__(self) -> None:
        n_orders = len(self.name)
        _set(self, "name", tuple(self.name))
        _set(self, "site", whole_column("site", self.site, n_orders))
        for column in fields(self)[2:-1]:
            _set(self, column.name, optional_column(column.name, getattr(self, column.name), n_orders))
        _set(self, "freight", _steps("freight", self.freight, n_orders))

    @property
    def n_orders(self) -> int:
        """Number of purchase orders."""
        return len(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSites:
    """Columns by site.

    Attributes
    ----------
    name : tuple of str
    storage_left_mm3 : int64, shape (n_sites,)
        Volume tonight's orders may add; `NO_LIMIT` for none.
    """

    name: tuple[str, ...]
    storage_left_mm3: Units

    def __post_init__(self) -> None:
        _set(self, "name", tuple(self.name))
        column = whole_column("storage_left_mm3", self.storage_left_mm3, len(self.name), most=4 * NO_LIMIT)
        _set(self, "storage_left_mm3", np.minimum(column, NO_LIMIT))

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return len(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReorderProblem:
    """All of one night.

    Attributes
    ----------
    lines : PurchaseLines
    orders : PurchaseOrders
    sites : StorageSites
    options : LineOptions
    budget_cents : int
        Most the goods of all orders may cost together.

    Raises
    ------
    FieldError
        A column of another length, a number out of range, or options that break their line's own rules.
    """

    lines: PurchaseLines
    orders: PurchaseOrders
    sites: StorageSites
    options: LineOptions
    budget_cents: int = NO_LIMIT

    def __post_init__(self) -> None:
        _set(self, "budget_cents", int(whole_column("budget_cents", [self.budget_cents], 1, most=4 * NO_LIMIT)[0]))
        check_rows("order", self.lines.order, self.orders.n_orders)
        check_rows("site", self.orders.site, self.sites.n_sites)
        self._check_options()
        self._check_size()

    def _check_options(self) -> None:
        options, lines = self.options, self.lines
        first = options.first
        if first.shape != (lines.n_lines + 1,) or first[0] != 0 or (np.diff(first) < 0).any():
            raise FieldError("options", f"rows of {lines.n_lines} lines", f"shape {first.shape}")
        n_options = int(first[-1])
        for name in ("units", "cost_mc"):
            given = getattr(options, name)
            if given.shape != (n_options,) or given.dtype != np.int64:
                raise FieldError(f"options.{name}", f"{n_options} int64", f"{given.dtype}, shape {given.shape}")
        line = options.line
        units, pack = options.units, lines.pack_units[line]
        rising = np.diff(units) > 0
        rising[first[1:-1][(first[1:-1] > 0) & (first[1:-1] < n_options)] - 1] = True
        if not rising.all():
            at = int(np.argmin(rising))
            raise FieldError("options.units", f"rising within line {lines.name[line[at]]!r}", int(units[at + 1]))
        legal = (units >= np.maximum(lines.moq_units, lines.least_units)[line]) & (units <= lines.most_units[line])
        legal = ((units == 0) & (lines.least_units[line] == 0)) | (legal & (units % pack == 0) & (units > 0))
        if not legal.all():
            at = int(np.argmin(legal))
            rule = f"a legal quantity of line {lines.name[line[at]]!r}"
            raise FieldError("options.units", rule, int(units[at]))
        begins = np.flatnonzero(lines.least_units == 0)
        begins = begins[(first[begins] == first[begins + 1]) | (units[np.minimum(first[begins], n_options - 1)] != 0)]
        if begins.size:
            raise FieldError("options.units", "0 first, as the line need not be ordered", lines.name[begins[0]])

    def _check_size(self) -> None:
        worst = [
            np.abs(self.options.cost_mc.astype(np.float64)).sum(),
            (self.option_value_cents.astype(np.float64)).sum() * MC_PER_CENT,
            (self.options.units * self.lines.weight_g.astype(np.float64)[self.options.line]).sum(),
            (self.options.units * self.lines.volume_mm3.astype(np.float64)[self.options.line]).sum(),
            (self.orders.fixed_cost_cents.astype(np.float64)).sum() * MC_PER_CENT,
        ]
        if max(worst) > _MOST_TOTAL:
            raise FieldError("options", f"such that totals stay below {_MOST_TOTAL:.0e}", f"{max(worst):.3g}")

    @property
    def option_price_cents(self) -> Units:
        """Unit cost of each option, price breaks applied, shape (n_options,)."""
        line = self.options.line
        return self.lines.price_breaks.cents_at(line, self.options.units, self.lines.unit_cost_cents[line])

    @property
    def option_value_cents(self) -> Units:
        """Cost of the goods of each option, shape (n_options,)."""
        price: Units = self.option_price_cents
        if (price.astype(np.float64) * self.options.units > _MOST_TOTAL / MC_PER_CENT).any():
            raise FieldError("options", "such that no line is worth more than 4e15 cents", "more")
        return price * self.options.units

    @property
    def option_total_mc(self) -> Units:
        """Each option's cost to the aim: expected cost, price difference to the base unit cost, line cost."""
        line, units = self.options.line, self.options.units
        saved = (self.lines.unit_cost_cents[line] - self.option_price_cents) * units
        fixed = np.where(units > 0, self.lines.line_cost_cents[line], 0)
        total: Units = self.options.cost_mc + (fixed - saved) * MC_PER_CENT
        return total


def _set(owner: object, name: str, value: object) -> None:
    object.__setattr__(owner, name, value)


def _steps(name: str, given: Steps, n_owners: int) -> Steps:
    if given.first.size == 1:  # left out
        return Steps.none(n_owners)
    first = given.first
    if first.shape != (n_owners + 1,) or first[0] != 0 or (np.diff(first) < 0).any():
        raise FieldError(name, f"steps of {n_owners} owners", f"shape {first.shape}")
    size = int(first[-1])
    at, cents = whole_column(f"{name}.at", given.at, size), whole_column(f"{name}.cents", given.cents, size)
    rising = np.diff(at) > 0
    inner = first[1:-1]
    rising[inner[(inner > 0) & (inner < size)] - 1] = True
    if not rising.all():
        raise FieldError(f"{name}.at", "rising within an owner", int(at[int(np.argmin(rising)) + 1]))
    return Steps(first=np.ascontiguousarray(first, dtype=np.int64), at=at, cents=cents)


def names_of(prefix: str, size: int) -> tuple[str, ...]:
    """Plain names for rows that have none: ``line 0``, ``line 1``, ..."""
    return tuple(f"{prefix} {row}" for row in range(size))


def option_row(problem: ReorderProblem, units: Sequence[int] | Units) -> Units:
    """Row of the option each line takes when it orders these units, shape (n_lines,); `FieldError` if there is none."""
    wanted = whole_column("units", units, problem.lines.n_lines)
    chosen = np.full(wanted.size, -1, dtype=np.int64)
    line = problem.options.line
    hit = np.flatnonzero(problem.options.units == wanted[line])
    chosen[line[hit]] = hit
    if (chosen < 0).any():
        at = int(np.argmin(chosen))
        raise FieldError("units", f"an option of line {problem.lines.name[at]!r}", int(wanted[at]))
    return chosen
