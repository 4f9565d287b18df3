"""An experiment's answer as documents: KPIs with intervals and paired differences, CSV, and the report page.

Owns the step from replications to what `analysis` renders; statistics, figures and HTML are `analysis`'s.
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

from omsim.analysis.registry import REGISTRY
from omsim.analysis.stats import Estimate, compare_kpi, estimate_kpi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omsim.analysis.report_data import Mark, Report
    from omsim.experiments.experiment import Experiment
    from omsim.experiments.replicate import Finished


def kpi_documents(experiment: Experiment) -> list[dict[str, Any]]:
    """Every KPI and group over the replications: by arm, and each later arm's paired difference to the first."""
    tables = [[one.kpis for one in finished] for finished in experiment.finished]
    names = [arm.name for arm in experiment.arms]
    rows = dict.fromkeys((kpi, group) for arm in tables for kpi, group in zip(arm[0].kpi, arm[0].group, strict=True))
    documents = []
    for kpi, group in rows:
        definition = REGISTRY[kpi]
        differences = {}
        for name, variant in zip(names[1:], tables[1:], strict=True):
            pair = compare_kpi(tables[0], variant, kpi, group)
            differences[name] = {
                **_estimate(pair.difference),
                "clear": pair.clear,
                "share_above": _or_none(pair.share_above),
                "share_below": _or_none(pair.share_below),
            }
        documents.append(
            {
                "kpi": kpi,
                "group": group,
                "name": definition.name,
                "unit": definition.unit,
                "direction": definition.direction,
                "arms": {
                    name: _estimate(estimate_kpi(arm, kpi, group)) for name, arm in zip(names, tables, strict=True)
                },
                "differences": differences,
            }
        )
    return documents


def report_page(document: Mapping[str, Any], finished: Sequence[Sequence[Finished]]) -> str:
    """The self-contained HTML report of a run; arguments as in `build_report`."""
    from omsim.analysis.report import render_report

    return render_report(build_report(document, finished))


def build_report(document: Mapping[str, Any], finished: Sequence[Sequence[Finished]]) -> Report:
    """What the report of a run shows.

    Parameters
    ----------
    document : mapping
        Content of `run.json`.
    finished : sequence of sequences of Finished
        By arm, then replication.
    """
    from omsim.analysis.report_data import Report, ReportArm

    arms = document["arms"]
    return Report(
        title=" against ".join(arm["name"] for arm in reversed(arms)),
        question=next((arm["question"] for arm in reversed(arms) if arm["question"]), ""),
        arms=tuple(
            ReportArm(
                name=arm["name"],
                description=arm["question"] or arm["stands_for"],
                changes=tuple(arm["changes"]),
                tables=tuple(one.kpis for one in replications),
                series=tuple(one.series for one in replications),
            )
            for arm, replications in zip(arms, finished, strict=True)
        ),
        currency=arms[0]["currency"],
        marks=_marks(arms),
        provenance=_provenance(document),
        assumptions=_together(arms, "assumptions"),
        defaults_used=_together(arms, "defaults_used"),
        audits=tuple(f"{arm['name']}: {line}" for arm in arms for line in arm["audit"]),
    )


def _provenance(document: Mapping[str, Any]) -> dict[str, str]:
    """What a reader needs to get the same answer again."""
    return {
        "seed": str(document["seed"]),
        "replications": str(document["replications"]),
        "engine": document["engine"],
        "run digest": document["digest"],
        **{f"digest of {arm['name']}": arm["digest"] for arm in document["arms"]},
        **document["versions"],
    }


def _marks(arms: Sequence[Mapping[str, Any]]) -> tuple[Mark, ...]:
    from omsim.analysis.report_data import Mark

    marks = dict.fromkeys(tuple(mark) for arm in arms for mark in arm["marks"])
    return tuple(
        Mark(first=date.fromisoformat(first), last=date.fromisoformat(last), label=label)
        for first, last, label in marks
    )


def _together(arms: Sequence[Mapping[str, Any]], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line for arm in arms for line in arm[key]))


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "mean": _or_none(estimate.mean),
        "half_width": _or_none(estimate.half_width),
        "n": estimate.n,
        "n_null": estimate.n_null,
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
