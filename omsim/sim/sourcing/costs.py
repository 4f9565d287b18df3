"""What serving a region's order from a site is expected to cost: parcel, work, split, and being late.

Owns the estimate sourcing decides on. What a parcel really costs is known at its tender only, when it is weighed,
packed and offered to carriers; here the cheapest price of any service is a straight line over weight, fitted to what
orders of a channel weigh.
"""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.kernels.allocation.batch import NO_SITE, Lanes
from omsim.kernels.rating.billable import MOST_G
from omsim.kernels.rating.card import NOT_CARRIED, parcels_of
from omsim.kernels.rating.prices import price_parcels
from omsim.sim.sourcing.outlook import order_sample
from omsim.sim.tariff import on_time_share

if TYPE_CHECKING:
    from omsim.model.business import Business
    from omsim.sim.plan import Plan
    from omsim.sim.sourcing.terms import SourcingTerms

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

HOUR_S = 3600
GRAMS_PER_KG = 1000.0


class SourcingCosts:
    """Costs of all lanes; a lane is a channel and a region and, looking ahead to cutoffs, a promise.

    Parameters
    ----------
    business : Business
    plan : Plan
    terms : SourcingTerms
    """

    def __init__(self, business: Business, plan: Plan, terms: SourcingTerms) -> None:
        settings, sites = business.settings, business["sites"]
        self._plan, self._ranking = plan, terms.ranking
        self._n_channels, self._n_regions = len(business["channels"]), len(business["regions"])
        self.looks_ahead = settings.cutoff_look_ahead
        self._late_penalty_cents = settings.late_penalty_cents
        self._handling_s = np.rint(sites.numbers("handling_minutes") * 60).astype(np.int64)
        wage = sites.integers("labour_cents_per_hour") / HOUR_S
        network = plan.network
        per_shipment = wage * (network.pick_order_s + network.pick_line_s + network.pack_order_s)
        self._shipment_work = np.rint(per_shipment).astype(np.int64) + settings.split_penalty_cents
        if len(business["cartons"]):
            self._shipment_work += int(business["cartons"].integers("cost_cents").min())
        self._unit_cents = np.rint(wage * (network.pick_unit_s + network.pack_unit_s)).astype(np.int64)
        self._sample = order_sample(business)
        goods = business["skus"]
        self._longest_mm = goods.integers("length_mm")
        card = plan.tariff.card
        starts = np.concatenate([card.surcharge_first_day, card.surcharge_last_day + 1])
        self._price_changes = np.unique(starts[(starts > 0) & (starts < plan.times.n_days)])
        self._fits: dict[int, tuple[Ints, Ints]] = {}
        self._late: dict[tuple[int, int, int, int], int] = {}
        self._cutoffs = [
            plan.times.cutoff_s[plan.times.cutoff_site == site] for site in range(len(sites))
        ]  # sorted, as the plan has them

    def base_lanes(self, day: int) -> Lanes:
        """Lanes of every channel and region on a day, row = channel x n_regions + region, without lateness.

        Sites closed on the day are not ranked.
        """
        shipment, kg = self._parcel_fit(day)
        rows = np.tile(np.arange(self._n_regions), self._n_channels)
        return Lanes(
            ranking=open_ranking(self._ranking, self._plan.network.closed[:, day])[rows],
            shipment_cents=shipment,
            unit_cents=np.ascontiguousarray(np.broadcast_to(self._unit_cents, shipment.shape)),
            kg_cents=kg,
        )

    def lanes(self, now_s: int, day: int, channel: Ints, region: Ints, promise_day: Ints) -> tuple[Lanes, Ints]:
        """Lanes of a cycle's orders, and the row of each order; late ones are dearer when sourcing looks ahead.

        Parameters
        ----------
        channel, region, promise_day : int64, shape (n_orders,)
            `promise_day` -1 = no promise.
        """
        base, row = self.base_lanes(day), channel * self._n_regions + region
        if not self.looks_ahead or not row.size:
            return base, row
        n_promises = int(promise_day.max()) + 2
        lane, lane_of = np.unique(row * n_promises + promise_day + 1, return_inverse=True)
        row, promised = lane // n_promises, lane % n_promises - 1
        shipment = base.shipment_cents[row]
        pickup = [self._pickup_day(site, now_s) for site in range(shipment.shape[1])]
        for i, (of_region, until) in enumerate(zip((row % self._n_regions).tolist(), promised.tolist(), strict=True)):
            if until >= 0:
                for site, on in enumerate(pickup):
                    shipment[i, site] += self._late_cents(site, of_region, on, until)
        return Lanes(base.ranking[row], shipment, base.unit_cents[row], base.kg_cents[row]), lane_of

    def _pickup_day(self, site: int, now_s: int) -> int:
        """Local day of the first cutoff a parcel sourced now can make; the day behind the horizon if there is none."""
        cutoffs = self._cutoffs[site]
        at = int(np.searchsorted(cutoffs, now_s + self._handling_s[site]))
        if at == cutoffs.size:
            return self._plan.times.n_days
        return int(np.searchsorted(self._plan.times.day_start_s, cutoffs[at], side="right")) - 1

    def _late_cents(self, site: int, region: int, pickup_day: int, promise_day: int) -> int:
        """Expected penalty with the service most likely in time among those that pick up on the day."""
        tariff = self._plan.tariff
        zone = int(tariff.zone[site, region])
        known = (site, zone, pickup_day, promise_day)
        if known not in self._late:
            best = 0.0
            for service in range(tariff.card.max_weight_g.size):
                comes = pickup_day >= self._plan.times.n_days or tariff.slots[pickup_day, site, service] > 0
                if zone >= 0 and comes and promise_day >= pickup_day:
                    share = on_time_share(tariff.transit, tariff.delivered_day, service, zone, pickup_day, promise_day)
                    best = max(best, share)
            self._late[known] = floor(self._late_penalty_cents * (1.0 - best) + 0.5)
        return self._late[known]

    def _parcel_fit(self, day: int) -> tuple[Ints, Ints]:
        """Cents for a shipment and for its kilograms, by channel x region and site; prices change with surcharges."""
        span = int(np.searchsorted(self._price_changes, day, side="right"))
        if span not in self._fits:
            self._fits[span] = self._fit(day)
        return self._fits[span]

    def _fit(self, day: int) -> tuple[Ints, Ints]:
        tariff, goods, sample = self._plan.tariff, self._plan.goods, self._sample
        n_zones = tariff.transit.shape[1]
        weight_g = np.minimum(goods.weight_g[sample.sku] * sample.units, MOST_G)
        volume_mm3, longest_mm = goods.volume_mm3[sample.sku] * sample.units, self._longest_mm[sample.sku]
        base = np.zeros((self._n_channels, n_zones))
        slope = np.zeros_like(base)
        for zone in range(n_zones):
            price = price_parcels(tariff.card, parcels_of(zone, weight_g, volume_mm3, longest_mm, day=day))
            offered = (price != NOT_CARRIED) & (tariff.transit[:, zone, -1] > 0)
            cheapest = np.where(offered, price, np.iinfo(np.int64).max).min(axis=1, initial=np.iinfo(np.int64).max)
            carried = offered.any(axis=1)
            for channel in range(self._n_channels):
                some = carried & (sample.channel == channel)
                base[channel, zone], slope[channel, zone] = straight_line(
                    weight_g[some] / GRAMS_PER_KG, cheapest[some].astype(np.float64), sample.share[some]
                )
        zone_of = tariff.zone.T  # (n_regions, n_sites)
        served = zone_of >= 0
        shipment = np.where(served, np.rint(base[:, zone_of]), 0.0).astype(np.int64) + self._shipment_work
        kg = np.where(served, np.rint(slope[:, zone_of]), 0.0).astype(np.int64)
        n_sites = zone_of.shape[1]
        return shipment.reshape(-1, n_sites), kg.reshape(-1, n_sites)


def straight_line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Least-squares line y = a + b x with a, b >= 0; (a, b), zeros without a point.

    >>> a, b = straight_line(np.array([1.0, 2.0, 4.0]), np.array([5.0, 7.0, 11.0]), np.ones(3))
    >>> round(a, 6), round(b, 6)
    (3.0, 2.0)
    """
    total = float(weight.sum())
    if total <= 0:
        return 0.0, 0.0
    mean_x, mean_y = float(weight @ x) / total, float(weight @ y) / total
    spread = float(weight @ (x - mean_x) ** 2)
    slope = max(float(weight @ ((x - mean_x) * (y - mean_y))) / spread, 0.0) if spread > 0 else 0.0
    at_zero = mean_y - slope * mean_x
    if at_zero < 0:
        return 0.0, float(weight @ (x * y)) / float(weight @ (x * x))
    return at_zero, slope


def open_ranking(ranking: Ints, closed: NDArray[np.bool_]) -> Ints:
    """The ranking without closed sites, those behind moved up."""
    shut = (ranking == NO_SITE) | closed[ranking]
    order = np.argsort(shut, axis=1, kind="stable")
    kept: Ints = np.take_along_axis(np.where(shut, NO_SITE, ranking), order, axis=1)
    return kept
