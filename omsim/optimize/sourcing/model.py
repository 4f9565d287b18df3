"""The integer program of sourcing: orders that share cells or room, as sparse arrays, and the way back to a `Choice`.

Owns the refusal of data no solver may see, the candidates of every line, the rows, and both translations. Who solves
it, and when it needs solving at all, is the business of `omsim.optimize.sourcing.optimum`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.allocation.batch import NO_SITE, Batch, Choice
from omsim.kernels.allocation.choice_costs import line_orders
from omsim.optimize.mip_solvers import MipModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.kernels.allocation.batch import Classes, Lanes, Stock

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]

MOST_CENTS = 2**52
"""Beyond this a solver's doubles no longer tell two costs apart by a cent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineOptions:
    """Every way to serve a unit: a line and a site it may be served from, sorted by line, then by ranking.

    Attributes
    ----------
    line, site, cell : int64, shape (n_options,)
    step_units : int64, shape (n_options,)
        Units taken at a time: 1 where the line may be served in part, else all of it.
    most_steps : int64, shape (n_options,)
        >= 1; what the cell has for the line's class.
    unit_cents : int64, shape (n_options,)
    """

    line: Ints
    site: Ints
    cell: Ints
    step_units: Ints
    most_steps: Ints
    unit_cents: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingModel:
    """The integer program and what its columns mean.

    Attributes
    ----------
    mip : MipModel
        Columns: steps of each option, then each (order, site), then each order that goes whole or not at all.
    options : LineOptions
    use_order, use_site : int64, shape (n_uses,)
        Order and site of the second kind of column.
    whole_order : int64, shape (n_whole,)
        Order of the third kind.
    line_order : int64, shape (n_lines,)
        Order of each line.
    nothing_cents : int
        Cost of serving nothing; to be added to the program's cost.
    """

    mip: MipModel
    options: LineOptions
    use_order: Ints
    use_site: Ints
    whole_order: Ints
    line_order: Ints
    nothing_cents: int


def refuse_unusable(batch: Batch, classes: Classes, lanes: Lanes, stock: Stock, unserved_cents: int) -> None:
    """Raise `FieldError` where a number is not whole, below 0, or too large to be told apart in a solver's doubles."""
    if isinstance(unserved_cents, bool) or not isinstance(unserved_cents, (int, np.integer)) or unserved_cents < 0:
        raise FieldError("unserved_cents", "whole cents, at least 0", unserved_cents)
    for field, column, least in (
        ("units", batch.units, 1),
        ("shipment_cents", lanes.shipment_cents, 0),
        ("unit_cents", lanes.unit_cents, 0),
        ("kg_cents", lanes.kg_cents, 0),
        ("free_units", stock.free_units, 0),
        ("weight_g", stock.weight_g, 0),
        ("split_limit", classes.split_limit, 1),
        ("kept_units", classes.kept_units, 0),
    ):
        if column.size and column.dtype.kind not in "iu":
            raise FieldError(field, "whole numbers", f"{column.dtype}, {column.flat[0]!r} first")
        if column.size and column.min() < least:
            raise FieldError(field, f"at least {least}", int(column.min()))
    heaviest = float(stock.weight_g.max(initial=0)) / 1000.0
    dearest = float(lanes.unit_cents.max(initial=0)) + float(lanes.kg_cents.max(initial=0)) * heaviest
    most = float(batch.units.sum()) * (dearest + float(unserved_cents))
    most += float(batch.lane.size) * float(lanes.shipment_cents.sum())
    if most > MOST_CENTS:
        raise FieldError("cost of the batch", f"at most {MOST_CENTS} cents", f"up to {most:.3g}")


def open_sites(batch: Batch, classes: Classes, lanes: Lanes, stock: Stock) -> Flags:
    """Sites each order may be served from, bool, shape (n_orders, n_sites): ranked, allowed, and with room."""
    ranked = np.zeros(lanes.shipment_cents.shape, dtype=np.bool_)
    row, rank = np.nonzero(lanes.ranking != NO_SITE)
    ranked[row, lanes.ranking[row, rank]] = True
    opened: Flags = ranked[batch.lane] & classes.allowed[batch.order_class] & (stock.room > 0)
    return opened


def line_options(batch: Batch, classes: Classes, lanes: Lanes, stock: Stock) -> LineOptions:
    """All options of a batch with at least one step to take."""
    order = line_orders(batch)
    opened = open_sites(batch, classes, lanes, stock)
    ranking = lanes.ranking[batch.lane][order]
    line, rank = np.nonzero(ranking != NO_SITE)
    site = ranking[line, rank]
    cell = stock.cell_of[site, batch.sku[line]].astype(np.int64)
    on = (cell >= 0) & opened[order[line], site]
    line, site, cell = line[on], site[on], cell[on]
    order_class = batch.order_class[order[line]]
    usable = stock.free_units[cell]
    if classes.kept_units.shape[1]:
        usable = np.maximum(usable - classes.kept_units[order_class, cell], 0)
    step = np.where(classes.partial[order_class], 1, batch.units[line])
    most = np.minimum(usable, batch.units[line]) // step
    on = most > 0
    line, site, cell, step, most = line[on], site[on], cell[on], step[on], most[on]
    lane = batch.lane[order[line]]
    weight_g = stock.weight_g[batch.sku[line]]
    unit_cents = lanes.unit_cents[lane, site] + lanes.kg_cents[lane, site] * weight_g // 1000
    return LineOptions(line=line, site=site, cell=cell, step_units=step, most_steps=most, unit_cents=unit_cents)


def build_model(batch: Batch, classes: Classes, lanes: Lanes, stock: Stock, unserved_cents: int) -> SourcingModel:
    """Write the sourcing of a batch as an integer program.

    Data       q[l]      units of line l, of order i(l); n[i] most sites of order i
               C[l,j]    cost of a unit of l from site j; S[i,j] shipment; U one unit not served
               m[l,j]    units the order's class may take of the cell of l at j, at most q[l]
               F[c,e]    units of cell e above what class c must leave; R[j] room of site j
    Variables  x[l,j]    units of l from j, whole, 0..m[l,j]; of lines that go whole: all q[l] or none
               y[i,j]    in {0, 1}, order i uses site j
               z[i]      in {0, 1}, only of orders that go whole: served
    Model      min  sum_ij S[i,j] y[i,j] + sum_lj (C[l,j] - U) x[l,j] + U sum_l q[l]
               s.t. x[l,j] <= m[l,j] y[i(l),j]                   for all l, j     (disaggregated: the bound is close)
                    sum_j x[l,j] <= q[l], = q[l] z[i(l)]          for all l        (not over-served; whole orders)
                    sum_j y[i,j] <= n[i]                          for all i        (split limit)
                    sum_i y[i,j] <= R[j]                          for all j        (room)
                    sum_{l: kept >= kept of c} x[l,j] <= F[c,e]   for all cells e, classes c (those who must leave most
                                                                  take first; without kept units one row a cell)

    Parameters
    ----------
    batch, classes, lanes, stock
        Free of what `refuse_unusable` refuses. Not modified.
    unserved_cents : int

    Returns
    -------
    SourcingModel
        Rows that cannot bind are left out, as are options dearer than not serving (unless the order goes whole).
    """
    from scipy.sparse import csr_array

    order_of_line = line_orders(batch)
    options = line_options(batch, classes, lanes, stock)
    of_whole = classes.complete[batch.order_class][order_of_line[options.line]]
    options = only_options(options, of_whole | (options.unit_cents <= unserved_cents))
    n_sites = stock.room.size
    order = order_of_line[options.line]
    uses, use_of = np.unique(order * n_sites + options.site, return_inverse=True)
    use_order, use_site = uses // n_sites, uses % n_sites
    whole_order = np.flatnonzero(classes.complete[batch.order_class])
    whole_order = whole_order[np.isin(whole_order, use_order)]
    n_options, n_uses = options.line.size, uses.size
    x, y = np.arange(n_options), n_options + np.arange(n_uses)
    z_of_order = np.full(batch.lane.size, -1, dtype=np.int64)
    z_of_order[whole_order] = n_options + n_uses + np.arange(whole_order.size)
    rows = _Rows()
    rows.add(np.repeat(x, 2), np.column_stack([x, y[use_of]]).ravel(), _linked(options.most_steps), 0, n_options)
    # lines: in steps, so that the numbers stay small; those of whole orders also where no site has them
    step = np.ones(batch.units.size, dtype=np.int64)
    step[options.line] = options.step_units
    z = z_of_order[order_of_line]
    need = batch.units // step
    lines = np.flatnonzero(
        np.bincount(options.line, options.most_steps, minlength=need.size) > np.where(z < 0, need, -1)
    )
    row_of = np.full(need.size, -1, dtype=np.int64)
    row_of[lines] = np.arange(lines.size)
    mine = row_of[options.line] >= 0
    tied = z[lines] >= 0
    rows.add(
        np.concatenate([row_of[options.line[mine]], np.flatnonzero(tied)]),
        np.concatenate([x[mine], z[lines][tied]]),
        np.concatenate([np.ones(int(mine.sum()), dtype=np.int64), -need[lines][tied]]),
        np.where(tied, 0, need[lines]),
        lines.size,
        equal=tied,
    )
    limit = classes.split_limit[batch.order_class]
    rows.capped(use_order, y, np.ones(n_uses, dtype=np.int64), limit)
    rows.capped(use_site, y, np.ones(n_uses, dtype=np.int64), stock.room)
    order_class = batch.order_class[order]
    cells, at_cell = np.unique(options.cell, return_inverse=True)
    most_units = options.step_units * options.most_steps
    free = stock.free_units[cells]
    if classes.kept_units.shape[1] == 0:
        rows.capped(at_cell, x, options.step_units, free, most_units)
    else:
        kept = classes.kept_units[:, cells]
        for row in np.unique(order_class).tolist():
            ahead = kept[order_class, at_cell] >= kept[row, at_cell]
            above = np.maximum(free - kept[row], 0)
            rows.capped(at_cell[ahead], x[ahead], options.step_units[ahead], above, most_units[ahead])
    n_columns = n_options + n_uses + whole_order.size
    cost = np.zeros(n_columns)
    cost[:n_options] = (options.unit_cents - unserved_cents) * options.step_units
    cost[n_options : n_options + n_uses] = lanes.shipment_cents[batch.lane[use_order], use_site]
    upper = np.ones(n_columns)
    upper[:n_options] = options.most_steps
    row, column, term, row_lower, row_upper = rows.columns()
    return SourcingModel(
        mip=MipModel(
            cost=cost,
            rows=csr_array((term, (row, column)), shape=(row_upper.size, n_columns)),
            row_lower=row_lower,
            row_upper=row_upper,
            lower=np.zeros(n_columns),
            upper=upper,
            whole=np.ones(n_columns, dtype=np.bool_),
            name="sourcing",
        ),
        options=options,
        use_order=use_order,
        use_site=use_site,
        whole_order=whole_order,
        line_order=order_of_line,
        nothing_cents=int(batch.units.sum()) * int(unserved_cents),
    )


def choice_of(model: SourcingModel, x: Floats) -> Choice:
    """The choice a solution means; x whole, shape (n_columns,)."""
    options = model.options
    units = np.round(x[: options.line.size]).astype(np.int64) * options.step_units
    taken = units > 0
    return Choice(line=options.line[taken], site=options.site[taken], units=units[taken])


def solution_of(model: SourcingModel, choice: Choice) -> Floats:
    """The solution a choice means, float64, shape (n_columns,); pieces that are no option of the model are left out."""
    options = model.options
    n_sites = int(max(options.site.max(initial=0), choice.site.max(initial=0))) + 1
    option_key, piece_key = options.line * n_sites + options.site, choice.line * n_sites + choice.site
    by_key = np.argsort(option_key, kind="stable")
    place = np.minimum(np.searchsorted(option_key, piece_key, sorter=by_key), max(option_key.size - 1, 0))
    x = np.zeros(model.mip.n_columns)
    if option_key.size == 0:
        return x
    at = by_key[place]
    hit = option_key[at] == piece_key
    x[at[hit]] = choice.units[hit] // options.step_units[at[hit]]
    order = model.line_order[choice.line]
    n_options, n_uses = options.line.size, model.use_order.size
    x[n_options : n_options + n_uses] = np.isin(
        model.use_order * n_sites + model.use_site, (order * n_sites + choice.site)[hit]
    )
    x[n_options + n_uses :] = np.isin(model.whole_order, order[hit])
    return x


def take_orders(batch: Batch, orders: Ints) -> tuple[Batch, Ints]:
    """A batch of some of the orders, in their order, and where its lines stand in the whole batch."""
    n_lines = np.diff(batch.first_line)[orders]
    first = np.concatenate([[0], np.cumsum(n_lines)]).astype(np.int64)
    lines = np.repeat(batch.first_line[orders] - first[:-1], n_lines) + np.arange(first[-1])
    return Batch(first, batch.sku[lines], batch.units[lines], batch.lane[orders], batch.order_class[orders]), lines


def only_options(options: LineOptions, on: Flags) -> LineOptions:
    """Some of the options."""
    return LineOptions(
        line=options.line[on],
        site=options.site[on],
        cell=options.cell[on],
        step_units=options.step_units[on],
        most_steps=options.most_steps[on],
        unit_cents=options.unit_cents[on],
    )


def _linked(most: Ints) -> Ints:
    """Terms of x - m y, row by row."""
    terms = np.ones((most.size, 2), dtype=np.int64)
    terms[:, 1] = -most
    return terms.ravel()


class _Rows:
    """Rows as they are added: at most their upper side, or equal to it."""

    def __init__(self) -> None:
        self.n_rows = 0
        self.parts: list[tuple[Ints, Ints, Ints]] = []
        self.lower: list[Floats] = []
        self.upper: list[Floats] = []

    def add(
        self, row: Ints, column: Ints, term: Ints, upper: Ints | int, n_rows: int, *, equal: Flags | None = None
    ) -> None:
        sides = np.broadcast_to(np.asarray(upper, dtype=np.float64), (n_rows,))
        self.parts.append((row + self.n_rows, column, term))
        self.upper.append(sides)
        self.lower.append(np.where(equal, sides, -np.inf) if equal is not None else np.full(n_rows, -np.inf))
        self.n_rows += n_rows

    def capped(self, group: Ints, column: Ints, term: Ints, most: Ints, reach: Ints | None = None) -> None:
        """Add sum of terms <= most for each group whose terms can reach beyond it."""
        total = np.zeros(most.size, dtype=np.int64)
        np.add.at(total, group, term if reach is None else reach)
        binding = np.flatnonzero(total > most)
        row_of = np.full(most.size, -1, dtype=np.int64)
        row_of[binding] = np.arange(binding.size)
        mine = row_of[group] >= 0
        self.add(row_of[group[mine]], column[mine], term[mine], most[binding], binding.size)

    def columns(self) -> tuple[Ints, Ints, Ints, Floats, Floats]:
        row, column, term = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        return row, column, term, np.concatenate(self.lower), np.concatenate(self.upper)
