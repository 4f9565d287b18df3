"""Gates: conditions on KPIs under which a command ends with exit code 6.

Owns their grammar, ``KPI[.difference][@GROUP] < NUMBER``, and their evaluation on a finished experiment.
"""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from omsim.experiments.experiment import Experiment

OPERATIONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
GRAMMAR = re.compile(
    r"(?P<kpi>\w+)(?P<difference>\.difference)?(?:@(?P<group>[^<>]+?))?\s*(?P<operation><=|>=|<|>)\s*(?P<limit>\S+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition; `text` is what the user wrote."""

    text: str
    kpi: str
    group: str
    of_difference: bool
    operation: str
    limit: float


def read_gates(texts: Sequence[str]) -> tuple[Gate, ...]:
    """The gates as typed.

    Raises
    ------
    click.BadParameter
        A text is no gate, or names a KPI that does not exist.
    """
    if not texts:
        return ()
    import difflib

    from omsim.analysis.registry import REGISTRY

    gates = []
    for text in texts:
        match = GRAMMAR.fullmatch(text.strip())
        limit = _number(match["limit"]) if match else None
        if match is None or limit is None:
            raise click.BadParameter(f'"{text}" is no gate; write one as "otif<0.95"', param_hint="--fail-if")
        kpi = match["kpi"]
        if kpi not in REGISTRY:
            nearest = difflib.get_close_matches(kpi, list(REGISTRY), n=1)
            hint = f'; did you mean "{nearest[0]}"?' if nearest else ""
            raise click.BadParameter(f'there is no KPI "{kpi}"{hint}', param_hint="--fail-if")
        gates.append(
            Gate(
                text=text.strip(),
                kpi=kpi,
                group=match["group"] or "",
                of_difference=match["difference"] is not None,
                operation=match["operation"],
                limit=limit,
            )
        )
    return tuple(gates)


def failed_gates(gates: Sequence[Gate], experiment: Experiment) -> list[str]:
    """A line for each gate that holds in some arm; a KPI without a value fails its gate, as nothing is shown by it.

    In a comparison the arms after the first are judged, the first being what they are compared to.
    """
    from omsim.analysis.stats import compare_kpi, estimate_kpi

    judged = range(1, len(experiment.arms)) if len(experiment.arms) > 1 else range(1)
    lines = []
    for gate in gates:
        for arm in judged:
            tables = [one.kpis for one in experiment.finished[arm]]
            if gate.of_difference:
                base = [one.kpis for one in experiment.finished[0]]
                value = compare_kpi(base, tables, gate.kpi, gate.group).difference.mean
            else:
                value = estimate_kpi(tables, gate.kpi, gate.group).mean
            name = experiment.arms[arm].name
            if not math.isfinite(value):
                lines.append(f"gate {gate.text}: {name} has no value to judge")
            elif OPERATIONS[gate.operation](value, gate.limit):
                lines.append(f"gate {gate.text}: {name} has {value:.6g}")
    return lines


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
