"""Scenario files: one question, the changes and events that ask it, and the model they are about.

Owns the form of a scenario's TOML, checked by pydantic, every error with its line and column. What a change does to a
business is `overlay`'s work.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from os.path import exists, normpath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from omsim.errors import InvalidInputError, Problem
from omsim.model.files import nearest_sibling
from omsim.model.nearest import nearest_name
from omsim.model.parsing import shown
from omsim.model.toml_files import KeyPath, key_places, place_of, read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping


ChangeOperation: TypeAlias = Literal["set", "add", "scale", "drop", "insert", "copy"]


class Change(BaseModel):
    """One item of a scenario: which cells of which table, and what happens to them.

    Attributes
    ----------
    table : str
        A table, or ``settings``.
    where : mapping
        Column to the value, or list of values, that rows must have; empty = every row.
    column : str or None
        What changes (set, add, scale); of settings, the dotted key.
    operation : str
    value : object
        Operand of set, add and scale, as TOML gave it.
    row : mapping or None
        Cells of an inserted row, or those in which a copy differs.
    first_day, last_day : date or None
        Validity window, both days included; written ``from`` and ``to``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    table: str
    where: dict[str, Any] = Field(default_factory=dict)
    column: str | None = None
    operation: ChangeOperation
    value: Any = None
    row: dict[str, Any] | None = None
    first_day: date | None = Field(default=None, alias="from")
    last_day: date | None = Field(default=None, alias="to")

    @field_validator("first_day", "last_day", mode="before")
    @classmethod
    def _as_date(cls, value: object) -> object:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == 10 else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A scenario file as read.

    Attributes
    ----------
    path : Path
    model : Path
        Folder of the model it is about.
    question : str
        What it asks, in a line.
    changes : tuple of Change
        In the order in which they apply.
    events : tuple of mapping
        Rows for the model's `events` table, as TOML gave them.
    places : mapping of key path to (line, column)
        Where each key stands.
    """

    path: Path
    model: Path
    question: str = ""
    changes: tuple[Change, ...] = ()
    events: tuple[Mapping[str, object], ...] = ()
    places: Mapping[KeyPath, tuple[int, int]] = field(default_factory=dict, repr=False)

    def place(self, *key: str | int) -> str:
        """``file:line:column`` of a key."""
        return place_of(self.path, self.places, key)

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario file and check its form (not yet against its model).

    Raises
    ------
    InvalidInputError
        With every problem of the file.
    """
    path = Path(path)
    if not exists(path):
        rule = "is missing (a model's folder or a scenario file)"
        raise InvalidInputError((Problem(where=str(path), rule=rule, nearest=nearest_sibling(path)),))
    if path.suffix != ".toml":
        raise InvalidInputError((Problem(where=str(path), rule="is neither a model's folder nor a .toml scenario"),))
    values, text = read_toml(path)
    places = key_places(text)
    problems: list[Problem] = []

    def problem(key: KeyPath, rule: str, got: str = "", nearest: str = "") -> None:
        name = ".".join(part for part in key if isinstance(part, str))
        where = place_of(path, places, key)
        problems.append(Problem(where=where, field=name, rule=rule, got=got, nearest=nearest))

    known = ("model", "question", "change", "event")
    for key in values:
        if key not in known:
            problem((key,), "is not a key of a scenario", nearest=nearest_name(key, known))
    model, question = values.get("model"), values.get("question", "")
    if not isinstance(model, str) or not model.strip():
        problem(("model",), "must be the path of the model's folder, in quotes", "" if model is None else shown(model))
    if not isinstance(question, str):
        problem(("question",), "must be text", shown(question))
    changes = []
    for i, item in enumerate(_items(values, "change", problem)):
        change = _read_change(item, ("change", i), problem)
        if change is not None:
            changes.append(change)
    events = _items(values, "event", problem)
    if problems:
        raise InvalidInputError(tuple(problems))
    return Scenario(
        path=path,
        model=Path(normpath(path.parent / str(model).strip())),
        question=str(question).strip(),
        changes=tuple(changes),
        events=tuple(events),
        places=places,
    )


def _items(values: Mapping[str, object], key: str, problem: Any) -> list[dict[str, object]]:
    items = values.get(key, [])
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        problem((key,), f"must be tables, each under [[{key}]]")
        return []
    return items


def _read_change(item: Mapping[str, object], at: KeyPath, problem: Any) -> Change | None:
    """One change, or None after its problems were told."""
    names = [info.alias or name for name, info in Change.model_fields.items()]
    try:
        change = Change.model_validate(item)
    except ValidationError as error:
        for fault in error.errors():
            loc: KeyPath = (*at, *fault["loc"])
            if fault["type"] == "extra_forbidden":
                problem(loc, "is not a key of a change", nearest=nearest_name(str(fault["loc"][-1]), names))
            elif fault["type"] == "missing":
                problem(loc, "is missing")
            elif fault["type"] == "literal_error":
                legal = get_args(ChangeOperation)
                nearest = nearest_name(str(fault["input"]), legal)
                problem(loc, f"must be one of {', '.join(legal)}", shown(fault["input"]), nearest)
            else:
                nouns = {"date": "a date, such as 2026-11-20", "string": "text in quotes", "dict": "a table in braces"}
                kind = fault["type"].partition("_")[0]
                problem(loc, f"must be {nouns.get(kind, nouns['date'])}", shown(fault["input"]))
        return None
    wrong = list(_wrong_keys(change, item))
    for key, rule in wrong:
        problem((*at, key), rule)
    for key in ("from", "to"):
        if isinstance(item.get(key), datetime):
            problem((*at, key), "must be a date without a time", shown(item[key]))
    return None if wrong else change


def _wrong_keys(change: Change, item: Mapping[str, object]) -> list[tuple[str, str]]:
    """Keys an operation lacks or has no use for."""
    uses = {"insert": ("row",), "drop": ("where",), "copy": ("where", "row")}.get(
        change.operation, ("where", "column", "value", "from", "to")
    )
    wrong = [
        (key, f"has no meaning for operation {change.operation}")
        for key in ("where", "column", "value", "row", "from", "to")
        if key in item and key not in uses
    ]
    needs = {"insert": ("row",), "drop": (), "copy": ("row",)}.get(change.operation, ("column", "value"))
    wrong += [(key, f"is missing for operation {change.operation}") for key in needs if key not in item]
    if change.first_day and change.last_day and change.last_day < change.first_day:
        wrong.append(("to", f"must not be before from ({change.first_day})"))
    return wrong
