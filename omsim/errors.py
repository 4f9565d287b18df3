"""The error tree of omsim; every error a user may meet is one of these.

::

    OmsimError
    ├── InvalidInputError        input cannot be used                        exit code 3
    │   └── (holds every Problem of the input, reported together)
    ├── FieldError               one value breaks one rule (the reader adds file and row)
    ├── AuditError               a conservation identity of a run is broken  exit code 1
    ├── SolveError               a solver gave no usable answer              exit code 4
    └── RunError                 a run could not be carried out or stored    exit code 1

Each keeps all its constructor arguments in ``args``: SimPy and process pools rebuild errors from them.
"""

from __future__ import annotations

from dataclasses import dataclass


class OmsimError(Exception):
    """Root of every error omsim raises on purpose."""

    exit_code = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with the input, with enough to find and mend it.

    Attributes
    ----------
    where : str
        File with row or line, e.g. ``models/metro/skus.csv:1043``.
    field : str
        Column or key, dotted within TOML; empty when the problem is the whole file or row.
    rule : str
        What was expected, worded to follow the field's name: "must be > 0".
    got : str
        The value met, already in quotes where it is text; empty when there is none.
    nearest : str
        The nearest valid name; empty when there is none.
    """

    where: str
    field: str = ""
    rule: str
    got: str = ""
    nearest: str = ""

    def __str__(self) -> str:
        text = f"{self.where}: {self.field + ' ' if self.field else ''}{self.rule}"
        if self.got:
            text += f", got {self.got}"
        if self.nearest:
            text += f'; did you mean "{self.nearest}"?'
        return text


class InvalidInputError(OmsimError):
    """A model, scenario, mapping or data file cannot be used; carries all its problems."""

    exit_code = 3
    most_per_rule = 20

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(problems)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Every problem found, in file and row order."""
        found: tuple[Problem, ...] = self.args[0]
        return found

    def lines(self) -> list[str]:
        """One line a problem, at most 20 of each rule in each file, then the totals."""
        shown: dict[tuple[str, str, str], int] = {}
        lines = []
        for problem in self.problems:
            key = (problem.where.partition(":")[0], problem.field, problem.rule)
            shown[key] = shown.get(key, 0) + 1
            if shown[key] <= self.most_per_rule:
                lines.append(str(problem))
        for (file, field, rule), count in shown.items():
            if count > self.most_per_rule:
                lines.append(f"{file}: {field} {rule}: {count} rows in all, first {self.most_per_rule} shown")
        return lines

    def __str__(self) -> str:
        return "\n".join(self.lines())


class FieldError(OmsimError):
    """One value breaks one rule; raised by domain types, given its place by the reader."""

    exit_code = 3

    def __init__(self, field: str, rule: str, got: object) -> None:
        super().__init__(field, rule, got)

    def __str__(self) -> str:
        field, rule, got = self.args
        return f"{field} must be {rule}, got {got!r}"


class AuditError(OmsimError):
    """A conservation identity of a run does not hold: a defect of the engine, never of the input."""

    def __init__(self, identity: str, detail: str) -> None:
        super().__init__(identity, detail)

    def __str__(self) -> str:
        identity, detail = self.args
        return f"audit: {identity} does not hold: {detail}"


class SolveError(OmsimError):
    """A solver ended without an answer that may be used."""

    exit_code = 4

    def __init__(self, problem: str, status: str, limit: str) -> None:
        super().__init__(problem, status, limit)

    def __str__(self) -> str:
        problem, status, limit = self.args
        return f"{problem}: the solver ended with {status} (limit {limit})"


class RunError(OmsimError):
    """A run could not be carried out, stored or read back."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)

    def __str__(self) -> str:
        what, why = self.args
        return f"{what}: {why}"
