"""What sourcing in batches keeps whatever the rule: nothing oversold, no site over its room, fences, whole orders."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sim.busy_models import both_engines, random_business

from omsim.demand.arrivals import draw_intake
from omsim.model.sourcing_tables import SOURCING_RULES
from omsim.optimize.sourcing.check import check_sourcing
from omsim.sim.audit import audit
from omsim.sim.plan import compile_plan
from omsim.sim.records import NEVER, RunRecords, differences
from omsim.sim.sourcing.rules import Rule
from omsim.sim.sourcing.terms import compile_terms
from omsim.sim.window.engine import run_window

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.sourcing.terms import SourcingTerms


def terms_of(plan: Plan, business: Business) -> SourcingTerms:
    """A business's rules of sourcing."""
    return compile_terms(business, plan.network.ranking, plan.channels.rank, plan.channels.patience_s)


def reserved_units(told: RunRecords) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Units reserved of every line, in all."""
    units = np.where(told.lines.shipment >= 0, told.lines.units, 0).astype(np.int64)
    units[told.short_lines.line] = told.short_lines.reserved_units
    return units


@pytest.mark.parametrize("seed", range(27))
def test_random_businesses_sourced_in_batches(seed: int):
    """Both engines tell one story, audits are exact, and the story keeps limits, fences and whole orders."""
    business = random_business(seed, sourcing=True)
    process, window = both_engines(business, seed=seed, replication=seed % 3)
    assert differences(process, window) == []
    assert [identity for told in (process, window) for identity in audit(told, business) if identity.broken] == []
    plan = compile_plan(business)
    terms = terms_of(plan, business)
    ships, orders = window.shipments, window.orders
    assert terms.classes.allowed[orders.channel[ships.order], ships.site].all()
    if not terms.hold_s:
        day = np.searchsorted(plan.times.day_start_s, ships.released_s, side="right") - 1
        made = np.zeros_like(terms.daily_shipments)
        np.add.at(made, (day, ships.site), 1)
        assert (made <= terms.daily_shipments).all()
    waits = np.where(reserved_units(window) < window.lines.units, 1, 0)
    first = orders.first_line[:-1]
    missing, served = np.add.reduceat(waits, first) > 0, np.add.reduceat(reserved_units(window), first) > 0
    assert not (missing & served & terms.classes.complete[orders.channel]).any()


def test_every_decision_of_every_rule_is_legal(monkeypatch: pytest.MonkeyPatch):
    """Each batch checked apart: stock, room, fences, protected units, limits, whole lines and orders; all happens."""
    seen: Counter[str] = Counter()
    decide = Rule.decide

    def checked(rule, batch, lanes, stock, region, entity):
        before = stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())
        answer = decide(rule, batch, lanes, stock, region, entity)
        found = check_sourcing(batch, rule._terms.classes, lanes, before, answer.choice, rule._terms.unserved_cents)
        assert found.broken == ""
        assert found.cost_cents == answer.cost_cents
        assert answer.bound_cents <= answer.cost_cents
        cell = before.cell_of[answer.choice.site, batch.sku[answer.choice.line]]
        np.subtract.at(before.free_units, cell, answer.choice.units)
        assert np.array_equal(before.free_units, stock.free_units)
        seen[rule._name] += 1
        return answer

    monkeypatch.setattr(Rule, "decide", checked)
    for seed in range(18):
        business = random_business(seed, sourcing=True)
        plan = compile_plan(business)
        told = run_window(business, plan, draw_intake(business, seed=seed, replication=0), seed=seed, replication=0)
        terms = terms_of(plan, business)
        short = told.short_lines
        order = np.searchsorted(told.orders.first_line, short.line, side="right") - 1
        whole = terms.classes.complete[told.orders.channel[order]] & (short.cell >= 0)
        seen.update(
            {
                "moved": int(told.sourcing.moved.sum()),
                "substituted": told.substitutions.line.size,
                "on hold at the end": int((told.shipments.released_s == NEVER).sum()),
                "served whole later": int((whole & (short.reserved_units > 0)).sum()),
                "given up whole": int((whole & (short.cancelled_units > 0)).sum()),
                "fenced": int((~terms.classes.allowed).sum()),
                "kept": int((terms.classes.kept_units > 0).sum()),
                "limited": int(terms.limited.sum()),
            }
        )
    assert set(SOURCING_RULES) <= set(seen)
    assert min(seen.values()) >= 5, seen
