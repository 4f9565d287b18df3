"""What a night is judged by, made of and ended as: the shapes the job passes round and hands back.

Owns the shapes only. Judging is `gates`' work, carrying a night out `job`'s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from omsim.errors import FieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from omsim.nightly.night import Night, RunKey
    from omsim.nightly.snapshot import LastNight, Snapshot

State: TypeAlias = Literal["done", "already_done", "running_elsewhere", "rejected", "dry_run"]

GATE_EXIT_CODE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What one gate says of a night.

    Attributes
    ----------
    name : str
        Of the gate, e.g. ``stock_age``.
    passed : bool
        False stops the night: it is kept as rejected, and yesterday's stays current.
    reason : str
        One line for the buyer: what was measured, against which limit, and how to change the limit.
    measured, limit : float
        The numbers behind the reason, for the log.
    """

    name: str
    passed: bool
    reason: str
    measured: float = 0.0
    limit: float = 0.0

    def __post_init__(self) -> None:
        for name in ("measured", "limit"):
            number = float(getattr(self, name))  # plain numbers, as they are kept as JSON
            if not math.isfinite(number):
                raise FieldError(f"{self.name}.{name}", "a finite number", number)
            object.__setattr__(self, name, number)
        object.__setattr__(self, "passed", bool(self.passed))


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A night planned and judged but not yet written: all the summary may tell.

    Attributes
    ----------
    key : RunKey
        Of the night.
    attempt : int
        1, or more after rejected or superseded attempts.
    snapshot, last : Snapshot, LastNight
        What the night knew.
    night : Night
        What it decided, with the final names of proposals and purchase orders.
    gates : tuple of GateResult
        How it was judged.
    """

    key: RunKey
    attempt: int
    snapshot: Snapshot
    last: LastNight
    night: Night
    gates: tuple[GateResult, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether every gate let it pass."""
        return all(gate.passed for gate in self.gates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call of the nightly job ended.

    Attributes
    ----------
    state : str
        ``done``; ``already_done`` (nothing was changed); ``running_elsewhere`` (another process is at it, nothing was
        changed); ``rejected`` (a gate said no: kept with its reasons, what was current stays current); ``dry_run``.
    key : RunKey
        Of the night.
    message : str
        One line for the log and the terminal.
    attempt : int
        The attempt the message speaks of; 0 when none exists.
    folder : Path or None
        Where its export files are.
    current : Path or None
        Where the newest finished night's are.
    gates : tuple of GateResult
        Judgements of this call; of the stored attempt when it was rejected before.
    draft : Draft or None
        What was planned in this call, dry or not; None when nothing had to be, or a gate stopped it before.
    summary : str
        The HTML summary of `draft`; empty without one.
    finished_runs : int
        Earlier runs whose export files this call completed.
    """

    state: State
    key: RunKey
    message: str
    attempt: int = 0
    folder: Path | None = None
    current: Path | None = None
    gates: tuple[GateResult, ...] = ()
    draft: Draft | None = None
    summary: str = ""
    finished_runs: int = 0

    def exit_code(self, *, busy: int = 0) -> int:
        """Exit code of the command: 6 when a gate said no, `busy` when another process is at it, else 0."""
        if self.state == "running_elsewhere":
            return busy
        return 0 if all(gate.passed for gate in self.gates) or self.state == "already_done" else GATE_EXIT_CODE


Read: TypeAlias = "Callable[[LastNight], Snapshot]"
Plan: TypeAlias = "Callable[[Snapshot, LastNight], Night]"
Judge: TypeAlias = "Callable[[Snapshot, Night | None, LastNight], Sequence[GateResult]]"
"""Called before planning with None (may the inputs be trusted?) and after (may the plan?); the last answer is kept."""
Summarize: TypeAlias = "Callable[[Draft], str]"
