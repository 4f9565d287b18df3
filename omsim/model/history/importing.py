"""`omsim import`: from a shop's order lines to a model folder, and an account of every row.

Owns the order of the steps, the report, and that nothing is written unless all of it is right. Reading is
`history_rows`', fates `history_fates`', numbers `history_estimates`' and tables `history_tables`' work.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from omsim.errors import InvalidInputError, Problem
from omsim.model.building import build_business
from omsim.model.files import write_business
from omsim.model.history.estimates import (
    describe_orders,
    estimate_quantities,
    estimate_season,
    match_returns,
    replay_rows,
    sale_rows,
    training_rows,
)
from omsim.model.history.fates import FATE_TEXTS, FIRST_DROPPED, Fate, Period, give_fates, period_of, repeated_lines
from omsim.model.history.mapping import HistoryMapping, read_mapping
from omsim.model.history.rows import Rows, read_rows
from omsim.model.history.settings import describe_settings
from omsim.model.history.tables import History, build_tables, describe_articles

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOWN_CODES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class FateCount:
    """How many rows met one fate."""

    fate: str
    used: bool
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What an import did with every row, and what it found.

    Attributes
    ----------
    rows_read : int
        The counts of `fates` add up to it.
    fates : tuple of FateCount
        Used ones first, each once, none of them zero.
    not_goods : tuple of (str, int)
        Article numbers dropped as not goods, with their rows, most rows first.
    first_training_day, last_training_day : date
    replay_from : date or None
        First replayed day; None = nothing is replayed.
    repeated_lines : int
        Rows equal to an earlier one in every mapped column (kept, unless the mapping drops them).
    skus, skus_new : int
        Articles of the model, and how many of them first sold after the training period.
    return_lag_median_days : float
        Between a sale and the cancellation matched to it; NaN when there is none.
    """

    rows_read: int
    fates: tuple[FateCount, ...]
    not_goods: tuple[tuple[str, int], ...]
    first_training_day: date
    last_training_day: date
    replay_from: date | None
    orders_training: int
    orders_replayed: int
    skus: int
    skus_new: int
    channels: tuple[str, ...]
    regions: int
    repeated_lines: int
    returns_matched: int
    returns_unmatched: int
    return_lag_median_days: float
    assumptions: tuple[str, ...]
    folder: str

    @property
    def rows_used(self) -> int:
        """Rows that went into the model."""
        return sum(count.rows for count in self.fates if count.used)

    def lines(self) -> list[str]:
        """The report as text, one line each."""
        width = len(f"{self.rows_read:,}")
        text = [f"{self.rows_read:>{width},} rows read"]
        for used, word in ((True, "used"), (False, "dropped")):
            total = self.rows_used if used else self.rows_read - self.rows_used
            text.append(f"{total:>{width},} {word}")
            text += [f"  {count.rows:>{width},} {count.fate}" for count in self.fates if count.used == used]
        if self.not_goods:
            most = ", ".join(f"{code} {rows:,}" for code, rows in self.not_goods[:SHOWN_CODES])
            more = len(self.not_goods) - SHOWN_CODES
            text.append(f"not goods: {most}" + (f" and {more} more" if more > 0 else ""))
        text.append(
            f"estimated from {self.first_training_day} to {self.last_training_day}: {self.orders_training:,} orders"
        )
        if self.replay_from:
            text.append(f"replayed from {self.replay_from}: {self.orders_replayed:,} orders")
        new = f", {self.skus_new:,} of them first sold after the training period" if self.skus_new else ""
        text.append(f"{self.skus:,} articles{new}; {len(self.channels)} channels, {self.regions} regions")
        returned = self.returns_matched + self.returns_unmatched
        if returned:
            text.append(
                f"{self.returns_matched:,} of {returned:,} returns have an earlier sale to the same customer, "
                f"half of them within {self.return_lag_median_days:.1f} days"
            )
        if self.repeated_lines:
            text.append(f"{self.repeated_lines:,} lines repeat an earlier one exactly")
        text += [f"assumed: {sentence}" for sentence in self.assumptions]
        return text


def import_history(
    lines: Path,
    mapping: Path,
    out: Path,
    *,
    since: date | None = None,
    until: date | None = None,
    replay_from: date | None = None,
) -> ImportReport:
    """Make a model folder of a history of order lines.

    Parameters
    ----------
    lines : Path
        Order lines, CSV (UTF-8, every cell read as text) or Parquet.
    mapping : Path
        Which column is what, which row is what, what is assumed (`models/online_retail.mapping.toml`).
    out : Path
        Folder of the model; must not exist yet, or be empty.
    since, until : date, optional
        Everything is estimated from days with since <= day < until; left out: from the first day, to the start of the
        replay or the end.
    replay_from : date, optional
        Orders from this day on are replayed exactly; the model starts on the first of them. Left out: all of them.

    Returns
    -------
    ImportReport

    Raises
    ------
    InvalidInputError
        Mapping or lines cannot be used; nothing has been written then.
    """
    how = read_mapping(Path(mapping))
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidInputError((Problem(where=str(out), rule="is there already; name a new folder"),))
    rows = read_rows(Path(lines), how)
    history = _estimate(rows, how, period_of(rows, since, until, replay_from), str(lines))
    settings = describe_settings(history)
    business = build_business(settings, build_tables(history), folder=str(out))
    partial = out.with_name(f"{out.name}.partial-{os.getpid()}")
    try:
        write_business(business, partial, parquet=("orders", "history"))
        if out.exists():
            out.rmdir()
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return _report(history, business.settings.assumptions, out)


def _estimate(rows: Rows, mapping: HistoryMapping, period: Period, where: str) -> History:
    fates = give_fates(rows, mapping, period)
    training = training_rows(fates)
    if not training.size:
        first, cut = date.fromordinal(period.since), date.fromordinal(period.until)
        rule = f"has no sale line from {first} until before {cut}"
        raise InvalidInputError((Problem(where=where, rule=rule),))
    if not replay_rows(fates).size:
        rule = f"has no sale line from {date.fromordinal(period.replay_from)} on (to replay)"
        raise InvalidInputError((Problem(where=where, rule=rule),))
    articles = describe_articles(rows, fates)
    orders = describe_orders(rows, fates, mapping)
    returns = match_returns(rows, fates, mapping["assumptions.return_prior_lines"])
    arrived_s = orders.arrived_s[np.unique(rows.order[training])]
    last_day = int(rows.day.max())
    return History(
        rows=rows,
        fates=fates,
        mapping=mapping,
        period=period,
        articles=articles,
        orders=orders,
        season=estimate_season(arrived_s, period, last_day),
        quantities=estimate_quantities(
            rows, fates, orders, articles.price_cents, mapping["assumptions.own_profile_lines"]
        ),
        returns=returns,
    )


def _report(history: History, assumptions: tuple[str, ...], out: Path) -> ImportReport:
    rows, fates = history.rows, history.fates
    counts = _count_fates(fates)
    strange = np.unique(rows.sku[fates == Fate.NOT_GOODS], return_counts=True)
    not_goods = sorted(
        ((rows.sku_names[code], n) for code, n in zip(strange[0].tolist(), strange[1].tolist(), strict=True)),
        key=lambda pair: (-pair[1], pair[0]),
    )
    replayed = replay_rows(fates)
    lag = history.returns.lag_days
    return ImportReport(
        rows_read=len(rows),
        fates=counts,
        not_goods=tuple(not_goods),
        first_training_day=date.fromordinal(history.period.since),
        last_training_day=date.fromordinal(history.period.since + history.training_days - 1),
        replay_from=date.fromordinal(int(rows.day[replayed].min())) if replayed.size else None,
        orders_training=history.training_orders().size,
        orders_replayed=np.unique(rows.order[replayed]).size,
        skus=history.articles.codes.size,
        skus_new=int((~history.articles.trained).sum()),
        channels=history.orders.channel_names,
        regions=np.unique(history.orders.region[rows.order[sale_rows(fates)]]).size,
        repeated_lines=int(repeated_lines(rows).sum()),
        returns_matched=history.returns.n_matched,
        returns_unmatched=history.returns.n_unmatched,
        return_lag_median_days=float(np.median(lag)) if lag.size else float("nan"),
        assumptions=assumptions,
        folder=str(out),
    )


def _count_fates(fates: NDArray[np.int8]) -> tuple[FateCount, ...]:
    """Rows by fate; every row has exactly one, so the counts add up to the rows."""
    counts = np.bincount(fates, minlength=max(Fate) + 1)
    found = tuple(
        FateCount(fate=FATE_TEXTS[fate], used=fate < FIRST_DROPPED, rows=int(counts[fate]))
        for fate in Fate
        if counts[fate]
    )
    if sum(count.rows for count in found) != fates.size:
        raise AssertionError(f"the fates of {fates.size} rows add up to {sum(count.rows for count in found)}")
    return found
