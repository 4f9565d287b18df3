"""What is sourced and not yet released: orders kept back, and the trades that save parcels meanwhile.

Owns the pieces on hold. Their units are reserved all the while, by whoever asked for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Pieces(NamedTuple):
    """Units of order lines sourced from sites; int64, shape (n_pieces,), in the order in which they were sourced.

    An order's pieces stand together, a line's within them.

    Attributes
    ----------
    order, line : int64
        Rows of the run's orders and lines.
    site, units : int64
    sourced_s : int64
        The cycle at which its order was sourced.
    """

    order: Ints
    line: Ints
    site: Ints
    units: Ints
    sourced_s: Ints


def joined(parts: Sequence[Pieces]) -> Pieces:
    """The pieces of several parts, one part behind the other."""
    return Pieces(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def no_pieces() -> Pieces:
    """Nothing."""
    return Pieces(*(np.zeros(0, dtype=np.int64) for _ in Pieces._fields))


class Shelf:
    """Pieces on hold.

    Parameters
    ----------
    hold_s : int
        Seconds from sourcing after which an order may go, at the next cycle; 0 = at once.
    """

    def __init__(self, hold_s: int) -> None:
        self._hold_s = hold_s
        self.pieces = no_pieces()

    def put(self, pieces: Pieces) -> None:
        """Keep back what was sourced now."""
        if pieces.line.size:
            self.pieces = joined((self.pieces, pieces)) if self.pieces.line.size else pieces

    def since(self, sourced_s: int) -> Pieces:
        """What was sourced at a second or later."""
        first = int(np.searchsorted(self.pieces.sourced_s, sourced_s))
        return Pieces(*(column[first:] for column in self.pieces))

    def replace(self, sourced_s: int, pieces: Pieces) -> None:
        """Keep other pieces of what was sourced at a second or later."""
        first = int(np.searchsorted(self.pieces.sourced_s, sourced_s))
        self.pieces = joined((Pieces(*(column[:first] for column in self.pieces)), pieces))

    def take_due(self, now_s: int) -> Pieces:
        """What may go now, off the shelf."""
        n_due = int(np.searchsorted(self.pieces.sourced_s, now_s - self._hold_s, side="right"))
        due, kept = (
            Pieces(*(column[rows] for column in self.pieces)) for rows in (slice(0, n_due), slice(n_due, None))
        )
        self.pieces = kept
        return due
