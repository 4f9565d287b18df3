"""How the command line speaks: results to stdout, progress and notes to stderr, one JSON document on request.

Owns the two streams, progress bars and how errors are worded at the end of a command. It knows no command.
"""

from __future__ import annotations

import json
import math
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from omsim.errors import InvalidInputError, OmsimError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SCHEMA_VERSION = 1  # of every JSON document this program prints; raised when a key changes its meaning
TABLE_WIDTH = 140  # characters of a table that goes to a file or a pipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What a command says, and how loudly.

    Attributes
    ----------
    command : str
        Name of the running command, repeated in its JSON document.
    as_json : bool
        Print one JSON document instead of text.
    quiet : bool
        Neither progress nor notes.
    verbose : bool
        Details as well.
    """

    command: str
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False

    def say(self, text: str = "") -> None:
        """Print a line of the result; silent in JSON mode, where `document` carries the result."""
        if not self.as_json:
            print(text)

    def note(self, text: str) -> None:
        """Tell the user something beside the result."""
        if not self.quiet:
            print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """Print an error on stderr, even when quiet."""
        print(text, file=sys.stderr)

    def detail(self, text: str) -> None:
        """Tell the user what only the curious want to know (-v)."""
        if self.verbose and not self.quiet:
            print(text, file=sys.stderr)

    def document(self, content: Mapping[str, Any]) -> None:
        """Print the JSON document of the command; silent in text mode."""
        if self.as_json:
            print_document({"schema_version": SCHEMA_VERSION, "command": self.command, **content})

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1, notes: bool = False) -> None:
        """Print rows in aligned columns: the first `left` to the left, the others (figures) to the right.

        With `notes` the last column is words, to the left as well.
        """
        if self.as_json:
            return
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for at, head in enumerate(heads):
            words = at < left or (notes and at == len(heads) - 1)
            table.add_column(head, justify="left" if words else "right", overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        console = Console(width=None if sys.stdout.isatty() else TABLE_WIDTH, highlight=False)
        console.print(table)

    @contextmanager
    def progress(self, title: str, total: int | None = None) -> Iterator[Callable[[], None]]:
        """Show a bar (or a spinner without `total`) on a terminal; gives the function that advances it."""
        if self.quiet or self.as_json or not sys.stderr.isatty():
            yield lambda: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        counted = (BarColumn(), MofNCompleteColumn()) if total is not None else (SpinnerColumn(),)
        columns = (TextColumn("{task.description}"), *counted, TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda: bar.advance(task)


def problem_documents(error: InvalidInputError) -> list[dict[str, str]]:
    """Every problem of an input, as JSON mode prints it."""
    return [
        {
            "where": problem.where,
            "field": problem.field,
            "rule": problem.rule,
            "got": problem.got,
            "nearest": problem.nearest,
            "message": str(problem),
        }
        for problem in error.problems
    ]


def plain(value: Any) -> Any:
    """The value as JSON can say it: NaN and infinity as null, dates as text, NumPy scalars as Python's own."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        return plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def print_document(content: Mapping[str, Any]) -> None:
    """Print one JSON document on stdout."""
    print(json.dumps(plain(dict(content)), indent=2, ensure_ascii=False, allow_nan=False))


def tell_error(error: OmsimError, *, as_json: bool) -> int:
    """Word an error on stderr, one line a problem (and as a document on stdout in JSON mode); its exit code."""
    lines = error.lines() if isinstance(error, InvalidInputError) else str(error).splitlines()
    for line in lines:
        print(line, file=sys.stderr)
    if isinstance(error, InvalidInputError) and len(error.problems) > 1:
        print(f"{len(error.problems)} problems; nothing was run", file=sys.stderr)
    if as_json:
        print_document(error_document(type(error).__name__, error.exit_code, lines, error))
    return error.exit_code


def error_document(kind: str, code: int, lines: list[str], error: OmsimError | None = None) -> dict[str, Any]:
    """What JSON mode prints instead of a result."""
    details: list[Any] = [{"message": line} for line in lines]
    if isinstance(error, InvalidInputError):
        details = list(problem_documents(error))
    message = lines[0] if lines else kind
    return {
        "schema_version": SCHEMA_VERSION,
        "error": {"code": code, "kind": kind, "message": message, "details": details},
    }
