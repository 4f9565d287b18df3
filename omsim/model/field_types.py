"""What a field and a table of a business model are, and short ways to write them down.

Owns the types and the limits; which tables and fields there are is told in `settings_fields`, `order_tables`,
`purchase_tables` and `supply_tables`, put together in `fields`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["id", "text", "integer", "number", "share", "flag", "date", "time", "weekdays", "choice"]

MANY = 1_000_000_000  # an absurdly large count; a value beyond it is a slip of the finger
CENTS = 100_000_000_000  # a thousand million in the currency's major unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column of a table, or one key of `model.toml`.

    Attributes
    ----------
    name : str
        Column or key, carrying its unit.
    kind : str
        ``id`` and ``text`` are strings (an id is never empty and keeps leading zeros), ``integer`` and ``number``
        lie in [low, high], ``share`` is a number in [0, 1], ``flag`` is true/false, ``date`` YYYY-MM-DD, ``time``
        HH:MM (24:00 allowed), ``weekdays`` a list such as ``Mon-Fri`` or ``Mon Wed Sat``, ``choice`` one of `choices`.
    meaning : str
        One line for README and schema.
    default : str or None
        The text a missing or empty value stands for; None = the value is required.
    low, high : float
        Closed range of numbers.
    above_low : bool
        The range is open at `low` (``must be > 0``).
    refers : str
        ``table.column`` an id must be found in; empty = refers to nothing.
    key : bool
        Part of the table's primary key.
    windowed : bool
        A scenario may change it for a validity window within a run.
    """

    name: str
    kind: Kind
    meaning: str
    default: str | None = None
    low: float = 0
    high: float = MANY
    above_low: bool = False
    choices: tuple[str, ...] = ()
    refers: str = ""
    key: bool = False
    windowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """One CSV or Parquet file of a model (or, for `settings`, the sections of `model.toml`)."""

    name: str
    meaning: str
    fields: tuple[Field, ...]
    optional: bool = False
    absent: str = ""  # what it means when an optional table is not there

    def field(self, name: str) -> Field:
        """The field called `name`; KeyError if there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)

    @property
    def key(self) -> tuple[str, ...]:
        """Names of the columns that tell rows apart; empty = rows may repeat."""
        return tuple(field.name for field in self.fields if field.key)


def ident(name: str, meaning: str, refers: str = "", *, key: bool = False, default: str | None = None) -> Field:
    """A name that tells rows apart, or refers to another table."""
    return Field(name=name, kind="id", meaning=meaning, refers=refers, key=key, default=default)


def count(
    name: str,
    meaning: str,
    default: str | None = None,
    *,
    low: float = 0,
    high: float = MANY,
    windowed: bool = False,
    key: bool = False,
) -> Field:
    """A whole number."""
    return Field(
        name=name,
        kind="integer",
        meaning=meaning,
        default=default,
        low=low,
        high=high,
        windowed=windowed,
        key=key,
    )


def cents(name: str, meaning: str, default: str | None = None, *, windowed: bool = False) -> Field:
    """Money in the currency's minor unit."""
    return count(name, meaning, default, high=CENTS, windowed=windowed)


def number(
    name: str,
    meaning: str,
    default: str | None = None,
    *,
    low: float = 0,
    high: float = MANY,
    above: bool = False,
    windowed: bool = False,
    key: bool = False,
) -> Field:
    """A real number."""
    return Field(
        name=name,
        kind="number",
        meaning=meaning,
        default=default,
        low=low,
        high=high,
        above_low=above,
        windowed=windowed,
        key=key,
    )


def share(name: str, meaning: str, default: str | None = None, *, windowed: bool = False) -> Field:
    """A number from 0 to 1."""
    return Field(name=name, kind="share", meaning=meaning, default=default, high=1, windowed=windowed)


def choice(
    name: str, meaning: str, choices: tuple[str, ...], default: str | None = None, *, key: bool = False
) -> Field:
    """One of some words."""
    return Field(name=name, kind="choice", meaning=meaning, choices=choices, default=default, key=key)
