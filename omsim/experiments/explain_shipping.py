"""Why this carton and this service: what each shipment of an order was packed in and offered, and what lost.

Owns how packing and tenders are told option by option; cartons are found by `kernels.packing`, prices by
`kernels.rating`, and lateness by `sim.decisions`, here as there.
"""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.experiments.story import CartonLost, CartonUsed, Goods, ServiceOption, TenderStory, Term
from omsim.kernels.packing.cartons import OWN_PACKAGING, PackedParcels, carton_range, pack_parcels
from omsim.kernels.rating.card import PPM
from omsim.kernels.rating.explain import REASONS, explain_price, refusals
from omsim.model.calendars import WEEKDAYS, Calendar
from omsim.sim.decisions import price_tender
from omsim.sim.parcels import pack_shipments, put_together, rated_parcels
from omsim.sim.plan import INFEASIBLE_CENTS
from omsim.sim.tariff import NOT_CARRIED, carrier_days_off, carrier_outages, on_time_share

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from omsim.kernels.rating.card import Parcels
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.watching import TenderSeen

Ints = NDArray[np.int64]

MM3_PER_DM3 = 1_000_000
LIMITED_G = 10**11
"""A pickup that takes as many grams or more is not limited by weight."""


class Contents(NamedTuple):
    """What is in a shipment: int64, shape (n,), by SKU."""

    sku: Ints
    units: Ints


class ShippingView:
    """Looks at shipments and tenders of one run as they were decided.

    Parameters
    ----------
    business : Business
    plan : Plan
    clock : callable
        Local time of a second.
    """

    def __init__(self, business: Business, plan: Plan, clock: Callable[[int], str]) -> None:
        self._business, self._plan, self._clock = business, plan, clock
        self._services, self._carriers = (business["services"].texts(name) for name in ("service", "carrier"))
        self._skus, self._cartons = business["skus"].texts("sku"), business["cartons"].texts("carton")
        self._surcharges = _surcharge_names(business)

    def cartons(self, contents: Contents) -> tuple[tuple[CartonUsed, ...], tuple[CartonLost, ...]]:
        """What contents are packed in, and the cartons that were not taken, cheapest first."""
        boxes = self._plan.packaging.cartons
        if not len(self._cartons) or not contents.sku.size:
            return (), ()
        packed = self._pack(contents)
        used = tuple(self._used(packed, contents, at) for at in range(packed.carton.size))
        volume = boxes.length_mm * boxes.width_mm * boxes.height_mm
        lost = tuple(
            CartonLost(
                carton=self._cartons[carton],
                cost_cents=int(boxes.cost_cents[carton]),
                volume_dm3=round(int(volume[carton]) / MM3_PER_DM3, 2),
                reason=self._why_not(contents, carton, packed.carton),
            )
            for carton in np.lexsort((volume, boxes.cost_cents)).tolist()
            if carton not in packed.carton
        )
        return used, lost

    def _pack(self, contents: Contents, carton: int | None = None) -> PackedParcels:
        packaging = self._plan.packaging
        kinds = packaging.cartons
        if carton is not None:
            only = [int(column[carton]) for column in kinds]
            kinds = carton_range([only[0]], [only[1]], [only[2]], max_weight_g=only[5])
        return pack_parcels(
            kinds,
            packaging.items,
            [0, contents.sku.size],
            contents.sku,
            contents.units,
            most_fill_share=packaging.most_fill_share,
        )

    def _used(self, packed: PackedParcels, contents: Contents, at: int) -> CartonUsed:
        rows = slice(int(packed.first_content[at]), int(packed.first_content[at + 1]))
        carton = int(packed.carton[at])
        own = carton == OWN_PACKAGING
        held = zip(packed.content_line[rows].tolist(), packed.content_units[rows].tolist(), strict=True)
        return CartonUsed(
            carton="own packaging" if own else self._cartons[carton],
            contents=tuple(Goods(self._skus[int(contents.sku[line])], units) for line, units in held),
            weight_g=int(packed.weight_g[at]),
            fill_share=round(float(packed.fill_share[at]), 4),
            cost_cents=0 if own else int(self._plan.packaging.cartons.cost_cents[carton]),
        )

    def _why_not(self, contents: Contents, carton: int, used: Ints) -> str:
        """Why all contents are not in a carton."""
        packaging, (sku, units) = self._plan.packaging, contents
        boxes, items = packaging.cartons, packaging.items
        some = units > 0
        inside = tuple(int(column[carton]) for column in boxes[:3])
        for name, sides, room in zip(("longest", "middle", "shortest"), items[:3], inside, strict=True):
            most = int(sides[sku[some]].max(initial=0))
            if most > room:
                which = self._skus[int(sku[some][sides[sku[some]].argmax()])]
                return f"too small: {which} has a {name} side of {most} mm, the carton of {room} mm"
        weight_g, most_g = int(items.weight_g[sku] @ units), int(boxes.max_weight_g[carton])
        if weight_g > most_g:
            return f"takes {most_g:,} g, the goods weigh {weight_g:,} g"
        goods_mm3 = int((items.length_mm * items.width_mm * items.height_mm)[sku] @ units)
        volume = inside[0] * inside[1] * inside[2]
        if goods_mm3 > volume * packaging.most_fill_share:
            allowed = packaging.most_fill_share * 100
            return f"the goods would fill {goods_mm3 / volume * 100:.0f} % of it, {allowed:.4g} % are allowed"
        alone = self._pack(contents, carton)
        if alone.carton.tolist() == [0]:
            took = boxes.cost_cents[used[used != OWN_PACKAGING]].sum()
            more = int(boxes.cost_cents[carton] - took)
            return "holds the goods, costs more" if more > 0 else "holds the goods, as cheap but bigger"
        proved = bool(alone.least_carton[0] < 0)
        return "the goods do not fit together" if proved else "no way was found to fit the goods together"

    def tender(self, seen: TenderSeen) -> TenderStory:
        """A tender, for the one shipment."""
        plan, settings = self._plan, self._business.settings
        priced, _ = price_tender(plan, seen.parcels, site=seen.site, day=seen.day)
        zone = plan.tariff.zone[seen.site, seen.parcels.region]
        boxes, _ = pack_shipments(plan.packaging, seen.parcels)
        by_carton = rated_parcels(zone, seen.day, boxes)
        together = rated_parcels(zone, seen.day, put_together(boxes))
        whole = plan.tariff.rated_whole
        refused = refusals(plan.tariff.card, by_carton).max(axis=0)
        refused[whole] = refusals(plan.tariff.card, together).max(axis=0)[whole]
        total_g = int(priced.weight_g[0])
        options = []
        for service, name in enumerate(self._services):
            price = int(priced.price_cents[0, service])
            terms: tuple[Term, ...] = ()
            late, on_time = 0, 1.0
            if price != NOT_CARRIED:
                terms = self._terms(together if whole[service] else by_carton, service)
                promise_day = int(seen.parcels.promise_day[0])
                if promise_day >= 0:
                    on_time = 0.0
                    if promise_day >= seen.day:
                        transit, delivered_day = plan.tariff.transit, plan.tariff.delivered_day
                        lane = service, int(zone[0]), seen.day, promise_day
                        on_time = float(on_time_share(transit, delivered_day, *lane))
                late = int(priced.cost_cents[0, service]) - price
            too_slow = on_time < settings.promise_quantile
            late -= INFEASIBLE_CENTS if too_slow else 0
            options.append(
                ServiceOption(
                    service=name,
                    carrier=self._carriers[service],
                    chosen=service == seen.service,
                    price_cents=price,
                    terms=terms,
                    late_cents=late,
                    on_time_share=round(on_time, 6),
                    too_slow=too_slow,
                    slots=int(seen.slots[service]),
                    used=int(seen.used[service]),
                    slot_price_cents=int(seen.slot_price_cents[service]),
                    note="",
                )
            )
        told = []
        for at, option in enumerate(options):
            rated = together if whole[at] else by_carton
            note = "" if option.chosen else self._why_lost(at, int(refused[at]), rated, options, seen, total_g)
            told.append(replace(option, note=note))
        contracts = self._business["contracts"].texts("contract")
        return TenderStory(
            at=self._clock(seen.at_s),
            parcels=seen.n_parcels,
            rule=settings.carrier_rule,
            services=tuple(sorted(told, key=_place)),
            service=self._services[seen.service] if seen.service >= 0 else "",
            contract_prices=tuple(
                Term(name, cents)
                for name, cents in zip(contracts, seen.contract_price_cents.tolist(), strict=True)
                if cents
            ),
            status=seen.status,
            fallback=seen.fallback,
        )

    def _terms(self, rated: Parcels, service: int) -> tuple[Term, ...]:
        """What the price of all boxes is made of."""
        n_boxes = rated.weight_g.size
        found = []
        for box in range(n_boxes):
            which = f"carton {box + 1}: " if n_boxes > 1 else ""
            found += [
                Term(which + self._without_cents(name, service), cents)
                for name, cents in explain_price(self._plan.tariff.card, rated, box, service, self._surcharges)
            ]
        return tuple(found)

    def _without_cents(self, name: str, service: int) -> str:
        """A term's name without amounts, which are told in the model's currency."""
        if name.startswith("raised to the minimum"):
            return "raised to the minimum"
        fuel = int(self._plan.tariff.card.fuel_ppm[service]) / PPM
        return f"fuel {fuel * 100:.4g} %" if name.startswith("fuel, ") else name

    def _why_lost(
        self, at: int, refused: int, rated: Parcels, options: Sequence[ServiceOption], seen: TenderSeen, weight_g: int
    ) -> str:
        """What kept a service from taking the shipment; empty where it only costs more."""
        option = options[at]
        if refused:
            return self._refusal(at, refused, rated)
        if option.price_cents == NOT_CARRIED:
            return "does not deliver in this zone"
        if not option.slots:
            return self._no_pickup(at, seen)
        chosen = next((other for other in options if other.chosen), None)
        if option.too_slow and chosen is not None and not chosen.too_slow:
            return f"too slow: {self._business.settings.promise_quantile * 100:.4g} % on time wanted"
        if chosen is not None and _judged(option) > _judged(chosen):
            return ""
        if option.used >= option.slots:
            by_optimum = self._business.settings.carrier_rule == "optimum" and seen.status != "fallback"
            return "full: others would lose more without it" if by_optimum else "full: taken by parcels before it"
        room_g = self._plan.tariff.room_g
        if room_g.size:
            most_g = int(room_g[seen.day, seen.site, at])
            if most_g < LIMITED_G and seen.used_g[at] + weight_g > most_g:
                return f"full: {seen.used_g[at] / 1000:,.1f} of {most_g / 1000:,.1f} kg are taken"
        if chosen is not None and _judged(option) == _judged(chosen):
            return "as cheap"
        return "left for the contracts' sake" if self._plan.contracts.steer else ""

    def _refusal(self, service: int, refused: int, rated: Parcels) -> str:
        card, reason = self._plan.tariff.card, REASONS[refused]
        limits = {
            "too heavy": (rated.weight_g, card.max_weight_g, "g"),
            "too long": (rated.longest_mm, card.max_length_mm, "mm"),
            "too big around": (rated.girth_mm, card.max_girth_mm, "mm"),
        }
        if reason not in limits:
            return reason
        measured, most, unit = limits[reason]
        return f"{reason}: {int(measured.max()):,} {unit}, at most {int(most[service]):,}"

    def _no_pickup(self, service: int, seen: TenderSeen) -> str:
        """Why a service does not come on a day."""
        for first, last, some in carrier_outages(self._business):
            if first <= seen.day < last and service in some:
                return "the carrier is out"
        calendar = Calendar(self._business.settings.time_zone, self._business.settings.start_date, seen.day + 1)
        if carrier_days_off(self._business, calendar)[service, seen.day]:
            return "the carrier's holiday"
        weekday = int(calendar.weekday[seen.day])
        days = int(self._business["services"].integers("pickup_days")[service])
        at = (self._business.codes("pickups", "site") == seen.site) & (
            self._business.codes("pickups", "service") == service
        )
        for own in self._business["pickups"].integers("pickup_days")[at].tolist():
            days &= own
        return "no slots on this day" if days >> weekday & 1 else f"no pickup on {WEEKDAYS[weekday]}"


def _surcharge_names(business: Business) -> list[str]:
    """A name for each surcharge, in the rate card's order."""
    table, zones = business["surcharges"], set(business["zones"].texts("zone"))
    rows = [
        (service, name)
        for service, name, zone in zip(
            business.codes("surcharges", "service").tolist(), table.texts("surcharge"), table.texts("zone"), strict=True
        )
        if not zone or zone in zones
    ]
    return [name for _, name in sorted(rows, key=itemgetter(0))]


def _place(option: ServiceOption) -> tuple[bool, bool, int]:
    return not option.chosen, option.price_cents < 0, _judged(option)


def _judged(option: ServiceOption) -> int:
    return option.price_cents + option.late_cents + (INFEASIBLE_CENTS if option.too_slow else 0)
