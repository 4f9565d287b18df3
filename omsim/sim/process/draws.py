"""The run's luck: every uniform by what it is about, through the keyed generator both engines share.

Owns which key belongs to which draw (see the specification); what a draw decides belongs to whoever asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.demand.rng import Purpose, stream_key, uniforms
from omsim.kernels.random import keyed_uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

Uniforms = tuple[float, float, float, float]

LINE_STRIDE = 4096
"""Return draws are keyed by line position x this + shipment number."""


class Draws:
    """Uniforms on (0, 1) of one replication.

    Parameters
    ----------
    entity : int64, shape (n_orders,)
        What the orders' draws are keyed by.
    """

    def __init__(self, *, seed: int, replication: int, entity: NDArray[np.int64]) -> None:
        self._seed, self._replication = seed, replication
        self._entity: list[int] = entity.tolist()
        self._shipment, self._fate, self._return, self._purchase = (
            stream_key(replication, purpose)
            for purpose in (Purpose.SHIPMENT, Purpose.FATE, Purpose.RETURN, Purpose.PURCHASE)
        )
        self.validation: list[list[float]] = uniforms(seed, replication, Purpose.VALIDATION, entity).tolist()

    def of_shipment(self, order: int, number: int) -> Uniforms:
        """Pick, pack, transit and hour of delivery of an order's shipment."""
        return keyed_uniforms(self._seed, self._shipment, self._entity[order], number)

    def of_fate(self, order: int, number: int) -> Uniforms:
        """Whether an order's shipment is lost, or damaged."""
        return keyed_uniforms(self._seed, self._fate, self._entity[order], number)

    def of_return(self, order: int, position: int, number: int) -> Uniforms:
        """Whether the piece of a line in a shipment comes back, its lag, inspection and disposition."""
        return keyed_uniforms(self._seed, self._return, self._entity[order], position * LINE_STRIDE + number)

    def of_purchase(self, day_or_cycle: int, part: int) -> float:
        """Lead-time factor of a purchase order."""
        return keyed_uniforms(self._seed, self._purchase, day_or_cycle, part)[0]

    def of_shrinkage(self, day: int, cells: NDArray[np.int64]) -> NDArray[np.float64]:
        """Units that vanish on a day, as a uniform for each cell; float64, shape (n,)."""
        days = np.full(cells.size, day, dtype=np.int64)
        return uniforms(self._seed, self._replication, Purpose.SHRINKAGE, days, cells)[:, 0]
