"""Arms: the alternatives an experiment puts side by side, and how paths become arms.

Owns naming and reading of arms. What a scenario changes in a model is `model.scenario`'s.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from omsim.errors import InvalidInputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from omsim.model.business import Business
    from omsim.model.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One alternative.

    Attributes
    ----------
    name : str
        Unique within its experiment.
    business : Business
        The model, scenario applied.
    question : str
        What its scenario asks; empty for a model.
    changes : tuple of str
        What its scenario changes, one line an item.
    marks : tuple of (str, str, str)
        Days worth a shade in a picture: first and last (ISO), and what happens in them.
    source : str
        Path it was read from; empty = made in memory.
    """

    name: str
    business: Business
    question: str = ""
    changes: tuple[str, ...] = ()
    marks: tuple[tuple[str, str, str], ...] = ()
    source: str = ""


def read_arms(paths: Sequence[Path]) -> tuple[Arm, ...]:
    """Read the models and scenarios at `paths`, all problems of all of them reported together.

    Raises
    ------
    InvalidInputError
        Something is wrong with some of them.
    """
    arms: list[Arm] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            arms.append(read_arm(path))
        except InvalidInputError as error:
            problems += [problem for problem in error.problems if problem not in problems]
    if problems:
        raise InvalidInputError(tuple(problems))
    return name_apart(arms)


def read_arm(path: Path) -> Arm:
    """The model folder, `model.toml` or scenario file at `path`."""
    from omsim.model.files import SETTINGS_FILE, read_business
    from omsim.model.loading import load
    from omsim.model.overlay import apply_scenario
    from omsim.model.scenario import read_scenario

    if path.is_dir() or path.name == SETTINGS_FILE:
        business = load(path)
        return Arm(name=business.settings.name, business=business, source=str(path))
    scenario = read_scenario(path)
    business = apply_scenario(scenario, read_business(scenario.model))
    return Arm(
        name=scenario.name,
        business=business,
        question=scenario.question,
        changes=describe_changes(scenario),
        marks=mark_days(scenario),
        source=str(path),
    )


def describe_changes(scenario: Scenario) -> tuple[str, ...]:
    """The items of a scenario in words, one line each."""
    lines = []
    for change in scenario.changes:
        rows = ", ".join(f"{column} = {_listed(value)}" for column, value in change.where.items())
        what = f"{change.table}.{change.column}" if change.column else change.table
        doing = f"{change.operation} {_listed(change.value)}" if change.value is not None else change.operation
        row = ", ".join(f"{column} = {_listed(value)}" for column, value in (change.row or {}).items())
        days = _days(change.first_day, change.last_day)
        lines.append(" ".join(part for part in (what, f"[{rows}]" if rows else "", doing, row, days) if part))
    for event in scenario.events:
        target = event.get("target") or "all"
        value = f" {event['value']}" if event.get("value") else ""
        lines.append(f"event {event.get('kind')} {target}{value} {_days(event.get('start'), event.get('end'))}")
    return tuple(lines)


def mark_days(scenario: Scenario) -> tuple[tuple[str, str, str], ...]:
    """The windows and events of a scenario; changes of the same days are one mark."""
    marks = [
        (str(change.first_day), str(change.last_day), scenario.name.replace("_", " "))
        for change in scenario.changes
        if change.first_day is not None and change.last_day is not None
    ]
    for event in scenario.events:
        what = f"{event.get('target', '')} {event.get('kind', '')}".replace("_", " ").strip()
        marks.append((str(event.get("start")), str(event.get("end")), what))
    return tuple(dict.fromkeys(marks))


def _listed(value: object) -> str:
    return " or ".join(str(item) for item in value) if isinstance(value, list) else str(value)


def _days(first: object, last: object) -> str:
    if first is None and last is None:
        return ""
    return f"from {first or 'the start'} to {last or 'the end'}"


def with_base(arm: Arm) -> tuple[Arm, ...]:
    """The arm's model before the scenario, and the arm; a model, or a scenario that changes nothing, stays alone."""
    base = arm.business.base
    if base is None or base == arm.business:
        return (arm,)
    return name_apart([Arm(name=base.settings.name, business=base, source=base.folder), arm])


def arms_of(businesses: Mapping[str, Business]) -> tuple[Arm, ...]:
    """Arms made in memory."""
    return tuple(Arm(name=name, business=business) for name, business in businesses.items())


def name_apart(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """The arms with a number added to each name that an earlier arm has."""
    met: Counter[str] = Counter()
    apart = []
    for arm in arms:
        met[arm.name] += 1
        apart.append(arm if met[arm.name] == 1 else replace(arm, name=f"{arm.name}-{met[arm.name]}"))
    return tuple(apart)
