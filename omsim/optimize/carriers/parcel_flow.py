"""The min-cost flow behind carrier assignment: classes of alike parcels over services with limited slots.

Owns building and solving the flow; `slots` makes the classes, checks the answer and falls back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import SolveError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]

MOST_ARCS = 4_000_000  # about six seconds of flow; beyond it the fallback is taken rather than the run held up


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowProblem:
    """A min-cost flow: arcs with whole capacities and costs, nodes with supplies that sum to 0.

    Attributes
    ----------
    tail, head : int32, shape (n_arcs,)
        Nodes an arc joins.
    capacity_parcels, unit_cost_cents : int64, shape (n_arcs,)
        Both >= 0.
    supply_parcels : int64, shape (n_nodes,)
        Positive where flow begins, negative where it ends.
    """

    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    capacity_parcels: Units
    unit_cost_cents: Cents
    supply_parcels: Units


FlowSolver = Callable[[FlowProblem], "Units"]


def build_flow(
    prices: Cents, n_alike: Units, slots: Units, *, most_arcs: int = MOST_ARCS
) -> tuple[FlowProblem, Units, Units]:
    """Build the min-cost flow that assigns classes of alike parcels to options.

    Data       prices[c,o], shape (n_classes, n_services + 1), `NOT_OFFERED` where closed, the last to wait
               n_alike[c] parcels of a class; slots[s]
    Variables  f[c,o] >= 0, parcels of class c that take option o, where open and worth considering
    Model      min  sum_co (prices[c,o] - min_o prices[c,o]) f[c,o]
               s.t. sum_o f[c,o]  = n_alike[c]  for all c
                    sum_c f[c,s] <= slots[s]    for all s  (arc from service to sink)

    Nodes are the classes, the services, and the sink; a class waits by an arc straight to the sink.

    Returns
    -------
    problem : FlowProblem
    arc_class, arc_option : int64, shape (n_choice_arcs,)
        What the first arcs of the problem stand for; the services' arcs to the sink follow them.

    Raises
    ------
    SolveError
        More than `most_arcs` arcs.
    """
    n_classes, n_options = prices.shape
    n_services = n_options - 1
    n_parcels = int(n_alike.sum())
    # what always has room caps what is worth paying: dearer options cannot be in an optimum
    roomy = np.append(slots >= n_parcels, True)
    cap = prices[:, roomy].min(axis=1)
    arc_class, arc_option = np.nonzero(prices <= cap[:, None])
    if arc_class.size > most_arcs:
        raise SolveError("carrier assignment", f"{arc_class.size} arcs", f"{most_arcs} arcs")
    sink = n_classes + n_services
    waits = arc_option == n_services
    problem = FlowProblem(
        tail=np.append(arc_class, np.arange(n_classes, sink)).astype(np.int32),
        head=np.append(np.where(waits, sink, n_classes + arc_option), np.full(n_services, sink)).astype(np.int32),
        capacity_parcels=np.append(n_alike[arc_class], np.minimum(slots, n_parcels)),
        unit_cost_cents=np.append(
            prices[arc_class, arc_option] - prices.min(axis=1)[arc_class], np.zeros(n_services, dtype=np.int64)
        ),
        supply_parcels=np.concatenate([n_alike, np.zeros(n_services, dtype=np.int64), [-n_parcels]]),
    )
    return problem, arc_class, arc_option


def solve_flow(problem: FlowProblem) -> Units:
    """Solve a min-cost flow exactly with OR-Tools.

    Returns
    -------
    int64, shape (n_arcs,)
        Parcels on each arc.

    Raises
    ------
    SolveError
        Any status but OPTIMAL.
    """
    from ortools.graph.python.min_cost_flow import SimpleMinCostFlow  # loaded only where a flow is solved

    network = SimpleMinCostFlow()
    arcs = network.add_arcs_with_capacity_and_unit_cost(
        problem.tail, problem.head, problem.capacity_parcels, problem.unit_cost_cents
    )
    network.set_nodes_supplies(np.arange(problem.supply_parcels.size, dtype=np.int32), problem.supply_parcels)
    status = network.solve()
    if status != SimpleMinCostFlow.OPTIMAL:
        raise SolveError("carrier assignment", str(status), "none")
    return np.asarray(network.flows(arcs), dtype=np.int64)
