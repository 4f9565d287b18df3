"""The allocation rule of a run at work: what each rule must know beforehand, and its answer for a batch.

Owns what a rule must know and when it looks; the rules themselves are behind `optimize.sourcing`. Batches and what
becomes of the answer are `desk`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.demand.rng import Purpose, stream_key
from omsim.kernels.allocation.choice_costs import cost_by_order
from omsim.kernels.allocation.rounding import planned_fractions
from omsim.optimize.sourcing.source import serve_together, source_batch
from omsim.sim.sourcing.stock_prices import StockOutlook

if TYPE_CHECKING:
    from collections.abc import Callable

    from omsim.demand.arrivals import Intake
    from omsim.kernels.allocation.batch import Batch, Choice, Lanes, Stock
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.sourcing.costs import SourcingCosts
    from omsim.sim.sourcing.terms import SourcingTerms

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LOOKING_AHEAD = ("dual_prices", "coupled_rounding")


class Answer(NamedTuple):
    """What a rule makes of a batch.

    Attributes
    ----------
    choice : Choice
    cost_cents : int
        By the costs the rule was shown.
    bound_cents : int
        No choice for the batch costs less; -1 = not known.
    status, fallback : str
        How it was found, and why not as asked.
    worth_cents : int64, shape (n_cells,), or None
        What a unit of each cell is worth to later orders, where the rule counts that.
    shares : float64, shape (n_lines, n_sites), or None
        The chance a plan gives each site for each line, where the rule draws by it.
    """

    choice: Choice
    cost_cents: int
    bound_cents: int
    status: str
    fallback: str
    worth_cents: Ints | None = None
    shares: Floats | None = None


class Rule:
    """The model's allocation rule, for one run.

    Parameters
    ----------
    business : Business
    plan : Plan
    intake : Intake
    terms : SourcingTerms
    costs : SourcingCosts
    seed, replication : int
    """

    def __init__(
        self,
        business: Business,
        plan: Plan,
        intake: Intake,
        terms: SourcingTerms,
        costs: SourcingCosts,
        *,
        seed: int,
        replication: int,
    ) -> None:
        self._terms, self._name = terms, terms.rule
        self._seed, self._stream = seed, stream_key(replication, Purpose.SOURCING)
        self._outlook = (
            StockOutlook(business, plan, intake, terms, costs, seed=seed, replication=replication)
            if self._name in LOOKING_AHEAD
            else None
        )
        self._looked_on = -1

    def look_ahead(self, now_s: int, day: int, available_units: Callable[[int], Ints]) -> None:
        """Plan for the days ahead, if the rule does and has not done so on this local day.

        Parameters
        ----------
        available_units : callable
            Free units and those due until a second, less those waited for, by cell.
        """
        if self._outlook is not None and day != self._looked_on:
            self._looked_on = day
            self._outlook.look(now_s, day, available_units(now_s + self._outlook.span_s))

    def decide(self, batch: Batch, lanes: Lanes, stock: Stock, region: Ints, entity: Ints) -> Answer:
        """Decide a batch; `stock` is taken from in place.

        Parameters
        ----------
        region, entity : int64, shape (n_orders,)
            Of the orders; `entity` keys their draws.
        """
        classes, unserved_cents = self._terms.classes, self._terms.unserved_cents
        if self._name == "batch_optimum":
            best = serve_together(batch, classes, lanes, stock, unserved_cents)
            return Answer(best.choice, best.cost_cents, best.bound_cents, best.status, best.fallback)
        worth = self._outlook.cell_prices() if self._outlook is not None else None
        shares = self._shares(batch, region)
        # What stock is worth says from which site, never whether: no order goes without for the sake of a later one.
        aside_cents = int(worth.max(initial=0)) if worth is not None else 0
        choice = source_batch(
            self._name,
            batch,
            classes,
            lanes,
            stock,
            unserved_cents + aside_cents,
            price_cents=worth,
            plan_shares=shares,
            order_key=entity,
            seed=self._seed,
            stream=self._stream,
        )
        cents = int(cost_by_order(batch, lanes, stock, choice, unserved_cents).sum())
        return Answer(choice, cents, -1, "in_turn", "", worth, shares)

    def _shares(self, batch: Batch, region: Ints) -> Floats | None:
        """The chance the plan gives each site for each line, for the rule that draws by it."""
        if self._outlook is None or self._outlook.plan is None:
            return None
        of_line = np.repeat(region, np.diff(batch.first_line))
        return planned_fractions(self._outlook.plan.plan, self._outlook.plan.demand, of_line, batch.sku)
