"""The network behind a tender under contracts: classes of parcels, services, contracts one inside the other, the end.

Owns its two forms: a `FlowProblem` for the general solver, and the small graph `omsim.kernels.few_sinks` solves again
and again from the prices of the time before. Contracts are parallel arcs, what they must have rewarded above all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import SolveError
from omsim.kernels.few_sinks import flow_to_few, price_options
from omsim.kernels.tender import NOT_OFFERED
from omsim.optimize.carriers.parcel_flow import FlowProblem
from omsim.optimize.carriers.shapes import MOST_CENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.optimize.carriers.contract_terms import Curve, Question

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]

_MOST_SUM = 2.0**61
FIRST_PASSES, LATER_PASSES = 80, 25
MOST_PATHS = 20_000
QUICK_ARCS = 100_000
"""Beyond so many the general solver is the quicker one: every path scans the parcels of an option."""


def reward(question: Question, cost: Cents, curves: list[Curve]) -> int:
    """Cost, below 0, of a parcel a contract must have: no way round costs as much.

    Raises
    ------
    SolveError
        Sums could overflow.
    """
    spread = int(np.abs(cost).max(initial=0)) + max((abs(s) for one in curves for s in one.slopes), default=0) + 1
    most = 2 * (question.slots.size + question.parent.size + 2) * spread
    if float(spread) * float(question.parcels.sum()) > _MOST_SUM or float(most) * question.parcels.size > _MOST_SUM:
        raise SolveError("carrier contracts", "costs too large for exact sums", f"{_MOST_SUM:g}")
    return -most


class GeneralNetwork:
    """Builds flow problems whose first arcs are the question's."""

    def __init__(self, question: Question, option: Units) -> None:
        self.question = question
        n_classes, (n_blocks, n_services) = question.parcels.size, question.slots.shape
        n_options = n_blocks * n_services
        self._first_contract = n_classes + n_options
        self._sink = sink = self._first_contract + question.parent.size
        head = np.where(option == n_options, sink, n_classes + option)
        into = np.tile(np.where(question.home < 0, sink, self._first_contract + question.home), n_blocks)
        total = int(question.parcels.sum())
        self._tail = np.concatenate([question.arc_class, n_classes + np.arange(n_options)])
        self._head = np.concatenate([head, into])
        self._capacity = np.concatenate(
            [question.parcels[question.arc_class], np.minimum(question.slots.ravel(), total)]
        )
        self._supplies = np.concatenate([question.parcels, np.zeros(sink - n_classes + 1, dtype=np.int64)])
        self._supplies[sink] = -total

    def problem(self, cost: Cents, curves: list[Curve]) -> FlowProblem:
        """The flow at these costs of the question's arcs and these curves of its contracts."""
        question = self.question
        must = reward(question, cost, curves)
        extra: list[tuple[int, int, int, int]] = []
        for at, one in enumerate(curves):
            node, above = self._first_contract + at, int(question.parent[at])
            up = self._sink if above < 0 else self._first_contract + above
            if one.at_least:
                extra.append((node, up, one.at_least, must))
            extra += [(node, up, width, slope) for width, slope in zip(one.widths, one.slopes, strict=True)]
        contracts = np.array(extra, dtype=np.int64).reshape(-1, 4)
        return FlowProblem(
            tail=np.append(self._tail, contracts[:, 0]).astype(np.int32),
            head=np.append(self._head, contracts[:, 1]).astype(np.int32),
            capacity_parcels=np.append(self._capacity, contracts[:, 2]),
            unit_cost_cents=np.concatenate([cost, np.zeros(question.slots.size, dtype=np.int64), contracts[:, 3]]),
            supply_parcels=self._supplies,
        )


class QuickNetwork:
    """Solves the same flow on its small graph, starting where the last one ended."""

    def __init__(self, question: Question, option: Units) -> None:
        self.question, self._option = question, option
        n_services = question.slots.size
        by_size = np.argsort([ladder.contract.covers.sum() for ladder in question.ladders], kind="stable")
        self._order = by_size.astype(np.int64)  # a contract before the one around it
        node = np.empty(question.parent.size, dtype=np.int64)
        node[self._order] = n_services + 1 + np.arange(node.size)
        self._end = n_services + 1 + node.size
        home = np.tile(
            np.where(question.home < 0, self._end, node[question.home] if node.size else 0), question.slots.shape[0]
        )
        above = question.parent[self._order]
        parent = np.where(above < 0, self._end, node[above] if node.size else 0)
        self._up = np.concatenate([home, [self._end], parent]).astype(np.int64)
        self._first = np.searchsorted(question.arc_class, np.arange(question.parcels.size + 1)).astype(np.int64)
        self._room = np.append(np.minimum(question.slots.ravel(), question.parcels.sum()), question.parcels.sum())
        self._regret = _usual_regret(question)
        self._toll: Cents | None = None

    def solve(self, cost: Cents, curves: list[Curve]) -> Units | None:
        """Parcels on the question's arcs; None where it would take too many paths."""
        question = self.question
        must = reward(question, cost, curves)
        links: list[tuple[int, int, int]] = [(v, int(room), 0) for v, room in enumerate(self._room)]
        for place, at in enumerate(self._order):
            one, v = curves[at], self._room.size + place
            if one.at_least:
                links.append((v, one.at_least, must))
            links += [(v, width, slope) for width, slope in zip(one.widths, one.slopes, strict=True)]
        tail, width, slope = np.array(links, dtype=np.int64).T.copy()
        fresh = self._toll is None
        toll = np.zeros(self._up.size, dtype=np.int64) if self._toll is None else self._toll.copy()
        step = np.full(self._up.size, max(1, self._regret // (2 if fresh else 16)), dtype=np.int64)
        price = price_options(
            self._first, self._option, cost, question.parcels, self._up,
            np.searchsorted(tail, np.arange(self._end + 1)).astype(np.int64), width, slope, toll, step, must,
            FIRST_PASSES if fresh else LATER_PASSES,
        )  # fmt: skip
        n_paths, flows, _ = flow_to_few(
            self._first, self._option, cost, question.parcels, self._room.size, tail, self._up[tail], width, slope,
            price, MOST_PATHS,
        )  # fmt: skip
        if n_paths < 0:
            return None
        self._toll = price[:-1] - price[self._up]
        return flows


def _usual_regret(question: Question) -> int:
    """What the second-cheapest option costs a parcel more, scaled: the size of price that moves parcels."""
    cost = np.sort(np.where(question.prices == NOT_OFFERED, MOST_CENTS, question.prices), axis=1)
    if cost.shape[1] < 2 or not cost.size:
        return 1
    return int(np.median(cost[:, 1] - cost[:, 0])) * question.scale
