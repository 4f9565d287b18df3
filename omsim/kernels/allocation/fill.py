"""Filling lines from stock in bulk, once it is known which cell each line draws on.

Owns two rules for lines that are served whole or not at all, and the queue of those that wait:

running total
    A line is served if all that was asked of its cell so far, refused lines included, fits into the stock. The first
    line that does not fit ends the queue of its cell: nobody overtakes. Sorting and summing, NumPy alone.
skip misfits
    Line after line: what does not fit is passed over, and the next is tried. A smaller order may overtake a bigger one.
    One compiled pass without a sort.

They part company only behind a refused line: running total repeated on the lines behind each cell's first refusal, with
the stock that is left, ends where skip misfits ends.
Which site a line should draw on is decided beside this file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError
from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from omsim.kernels.allocation.batch import Flags, Ints

_KEY_BITS = 63


def fill_running_total(cell: Ints, units: Ints, free_units: Ints, *, rank: Ints | None = None) -> Flags:
    """Serve lines whole while the running total of their cell, refused lines included, fits into its stock.

    Parameters
    ----------
    cell : int64, shape (n_lines,)
        The cell each line draws on; -1 = none, never served.
    units : int64, shape (n_lines,)
        Units asked for, >= 1.
    free_units : int64, shape (n_cells,)
        Units there are, >= 0. Not modified.
    rank : int64, shape (n_lines,), optional
        Lines of a lower rank come first, those of equal rank as they stand; without, all as they stand.

    Returns
    -------
    bool, shape (n_lines,)
        Lines served.

    Raises
    ------
    FieldError
        If the columns differ in length, a line asks for less than one unit, or a cell does not exist.

    Notes
    -----
    One sort of packed numbers (cell, rank, line) and one cumulative sum: O(n log n) time, O(n) memory.
    """
    _check_lines(cell, units, free_units, rank)
    served = np.zeros(cell.size, dtype=np.bool_)
    if cell.size == 0:
        return served
    line, sorted_cell, asked = _by_cell(cell, units, rank)
    if sorted_cell.size == 0:
        return served
    total = np.cumsum(asked)
    first = np.flatnonzero(sorted_cell[1:] != sorted_cell[:-1]) + 1  # where the next cell's lines begin
    before = np.concatenate((np.zeros(1, dtype=np.int64), total[first - 1]))  # asked of all the cells before
    head = np.concatenate((np.zeros(1, dtype=np.int64), first))
    upto = before + free_units[sorted_cell[head]]
    served[line] = total <= np.repeat(upto, np.diff(head, append=line.size))
    return served


def fill_in_queue(
    cell: Ints, units: Ints, free_units: Ints, *, partial: Flags | None = None, rank: Ints | None = None
) -> Ints:
    """Units granted to lines that queue at their cell, where some may be served in part.

    A partial line takes what is left, a whole line all or nothing; whoever does not get all ends the queue of the cell.
    Backorders of the simulation go so where nothing is protected and no site is full; this is for tables of lines.

    Parameters
    ----------
    cell, units, free_units, rank
        As in `fill_running_total`.
    partial : bool, shape (n_lines,), optional
        Lines that may be served in part; without, all may.

    Returns
    -------
    int64, shape (n_lines,)
        At most `units`. With no partial lines, `units` where `fill_running_total` serves and 0 elsewhere.

    Raises
    ------
    FieldError
        As `fill_running_total`.
    """
    _check_lines(cell, units, free_units, rank)
    granted = np.zeros(cell.size, dtype=np.int64)
    if cell.size == 0:
        return granted
    line, sorted_cell, asked = _by_cell(cell, units, rank)
    if sorted_cell.size == 0:
        return granted
    ahead = np.cumsum(asked) - asked
    head = np.concatenate((np.zeros(1, dtype=np.int64), np.flatnonzero(sorted_cell[1:] != sorted_cell[:-1]) + 1))
    upto = ahead[head] + free_units[sorted_cell[head]]
    left = np.repeat(upto, np.diff(head, append=line.size)) - ahead
    some = np.clip(left, 0, asked)
    if partial is not None:
        some[(some < asked) & ~partial[line]] = 0
    granted[line] = some
    return granted


def fill_skip_misfits(cell: Ints, units: Ints, free_units: Ints, *, rank: Ints | None = None) -> Flags:
    """Serve lines whole one after the other, passing over what does not fit into the stock left in its cell.

    Parameters
    ----------
    cell, units, free_units, rank
        As in `fill_running_total`.

    Returns
    -------
    bool, shape (n_lines,)
        Lines served.

    Raises
    ------
    FieldError
        As `fill_running_total`.

    Notes
    -----
    One compiled pass, O(n_lines + n_cells); with ranks, one sort before it.
    """
    _check_lines(cell, units, free_units, rank)
    if rank is None:
        return _skip_misfits(cell, units, free_units.copy())
    served = np.empty(cell.size, dtype=np.bool_)
    turn = _by_rank(rank)
    served[turn] = _skip_misfits(cell[turn], units[turn], free_units.copy())
    return served


def rank_waiting(order_class: Ints, class_rank: Ints, waiting_since_s: Ints) -> Ints:
    """Queue of the lines that wait: by the rank of their class, then the longest wait, then as they stand.

    Parameters
    ----------
    order_class : int64, shape (n_lines,)
        Class of each line's order.
    class_rank : int64, shape (n_classes,)
        Classes of a lower rank come first.
    waiting_since_s : int64, shape (n_lines,)

    Returns
    -------
    int64, shape (n_lines,)
        Place in the queue of each line, 0 = first; a permutation, good as the `rank` of a fill.
    """
    turn = np.lexsort((waiting_since_s, class_rank[order_class]))
    place = np.empty(turn.size, dtype=np.int64)
    place[turn] = np.arange(turn.size)
    return place


@compiled
def _skip_misfits(cell: Ints, units: Ints, left_units: Ints) -> Flags:
    """The pass of `fill_skip_misfits`; takes from `left_units`."""
    served = np.zeros(cell.size, dtype=np.bool_)
    for i in range(cell.size):
        at = cell[i]
        if at >= 0 and units[i] <= left_units[at]:
            left_units[at] -= units[i]
            served[i] = True
    return served


def _check_lines(cell: Ints, units: Ints, free_units: Ints, rank: Ints | None) -> None:
    """One entry a line in every column, at least one unit each, cells that exist."""
    if units.shape != cell.shape:
        raise FieldError("units", f"one for each of the {cell.size} lines", units.shape)
    if rank is not None and rank.shape != cell.shape:
        raise FieldError("rank", f"one for each of the {cell.size} lines", rank.shape)
    if units.size and int(units.min()) < 1:
        raise FieldError("units", "at least 1 for every line", int(units.min()))
    if cell.size and int(cell.max()) >= free_units.size:
        raise FieldError("cell", f"below the number of cells ({free_units.size})", int(cell.max()))


def _by_rank(rank: Ints) -> Ints:
    """Lines in the order of their rank, those of equal rank as they stand."""
    low = int(rank.min()) if rank.size else 0
    bits = rank.size.bit_length()
    if rank.size and (int(rank.max()) - low).bit_length() + bits > _KEY_BITS:
        return np.argsort(rank, kind="stable")
    return np.sort((rank - low) << bits | np.arange(rank.size)) & ((1 << bits) - 1)


def _by_cell(cell: Ints, units: Ints, rank: Ints | None) -> tuple[Ints, Ints, Ints]:
    """Lines that have a cell, by cell, rank and line: their line numbers, cells and units.

    Numbers packed into one int64 sort several times faster than an argsort; units ride along where they fit, which
    saves a walk through memory in random order.
    """
    line = np.arange(cell.size)
    if int(cell.min()) < 0:
        line = np.flatnonzero(cell >= 0)
        cell, units = cell[line], units[line]
        rank = None if rank is None else rank[line]
        if line.size == 0:
            return line, cell, units
    low = 0 if rank is None else int(rank.min())
    line_bits, unit_bits = int(line[-1]).bit_length(), int(units.max()).bit_length()
    rank_bits = 0 if rank is None else (int(rank.max()) - low).bit_length()
    needed = int(cell.max()).bit_length() + rank_bits + line_bits
    if needed > _KEY_BITS:
        turn = np.lexsort((cell,) if rank is None else (rank, cell))
        return line[turn], cell[turn], units[turn]
    key = cell << rank_bits
    if rank is not None:
        key |= rank - low
    key <<= line_bits
    key |= line
    if needed + unit_bits > _KEY_BITS:
        key.sort()
        found = key & ((1 << line_bits) - 1)
        at = found if line.size == int(line[-1]) + 1 else np.searchsorted(line, found)
        return found, key >> (line_bits + rank_bits), units[at]
    key <<= unit_bits
    key |= units
    key.sort()
    asked = key & ((1 << unit_bits) - 1)
    key >>= unit_bits
    found = key & ((1 << line_bits) - 1)
    key >>= line_bits + rank_bits
    return found, key, asked
