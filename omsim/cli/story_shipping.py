"""A shipment of an order's story on the terminal: work, cartons, tenders and prices.

Owns the words and the layout; what is told comes from `experiments.explain`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from omsim.cli.story_words import duration_text, goods_text, money_text, percent_text, plural_text, story_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omsim.cli.voice import Voice
    from omsim.experiments.story import OrderStory, ServiceOption, ShipmentStory, TenderStory, Term

UNLIMITED = 1_000_000_000
HOLD_CENTS, TOO_SLOW_CENTS = 10_000_000, 100_000  # what a tender adds for a parcel that stays, or goes too slowly
LONG_S = 3600


def show_shipment(voice: Voice, shipment: ShipmentStory, story: OrderStory) -> None:
    """Show what became of a shipment, and why in this carton and with this service."""
    voice.say()
    voice.say(
        f"Shipment {shipment.number} of {len(story.shipments)} from {shipment.site}: {goods_text(shipment.contents)}"
    )
    told = [("released", shipment.released_at or "on hold at the end of the run")]
    for title, ready, began, ended in (
        ("picked", shipment.released_at, shipment.pick_began_at, shipment.picked_at),
        ("packed", shipment.picked_at, shipment.pack_began_at, shipment.packed_at),
    ):
        if ready:
            told.append((title, f"{began} to {ended}{_waited(ready, began)}" if ended else "not by the end of the run"))
    for used in shipment.cartons:
        full = f"{percent_text(used.fill_share)} full, {used.weight_g:,} g"
        told.append(("carton", f"{used.carton}, {money_text(used.cost_cents)}: {goods_text(used.contents)}; {full}"))
    for title, text in told:
        voice.say(f"  {title:<11} {text}")
    if shipment.cartons_lost:
        voice.say()
        story_table(voice,
            ("carton not taken", "dm3", "cost", ""),
            [(lost.carton, f"{lost.volume_dm3:,.2f}", money_text(lost.cost_cents), lost.reason)
             for lost in shipment.cartons_lost],
        )  # fmt: skip
    told_terms: dict[str, tuple[Term, ...]] = {}
    for tender in shipment.tenders:
        _show_tender(voice, tender, told_terms)
    voice.say()
    if shipment.lost:
        voice.say(f"  {'delivered':<11} never: the parcel was lost")
    elif shipment.delivered_at:
        late = f", {duration_text(shipment.late_s)} late" if shipment.late_s > 0 else ""
        late = late or (", on time" if story.promised_at else "")
        voice.say(f"  {'delivered':<11} {shipment.delivered_at}{late}" + (", damaged" if shipment.damaged else ""))
    elif not shipment.tendered_at:
        voice.say(f"  {'left':<11} not by the end of the run ({story.ends_at})")


def _show_tender(voice: Voice, tender: TenderStory, told: dict[str, tuple[Term, ...]]) -> None:
    """A tender; prices are taken apart where they are not as `told` before."""
    voice.say()
    voice.say(
        f"  Tender {tender.at}, {plural_text(tender.parcels, 'parcel')}: "
        + (f"goes with {tender.service}" if tender.service else "stays for the next pickup")
    )
    if tender.fallback:
        voice.say(f"  not as asked: {tender.fallback}")
    for name, cents in tender.contract_prices:
        voice.say(f"  contract {name}: its minimum costs {money_text(cents)} a parcel here")
    story_table(
        voice,
        ("service", "price", "late", "on time", "total", "slots used", "a slot more", ""),
        [_service_row(option) for option in tender.services],
    )
    for option in tender.services:
        if option.terms and told.get(option.service) != option.terms:
            told[option.service] = option.terms
            voice.say(f"  {option.service}: {_sum_text(option.terms, option.price_cents)}")


def _service_row(option: ServiceOption) -> tuple[str, ...]:
    slots = f"{option.used:,} of " + ("any number" if option.slots >= UNLIMITED else f"{option.slots:,}")
    if option.price_cents < 0:
        return option.service, "", "", "", "", slots, "", option.note
    return (
        option.service,
        money_text(option.price_cents),
        money_text(option.late_cents) if option.late_cents else "",
        percent_text(option.on_time_share, 1),
        money_text(option.price_cents + option.late_cents),
        slots,
        _slot_text(option.slot_price_cents),
        "chosen" if option.chosen else option.note,
    )


def _slot_text(saved_cents: int) -> str:
    """What one slot more would have saved; waiting and being too slow weigh more than money, and are told as such."""
    if 2 * saved_cents >= HOLD_CENTS:
        return "1 more goes"
    if 2 * saved_cents >= TOO_SLOW_CENTS:
        return "1 more in time"
    return money_text(-saved_cents) if saved_cents else ""


def _sum_text(terms: Sequence[Term], total_cents: float) -> str:
    parts = " + ".join(f"{money_text(cents)} {name}" for name, cents in terms)
    return f"{parts} = {money_text(total_cents)}" if len(terms) > 1 else parts


def _waited(ready: str, began: str) -> str:
    """How long a task waited for people, if that was long."""
    waited_s = (datetime.fromisoformat(began) - datetime.fromisoformat(ready)).total_seconds()
    return f", after {duration_text(waited_s)} of waiting" if waited_s >= LONG_S else ""
