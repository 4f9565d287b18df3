"""The answer on the terminal: what was asked, sentences, KPI tables.

Owns their layout; statistics, wording and how a value reads are `analysis`'s. Works from what a run stores, so
`omsim report` shows the very answer that `omsim run` showed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omsim.analysis.report_data import ReportArm
    from omsim.analysis.summary import HeadlineRow
    from omsim.cli.voice import Voice
    from omsim.experiments.replicate import Finished

VERDICTS = {"unclear": "not clear", "same": "same", "changed": "differs"}


def show_answer(voice: Voice, document: Mapping[str, Any], finished: Sequence[Sequence[Finished]]) -> None:
    """Show a result: the question, the answer in words, KPIs with intervals, each variant beside the baseline.

    Parameters
    ----------
    voice : Voice
    document : mapping
        Content of `run.json`.
    finished : sequence of sequences of Finished
        By arm, then replication.
    """
    if voice.as_json:
        return
    from omsim.analysis.summary import answer_sentences, headline
    from omsim.experiments.reporting import build_report

    arms = document["arms"]
    told = build_report(document, finished)
    rows = headline([arm.tables for arm in told.arms])
    for arm in arms:
        if arm["question"]:
            voice.say(f"{arm['name']}: {arm['question']}")
    for at in range(1, len(arms)) if len(arms) > 1 else range(1):
        voice.say()
        for sentence in answer_sentences(told.arms, 0, at, told.currency):
            voice.say(sentence)
        voice.say()
        if len(arms) == 1:
            _show_one(voice, rows, arms[0])
        else:
            _show_pair(voice, rows, at, arms)
    for arm in told.arms:
        _show_rules(voice, arm, told.currency)
    voice.say()
    _show_basis(voice, document)


def _show_one(voice: Voice, rows: Sequence[HeadlineRow], arm: Mapping[str, Any]) -> None:
    currency = arm["currency"]
    cells = [(row.kpi.name, row.value_text(0, currency), row.interval_text(0, currency)) for row in rows]
    voice.table(("KPI", arm["name"], "95 % interval"), cells)


def _show_pair(voice: Voice, rows: Sequence[HeadlineRow], at: int, arms: Sequence[Mapping[str, Any]]) -> None:
    currency = arms[at]["currency"]
    cells = []
    for row in rows:
        judged = row.verdict(at) or ""
        cells.append(
            (
                row.kpi.name,
                row.value_text(0, currency),
                row.value_text(at, currency),
                row.difference_text(at, currency),
                row.difference_interval_text(at, currency),
                VERDICTS.get(judged, judged),
            )
        )
    voice.table(("KPI", arms[0]["name"], arms[at]["name"], "difference", "95 % interval", ""), cells)


def _show_rules(voice: Voice, arm: ReportArm, currency: str) -> None:
    """What sourcing rules would have paid on the same orders, cheapest first; nothing without shadow rules."""
    from omsim.analysis.figures_sourcing import has_rules
    from omsim.analysis.summary import headline

    if not has_rules(arm):
        return
    bound = headline([arm.tables], kpis=["sourcing_bound"])[0].value_text(0, currency)
    names = ("sourcing_cost", "sourcing_parcels", "gap_caught")
    rows = []
    for name in arm.tables[0].groups("rule"):
        told = headline([arm.tables], kpis=names, group=f"rule={name}", every=True)
        rows.append((told[0].estimates[0].mean, (name, *(row.value_text(0, currency) for row in told))))
    voice.say()
    voice.say(f"{arm.name}: what sourcing rules pay on the same orders and stock; nobody could pay less than {bound}")
    voice.table(("rule", "cost per order", "parcels per order", "gap caught"), [row for _, row in sorted(rows)])


def _show_basis(voice: Voice, document: Mapping[str, Any]) -> None:
    """What the answer rests on."""
    arms = document["arms"]
    orders = sum(sum(arm["orders"]) for arm in arms)
    voice.say(
        f"{document['replications']} replications of each, seed {document['seed']}, engine {document['engine']}; "
        f"{orders:,} orders simulated; all audits exact"
    )
    for arm in arms:
        for why, count in arm["fallbacks"]:
            voice.say(f"{arm['name']}: in replication 0 decided otherwise than asked, {count} {why}")
