"""How the night's forecasts would have done on the last days, had they been made before: the fact ``forecast.holdout``.

Owns what is asked and what is kept of the answer. Scoring is `omsim.demand.forecast.report`'s, the words are
`summary_trust`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from omsim.demand.forecast.holdout import ALL, CENTRAL_SHARE
from omsim.demand.forecast.report import holdout_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omsim.nightly.snapshot import Snapshot
    from omsim.optimize.reorder.outlook import Outlook


def forecast_record(snapshot: Snapshot, outlook: Outlook, *, seed: int) -> dict[str, Any]:
    """Scores of the night's methods on the end of the history, beside naive rules; empty where it is too short.

    Parameters
    ----------
    snapshot : Snapshot
    outlook : Outlook
        Made of this snapshot's history.
    seed : int
        The outlook's.

    Returns
    -------
    dict
        ``days``, ``interval_share``, ``rows``; see :func:`holdout_facts`.

    Notes
    -----
    Items are judged over one interval, that of the commonest review, so that their scores can be put together.
    """
    terms = outlook.terms
    history = snapshot.history_units[terms.row]
    reviews, counts = np.unique(terms.review_days, return_counts=True)
    rows = holdout_rows(
        history,
        first_day=snapshot.first_day,
        before_days=terms.lane_shares[terms.lane],
        review_days=int(reviews[np.argmax(counts)]),
        methods=outlook.method.tolist(),
        doubt_sigma=outlook.doubt_sigma,
        sold_out=snapshot.sold_out[terms.row],
        open_days=history.sum(axis=0) > 0,
        seed=seed,
    )
    return holdout_facts(rows)


def holdout_facts(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of the scores of `holdout_rows` those over all kinds of demand, with the days they were taken on.

    Returns
    -------
    dict
        ``days`` scored in all, ``interval_days`` of one score, ``interval_share`` (what the central range should
        hold), ``n_items`` looked at, and ``rows``: name, ours, pinball, coverage_share, bias_share. Empty without rows.
    """
    if not rows:
        return {}
    kept = ("name", "ours", "pinball", "coverage_share", "bias_share")
    of_all = [row for row in rows if row["demand_class"] == ALL]
    return {
        "days": rows[0]["interval_days"] * rows[0]["n_origins"],
        "interval_days": rows[0]["interval_days"],
        "interval_share": CENTRAL_SHARE,
        "n_items": of_all[0]["n_items"],
        "rows": [{name: row[name] for name in kept} for row in of_all],
    }
