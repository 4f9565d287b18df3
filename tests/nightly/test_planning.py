"""Whole nights of the starter shop: what is decided, told and played, from a snapshot to tables and facts."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import omsim.nightly.planning as planning
from omsim.experiments.play_forward import tomorrow
from omsim.model.building import replace_columns
from omsim.model.templates.making import make_starter
from omsim.nightly.inputs import read_snapshot
from omsim.nightly.night import NIGHT_TABLES, Night
from omsim.nightly.planning import NightSettings, plan_night
from omsim.nightly.snapshot import LastNight, Snapshot
from omsim.nightly.trial import Trial, yesterdays_order
from omsim.optimize.reorder.cell_terms import read_terms
from omsim.optimize.reorder.outlook import Position

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omsim.model.business import Business

AS_OF = date(2026, 9, 27)
QUICK = NightSettings(replications=2)


def rows_of(night: Night, table: str) -> list[dict[str, Any]]:
    """A table row by row."""
    columns = night.tables[table]
    return [{name: columns[name][row] for name in columns} for row in range(night.length(table))]


@pytest.fixture(scope="module")
def starter() -> Business:
    """Twelve articles at one site, two suppliers with order costs, minimums and trucks, little in stock."""
    shop = make_starter()
    few = {"on_hand_units": shop["stock"].integers("on_hand_units") // 5}
    terms = {
        "order_cost_cents": ["2500", "4000"],
        "minimum_order_cents": ["20000", "0"],
        "truck_cost_cents": ["0", "6000"],
        "truck_g": ["0", "200000"],
    }
    return replace_columns(replace_columns(shop, "stock", few), "suppliers", terms)


@pytest.fixture(scope="module")
def snapshot(starter: Business) -> Snapshot:
    """What is known on the evening before the model's first day."""
    return read_snapshot(starter, inputs=None, as_of=AS_OF)


@pytest.fixture(scope="module")
def night(snapshot: Snapshot) -> Night:
    """The night of it."""
    return plan_night(snapshot, LastNight(), QUICK)


def test_every_table_is_there_and_whole(night: Night, snapshot: Snapshot) -> None:
    """All tables with their columns and kinds, a policy and a forecast for each supplied cell, and something to buy."""
    kinds: Mapping[str, type] = {"text": str, "integer": int, "real": float, "date": date}
    for table, columns in NIGHT_TABLES.items():
        for name, kind in columns.items():
            assert all(type(value) is kinds[kind] for value in night.tables[table][name]), (table, name)
    supplied = len([name for name in snapshot.business["stock"].texts("supplier") if name])
    assert night.length("policies") == night.length("forecasts") == supplied
    assert night.length("proposals") > 3
    assert night.status == "ok"


def test_orders_add_up_to_their_lines(night: Night, starter: Business) -> None:
    """Units, value, weight and lines of each order are those of its proposals to the cent, and so are the totals."""
    lines, orders = rows_of(night, "proposals"), rows_of(night, "purchase_orders")
    weight = dict(zip(starter["skus"].texts("sku"), starter["skus"].integers("weight_g").tolist(), strict=True))
    assert {line["purchase_order"] for line in lines} == {order["purchase_order"] for order in orders}
    assert len({order["purchase_order"] for order in orders}) == len(orders)
    assert len({line["proposal"] for line in lines}) == len(lines)
    for order in orders:
        own = [line for line in lines if line["purchase_order"] == order["purchase_order"]]
        assert order["lines"] == len(own)
        assert order["units"] == sum(line["units"] for line in own)
        assert order["value_cents"] == sum(line["units"] * line["unit_cost_cents"] for line in own)
        assert order["weight_g"] == sum(line["units"] * weight[line["sku"]] for line in own)
        assert {(line["supplier"], line["site"]) for line in own} == {(order["supplier"], order["site"])}
    totals = night.facts["totals"]
    for fact, column in (("units", "units"), ("value_cents", "value_cents"), ("lines", "lines"), ("trucks", "trucks")):
        assert totals[fact] == sum(order[column] for order in orders)
    for money in ("order_cost_cents", "freight_cents", "truck_cost_cents"):
        assert totals[money] == sum(order[money] for order in orders)
    assert totals["orders"] == len(orders)
    assert totals["value_cents"] == sum(line["value_cents"] for line in lines) == night.facts["prices"]["spent_cents"]
    assert night.facts["plan"]["bound_cents"] <= night.facts["plan"]["objective_cents"]


def test_orders_are_due_after_the_wait_of_their_supplier(night: Night, snapshot: Snapshot) -> None:
    """Lines and orders come on the morning after the evening planned from plus the mean wait, a day at the least."""
    terms = read_terms(snapshot.business)
    suppliers = snapshot.business["suppliers"].texts("supplier")
    wait = {suppliers[s]: max(round(days), 1) for s, days in zip(terms.supplier, terms.mean_wait_days(), strict=True)}
    assert len(set(wait.values())) > 1 or len(wait) == 1
    for table in ("proposals", "purchase_orders"):
        for row in rows_of(night, table):
            assert row["due_date"] == AS_OF + timedelta(days=1 + wait[row["supplier"]])
    assert night.facts["order_date"] == (AS_OF + timedelta(days=1)).isoformat()


def test_lines_follow_policies_and_stock(night: Night, snapshot: Snapshot) -> None:
    """Each proposal stands at its cell's stock and policy, and is in whole packs of the smallest order at least."""
    stock = snapshot.business["stock"]
    row_of = {key: row for row, key in enumerate(zip(stock.texts("site"), stock.texts("sku"), strict=True))}
    policies = {(row["site"], row["sku"]): row for row in rows_of(night, "policies")}
    for line in rows_of(night, "proposals"):
        row, policy = row_of[line["site"], line["sku"]], policies[line["site"], line["sku"]]
        assert line["on_hand_units"] == int(snapshot.on_hand_units[row])
        assert line["reorder_point_units"] == policy["reorder_point_units"]
        assert line["order_up_to_units"] == policy["order_up_to_units"]
        assert line["units"] % int(stock.integers("pack_units")[row]) == 0
        assert line["units"] >= int(stock.integers("moq_units")[row])
        assert line["supplier"] == stock.texts("supplier")[row]


@pytest.mark.parametrize("replications", [0, 1, 2])
def test_facts_are_plain_json(snapshot: Snapshot, replications: int) -> None:
    """Nothing that JSON has no word for, whatever the trial could measure; and no trial where none was asked for."""
    night = plan_night(snapshot, LastNight(), NightSettings(replications=replications))
    told = json.loads(json.dumps(night.facts, allow_nan=False))
    assert (told["trial"] is None) == (replications == 0)
    if replications:
        assert told["trial"]["replications"] == replications
        assert (told["trial"]["gain_low_cents"] is None) == (replications == 1)
        assert 0 < told["trial"]["changed"] <= night.length("policies")
        assert told["trial"]["refused"] == list(night.tables["policies"]["change"]).count("refused")
    for row in rows_of(night, "policies"):
        assert row["gain_low_cents"] <= row["gain_cents"] <= row["gain_high_cents"]
        assert replications or row["gain_cents"] == 0


def refusing(monkeypatch: pytest.MonkeyPatch, skus: list[str]) -> None:
    """Let the trial refuse the changes of these SKUs and of no other."""
    real = Trial.of.__func__

    def of(cls: type[Trial], snapshot: Snapshot, outlook: Any, *args: Any, **named: Any) -> Trial:
        trial = real(cls, snapshot, outlook, *args, **named)
        names = snapshot.business["skus"].texts("sku")
        chosen = np.array([names[sku] in skus for sku in outlook.terms.sku.tolist()])
        return replace(trial, refused=chosen & trial.changed)

    monkeypatch.setattr(planning.Trial, "of", classmethod(of))


def test_refused_changes_keep_yesterdays_levels(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that lost is undone: the level is yesterday's, the proposal follows it, and all others stand."""
    stock = snapshot.business["stock"]
    skus = [stock.texts("sku")[row] for row in (0, 3, 4)]
    refusing(monkeypatch, skus)
    old = {
        (site, sku): (40 + 3 * row, 90 + 5 * row)
        for row, (site, sku) in enumerate(zip(stock.texts("site"), stock.texts("sku"), strict=True))
    }
    kept = plan_night(snapshot, LastNight(as_of=AS_OF - timedelta(days=1), levels=old), QUICK)
    untried = plan_night(snapshot, LastNight(), NightSettings(replications=0))
    free = {(row["site"], row["sku"]): row for row in rows_of(untried, "policies")}
    for row in rows_of(kept, "policies"):
        key = row["site"], row["sku"]
        levels = row["reorder_point_units"], row["order_up_to_units"]
        assert (row["previous_reorder_point_units"], row["previous_order_up_to_units"]) == old[key]
        if row["sku"] in skus:
            assert row["change"] == "refused"
            assert levels == old[key]
        else:
            assert row["change"] in ("raised", "lowered", "kept")
            assert levels == (free[key]["reorder_point_units"], free[key]["order_up_to_units"])
    for line in rows_of(kept, "proposals"):
        assert line["order_up_to_units"] == (
            old[line["site"], line["sku"]][1]
            if line["sku"] in skus
            else free[line["site"], line["sku"]]["order_up_to_units"]
        )
    assert kept.facts["trial"]["refused"] == 3
    assert kept.facts["last_night"]["as_of"] == "2026-09-26"


def test_the_change_of_a_policy_is_told_by_its_level(night: Night) -> None:
    """Raised, lowered, kept or refused as the numbers say."""
    for row in rows_of(night, "policies"):
        new, old = ((row[f"{when}reorder_point_units"], row[f"{when}order_up_to_units"]) for when in ("", "previous_"))
        if row["change"] == "refused":
            assert row["gain_cents"] <= 0
        if row["change"] in ("refused", "kept"):
            assert new == (old[0], max(old[1], old[0] + 1))
        elif row["change"] == "raised":
            assert new[1] >= old[1]
        else:
            assert row["change"] == "lowered"
            assert new[1] < old[1]


def test_what_is_owed_and_on_its_way_counts(starter: Business, snapshot: Snapshot) -> None:
    """Units owed are bought on top; what is on its way, by proposals nobody confirmed too, is not bought again."""
    settings = NightSettings(replications=0)
    plain = {line["sku"]: line["units"] for line in rows_of(plan_night(snapshot, LastNight(), settings), "proposals")}
    sku = max(plain, key=lambda name: plain[name])
    row = snapshot.business["stock"].texts("sku").index(sku)
    owed = snapshot.backordered_units.copy()
    owed[row] += 7
    more = plan_night(replace(snapshot, backordered_units=owed), LastNight(), settings)
    found = {line["sku"]: line for line in rows_of(more, "proposals")}
    assert found[sku]["backordered_units"] == 7
    assert plain[sku] < found[sku]["units"]
    units = plain[sku]
    last = LastNight(
        as_of=AS_OF - timedelta(days=1), unconfirmed={"P-1": ("main", sku, units, AS_OF + timedelta(days=2))}
    )
    again = read_snapshot(starter, inputs=None, as_of=AS_OF, last=last)
    assert int(again.on_order_units[row]) == int(snapshot.on_order_units[row]) + units
    less = {line["sku"]: line["units"] for line in rows_of(plan_night(again, last, settings), "proposals")}
    assert less.get(sku, 0) < units


def test_decisions_are_sorted_by_money(starter: Business) -> None:
    """The dearest matter comes first, each with its amount and a question; a tight budget is among them."""
    tight = replace(starter, settings=replace(starter.settings, budget_cents=60_000))
    night = plan_night(read_snapshot(tight, inputs=None, as_of=AS_OF), LastNight(), NightSettings(replications=0))
    amounts = list(night.tables["decisions"]["amount_cents"])
    assert amounts == sorted(amounts, reverse=True)
    assert amounts
    assert min(amounts) > 0
    assert any("udget" in text for text in night.tables["decisions"]["text"])
    assert all(text.endswith("?") for text in night.tables["decisions"]["text"])
    assert night.facts["totals"]["value_cents"] <= 60_000
    assert night.facts["prices"]["budget_price"] > 0


def test_a_night_is_repeated_to_the_bit(snapshot: Snapshot, night: Night) -> None:
    """The same evening decides the same, in as many processes as you like; only the seconds differ."""
    again = plan_night(snapshot, LastNight(), QUICK)
    assert again.tables == night.tables
    assert {k: v for k, v in again.facts.items() if k != "seconds"} == {
        k: v for k, v in night.facts.items() if k != "seconds"
    }


def test_yesterdays_policy_orders_by_the_book(snapshot: Snapshot) -> None:
    """At or below s up to S, then the smallest order, then whole packs; nothing on closed days or without a policy."""
    terms = read_terms(snapshot.business)
    n = terms.n_items
    low, top = np.full(n, 10), np.full(n, 25)
    top[0], low[0] = 0, 0
    terms = replace(
        terms,
        old_reorder_point=low,
        old_order_up_to=top,
        moq_units=np.where(np.arange(n) % 2, 20, 1),
        pack_units=np.where(np.arange(n) % 3, 1, 6),
    )
    monday = tomorrow(AS_OF)
    for on_hand in (-3, 10, 11, 30):
        position = Position(
            on_hand_units=np.full(n, max(on_hand, 0)),
            on_order_units=np.zeros(n, dtype=np.int64),
            backordered_units=np.full(n, max(-on_hand, 0)),
        )
        by_hand = []
        for item in range(n):
            wanted = 25 - on_hand if on_hand <= 10 and item else 0
            wanted = max(wanted, 20 if item % 2 else 1) if wanted else 0
            pack = 1 if item % 3 else 6
            by_hand.append(-(-wanted // pack) * pack)
        assert yesterdays_order(terms, position, monday).tolist() == by_hand
        assert not yesterdays_order(terms, position, monday - timedelta(days=1)).any()
