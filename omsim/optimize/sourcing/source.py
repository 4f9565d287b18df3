"""The one door to sourcing: a rule by name, a batch, and who serves what.

Owns what each rule needs. Their names are the model's (`omsim.model.sourcing_tables`); the rules themselves live in
`omsim.kernels.allocation` and in `omsim.optimize.sourcing.optimum`. Every rule takes what it gives from the stock, in
place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import FieldError, SolveError
from omsim.kernels.allocation.choice_costs import take_choice
from omsim.kernels.allocation.dual_prices import source_with_prices
from omsim.kernels.allocation.order_choice import choose_orders, fewest_shipments
from omsim.kernels.allocation.walk import FIRST_COMPLETE, MOST_STOCK, RANKED, walk_sites
from omsim.model.sourcing_tables import SOURCING_RULES
from omsim.optimize.sourcing.optimum import optimal_sourcing
from omsim.optimize.sourcing.planned import serve_planned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.kernels.allocation.batch import Batch, Choice, Classes, Lanes, Stock
    from omsim.optimize.sourcing.optimum import SourcingAnswer

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

PASSES = 15
"""Passes that price a batch's stock where no prices are given."""

MOST_OPTIONS = 800
"""Of an integer program of ``batch_optimum``, which may be asked at every cycle of a year."""

MOVES_PER_ORDER = 20
"""Of ruin and recreate before it: a fifth of what the optimum spends alone, for gaps below 0.01 %."""

_WALKS = {"nearest": RANKED, "ranked": RANKED, "fewest_splits": FIRST_COMPLETE, "most_stock": MOST_STOCK}


def source_batch(
    rule: str,
    batch: Batch,
    classes: Classes,
    lanes: Lanes,
    stock: Stock,
    unserved_cents: int,
    *,
    price_cents: Ints | None = None,
    plan_shares: Floats | None = None,
    order_key: Ints | None = None,
    seed: int = 0,
    stream: int = 0,
) -> Choice:
    """Serve a batch of orders by a rule.

    Parameters
    ----------
    rule : str
        ``nearest``, ``ranked``: along the lane's ranking. ``fewest_splits``: the first ranked site that has everything.
        ``most_stock``. ``fewest_shipments``: fewest for each order, then cheapest. ``cheapest``: each order at its
        least cost. ``dual_prices``: the same with a price on the stock. ``coupled_rounding``: sites drawn from a plan,
        the rest at least cost. ``batch_optimum``: all orders together.
    batch, classes, lanes
    stock : Stock
        `free_units` and `room` are taken from in place.
    unserved_cents : int
        For each unit not served; the walks do not look at it.
    price_cents : int64, shape (n_cells,), optional
        What a unit of a cell is worth to later orders, for ``dual_prices``; without, the batch prices its own stock.
    plan_shares : float64, shape (n_lines, n_sites), optional
        Chance of each site for each line; ``coupled_rounding`` needs it.
    order_key : int64, shape (n_orders,), optional
        Who an order is: the same order draws the same site in any batch. Without, its place in the batch.
    seed, stream : int
        Of the draws, and of the search behind ``batch_optimum``.

    Returns
    -------
    Choice

    Raises
    ------
    FieldError
        No such rule, or something the rule needs is missing or out of range.
    SolveError
        The rule took what it may not take: a fault, found by a look at what is left.
    """
    if rule in _WALKS:
        choice = walk_sites(batch, classes, lanes, stock, _WALKS[rule])
    elif rule == "fewest_shipments":
        choice = fewest_shipments(batch, classes, lanes, stock, unserved_cents)
    elif rule == "cheapest":
        choice = choose_orders(
            batch, classes, lanes, stock, unserved_cents, np.zeros(stock.free_units.size, dtype=np.int64)
        )
    elif rule == "dual_prices":
        if price_cents is None:
            choice = source_with_prices(batch, classes, lanes, stock, unserved_cents, passes=PASSES).choice
        else:
            choice = choose_orders(batch, classes, lanes, stock, unserved_cents, price_cents)
    elif rule == "coupled_rounding":
        if plan_shares is None:
            raise FieldError("plan_shares", "given for coupled_rounding", None)
        key = np.arange(batch.lane.size, dtype=np.int64) if order_key is None else order_key
        choice = serve_planned(
            batch, classes, lanes, stock, unserved_cents, plan_shares, seed=seed, stream=stream, order_key=key
        )
    elif rule == "batch_optimum":
        choice = serve_together(batch, classes, lanes, stock, unserved_cents, seed=seed).choice
    else:
        raise FieldError("rule", f"one of {', '.join(SOURCING_RULES)}", rule)
    wrong = _taken_wrongly(batch, stock, choice)
    if wrong:
        raise SolveError("sourcing", wrong, rule)
    return choice


def serve_together(
    batch: Batch, classes: Classes, lanes: Lanes, stock: Stock, unserved_cents: int, *, seed: int = 0
) -> SourcingAnswer:
    """The rule ``batch_optimum`` with its bound, its gap and what went otherwise than asked.

    Parameters
    ----------
    batch, classes, lanes, unserved_cents, seed
        As in `omsim.optimize.sourcing.optimum.optimal_sourcing`, asked within the limits of this module.
    stock : Stock
        `free_units` and `room` are taken from in place.

    Returns
    -------
    SourcingAnswer
    """
    best = optimal_sourcing(
        batch,
        classes,
        lanes,
        stock,
        unserved_cents,
        most_options=MOST_OPTIONS,
        moves_per_order=MOVES_PER_ORDER,
        seed=seed,
    )
    take_choice(batch, stock, best.choice)
    return best


def _taken_wrongly(batch: Batch, stock: Stock, choice: Choice) -> str:
    """What a look at the pieces and at what is left shows to be wrong; empty when nothing is."""
    served = np.zeros(batch.units.size, dtype=np.int64)
    np.add.at(served, choice.line, choice.units)
    if (served > batch.units).any() or (choice.units < 1).any():
        return f"line {int((served > batch.units).argmax())} is served more than it asks for, or less than one unit"
    cell = stock.cell_of[choice.site, batch.sku[choice.line]]
    if (cell < 0).any() or (stock.free_units[cell] < 0).any() or (stock.room < 0).any():
        return "a cell or a site gave more than it has"
    return ""
