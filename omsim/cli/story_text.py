"""An order's story on the terminal: sections of lines and tables, money in the model's currency.

Owns the words and the layout; what is told comes from `experiments.explain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.cli.story_shipping import show_shipment
from omsim.cli.story_words import (
    count_text,
    difference_text,
    duration_text,
    money_text,
    percent_text,
    plural_text,
    story_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omsim.cli.voice import Voice
    from omsim.experiments.story import (
        LineStory,
        OrderStory,
        SourcingOption,
        SourcingStory,
        Taken,
    )

RULES = {
    "nearest": "line by line, the nearest site that has some of it",
    "ranked": "line by line, the first site of the ranking that has some of it",
    "most_stock": "line by line, the site that has most of it",
    "fewest_splits": "the nearest site that has all of it; if none has, line by line the nearest that has some",
    "fewest_shipments": "most units from fewest sites, then least expected cost",
    "cheapest": "least expected cost",
    "dual_prices": "least expected cost and worth of the stock it takes",
    "coupled_rounding": "the sites a plan draws, the rest at least expected cost",
    "batch_optimum": "least expected cost of all orders of the cycle together",
}
SHORT_TERMS = {
    "parcel by weight": "by weight",
    "work on the order": "order work",
    "parcel penalty": "per parcel",
    "work on the units": "unit work",
    "late delivery": "late",
    "units left over": "left over",
}
MOST_LINES = 6
MOST_EVENTS = 6
MOST_ROWS = 12


def show_story(voice: Voice, story: OrderStory, name: str) -> None:
    """Show all of a story; nothing in JSON mode."""
    if voice.as_json:
        return
    _show_order(voice, story, name)
    _show_lines(voice, story)
    tries = story.sourcing
    for at, one in enumerate(tries):
        if at in (0, len(tries) - 1):
            _show_sourcing(voice, one, story, at + 1)
        elif at == 1:
            voice.say()
            voice.say(f"Sourcing, tries 2 to {len(tries) - 1}: without success")
    _show_waiting(voice, story)
    for shipment in story.shipments:
        show_shipment(voice, shipment, story)
    _show_after(voice, story)
    _show_costs(voice, story)


def _show_order(voice: Voice, story: OrderStory, name: str) -> None:
    voice.say(
        f"Order {story.order} of {name}: replication {story.replication}, seed {story.seed}; money in {story.currency}"
    )
    voice.say()
    told = [("came", f"{story.arrived_at} by channel {story.channel} from region {story.region}")]
    if story.rejected:
        told.append(("validation", f"refused it at {story.validated_at}"))
    elif not story.validated_at:
        told.append(("validation", "not done by the end of the run"))
    else:
        told.append(("validated", story.validated_at))
    if story.promised_at:
        told.append(("promised", f"delivery by {story.promised_at}"))
    if story.not_tried:
        told.append(("sourcing", f"never: {story.not_tried}"))
    told.append(("outcome", _outcome(story)))
    for title, text in told:
        voice.say(f"  {title:<11} {text}")


def _outcome(story: OrderStory) -> str:
    if story.delivered_at:
        text = f"delivered as a whole by {story.delivered_at}"
        if story.promised_at:
            text += f", {duration_text(story.late_s)} late" if story.late_s > 0 else ", on time"
    elif story.rejected:
        text = "refused"
    elif all(line.cancelled_units == line.units for line in story.lines):
        text = "lost: nothing of it was served"
    else:
        text = f"not delivered as a whole by the end of the run ({story.ends_at})"
    return f"{text}; missed because: {story.missed_because}" if story.missed_because else text


def _show_lines(voice: Voice, story: OrderStory) -> None:
    voice.say()
    lines = list(enumerate(story.lines, 1))
    if len(lines) > MOST_ROWS:
        lines = [
            (number, line) for number, line in lines if line.first_units < line.units or line.asked_sku != line.sku
        ]
        smooth = len(story.lines) - len(lines)
        voice.say(f"{len(story.lines):,} lines, {sum(line.units for line in story.lines):,} units; "
                  f"{smooth:,} lines were served at once and whole" + (", the others:" if lines else ""))  # fmt: skip
    rows = [
        (
            str(number),
            line.sku,
            f"{line.units:,}",
            *(count_text(units) for units in (line.first_units, line.reserved_units - line.first_units)),
            *(count_text(units) for units in (line.cancelled_units, line.open_units)),
            _line_note(line),
        )
        for number, line in lines
    ]
    if rows:
        story_table(
            voice, ("line", "SKU", "units", "served at once", "later", "cancelled", "waiting", ""), rows, left=2
        )


def _line_note(line: LineStory) -> str:
    parts = []
    if line.asked_sku != line.sku:
        parts.append(f"in place of {line.asked_sku}")
    if line.waited_at:
        parts.append(f"waited at {line.waited_at}")
    if line.cancelled_at:
        parts.append(f"cancelled {line.cancelled_at}")
    return ", ".join(parts)


def _show_sourcing(voice: Voice, one: SourcingStory, story: OrderStory, number: int) -> None:
    which = f", try {number} of {len(story.sourcing)}" if len(story.sourcing) > 1 else ""
    voice.say()
    voice.say(f"Sourcing{which}: {one.at}")
    voice.say(f"  rule {one.rule}: {RULES[one.rule]}")
    if one.orders > 1:
        voice.say(f"  decided with {one.orders - 1:,} other orders of its cycle, {one.before:,} of them before it")
    if one.fallback:
        voice.say(f"  not as asked: {one.fallback}")
    voice.say(f"  taken: {_taken(one.taken)}")
    if one.sites_left_out:
        voice.say(f"  {one.sites_left_out} farther sites serve the region and are not asked (sourcing_sites)")
    voice.say()
    _show_sites(voice, one, story)
    voice.say()
    differs = "" if one.by_cost else "; the rule itself does not look at them"
    voice.say(f"Ways to serve it and what each was expected to cost{differs}")
    _show_options(voice, one.options)


def _show_sites(voice: Voice, one: SourcingStory, story: OrderStory) -> None:
    asked: dict[str, int] = {}
    line_of: dict[str, int] = {}
    for at, line in enumerate(story.lines):
        asked[line.sku] = asked.get(line.sku, 0) + line.units
        line_of.setdefault(line.sku, at)
    few = len(asked) <= MOST_LINES
    planned = few and any(site.shares for site in one.sites)
    heads = [f"{sku} ({units:,})" for sku, units in asked.items()] if few else ["SKUs it has whole", "units it has"]
    rows = []
    for site in one.sites:
        has = {sku: site.usable_units[at] for sku, at in line_of.items()}
        if few:
            kept = {sku: site.kept_units[at] for sku, at in line_of.items()}
            cells = [f"{has[sku]:,}" + (f" (+{kept[sku]:,} kept)" if kept[sku] else "") for sku in asked]
        else:
            whole = sum(has[sku] >= units for sku, units in asked.items())
            cells = [f"{whole} of {len(asked)}", f"{sum(min(has[sku], asked[sku]) for sku in asked):,}"]
        chance = [" ".join(percent_text(share) for share in site.shares)] if planned else []
        rows.append(
            (site.site, f"{site.distance_km:,.0f}", *cells, *chance, count_text(site.taken_units), site.kept_out)
        )
    heads += ["planned chance"] if planned else []
    story_table(voice, ("site", "km", *heads, "taken", ""), rows)


def _show_options(voice: Voice, options: Sequence[SourcingOption]) -> None:
    names = list(dict.fromkeys(term.name for option in options for term in option.terms))
    worth = any(option.worth_cents for option in options)
    rows = []
    for option in options:
        cents = dict(option.terms)
        rows.append(
            (
                " + ".join(option.sites) or "none",
                f"{option.served_units:,}",
                *(money_text(cents[name]) if name in cents else "" for name in names),
                *((money_text(option.worth_cents),) if worth else ()),
                money_text(option.cost_cents + option.worth_cents),
                "chosen" if option.chosen else difference_text(option.difference_cents),
                option.note,
            )
        )
    heads = ["from", "units", *(SHORT_TERMS.get(name, name) for name in names)]
    story_table(voice, (*heads, *(("stock's worth",) if worth else ()), "total", "difference", ""), rows)


def _show_waiting(voice: Voice, story: OrderStory) -> None:
    for trade in story.trades:
        voice.say()
        voice.say(f"On hold it changed sites at {trade.at}: {_taken(trade.before)} became {_taken(trade.after)}")
    if not story.fills:
        return
    voice.say()
    voice.say("While it waited, stock came")
    shown = [fill for fill in story.fills if fill.given_units] or list(story.fills)
    rows = [
        (
            fill.at,
            f"{fill.sku} at {fill.site}",
            *(f"{units:,}" for units in (fill.free_units, fill.ahead_units, fill.wanted_units, fill.given_units)),
        )
        for fill in shown[:MOST_EVENTS]
    ]
    story_table(voice, ("at", "for line", "free", "wanted before it", "wanted", "given"), rows, left=2)
    left_out = len(story.fills) - len(rows)
    if left_out:
        voice.say(
            f"{left_out} more times stock came" + ("" if shown == list(story.fills) else ", none of it for this order")
        )


def _show_after(voice: Voice, story: OrderStory) -> None:
    if story.returns or story.contacts:
        voice.say()
    for back in story.returns:
        steps = [f"asked for {back.requested_at}"]
        steps += [
            f"{what} {at}" for what, at in (("received", back.received_at), ("inspected", back.inspected_at)) if at
        ]
        steps += [back.disposition] if back.disposition else []
        refund = f"{money_text(back.refund_cents)} refunded {back.refunded_at}" if back.refunded_at else ""
        steps += [refund] if refund else []
        voice.say(f"  {'return':<11} {back.units:,} {back.sku} to {back.site}: {', '.join(steps)}")
    for contact in story.contacts:
        ended = (
            f"answered {contact.answered_at}" if contact.answered_at else "given up" if contact.abandoned else "open"
        )
        voice.say(f"  {'contact':<11} {contact.at} ({contact.reason}), {ended}")


def _show_costs(voice: Voice, story: OrderStory) -> None:
    voice.say()
    if not story.costs:
        voice.say(f"It cost nothing in the counted time (from {story.counted_from})")
        return
    voice.say(f"What it cost, by what fell due in the counted time (from {story.counted_from})")
    if story.arrived_at < story.counted_from:
        voice.say("It came before that: what fell due earlier is left out")
    rows = [(name.replace("_", " "), money_text(cents)) for name, cents in story.costs]
    story_table(voice, ("component", "cost"), [*rows, ("total", money_text(story.total_cents))])


def _taken(pieces: Sequence[Taken]) -> str:
    if len(pieces) <= MOST_LINES:
        return ", ".join(f"{piece.units:,} {piece.sku} from {piece.site}" for piece in pieces) or "nothing"
    sites = dict.fromkeys(piece.site for piece in pieces)
    mine = {site: [piece for piece in pieces if piece.site == site] for site in sites}
    return ", ".join(
        f"{sum(piece.units for piece in some):,} units of {plural_text(len(some), 'line')} from {site}"
        for site, some in mine.items()
    )
