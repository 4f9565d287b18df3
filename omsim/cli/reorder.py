"""The nightly job on the command line: reorder.

Owns its options and exit codes; what it prints is `reorder_tables`' work, the job itself is `omsim.nightly`. stdout
carries the result, stderr the log.
"""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omsim.cli.frame import EXIT_RUNNING, seed_option, voiced
from omsim.cli.reorder_tables import outcome_document, show_outcome
from omsim.cli.voice import error_document, print_document
from omsim.errors import InvalidInputError, OmsimError

if TYPE_CHECKING:
    from datetime import date, datetime

    from omsim.cli.voice import Voice
    from omsim.nightly.difference import Difference
    from omsim.nightly.night import RunKey
    from omsim.nightly.outcome import Outcome

DATABASE_FILE = "omsim_reorder.sqlite"
REPLICATIONS = 8
GATE_OPTIONS = (
    ("--max-stock-age-days", int, 1, "Stop when the stock was counted longer ago."),
    ("--max-history-age-days", int, 3, "Stop when the history of demand ends longer ago."),
    ("--min-history-days", int, 28, "Stop when the history is shorter."),
    ("--min-cells-share", float, 0.9, "Stop when fewer SKUs at sites are known, as a share of last night's."),
    ("--max-idle-share", float, 0.95, "Stop when a larger share of them was never asked for."),
    ("--min-recent-demand", float, 0.2, "Stop when the last week's demand is a smaller share of a mean week."),
    ("--max-moved-share", float, 0.3, "Stop when a larger share of the order-up-to levels moved by over a quarter."),
    ("--max-value-factor", float, 10.0, "Stop when the orders are worth more times last night's."),
    ("--max-value-days", float, 60.0, "Stop when they are worth more days of mean demand."),
    ("--max-order-value", float, None, "Stop when they are worth more, in the model's currency."),
    ("--max-gap", float, 0.05, "Stop when the plan is not proven to be this near to the best, as a share."),
)


def gate_options(command: Any) -> Any:
    """Give the command an option for each limit of the gates."""
    for flag, kind, default, meaning in reversed(GATE_OPTIONS):
        limits = click.IntRange(min=0) if kind is int else click.FloatRange(min=0)
        shown = default is not None
        command = click.option(flag, type=limits, default=default, show_default=shown, help=meaning)(command)
    return command


@click.command(
    short_help="Tonight's purchase plan: proved, explained, written once.",
    epilog="Exit codes: 0 the night is done, was done already or is being done by another process; 1 failed, nothing "
    "half written; 2 usage; 3 invalid input; 4 no plan keeps all rules; 5 another process is at it (only with "
    "--fail-if-running); 6 a gate stopped the night, and the last accepted plan stays in force; 130 interrupted.",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Evening to plan from; required for a night.")
@click.option(
    "--inputs",
    metavar="DIR|URL",
    envvar="OMSIM_INPUTS",
    help="Folder with stock_on_hand, open_orders and history (CSV or Parquet), or URL of a database with tables of "
    "these names.  [default: the model's own stock, purchase_orders and history]",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reorder"),
    show_default=True,
    envvar="OMSIM_REORDER_OUT",
    help="Folder that receives the export files; one for each model.",
)
@click.option(
    "--database",
    metavar="FILE|URL",
    envvar="OMSIM_DATABASE",
    help=f"SQLite file, or postgresql:// URL.  [default: OUT/{DATABASE_FILE}]",
)
@click.option("--supplier", "suppliers", multiple=True, metavar="NAME", help="Plan only this supplier. Repeatable.")
@click.option("--site", "sites", multiple=True, metavar="NAME", help="Plan only this site. Repeatable.")
@click.option("--dry-run", is_flag=True, help="Do everything but write, and print the difference to the plan in force.")
@click.option("--force", is_flag=True, help="Plan a night again that is done; the new attempt supersedes it.")
@click.option("--explain", metavar="SKU[@SITE]", help="Tell all a stored night knows of a SKU; plan nothing.")
@click.option("--rebuild-exports", is_flag=True, help="Write missing or damaged export files again; plan nothing.")
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the one-page summary here as well."
)
@click.option(
    "--missing-share",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Share of the model's SKUs at sites that may be absent from the count; they are taken as empty.",
)
@click.option(
    "--lapse-days",
    type=click.IntRange(min=0),
    default=14,
    show_default=True,
    help="Proposals older than this that never came up among the open orders count as dropped.",
)
@gate_options
@seed_option("Same seed, same plan.")
@click.option(
    "-n",
    "--replications",
    type=click.IntRange(0, 10_000),
    default=REPLICATIONS,
    show_default=True,
    help="Futures on which changed policies are played forward against yesterday's.",
)
@click.option("--no-play-forward", is_flag=True, help="Propose changed policies untried; the summary says so.")
@click.option("--jobs", type=click.IntRange(min=1), envvar="OMSIM_JOBS", help="Processes.  [default: the usable cores]")
@click.option(
    "--solver-seconds",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    help="For solvers of single purchase orders, in all.",
)
@click.option("--fail-if-running", is_flag=True, help="Exit with code 5 when another process is at it, instead of 0.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="OMSIM_LOG_FORMAT",
    help="Log on stderr: lines for people, or one JSON object a line.",
)
@voiced
def reorder(voice: Voice, model: Path, as_of: datetime | None, **options: Any) -> int:
    """Plan the purchases of a night for MODEL, prove them in the simulation, explain and write them once.

    The night is named by its date, the model and its scope: run twice, nothing changes; killed anywhere, the next call
    completes it.
    """
    day = as_of.date() if as_of else None
    database = options["database"] or str(options["out"] / DATABASE_FILE)
    if options["explain"]:
        return _explain(voice, model, day, database, options)
    if options["rebuild_exports"]:
        return _rebuild(voice, database, options)
    if day is None:
        raise click.UsageError("Missing option '--as-of': the evening to plan from, such as 2026-11-22.")
    return _plan(voice, model, day, database, options)


def _plan(voice: Voice, model: Path, as_of: date, database: str, options: dict[str, Any]) -> int:
    """A night."""
    from omsim.nightly.logs import night_log
    from omsim.nightly.night import RunKey

    level = logging.WARNING if voice.quiet else logging.DEBUG if voice.verbose else logging.INFO
    scope = scope_text(options["suppliers"], options["sites"])
    with night_log(f"{as_of}/{model.name}/{scope}", style=options["log_format"], level=level) as log:
        try:
            from omsim.model.loading import load

            business = load(model)
            key = RunKey(as_of=as_of, model=business.settings.name, scope=scope)
            outcome = _run(key, business, database, options, log)
        except OmsimError as error:
            if options["log_format"] == "text":
                raise
            return _log_error(voice, log, error)
    difference = _difference(outcome, database) if outcome.state == "dry_run" else None
    if options["html"]:
        _write_page(voice, options["html"], outcome)
    code = outcome.exit_code(busy=EXIT_RUNNING if options["fail_if_running"] else 0)
    show_outcome(voice, outcome, difference)
    voice.document(outcome_document(outcome, difference, database, code))
    return code


def _write_page(voice: Voice, page: Path, outcome: Outcome) -> None:
    """The summary, where one was made."""
    from omsim.experiments.atomic import write_text

    if outcome.summary:
        write_text(page, outcome.summary)
        voice.note(f"summary: {page}")
    else:
        voice.note(f"{page} not written: nothing was planned")


def scope_text(suppliers: tuple[str, ...], sites: tuple[str, ...]) -> str:
    """What a night's key says of its scope: the same for the same names in whatever order.

    >>> scope_text((), ()), scope_text(("b", "a"), ("north",))
    ('all', 'supplier=a,supplier=b,site=north')
    """
    parts = [f"supplier={name}" for name in sorted(set(suppliers))] + [f"site={name}" for name in sorted(set(sites))]
    return ",".join(parts) or "all"


def _run(key: RunKey, business: Any, database: str, options: dict[str, Any], log: logging.Logger) -> Outcome:
    from omsim.experiments.executors import usable_cores
    from omsim.nightly.gates import GateLimits, judge_with
    from omsim.nightly.inputs import read_snapshot
    from omsim.nightly.job import run_night
    from omsim.nightly.planning import NightSettings, plan_night
    from omsim.nightly.summary import summarize

    asked = {flag.lstrip("-").replace("-", "_") for flag, *_ in GATE_OPTIONS}
    limits = GateLimits(**{name: options[name] for name in asked if options[name] is not None})
    settings = NightSettings(
        seed=options["seed"],
        replications=0 if options["no_play_forward"] else options["replications"],
        jobs=options["jobs"] or usable_cores(),
        solver_seconds=options["solver_seconds"],
    )
    read = partial(
        read_snapshot,
        business,
        inputs=options["inputs"],
        as_of=key.as_of,
        suppliers=options["suppliers"],
        sites=options["sites"],
        missing_share=options["missing_share"],
        seed=options["seed"],
    )
    return run_night(
        key,
        database=database,
        out=options["out"],
        read=lambda last: read(last=last),
        plan=lambda snapshot, last: plan_night(snapshot, last, settings, log),
        judge=judge_with(limits),
        summarize=summarize,
        dry_run=options["dry_run"],
        force=options["force"],
        lapse_days=options["lapse_days"],
        log=log,
    )


def _log_error(voice: Voice, log: logging.Logger, error: OmsimError) -> int:
    """An error as log lines that are JSON like all others, and as the document of JSON mode."""
    lines = error.lines() if isinstance(error, InvalidInputError) else str(error).splitlines()
    kind = type(error).__name__
    for line in lines:
        log.error("%s", line, extra={"phase": "failed", "kind": kind, "exit_code": error.exit_code})
    if voice.as_json:
        print_document(error_document(kind, error.exit_code, lines, error))
    return error.exit_code


def _difference(outcome: Outcome, database: str) -> Difference | None:
    """A dry run beside the plan in force."""
    if outcome.draft is None:
        return None
    from omsim.nightly.database import MissingDatabaseError, open_database
    from omsim.nightly.difference import compare_with_current
    from omsim.nightly.migrations import find_version
    from omsim.nightly.recall import read_newest, read_table

    night = outcome.draft.night
    try:
        with open_database(database, create=False) as store:
            current = read_newest(store, outcome.key.model, outcome.key.scope) if find_version(store) else None
            if current is not None:
                return compare_with_current(night, current.key.as_of, read_table(store, current.run_id, "proposals"))
    except MissingDatabaseError:
        pass  # before the first night there is none, and no plan in force to compare with
    return compare_with_current(night, None, None)


def _explain(voice: Voice, model: Path, as_of: date | None, database: str, options: dict[str, Any]) -> int:
    """A SKU, from what is stored."""
    from omsim.model.loading import load
    from omsim.nightly.explain import explanation_lines
    from omsim.nightly.recall import explain_sku

    sku, _, site = options["explain"].rpartition("@") if "@" in options["explain"] else (options["explain"], "", "")
    narrowed = bool(options["suppliers"] or options["sites"])
    found = explain_sku(
        database,
        sku,
        site=site,
        model=load(model).settings.name,
        scope=scope_text(options["suppliers"], options["sites"]) if narrowed else "",
        as_of=as_of,
    )
    for line in explanation_lines(found):
        voice.say(line)
    voice.document(
        {"run_key": str(found.run.key), "attempt": found.run.attempt, "sku": sku, "site": site, "tables": found.tables}
    )
    return 0


def _rebuild(voice: Voice, database: str, options: dict[str, Any]) -> int:
    """Export files, from what is stored."""
    from omsim.nightly.job import rebuild_exports
    from omsim.nightly.logs import night_log

    with night_log("rebuild-exports", style=options["log_format"]) as log:
        folders = rebuild_exports(database=database, out=options["out"], log=log)
    for folder in folders:
        voice.say(f"written again: {folder}")
    if not folders:
        voice.say("every export file is as it was written")
    voice.document({"rebuilt": [str(folder) for folder in folders]})
    return 0
