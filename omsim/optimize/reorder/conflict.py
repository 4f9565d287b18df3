"""Why a night's must-have purchases cannot be: a smallest set of rules that cannot hold together.

Owns the rules in a buyer's words and the search among them. Any legal quantity counts here, not only the options the
plan looks at, so a conflict is one of the rules, not of the short list.

Rules that only one line, order or site is party to are tried first, so the model stays small; within the first group
that cannot hold, rules are left out one by one while the rest still cannot (deletion filter; Chinneck & Dravnieks
1991), which leaves a set none of whose rules can be spared; then smaller sets are looked for where there are few.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import SolveError
from omsim.optimize.mip_solvers import MipModel
from omsim.optimize.reorder.problem import MM3_PER_DM3, NO_LIMIT
from omsim.optimize.solving import solve_mip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.optimize.reorder.problem import ReorderProblem

    Units = NDArray[np.int64]

SECONDS = 20.0  # for one question to the solver
SECONDS_IN_ALL = 60.0  # for leaving out rules; then what is left is the answer, a conflict with some to spare
MOST_SUBSETS = 400

Rule = tuple[str, int]


class PurchaseConflictError(SolveError):
    """What must be ordered cannot be ordered; carries the rules that cannot hold together."""

    def __init__(self, rules: tuple[str, ...]) -> None:
        SolveError.__init__(self, "purchase plan", "rules that cannot hold together", "none")
        self.args = (rules,)

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules, in a buyer's words; leaving out any one of them resolves this conflict."""
        found: tuple[str, ...] = self.args[0]
        return found

    def __str__(self) -> str:
        return "tonight's orders cannot keep all of: " + "; ".join(self.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Lines, orders and sites looked at together."""

    orders: list[int]
    rules: list[Rule]


def find_conflict(problem: ReorderProblem) -> tuple[str, ...]:
    """Find the rules that keep the lines that must be ordered from being ordered.

    Parameters
    ----------
    problem : ReorderProblem
        Its options do not matter here.

    Returns
    -------
    tuple of str
        A set of rules that cannot hold together, none of which can be spared (unless time ran out); empty when all
        can hold, or when the solver did not answer.

    Notes
    -----
    Every question is a feasibility problem over whole packs and price intervals, answered in the solver's process.
    """
    lines = problem.lines
    must = np.flatnonzero(lines.least_units > 0)
    if must.size == 0:
        return ()
    alone = _line_conflict(problem, must)
    if alone:
        return tuple(_say(problem, rule) for rule in alone)
    placed: list[int] = np.unique(lines.order[must]).tolist()
    for part in _parts(problem, must, placed):
        if _holds(problem, part.orders, frozenset(part.rules)) is False:
            core = _smallest(problem, part)
            return tuple(_say(problem, rule) for rule in core)
    return ()


def _line_conflict(problem: ReorderProblem, must: Units) -> list[Rule]:
    """Rules of a single line that cannot hold, without a solver."""
    lines = problem.lines
    for line in must.tolist():
        pack, most = int(lines.pack_units[line]), int(lines.most_units[line])
        least, moq = int(lines.least_units[line]), int(lines.moq_units[line])
        if least > most:
            return [("promise", line), ("cap", line)]
        if moq > most:
            return [("promise", line), ("moq", line), ("cap", line)]
        if -(-least // pack) * pack > most:
            return [("promise", line), ("pack", line), ("cap", line)]
        if -(-moq // pack) * pack > most:
            return [("promise", line), ("moq", line), ("pack", line), ("cap", line)]
    return []


def _parts(problem: ReorderProblem, must: Units, placed: list[int]) -> list[_Part]:
    """Groups to try: each order alone, each site's orders with its storage, everything with the budget."""
    lines, orders, sites = problem.lines, problem.orders, problem.sites
    must_of = {o: [int(line) for line in must if lines.order[line] == o] for o in placed}

    def own(o: int) -> list[Rule]:
        rules: list[Rule] = []
        for line in must_of[o]:
            rules += [("promise", line), ("cap", line)]
            rules += [("moq", line)] if lines.moq_units[line] > 1 else []
            rules += [("pack", line)] if lines.pack_units[line] > 1 else []
        minimum = orders.minimum_cents[o] or orders.minimum_g[o]  # else other lines may simply stay empty
        if minimum and (lines.order == o).sum() > len(must_of[o]):
            rules += [("other_caps", o), ("other_sizes", o)]
        rules += [("minimum_value", o)] if orders.minimum_cents[o] else []
        rules += [("minimum_weight", o)] if orders.minimum_g[o] else []
        rules += [("trucks", o)] if orders.most_trucks[o] and (orders.truck_g[o] or orders.truck_dm3[o]) else []
        return rules

    parts = [_Part(orders=[o], rules=own(o)) for o in placed]
    together: list[Rule] = []
    for site in range(sites.n_sites):
        here = [o for o in placed if orders.site[o] == site]
        if here and sites.storage_left_mm3[site] < NO_LIMIT:
            together.append(("storage", site))
            parts.append(_Part(orders=here, rules=[rule for o in here for rule in own(o)] + [("storage", site)]))
    if problem.budget_cents < NO_LIMIT:
        together.append(("budget", 0))
        parts.append(_Part(orders=placed, rules=[rule for o in placed for rule in own(o)] + together))
    return parts


def _smallest(problem: ReorderProblem, part: _Part) -> list[Rule]:
    """An irreducible conflict within the part, and a smaller one where all smaller sets can be looked through."""
    began = time.monotonic()
    core = list(part.rules)
    step = max(len(core) // 4, 1)
    while True:  # leave out whole stretches first: most rules of a long list play no part
        at = 0
        while at < len(core) and time.monotonic() - began < SECONDS_IN_ALL:
            rest = core[:at] + core[at + step :]
            if _holds(problem, part.orders, frozenset(rest)) is False:
                core = rest
            else:
                at += step
        if step == 1:
            break
        step = max(step // 4, 1)
    for size in range(1, len(core)):
        if comb(len(part.rules), size) > MOST_SUBSETS or time.monotonic() - began > SECONDS_IN_ALL:
            break
        for subset in combinations(part.rules, size):
            if _holds(problem, part.orders, frozenset(subset)) is False:
                return list(subset)
    return core


def _say(problem: ReorderProblem, rule: Rule) -> str:
    kind, at = rule
    lines, orders = problem.lines, problem.orders
    if kind == "budget":
        return f"tonight's budget of {_money(problem.budget_cents)}"
    if kind == "storage":
        room = int(problem.sites.storage_left_mm3[at]) / MM3_PER_DM3
        return f"{problem.sites.name[at]}: {room:,.1f} dm3 of storage left"
    if kind in ("promise", "cap", "moq", "pack"):
        text = {
            "promise": f"{_count(lines.least_units[at], 'unit')} promised",
            "cap": f"at most {_count(lines.most_units[at], 'unit')} may be ordered (cover or shelf life)",
            "moq": f"the least order is {_count(lines.moq_units[at], 'unit')}",
            "pack": f"it comes in packs of {lines.pack_units[at]:,}",
        }
        return f"{lines.name[at]}: {text[kind]}"
    text = {
        "other_caps": "what its other lines may take at most",
        "other_sizes": "least orders and packs of its other lines",
        "minimum_value": f"minimum order of {_money(int(orders.minimum_cents[at]))}",
        "minimum_weight": f"minimum weight of {orders.minimum_g[at] / 1000:,.1f} kg",
        "trucks": f"at most {_count(orders.most_trucks[at], 'truck')}",
    }
    return f"{orders.name[at]}: {text[kind]}"


def _money(cents: int) -> str:
    return f"{cents // 100:,}.{cents % 100:02d}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _holds(problem: ReorderProblem, orders: list[int], rules: frozenset[Rule]) -> bool | None:
    """Whether these rules can hold together; None when the solver did not say."""
    mip = _feasibility(problem, orders, rules)
    try:
        answer = solve_mip(mip, seconds=SECONDS)
    except SolveError:
        return None
    if answer.x is not None:
        return True
    return False if answer.status == "infeasible" else None


def _feasibility(problem: ReorderProblem, which: list[int], rules: frozenset[Rule]) -> MipModel:
    """Model whether the rules can hold together.

    Variables  for each line and price interval k: b[k] in {0, 1}, z[k] whole; the line orders p z[k] units at price k
               u[o] in {0, 1}, the order is placed
    Model      sum_k b[k] <= u;  low[k] b[k] <= p z[k] <= high[k] b[k], low and high by the least order, the cap and
               the interval; sum_k p z[k] >= promised; value >= minimum u, weight likewise; load <= most trucks x room;
               storage and budget as in the plan. p is the pack, or 1 where packs are left out; a rule left out is not
               written.
    """
    from scipy.sparse import csr_array

    lines, orders, sites = problem.lines, problem.orders, problem.sites
    entries: list[tuple[int, int, float]] = []
    lower: list[float] = []
    upper: list[float] = []
    column_upper: list[float] = []

    def column(most: float) -> int:
        column_upper.append(most)
        return len(column_upper) - 1

    def row(terms: list[tuple[int, float]], low: float, high: float) -> None:
        entries.extend((len(lower), at, size) for at, size in terms)
        lower.append(low)
        upper.append(high)

    stored: dict[int, list[tuple[int, float]]] = {}
    spent: list[tuple[int, float]] = []
    for o in which:
        value: list[tuple[int, float]] = []
        weight: list[tuple[int, float]] = []
        volume: list[tuple[int, float]] = []
        placed = column(1.0)
        minimum = ("minimum_value", o) in rules or ("minimum_weight", o) in rules
        for line in np.flatnonzero((lines.order == o) & (minimum | (lines.least_units > 0))).tolist():
            must = lines.least_units[line] > 0
            sized = ("pack", line) in rules if must else ("other_sizes", o) in rules
            floored = ("moq", line) in rules if must else ("other_sizes", o) in rules
            capped = ("cap", line) in rules if must else ("other_caps", o) in rules
            pack = int(lines.pack_units[line]) if sized else 1
            low = max(int(lines.moq_units[line]) if floored else 1, 1)
            far = _far(problem, o, line)
            high = int(lines.most_units[line]) if capped else far
            breaks = slice(int(lines.price_breaks.first[line]), int(lines.price_breaks.first[line + 1]))
            starts = [0, *lines.price_breaks.at[breaks].tolist()]
            prices = [int(lines.unit_cost_cents[line]), *lines.price_breaks.cents[breaks].tolist()]
            used: list[tuple[int, float]] = []
            units: list[tuple[int, float]] = []
            for k, start in enumerate(starts):
                stop = starts[k + 1] - 1 if k + 1 < len(starts) else far
                least, most = max(low, start), min(high, stop)
                if least > most:
                    continue
                chosen, packs = column(1.0), column(float(most // pack))
                row([(packs, float(pack)), (chosen, -float(most))], -np.inf, 0.0)
                row([(packs, float(pack)), (chosen, -float(least))], 0.0, np.inf)
                used.append((chosen, 1.0))
                units.append((packs, float(pack)))
                value.append((packs, float(pack * prices[k])))
            row([*used, (placed, -1.0)], -np.inf, 0.0)
            if must and ("promise", line) in rules:
                row(units or [(column(0.0), 1.0)], float(lines.least_units[line]), np.inf)
            weight += [(at, size * float(lines.weight_g[line])) for at, size in units]
            volume += [(at, size * float(lines.volume_mm3[line])) for at, size in units]
        if ("minimum_value", o) in rules:
            row([*value, (placed, -float(orders.minimum_cents[o]))], 0.0, np.inf)
        if ("minimum_weight", o) in rules:
            row([*weight, (placed, -float(orders.minimum_g[o]))], 0.0, np.inf)
        if ("trucks", o) in rules:
            for room, load in ((int(orders.truck_g[o]), weight), (int(orders.truck_dm3[o]) * MM3_PER_DM3, volume)):
                if room:
                    row(load, -np.inf, float(room * int(orders.most_trucks[o])))
        stored.setdefault(int(orders.site[o]), []).extend(volume)
        spent += value
    for site, load in stored.items():
        if ("storage", site) in rules:
            row(load, -np.inf, float(sites.storage_left_mm3[site]))
    if ("budget", 0) in rules:
        row(spent, -np.inf, float(problem.budget_cents))
    n_columns = max(len(column_upper), 1)
    table = np.array(entries, dtype=np.float64).reshape(-1, 3)
    at_row, at_column = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    return MipModel(
        cost=np.zeros(n_columns),
        rows=csr_array((table[:, 2], (at_row, at_column)), shape=(len(lower), n_columns)),
        row_lower=np.array(lower),
        row_upper=np.array(upper),
        lower=np.zeros(n_columns),
        upper=np.array(column_upper or [0.0]),
        whole=np.ones(n_columns, dtype=np.bool_),
        name="rules of purchase orders",
    )


def _far(problem: ReorderProblem, o: int, line: int) -> int:
    """Units beyond which no rule could ask a line to go."""
    lines, orders = problem.lines, problem.orders
    breaks = slice(int(lines.price_breaks.first[line]), int(lines.price_breaks.first[line + 1]))
    price = min([int(lines.unit_cost_cents[line]), *lines.price_breaks.cents[breaks].tolist()])
    asked = [int(lines.least_units[line]), int(lines.moq_units[line]), *lines.price_breaks.at[breaks].tolist()]
    asked.append(-(-int(orders.minimum_cents[o]) // price) if price else 0)
    weight = int(lines.weight_g[line])
    asked.append(-(-int(orders.minimum_g[o]) // weight) if weight else 0)
    pack = int(lines.pack_units[line])
    far: int = (max(asked) // pack + 2) * pack
    return far
