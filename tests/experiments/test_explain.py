"""The story of an order: its sums are the records', and what lost to a choice cost more."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sim.busy_models import random_business, tied_business, with_changes

from omsim.errors import FieldError
from omsim.experiments.explain import explain_order, tell_story
from omsim.sim.engine import run_once
from omsim.sim.records import NEVER
from omsim.sim.watching import OrderSeen

if TYPE_CHECKING:
    from omsim.experiments.story import OrderStory
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

SEED = 3


@cache
def business_of(rule: str, number: int = 3) -> Business:
    """A drawn business with everything, its orders sourced by a rule."""
    business = random_business(number, sourcing=True, shipping=True)
    return replace(business, settings=replace(business.settings, allocation_rule=rule))


@cache
def plain_run(rule: str, number: int = 3) -> RunRecords:
    """Its records."""
    return run_once(business_of(rule, number), seed=SEED)


def told(business: Business, order: int, seed: int = SEED) -> tuple[OrderStory, RunRecords]:
    """The story of an order, and the records of its run."""
    seen = OrderSeen(order=order)
    records = run_once(business, seed=seed, watch=seen)
    return tell_story(business, records, seen), records


def some_orders(rule: str, n: int, number: int = 3) -> list[int]:
    """Orders that have shipments, spread over the run."""
    served = np.flatnonzero(plain_run(rule, number).orders.n_shipments > 0)
    return served[:: max(1, served.size // n)].tolist()


@pytest.mark.parametrize("number", [3, 7, 41])
def test_shipments_cost_what_the_records_say(number: int) -> None:
    """Terms of the chosen service add up to the price paid, and cartons to the packaging, shipment by shipment."""
    checked = 0
    for order in some_orders("cheapest", 6, number):
        story, records = told(business_of("cheapest", number), order)
        for shipment in story.shipments:
            assert shipment.price_cents == records.shipments.price_cents[shipment.row]
            if not shipment.tendered_at:
                continue
            option = shipment.tenders[-1].services[0]
            assert option.chosen
            assert option.service == shipment.service
            assert sum(term.cents for term in option.terms) == option.price_cents == shipment.price_cents
            assert sum(used.cost_cents for used in shipment.cartons) == shipment.packaging_cents
            if shipment.cartons:
                assert sum(used.weight_g for used in shipment.cartons) == shipment.weight_g
                packed = sum(units for used in shipment.cartons for _, units in used.contents)
                assert packed == sum(units for _, units in shipment.contents)
            checked += 1
    assert checked


@pytest.mark.parametrize("rule", ["dual_prices", "batch_optimum"])
def test_a_cycles_orders_cost_what_its_record_says(rule: str) -> None:
    """What the chosen options of all orders of a cycle cost is the cost of the cycle in the records."""
    records = plain_run(rule, 7)
    at_s, n_orders = records.sourcing.at_s, records.sourcing.orders
    new = np.array([(records.orders.allocated_s == instant).sum() for instant in at_s.tolist()])
    usable = np.flatnonzero((new == n_orders) & (n_orders > 1))  # nobody tried again
    cycle = int(usable[n_orders[usable].argmin()])
    total = 0
    for order in np.flatnonzero(records.orders.allocated_s == at_s[cycle]).tolist():
        story, _ = told(business_of(rule, 7), order)
        option = story.sourcing[0].options[0]
        assert option.chosen
        assert sum(term.cents for term in option.terms) == option.cost_cents
        total += option.cost_cents
    assert total == records.sourcing.cost_cents[cycle]


@pytest.mark.parametrize(
    ("rule", "number"),
    [("cheapest", 3), ("cheapest", 7), ("cheapest", 41), ("dual_prices", 3), ("dual_prices", 41), ("batch_optimum", 7)],
)
def test_losing_ways_to_serve_an_order_cost_more(rule: str, number: int) -> None:
    """Under a rule that looks at costs no other set of sites, nor serving nothing, would have been cheaper."""
    lost = 0
    for order in some_orders(rule, 6, number):
        story, _ = told(business_of(rule, number), order)
        for attempt in story.sourcing:
            chosen, *others = attempt.options
            assert attempt.by_cost
            assert chosen.chosen
            assert chosen.difference_cents == 0
            for option in others:
                if not option.note:  # stock that others of the cycle got is no option
                    assert option.difference_cents >= 0
                gap = option.cost_cents + option.worth_cents - chosen.cost_cents - chosen.worth_cents
                assert option.difference_cents == gap
                lost += not option.note
            assert () in [option.sites for option in attempt.options]
    assert lost


def test_losing_services_cost_more_or_say_why() -> None:
    """A service that took nothing costs at least as much as the chosen one, or its note tells what kept it out."""
    notes = set()
    for order in some_orders("cheapest", 12, 7):
        story, _ = told(business_of("cheapest", 7), order)
        for shipment in story.shipments:
            for tender in shipment.tenders:
                chosen = next((option for option in tender.services if option.chosen), None)
                for option in tender.services:
                    if option.chosen:
                        continue
                    if option.note:
                        notes.add(option.note.split(":")[0])
                        continue
                    assert chosen is not None
                    assert option.price_cents >= 0
                    cost = (option.too_slow, option.price_cents + option.late_cents)
                    assert cost >= (chosen.too_slow, chosen.price_cents + chosen.late_cents)
    assert notes


def test_a_split_order_and_the_sites_it_was_split_over() -> None:
    """The pieces of an order with two shipments at once come from two sites, and both are among those asked."""
    business = tied_business({}, start_date="2026-03-02")
    plain = run_once(business, seed=SEED)
    ships = plain.shipments
    at_once = ships.released_s == plain.orders.allocated_s[ships.order]
    order = int(np.bincount(ships.order[at_once], minlength=plain.orders.arrived_s.size).argmax())
    story, _ = told(business, order)
    (attempt,) = story.sourcing
    sites = {piece.site for piece in attempt.taken}
    assert len(sites) == 2
    assert set(attempt.options[0].sites) == sites
    taken = {site.site: site.taken_units for site in attempt.sites if site.taken_units}
    assert taken == {site: sum(piece.units for piece in attempt.taken if piece.site == site) for site in sites}
    assert not attempt.by_cost


def test_an_order_that_waited_was_filled_from_what_came() -> None:
    """A backordered line tells where it waited, what came and what it got of it."""
    business = tied_business({}, start_date="2026-03-02")
    plain = run_once(business, seed=SEED)
    short = plain.short_lines
    line = int(short.line[np.flatnonzero((short.reserved_units > short.first_units) & (short.cell >= 0))[0]])
    order = int(np.searchsorted(plain.orders.first_line, line, side="right") - 1)
    story, records = told(business, order)
    waited = [one for one in story.lines if one.waited_at]
    assert waited
    given = {fill.line: 0 for fill in story.fills}
    for fill in story.fills:
        given[fill.line] += fill.given_units
    for number, one in enumerate(story.lines, 1):
        assert one.units == one.reserved_units + one.cancelled_units + one.open_units
        assert given.get(number, 0) == one.reserved_units - one.first_units
    assert len(story.shipments) == records.orders.n_shipments[order]


def test_orders_never_sourced_say_why() -> None:
    """A refused order, and one still in validation at the end, have no attempt and a reason."""
    business = tied_business({}, start_date="2026-03-02")
    orders = run_once(business, seed=SEED).orders
    refused, _ = told(business, int(np.flatnonzero(orders.rejected)[0]))
    assert (refused.rejected, refused.sourcing, refused.shipments) == (True, (), ())
    assert refused.not_tried == "refused by validation"
    unseen = np.flatnonzero((orders.allocated_s == NEVER) & ~orders.rejected)
    late, _ = told(business, int(unseen[-1]))
    assert late.sourcing == ()
    assert "end of the run" in late.not_tried


def test_the_money_of_an_order_is_its_row_of_the_ledger() -> None:
    """Components and total are those of the money ledger."""
    from omsim.experiments.tables import build_money_ledger

    for order in some_orders("nearest", 4):
        story, records = told(business_of("nearest"), order)
        ledger = build_money_ledger(records, business_of("nearest")).slice(order, 1).to_pylist()[0]
        for name, cents in story.costs:
            assert cents == pytest.approx(ledger[f"{name}_cents"], abs=1e-4)
        assert story.total_cents == pytest.approx(
            sum(cents for name, cents in ledger.items() if name.endswith("_cents")), abs=1e-3
        )


def test_cartons_that_lost_say_why(corner_shop: Business) -> None:
    """Of four cartons the cheapest that holds the goods is taken; the others are too small, too weak, or dearer."""
    rows = [
        {"carton": "flat", "length_mm": 300, "width_mm": 300, "height_mm": 50, "cost_cents": 5},
        {"carton": "weak", "length_mm": 300, "width_mm": 300, "height_mm": 200, "cost_cents": 6, "max_weight_g": 1000},
        {"carton": "tight", "length_mm": 210, "width_mm": 110, "height_mm": 110, "cost_cents": 7},
        {"carton": "good", "length_mm": 220, "width_mm": 220, "height_mm": 110, "cost_cents": 30},
        {"carton": "big", "length_mm": 500, "width_mm": 400, "height_mm": 300, "cost_cents": 60},
    ]
    changes = [{"table": "cartons", "operation": "insert", "row": row} for row in rows]
    story = explain_order(with_changes(corner_shop, *changes), 2)  # four mugs of 100 x 100 x 100 mm and 400 g
    (shipment,) = story.shipments
    assert [used.carton for used in shipment.cartons] == ["good"]
    assert shipment.cartons[0].fill_share == pytest.approx(4e6 / (220 * 220 * 110), abs=1e-4)
    assert shipment.packaging_cents == 30
    assert {lost.carton: lost.reason for lost in shipment.cartons_lost} == {
        "flat": "too small: mug has a shortest side of 100 mm, the carton of 50 mm",
        "weak": "takes 1,000 g, the goods weigh 1,600 g",
        "tight": "the goods would fill 157 % of it, 100 % are allowed",
        "big": "holds the goods, costs more",
    }


def test_services_that_cannot_take_a_parcel_say_why(corner_shop: Business) -> None:
    """Too heavy, no pickup on that day, and a carrier that is out are told apart."""
    heavy = explain_order(corner_shop, 2)  # 1,600 g, and letters weigh 1,000 g at most
    letter = heavy.shipments[0].tenders[0].services[-1]
    assert (letter.service, letter.note) == ("letter", "too heavy: 1,600 g, at most 1,000")
    changed = with_changes(
        corner_shop,
        {"table": "services", "column": "pickup_days", "operation": "set", "value": "Wed-Fri",
         "where": {"service": "letter"}},
    )  # fmt: skip
    light = explain_order(changed, 0)  # 200 g on a Monday
    letter = light.shipments[0].tenders[0].services[-1]
    assert (letter.service, letter.note) == ("letter", "no pickup on Mon")
    out = {"kind": "carrier_out", "target": "letter", "start": "2026-09-28", "end": "2026-09-28"}
    letter = explain_order(with_changes(corner_shop, events=(out,)), 0).shipments[0].tenders[0].services[-1]
    assert (letter.service, letter.note) == ("letter", "the carrier is out")


def test_an_order_that_is_not_there_is_refused(corner_shop: Business) -> None:
    """The error names the range."""
    with pytest.raises(FieldError, match="order must be from 0 to 7, got 8"):
        explain_order(corner_shop, 8)
    with pytest.raises(FieldError, match="order must be from 0 to 7, got -1"):
        explain_order(corner_shop, -1)


def test_a_service_left_for_a_contract_says_so(corner_shop: Business) -> None:
    """With parcels promised to the dearer service, the cheaper one is left, and the minimum has its price."""
    promised = {
        "contract": "promise", "party": "parcel", "period": "week", "minimum_parcels": 6, "shortfall_cents": 900,
    }  # fmt: skip
    business = with_changes(corner_shop, {"table": "contracts", "operation": "insert", "row": promised})
    story = explain_order(business, 0)
    tender = story.shipments[0].tenders[0]
    assert tender.service == "parcel"
    letter = next(option for option in tender.services if option.service == "letter")
    assert letter.price_cents < tender.services[0].price_cents
    assert letter.note == "left for the contracts' sake"
    assert [name for name, cents in tender.contract_prices if cents > 0] == ["promise"]
