"""The nightly job: read, plan, judge, write once, export.

Done twice it changes nothing; killed anywhere, the next call completes it.

Owns the order of the steps and what each ending is called. What is read, planned, judged and shown comes from outside.

::

    lock -> schema -> unsent exports of earlier nights -> already done? -> read -> judge inputs -> plan -> judge plan
         -> one transaction (run, tables, outbox) -> export files -> current

Until the transaction commits nothing of the night exists, and the next call plans again; after it everything does, and
the next call completes the files from the database. Two calls at once: one holds the lock; should both get past it, the
database lets one of them commit.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from omsim.errors import FieldError, RunError
from omsim.nightly.crashpoints import crashpoint
from omsim.nightly.database import MissingDatabaseError, WrittenByAnother, open_database
from omsim.nightly.lock import one_at_a_time
from omsim.nightly.migrations import VERSION, bring_up_to_date, find_version, require_current
from omsim.nightly.outbox import finish_damaged, finish_unsent, point_current
from omsim.nightly.outcome import Draft, Outcome
from omsim.nightly.recall import find_attempts, read_last_night, read_run
from omsim.nightly.records import check_text, finish_night
from omsim.nightly.snapshot import LastNight
from omsim.nightly.store import write_attempt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from omsim.nightly.database import Database
    from omsim.nightly.night import RunKey
    from omsim.nightly.outcome import GateResult, Judge, Plan, Read, Summarize
    from omsim.nightly.recall import StoredRun
    from omsim.nightly.snapshot import Snapshot


def run_night(
    key: RunKey,
    *,
    database: str,
    out: Path,
    read: Read,
    plan: Plan,
    judge: Judge,
    summarize: Summarize,
    dry_run: bool = False,
    force: bool = False,
    lapse_days: int = 14,
    log: logging.Logger | None = None,
) -> Outcome:
    """Carry out a night, or say why there is nothing to do.

    Parameters
    ----------
    key : RunKey
        Which night.
    database : str
        Path of a SQLite file, or a URL.
    out : Path
        Folder of the export files; made when missing. One for each model.
    read : callable
        Last night -> what is known today. Proposals the purchasing system has not taken over count as on order; those
        it has are named in `Snapshot.confirmed`.
    plan : callable
        Snapshot, last night -> what is decided.
    judge : callable
        Snapshot, night or None, last night -> gates. Called with None before planning: a gate that says no then
        saves the planning.
    summarize : callable
        Draft -> HTML.
    dry_run : bool
        Do everything but write: no database is made or changed, no file written, no lock held.
    force : bool
        Make a new attempt at a night already done; once accepted it supersedes the old one, whose open proposals are
        withdrawn.
    lapse_days : int
        Proposals older than this and still unconfirmed no longer count as on order.
    log : Logger or None
        Told each step with ``extra={"phase": ..., "run_key": ..., "seconds": ...}``.

    Raises
    ------
    InvalidInputError, FieldError
        What `read` met; nothing was written.
    SolveError
        `plan` found none; nothing was written.
    RunError
        Database or folder failed. Nothing of the night was written, or all of it was and the next call completes the
        files.
    """
    if lapse_days < 0:
        raise FieldError("lapse_days", "0 or more", lapse_days)
    night = _Night(key, read, plan, judge, summarize, lapse_days, log or logging.getLogger(__name__))
    if dry_run:
        return night.rehearse(database)
    _make_folder(out)
    with open_database(database, create=True) as store, one_at_a_time(store, out) as mine:
        if not mine:
            return night.stand_back(store)
        crashpoint("locked")
        with night.phase("schema"):
            bring_up_to_date(store)
        with night.phase("unsent exports"):
            finished = finish_unsent(store, out)
            if finished:
                extra = {"phase": "unsent exports", "run_key": str(key)}
                night.log.warning("export files of %d earlier runs completed", len(finished), extra=extra)
            current = point_current(store, out, key.model, key.scope)
        crashpoint("unsent_finished")
        ended = night.carry_out(store, out, current, force=force, finished=finished)
        return replace(ended, finished_runs=len(finished))


def rebuild_exports(*, database: str, out: Path, log: logging.Logger | None = None) -> list[Path]:
    """Write again every export file that is missing or not as it was written; the folders that were mended.

    Raises
    ------
    RunError
        A night is running, or database or folder fail.
    """
    _make_folder(out)
    with open_database(database, create=False) as store, one_at_a_time(store, out) as mine:
        require_current(store)
        if not mine:
            raise RunError(store.label, "a night is running; ask again when it is done")
        mended = sorted({*finish_unsent(store, out), *finish_damaged(store, out)})
        runs = [read_run(store, run_id) for run_id in mended]
        for run in runs:
            point_current(store, out, run.key.model, run.key.scope)
    (log or logging.getLogger(__name__)).info("%d runs' export files written again", len(runs))
    return [out / run.folder for run in runs]


class _Night:
    """One call of the job: the night's key and the callables that make it."""

    def __init__(
        self,
        key: RunKey,
        read: Read,
        plan: Plan,
        judge: Judge,
        summarize: Summarize,
        lapse_days: int,
        log: logging.Logger,
    ) -> None:
        self.key = key
        self.read = read
        self.plan = plan
        self.judge = judge
        self.summarize = summarize
        self.lapse_days = lapse_days
        self.log = log

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Log how long a step took."""
        began = time.perf_counter()
        yield
        seconds = round(time.perf_counter() - began, 3)
        self.log.info("%s", name, extra={"phase": name, "run_key": str(self.key), "seconds": seconds})

    def rehearse(self, database: str) -> Outcome:
        """Everything but writing."""
        attempt, last = 1, LastNight()
        try:
            with open_database(database, create=False) as store:
                if find_version(store) > 0:
                    require_current(store)
                    attempt += len(find_attempts(store, self.key))
                    last = self.recall(store)
        except MissingDatabaseError as error:
            self.log.warning("%s; planned as if this were the first night", error)
        draft, gates, summary = self.decide(attempt, self.look(last), last)
        refused = [gate.reason for gate in gates if not gate.passed]
        message = f"{self.key}: dry run, nothing written" + (f"; would be rejected: {refused[0]}" if refused else "")
        return Outcome(
            state="dry_run", key=self.key, message=message, attempt=attempt, gates=gates, draft=draft, summary=summary
        )

    def carry_out(
        self, store: Database, out: Path, current: Path | None, *, force: bool, finished: Sequence[int]
    ) -> Outcome:
        """The night itself, the locks held, the schema current and earlier nights' files complete."""
        attempts = find_attempts(store, self.key)
        done = next((found for found in attempts if found.state == "done"), None)
        if done is not None and not force:
            return self.already_done(done, out, current)
        last = self.recall(store)
        attempt = 1 + max((found.attempt for found in attempts), default=0)
        snapshot = self.look(last)
        if done is not None and done.run_id in finished and done.digest == snapshot.digest:
            # The forced attempt itself, killed before its files were there: this call has completed it.
            return self.already_done(done, out, current)
        draft, gates, summary = self.decide(attempt, snapshot, last)
        refused = [gate for gate in gates if not gate.passed]
        if refused and attempts and _repeats(attempts[-1], snapshot, gates):
            return self.rejected(attempts[-1], out, current, draft, summary)
        try:
            with self.phase("write"):
                run_id = write_attempt(
                    store,
                    self.key,
                    attempt,
                    night=None if draft is None else draft.night,
                    gates=gates,
                    last=last,
                    digest=snapshot.digest,
                    source=snapshot.source,
                    confirmed=snapshot.confirmed,
                    summary=summary,
                )
        except WrittenByAnother:  # its process may have died since; its files are written like any others'
            finish_unsent(store, out)
            point_current(store, out, self.key.model, self.key.scope)
            return self.stand_back(store)
        with self.phase("exports"):
            finish_unsent(store, out)
            current = point_current(store, out, self.key.model, self.key.scope)
        stored = read_run(store, run_id)
        if refused:
            return self.rejected(stored, out, current, draft, summary)
        return Outcome(
            state="done",
            key=self.key,
            message=f"{self.key}: done (attempt {attempt})",
            attempt=attempt,
            folder=out / stored.folder,
            current=current,
            gates=gates,
            draft=draft,
            summary=summary,
        )

    def recall(self, store: Database) -> LastNight:
        """What earlier nights left; proposals that lapse are warned of."""
        last = read_last_night(store, self.key, lapse_days=self.lapse_days)
        if last.lapsed:
            self.log.warning(
                "%d proposals older than %d days were never confirmed: they no longer count as on order",
                len(last.lapsed),
                self.lapse_days,
                extra={"phase": "last night", "run_key": str(self.key)},
            )
        return last

    def look(self, last: LastNight) -> Snapshot:
        """What is known today."""
        with self.phase("read"):
            snapshot = self.read(last)
        if snapshot.as_of != self.key.as_of:
            raise FieldError("as_of", f"the night's date {self.key.as_of}", snapshot.as_of.isoformat())
        check_text("source", snapshot.source)
        crashpoint("inputs_read")
        return snapshot

    def decide(
        self, attempt: int, snapshot: Snapshot, last: LastNight
    ) -> tuple[Draft | None, tuple[GateResult, ...], str]:
        """Judge, plan and judge again; without a draft when the inputs may not be trusted."""
        gates = tuple(self.judge(snapshot, None, last))
        if not all(gate.passed for gate in gates):
            self.tell_refusals(gates)
            return None, gates, ""
        with self.phase("plan"):
            night = finish_night(self.plan(snapshot, last), self.key, attempt)
        crashpoint("planned")
        gates = tuple(self.judge(snapshot, night, last))
        self.tell_refusals(gates)
        draft = Draft(key=self.key, attempt=attempt, snapshot=snapshot, last=last, night=night, gates=gates)
        with self.phase("summary"):
            summary = check_text("summary", self.summarize(draft))
        crashpoint("judged")
        return draft, gates, summary

    def tell_refusals(self, gates: tuple[GateResult, ...]) -> None:
        """Log why the night is stopped."""
        for gate in gates:
            if not gate.passed:
                extra = {"phase": "gates", "run_key": str(self.key), "gate": gate.name}
                self.log.error("%s", gate.reason, extra=extra)

    def stand_back(self, store: Database) -> Outcome:
        """Another process is at it, or was faster."""
        if (store.file is None or store.file.exists()) and find_version(store) == VERSION:
            for found in find_attempts(store, self.key):
                if found.state == "done":
                    return self.already_done(found)
        return Outcome(
            state="running_elsewhere", key=self.key, message=f"{self.key}: another process is running; nothing changed"
        )

    def already_done(self, done: StoredRun, out: Path | None = None, current: Path | None = None) -> Outcome:
        """The key has a finished night."""
        return Outcome(
            state="already_done",
            key=self.key,
            message=f"{self.key}: already done (attempt {done.attempt}); nothing changed",
            attempt=done.attempt,
            folder=None if out is None else out / done.folder,
            current=current,
            gates=done.gates,
        )

    def rejected(
        self, stored: StoredRun, out: Path, current: Path | None, draft: Draft | None, summary: str
    ) -> Outcome:
        """A gate said no."""
        reason = next(gate.reason for gate in stored.gates if not gate.passed)
        return Outcome(
            state="rejected",
            key=self.key,
            message=f"{self.key}: rejected (attempt {stored.attempt}): {reason}",
            attempt=stored.attempt,
            folder=out / stored.folder,
            current=current,
            gates=stored.gates,
            draft=draft,
            summary=summary,
        )


def _repeats(stored: StoredRun, snapshot: Snapshot, gates: tuple[GateResult, ...]) -> bool:
    """Whether a rejected attempt would only be told again: the same inputs, the same reasons."""
    return stored.state == "rejected" and stored.digest == snapshot.digest and stored.gates == gates


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(str(out), f"cannot be made a folder of export files ({error.strerror})") from error
