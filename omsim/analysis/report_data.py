"""What a report is made of, as plain data; `report` renders it, `figures` draw from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from omsim.analysis.kpis import KpiTable
    from omsim.analysis.series import RunSeries


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportArm:
    """One alternative of a report.

    Attributes
    ----------
    name : str
    description : str
        What it is, in a line.
    changes : tuple of str
        What it changes against its model, one line an item; empty = nothing.
    tables, series : tuple
        One a replication; replication i of all arms met the same random numbers.
    """

    name: str
    description: str = ""
    changes: tuple[str, ...] = ()
    tables: tuple[KpiTable, ...]
    series: tuple[RunSeries, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Days worth a shade in every time series: a peak, a strike, a closed site; both ends included."""

    first: date
    last: date
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a report shows.

    Attributes
    ----------
    title, question : str
    arms : tuple of ReportArm
        One: a run. More: a comparison against `baseline`.
    baseline : int
        Index in `arms`.
    marks : tuple of Mark
        Days to shade in the time series.
    currency : str
    provenance : mapping of str to str
        Versions, seed, replications, engine, digests...
    assumptions, defaults_used : tuple of str
    audits : tuple of str
        One line an identity checked, with its result.
    """

    title: str
    question: str = ""
    arms: tuple[ReportArm, ...]
    baseline: int = 0
    currency: str = "EUR"
    marks: tuple[Mark, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    defaults_used: tuple[str, ...] = ()
    audits: tuple[str, ...] = ()
