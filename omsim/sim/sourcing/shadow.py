"""What other rules would have paid: the sourcing decisions of a finished run, taken again by each rule for itself.

Owns the replay. Its orders are those of the run that were allocated, at their instants (`order_stream`); its supply is
what came into the run's stock (`supply_stream`); sites, classes, lanes and costs are those the run's own sourcing desk
goes by. Every rule starts from the same opening stock and room and lives with the stock it leaves itself. What no rule
could have done, however well it knew the future, is `clairvoyant`'s business.

A replay is of decisions, not of the run: nobody waits. Units not served when their order is first tried cost
`unserved_unit_cents` each and are gone, so later orders find what backorders would have taken; nothing is substituted,
held back or traded afterwards. In a run without any of this the run's own rule decides as the run did.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.kernels.allocation.batch import Stock
from omsim.sim.plan import compile_plan
from omsim.sim.sourcing.clairvoyant import Foresight
from omsim.sim.sourcing.costs import SourcingCosts, open_ranking
from omsim.sim.sourcing.order_stream import OrderStream
from omsim.sim.sourcing.rules import Rule
from omsim.sim.sourcing.supply_stream import StockPaths
from omsim.sim.sourcing.terms import compile_terms, ranking_under

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from omsim.kernels.allocation.batch import Choice, Lanes
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.records import RunRecords
    from omsim.sim.sourcing.order_stream import Cycle
    from omsim.sim.sourcing.terms import SourcingTerms

    Ints = NDArray[np.int64]

MYOPIC = "cheapest"
"""The reference: the least cost of each order alone, without a thought of later ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCost:
    """What a rule pays in the replay of a run.

    Attributes
    ----------
    rule : str
    cost_cents : int
        Lanes' costs and unserved units, whole run, warm-up included.
    shipments, unserved_units : int
    """

    rule: str
    cost_cents: int
    shipments: int
    unserved_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """What the rules would have paid for the orders of a run, and the least any rule could have.

    Attributes
    ----------
    n_orders, n_units : int
        Orders decided on and units they ask for.
    own : str
        The run's rule.
    rules : tuple of RuleCost
        The run's rule, the shadow rules in their order, and MYOPIC; each once.
    bound_cents : int
        No rule costs less.
    """

    n_orders: int
    n_units: int
    own: str
    rules: tuple[RuleCost, ...]
    bound_cents: int

    def of(self, rule: str) -> RuleCost:
        """What a rule pays; KeyError for one that was not computed."""
        return {cost.rule: cost for cost in self.rules}[rule]


class Decided(NamedTuple):
    """What one rule decides at one cycle.

    Attributes
    ----------
    choice : Choice
        On the cycle's batch.
    cost_cents, shipments : int
    """

    choice: Choice
    cost_cents: int
    shipments: int


def rules_compared(business: Business) -> tuple[str, ...]:
    """The run's rule, the shadow rules and MYOPIC, each once; none in a model without shadow rules."""
    settings = business.settings
    named = settings.shadow_rules.split()
    return tuple(dict.fromkeys((settings.allocation_rule, *named, MYOPIC))) if named else ()


def regret_of(business: Business, records: RunRecords) -> Regret:
    """Compute the shadow rules of a finished run, and the bound.

    Parameters
    ----------
    business : Business
        The run's, with shadow rules.
    records : RunRecords
        Of either engine; both give the same.

    Notes
    -----
    Each rule takes as long as it would in a run; the bound as long as some hundred simple ones.
    """
    replay = Replay(business, records, rules_compared(business))
    cost, shipments, served = ([0] * len(replay.rules) for _ in range(3))
    foresight = Foresight(replay.terms, replay.plan, replay.supply)
    for cycle, decided in replay.cycles():
        foresight.see(cycle)
        for row, of_rule in enumerate(decided):
            cost[row] += of_rule.cost_cents
            shipments[row] += of_rule.shipments
            served[row] += int(of_rule.choice.units.sum())
    return Regret(
        n_orders=foresight.n_orders,
        n_units=foresight.n_units,
        own=business.settings.allocation_rule,
        rules=tuple(
            RuleCost(
                rule=rule,
                cost_cents=cost[row],
                shipments=shipments[row],
                unserved_units=foresight.n_units - served[row],
            )
            for row, rule in enumerate(replay.rules)
        ),
        bound_cents=foresight.bound_cents(),
    )


class Replay:
    """The orders of a run, decided again by each of some rules.

    Parameters
    ----------
    business : Business
    records : RunRecords
    rules : sequence of str
        Each once.

    Attributes
    ----------
    rules : tuple of str
    plan : Plan
    terms : SourcingTerms
        Of the run's own rule.
    supply : SupplyStream
    """

    def __init__(self, business: Business, records: RunRecords, rules: Sequence[str]) -> None:
        self.rules = tuple(rules)
        self.plan = plan = compile_plan(business)
        self.terms = compile_terms(business, plan.network.ranking, plan.channels.rank, plan.channels.patience_s)
        self._paths = StockPaths(records, plan, len(self.rules))
        self.supply = self._paths.supply
        costs = SourcingCosts(business, plan, self.terms)
        self._stream = OrderStream(business, plan, records, costs, self.supply)
        self._followers = []
        for name, free_units in zip(self.rules, self._paths.free_units, strict=True):
            terms = self.terms._replace(rule=name, ranking=ranking_under(business, name, plan.network.ranking))
            rule = Rule(
                business, plan, self._stream.intake, terms, costs, seed=records.seed, replication=records.replication
            )
            self._followers.append(_Follower(rule, plan, terms, free_units))

    def cycles(self) -> Iterator[tuple[Cycle, list[Decided]]]:
        """Every cycle in order of time, and what each rule decides; once."""
        for cycle in self._stream.cycles():
            self._paths.advance(cycle.now_s)

            def due(until_s: int, now_s: int = cycle.now_s) -> Ints:
                return self._paths.due(now_s, until_s)

            for follower in self._followers:
                follower.look_ahead(cycle, due)
            if cycle.orders.size:
                yield cycle, [follower.decide(cycle) for follower in self._followers]


class _Follower:
    """A rule with a stock and room of its own."""

    def __init__(self, rule: Rule, plan: Plan, terms: SourcingTerms, free_units: Ints) -> None:
        self._rule, self._plan, self._terms, self._free_units = rule, plan, terms, free_units
        self._day, self._room = -1, np.zeros(0, dtype=np.int64)

    def look_ahead(self, cycle: Cycle, due: Callable[[int], Ints]) -> None:
        self._rule.look_ahead(cycle.now_s, cycle.day, lambda until_s: self._free_units + due(until_s))

    def decide(self, cycle: Cycle) -> Decided:
        if cycle.day != self._day:
            self._day, self._room = cycle.day, self._terms.daily_shipments[cycle.day].copy()
        stock = Stock(self._plan.network.cell_of, self._free_units, self._room, self._plan.goods.weight_g)
        before = int(self._room.sum())
        answer = self._rule.decide(cycle.batch, self._lanes(cycle), stock, cycle.region, cycle.entity)
        return Decided(answer.choice, answer.cost_cents, before - int(self._room.sum()))

    def _lanes(self, cycle: Cycle) -> Lanes:
        """The cycle's lanes in the order in which this rule asks sites."""
        region = np.zeros(cycle.lanes.ranking.shape[0], dtype=np.int64)  # lanes of no order are any region's
        region[cycle.batch.lane] = cycle.region
        ranking = open_ranking(self._terms.ranking, self._plan.network.closed[:, cycle.day])
        return cycle.lanes._replace(ranking=ranking[region])
