"""Each item's own policy on tonight's forecast, and what a shortage is worth by it.

Owns the three aims of a model. ``fill_rate``: the least stock with which all items of one target together reach it
(type 2), at one price on stock (Everett 1963); the same target for each item by itself would spend on dear and erratic
items what fills more units elsewhere. ``cost``: (s, S) of least ordering, holding and shortage cost (Zheng &
Federgruen 1991), a unit owed for as long as the mean wait having cost its margin. ``one_price``: base stock on
lost-sales paths, a further unit wherever it earns more than it costs to hold, every unit served being worth the same.
The first and the last are proved on real orders in `omsim.experiments.replanning`.

Where sending an order costs something, S - s is the economic order quantity (Harris 1913), and s is where as much of
the time is covered as at the best level without it (Zheng 1992: at the optimum nothing is owed for p / (p + h) of the
time, whatever the quantity). A shortage is worth what makes the level just the best, so that items can be weighed
against each other when money or room is short. The policies themselves are `omsim.optimize.policies`'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.optimize.policies.economic_quantity import solve_all_units_discount
from omsim.optimize.policies.min_max import solve_min_max
from omsim.optimize.policies.service_levels import implied_shortage_cost, top_for_ready_rate
from omsim.optimize.policies.stock_position import base_stock_drop, min_max_drop
from omsim.optimize.reorder.cell_terms import DAYS_PER_YEAR
from omsim.optimize.reorder.replanned_levels import levels_for_shared_fill, plan_levels

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from omsim.demand.forecast.predictive import PredictiveDemand
    from omsim.demand.lead_time import DemandTable
    from omsim.optimize.reorder.cell_terms import CellTerms

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

LONGEST_CYCLE_DAYS = 91.0
MOST_VALUE_CENTS = 1e15
LEAST_RATE = 1e-12  # units a day, in place of none


class Past(NamedTuple):
    """What all items were asked for, and the seed of what is sampled from it."""

    history_units: Units
    first_day: date
    open_days: NDArray[np.bool_]
    seed: int


def own_policies(
    terms: CellTerms,
    items: Units,
    predicted: PredictiveDemand,
    target_fill: Floats,
    past: Past,
    rhythm: LaneRhythm,
) -> tuple[Units, Units, Floats]:
    """(s, S) of each item by itself, and the shortage cost that goes with it.

    Parameters
    ----------
    terms : CellTerms
    items : int64, shape (n,)
        Items that are reviewed equally often.
    predicted : PredictiveDemand
        Of these items.
    target_fill : float64, shape (n,)
        Unit fill rates of their classes, in (0, 1).
    past : Past
        History of all items of the terms.
    rhythm : LaneRhythm
        Of all lanes and items.

    Returns
    -------
    reorder_point, order_up_to : int64, shape (n,)
        s < S; -1 and 0 for what is not asked for.
    shortage_cents : float64, shape (n,)
        Of a unit owed at the end of a review period; by its margin, as for aim ``cost``, where nothing is asked for.
    """
    review = terms.review_days[items]
    holding = terms.holding_cents[items] * review
    period, before, after = predicted.period, predicted.before, predicted.after
    aim = terms.business.settings.aim
    margin = np.maximum(terms.price_cents - terms.unit_cost_cents, 1)[items]
    by_margin = margin / np.maximum(terms.mean_wait_days()[items] + review, 1.0) * review
    shortage = by_margin
    if aim == "cost":
        solved = solve_min_max(period, after, rhythm.order_cost_cents[items], holding, shortage)
        low, top = solved.reorder_point_units, solved.order_up_to_units
    else:
        if aim == "one_price":
            level = _levels_at_one_price(terms, items, past)
        else:
            targets, group = np.unique(target_fill, return_inverse=True)
            value = np.maximum(terms.unit_cost_cents[items], 1)
            level, _ = levels_for_shared_fill(
                before, after, value_cents=value, target_fill_rate=targets, group=group.astype(np.int64)
            )
        spread = economic_units(terms, items, predicted.mean_units_per_day, rhythm)
        top = np.where(spread <= 1, level, _covering_tops(period, after, spread, after.cdf(level - 1)))
        low = top - spread
        shortage = implied_shortage_cost(after, base_stock_drop(items.size), level, holding)
    asked = after.mean() > 0
    low, top = np.where(asked, low, -1), np.where(asked, np.maximum(top, low + 1), 0)
    # a table without demand would call any shortage cost implied: what little is owed must not outbid all that sells
    shortage = np.where(asked, np.maximum(shortage, 0.0), by_margin)
    return low.astype(np.int64), top.astype(np.int64), shortage


def _covering_tops(period: DemandTable, after: DemandTable, spread: Units, covered: Floats) -> Units:
    """Smallest S at which nothing is owed for this share of the time; 0 where the share or the demand is nought."""
    top = np.zeros(spread.size, dtype=np.int64)
    stocked = np.flatnonzero((covered > 0) & (period.mean() > 0))
    if stocked.size:
        drop = min_max_drop(period.select(stocked), spread[stocked])
        share = np.clip(covered[stocked], 1e-12, 1 - 1e-12)
        top[stocked] = top_for_ready_rate(drop, after.select(stocked), share)
    return top


def _levels_at_one_price(terms: CellTerms, items: Units, past: Past) -> Units:
    """Base-stock levels at one price on stock, lane by lane as lead times differ."""
    settings = terms.business.settings
    price = settings.holding_rate_per_year / DAYS_PER_YEAR / max(settings.unit_value_cents, 1)
    level = np.zeros(items.size, dtype=np.int64)
    for lane in np.unique(terms.lane[items]).tolist():
        here = np.flatnonzero(terms.lane[items] == lane)
        of_lane = items[here]
        # a review's order replaces what the days since the last one took: as many more days to bridge
        evening = np.concatenate((np.zeros(int(terms.review_days[of_lane[0]])), terms.lane_shares[lane]))
        level[here] = plan_levels(
            past.history_units[of_lane],
            first_day=past.first_day,
            value_cents=np.maximum(terms.unit_cost_cents[of_lane], 1),
            lead_time_days=evening,
            seed=past.seed,
            price=max(price, 1e-12),
            open_days=past.open_days,
        ).levels
    return level


class LaneRhythm(NamedTuple):
    """How often the orders of each lane go, and in which lots and at which price its items are bought over time.

    Attributes
    ----------
    cycle_days : float64, shape (n_lanes,)
        Days between two orders of a lane.
    order_cost_cents : float64, shape (n_items,)
        The item's share of the cost of sending an order it is on.
    lot_units : float64, shape (n_items,)
        Units worth buying at once for a lower price; 0 where no price break is worth it.
    saved_cents : float64, shape (n_items,)
        What a unit in such lots costs less than the item's unit cost.
    """

    cycle_days: Floats
    order_cost_cents: Floats
    lot_units: Floats
    saved_cents: Floats


def lane_cycles(terms: CellTerms, mean_units_per_day: Floats) -> tuple[Floats, Floats]:
    """Days between two orders of each lane, and what sending one costs; float64, shape (n_lanes,) each.

    The economic cycle (joint replenishment of Silver 1976, all lines in step), freight of an order of that size
    included, at least as long as the lane's demand takes to come to the minimum value, at most a quarter.
    """
    n_lanes = len(terms.lane_site)
    daily = np.maximum(mean_units_per_day, LEAST_RATE)
    holding = np.bincount(terms.lane, weights=daily * terms.holding_cents, minlength=n_lanes)
    value = np.bincount(terms.lane, weights=daily * terms.unit_cost_cents, minlength=n_lanes)
    least_days = terms.minimum_cents / np.maximum(value, 1e-12)

    def cycle_at(sending_cents: Floats) -> Floats:
        economic = np.sqrt(2 * sending_cents / np.maximum(holding, 1e-12))
        return np.clip(np.maximum(economic, least_days), 1.0, LONGEST_CYCLE_DAYS)

    worth = np.minimum(value * cycle_at(terms.sending_cents), MOST_VALUE_CENTS).astype(np.int64)
    lanes = np.arange(n_lanes)
    sending = terms.sending_cents + terms.freight.cents_at(lanes, worth, np.zeros(n_lanes, dtype=np.int64))
    return cycle_at(sending), sending


def lane_rhythm(terms: CellTerms, mean_units_per_day: Floats) -> LaneRhythm:
    """When a lane's lines order together, and what that costs each of them.

    An item is on its lane's orders as often as its pack or smallest order lasts, at most each time; those that are
    share what sending costs, so that over the long run all of it is paid and none of it twice.
    """
    cycle, sending = lane_cycles(terms, mean_units_per_day)
    n_lanes = len(terms.lane_site)
    daily = np.maximum(mean_units_per_day, LEAST_RATE)
    lasts_days = np.maximum(terms.moq_units, terms.pack_units) / daily
    on_order = np.minimum(cycle[terms.lane] / lasts_days, 1.0)
    lines = np.bincount(terms.lane, weights=on_order, minlength=n_lanes)
    share = (sending / np.maximum(lines, 1.0))[terms.lane]
    lot, saved = _price_lots(terms, mean_units_per_day, share)
    return LaneRhythm(cycle_days=cycle, order_cost_cents=share, lot_units=lot, saved_cents=saved)


def _price_lots(terms: CellTerms, mean_units_per_day: Floats, order_cost_cents: Floats) -> tuple[Floats, Floats]:
    """Lots that price breaks make worth it in the long run (all-units discount), and what a unit in them saves."""
    breaks = terms.price_breaks
    n_breaks = np.diff(breaks.first)
    lot, saved = np.zeros(terms.n_items), np.zeros(terms.n_items)
    rate = max(terms.business.settings.holding_rate_per_year, 1e-6)
    for count in np.unique(n_breaks[n_breaks > 0]).tolist():
        items = np.flatnonzero((n_breaks == count) & (mean_units_per_day > 0) & (terms.unit_cost_cents > 0))
        if not items.size:
            continue
        steps = breaks.first[items][:, None] + np.arange(count)
        at = np.column_stack((np.zeros(items.size), breaks.at[steps])).astype(np.float64)
        cents = np.column_stack((terms.unit_cost_cents[items], np.maximum(breaks.cents[steps], 1))).astype(np.float64)
        yearly = mean_units_per_day[items] * DAYS_PER_YEAR
        best = solve_all_units_discount(yearly, np.maximum(order_cost_cents[items], 1e-6), rate, at, cents)
        units = np.ceil(best.order_units / terms.pack_units[items] - 1e-9) * terms.pack_units[items]
        covered = terms.max_cover_days[items] * mean_units_per_day[items]
        fits = (terms.max_cover_days[items] <= 0) | (units <= covered)
        price = breaks.cents_at(items, units.astype(np.int64), terms.unit_cost_cents[items])
        worth_it = fits & (price < terms.unit_cost_cents[items])
        lot[items] = np.where(worth_it, units, 0.0)
        saved[items] = np.where(worth_it, terms.unit_cost_cents[items] - price, 0.0)
    return lot, saved


def economic_units(terms: CellTerms, items: Units, mean_units_per_day: Floats, rhythm: LaneRhythm) -> Units:
    """What an order of each item should be about; int64, shape (n,).

    The economic order quantity at the item's share of sending, at least its demand over its lane's cycle where sending
    costs anything and the lot that a price break makes worth it, at most a year's demand; at least what the supplier
    sells.
    """
    ideal = np.sqrt(2 * rhythm.order_cost_cents[items] * mean_units_per_day / terms.holding_cents[items])
    lane = terms.lane[items]
    together = np.where(rhythm.cycle_days[lane] > 1, rhythm.cycle_days[lane] * mean_units_per_day, 0.0)
    wanted = np.maximum(np.maximum(ideal, together), rhythm.lot_units[items])
    most = np.maximum(mean_units_per_day * DAYS_PER_YEAR, 1)
    least = np.maximum(terms.moq_units, terms.pack_units)[items]
    return np.maximum(np.rint(np.minimum(wanted, most)).astype(np.int64), least)
