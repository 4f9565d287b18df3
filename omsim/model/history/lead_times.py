"""Observed lead times of purchase orders, as the factors an empirical supplier draws from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import InvalidInputError, Problem
from omsim.model.nearest import nearest_name

if TYPE_CHECKING:
    from omsim.model.history.mapping import HistoryMapping

LEAD_FACTORS = 40


def read_lead_factors(mapping: HistoryMapping) -> dict[float, float]:
    """Observed lead times as factors on their mean: the means of forty slices of equal probability.

    Returns
    -------
    dict of factor to share
        Empty when the mapping names no history of lead times. The factors' mean is 1.
    """
    where = mapping.lead_history
    if not where:
        return {}
    import pandas as pd

    path = Path(mapping.path).parent / where["file"]
    try:
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0][:200]
        raise InvalidInputError((Problem(where=str(path), rule=f"cannot be read: {reason}"),)) from error
    only: dict[str, str] = dict(where.get("only", {}))
    missing = [name for name in (where["ordered"], where["delivered"], *only) if name not in frame.columns]
    if missing:
        raise InvalidInputError(
            tuple(
                Problem(
                    where=str(path),
                    field=name,
                    rule="is missing (a column)",
                    nearest=nearest_name(name, [str(column) for column in frame.columns]),
                )
                for name in missing
            )
        )
    for name, value in only.items():
        frame = frame[frame[name].astype(str) == value]
    try:
        ordered, delivered = (pd.to_datetime(frame[where[name]]) for name in ("ordered", "delivered"))
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            (Problem(where=str(path), rule=f"holds dates that cannot be read: {error}"),)
        ) from error
    days = ((delivered - ordered).dt.total_seconds() / 86_400).to_numpy()
    days = days[days > 0]
    if not days.size:
        raise InvalidInputError((Problem(where=str(path), rule="holds no lead time > 0"),))
    slices = np.array_split(np.sort(days), min(LEAD_FACTORS, days.size))
    shares: dict[float, float] = {}
    for part in slices:
        factor = round(float(part.mean() / days.mean()), 5)
        shares[factor] = shares.get(factor, 0.0) + float(part.size)
    return shares
