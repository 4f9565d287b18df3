"""The run's book: what was ordered and promised, and what has become of it so far, row by row.

Owns the rows that processes write while the clock runs; `recording` turns the finished book into `RunRecords`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.sim.records import NEVER
from omsim.sim.sourcing.columns import no_sourcing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.demand.arrivals import Intake
    from omsim.model.calendars import Calendar
    from omsim.sim.plan import Channels
    from omsim.sim.process.entities import Piece, PurchaseLine, ReturnedPiece, Shipment, ShortLine, Tender


class Book:
    """Orders, lines and all that follows from them.

    Attributes
    ----------
    arrived_s, channel, region, promise_day : list of int, n_orders
        Intake; the local day by whose end delivery is promised (-1 = no promise).
    first_line : list of int, n_orders + 1
    sku, units : list of int, n_lines
    validated_s, allocated_s, rejected, n_shipments : list, n_orders
    line_shipment : list of int, n_lines
        Shipment of each line's first reserved units (-1 = none so far).
    later_pieces : list of (line, shipment, units)
        Pieces of lines beyond their first.
    short_lines : dict
        By line.
    shrunk : list of (cell, units, instant)
        What vanished.
    daily : list of (on hand, backordered, on order)
        One entry a midnight, each with one number a cell.
    substitutions, sourcing
        What the sourcing desk tells at the end, where there is one.
    """

    def __init__(self, intake: Intake, channels: Channels, calendar: Calendar) -> None:
        self.arrived_s: list[int] = intake.arrived_s.tolist()
        self.channel: list[int] = intake.channel.tolist()
        self.region: list[int] = intake.region.tolist()
        self.first_line: list[int] = intake.first_line.tolist()
        self.sku: list[int] = intake.sku.tolist()
        self.units: list[int] = intake.units.tolist()
        self.promise_day: list[int] = promise_days(intake, channels, calendar).tolist()
        n_orders = len(self.arrived_s)
        self.validated_s = [NEVER] * n_orders
        self.allocated_s = [NEVER] * n_orders
        self.rejected = [False] * n_orders
        self.n_shipments = [0] * n_orders
        self.line_shipment = [-1] * len(self.sku)
        self.later_pieces: list[tuple[int, int, int]] = []
        self.short_lines: dict[int, ShortLine] = {}
        self.shipments: list[Shipment] = []
        self.returned: list[ReturnedPiece] = []
        self.purchases: list[PurchaseLine] = []
        self.tenders: list[Tender] = []
        self.shrunk: list[tuple[int, int, int]] = []
        self.daily: list[tuple[list[int], list[int], list[int]]] = []
        self.substitutions, self.sourcing = no_sourcing()

    def lines_of(self, order: int) -> range:
        """Line rows of an order."""
        return range(self.first_line[order], self.first_line[order + 1])

    def record_piece(self, piece: Piece, shipment: Shipment) -> None:
        """Note in which shipment units of a line go; a line's pieces come in the order in which they were reserved."""
        if self.line_shipment[piece.line] < 0:
            self.line_shipment[piece.line] = shipment.row
        else:
            self.later_pieces.append((piece.line, shipment.row, piece.units))


def promise_days(intake: Intake, channels: Channels, calendar: Calendar) -> NDArray[np.int64]:
    """Local day by whose end each order is promised, -1 = no promise; int64, shape (n_orders,).

    The local clock is at or past the cutoff from the instant it first shows it.
    """
    day = calendar.day_of(intake.arrived_s.astype(np.int64))
    late = intake.arrived_s >= calendar.instants_s(day, channels.promise_cutoff_s[intake.channel])
    promised = channels.promise_days[intake.channel]
    return np.where(promised < 0, -1, day + promised + late)
