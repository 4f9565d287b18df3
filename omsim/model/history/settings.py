"""The settings of an imported model, and one sentence for every number the history could not give."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.model.history.estimates import replay_rows, sale_rows

if TYPE_CHECKING:
    from omsim.model.history.tables import History


def describe_settings(history: History) -> dict[str, Any]:
    """Keys of `model.toml`, with the assumptions spelt out."""
    mapping, returns = history.mapping, history.returns
    sales = sale_rows(history.fates)
    replayed = replay_rows(history.fates)
    days = history.rows.day[replayed]
    first, n_days = int(days.min()), int(days.max() - days.min()) + 1
    transit = np.array(mapping.transit_home_shares)
    on_the_way = float(transit @ np.arange(transit.size) / transit.sum()) + mapping["assumptions.return_transit_days"]
    positive = returns.lag_days[returns.lag_days > 0]
    observed = float(np.median(positive)) if positive.size else 7.0 + on_the_way
    quartiles = np.quantile(np.log(positive), [0.25, 0.75]) if positive.size else np.array([0.0, 1.2])
    sigma = float(np.clip((quartiles[1] - quartiles[0]) / 1.349, 0, 5))
    return {
        "model.name": mapping["source.name"],
        "model.stands_for": mapping["source.stands_for"] or f"{sales.size:,} order lines of {mapping['source.name']}.",
        "model.currency": mapping["source.currency"],
        "model.time_zone": mapping["source.time_zone"],
        "model.start_date": date.fromordinal(first),
        "model.horizon_days": n_days,
        "model.assumptions": _assumptions(history, observed, on_the_way),
        "costs.holding_rate_per_year": mapping["assumptions.holding_rate_per_year"],
        "costs.late_penalty_cents": mapping["assumptions.late_penalty_cents"],
        "costs.return_lag_median_days": round(max(observed - on_the_way, 1.0), 3),
        "costs.return_lag_sigma": round(sigma, 4),
        "costs.return_transit_days": mapping["assumptions.return_transit_days"],
        "costs.return_label_cents": mapping["assumptions.return_label_cents"],
    }


def _assumptions(history: History, observed_lag_days: float, on_the_way_days: float) -> list[str]:
    mapping, period = history.mapping, history.period
    value = {key.partition(".")[2]: mapping[key] for key in mapping.values if key.startswith("assumptions.")}
    if mapping.lead_history:
        lead = f"the shape of {mapping.lead_history['file']}"
    else:
        lead = f"{value['lead_time']} shape, coefficient of variation {value['lead_time_cv']:g}"
    first, last = date.fromordinal(period.since), date.fromordinal(period.since + history.training_days - 1)
    seen = "later days are never learned from" if period.replay_from >= period.until else "replayed days are among them"
    new = int((~history.articles.trained).sum())
    sentences = [
        f"Estimated from {first} to {last} only; {seen}.",
        f"Unit cost is {value['unit_cost_share']:.0%} of the median selling price (no cost in the data).",
        f"One supplier, mean lead time {value['lead_time_days']:g} days, {lead} (no supplier in the data).",
        f"Opening stock and base-stock levels are {value['cover_days']:g} days of mean demand (no stock in the data).",
        f"A unit weighs {value['weight_g']} g and needs the standard seconds of work (no size or work in the data).",
        f"One site, cutoff and shifts as assumed; people are enough for {value['utilisation']:.0%} use on a busy day.",
        "One carrier service; its prices are the postage charged by country, its transit times are assumed.",
        f"Delivery is promised in {value['promise_days']} days; what is not on hand "
        + ("waits for the next receipt." if value["backorders"] else "is a lost sale."),
        "Demand is what was sold: days without stock, if any, look like days without demand.",
        f"A return is asked for {observed_lag_days:.1f} days (median) after the sale in the data; "
        f"{on_the_way_days:.1f} of them are taken to be on the road.",
        "Stock corrections downwards are shrinkage, an upper bound: recounts and sets made up are among them.",
    ]
    if least := mapping["skus.least_selling_days"]:
        sentences.append(f"Articles that sold on fewer than {least} days of that time are left out.")
    if new:
        sentences.append(f"{new:,} articles first sold after the training period have no stock and no policy.")
    if mapping["source.attribution"]:
        sentences.append(mapping["source.attribution"])
    return sentences
