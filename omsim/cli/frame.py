"""What all commands share: options, where their values come from, and how a command ends.

Precedence of an option: flag, then its `OMSIM_*` variable, then `omsim.toml` in the working directory, then default.
Owns the exit codes: 0 fine, 1 failed, 2 usage, 3 invalid input, 4 no feasible plan, 5 another run holds the lock,
6 a gate (`--fail-if`) was not met, 130 interrupted. Light: imports neither NumPy nor anything that does.
"""

from __future__ import annotations

import difflib
import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from omsim.cli.voice import Voice, error_document, print_document, tell_error
from omsim.errors import InvalidInputError, OmsimError, Problem, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

F = TypeVar("F", bound="Callable[..., Any]")

DEFAULT_SEED = 1
DEFAULT_REPLICATIONS = 10
CONFIG_FILE = "omsim.toml"
NOT_CONFIGURABLE = ("as_json", "debug", "rerun", "force", "as_of", "dry_run", "explain", "rebuild_exports", "html")

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INVALID = 3
EXIT_RUNNING = 5
EXIT_GATE = 6
EXIT_INTERRUPTED = 130


def voiced(command: F) -> F:
    """Give a command the options of its voice, and its first argument: the `Voice` itself."""
    import functools

    @functools.wraps(command)
    def speaking(*args: Any, as_json: bool, quiet: bool, verbose: bool, debug: bool, **options: Any) -> Any:
        name = click.get_current_context().info_name or ""
        return command(Voice(command=name, as_json=as_json, quiet=quiet, verbose=verbose), *args, **options)

    for option in (
        click.option("--debug", is_flag=True, help="Show tracebacks of errors."),
        click.option("-v", "--verbose", is_flag=True, envvar="OMSIM_VERBOSE", help="Say more on stderr."),
        click.option("-q", "--quiet", is_flag=True, envvar="OMSIM_QUIET", help="No progress, no notes."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    ):
        speaking = option(speaking)
    return speaking  # type: ignore[return-value]


def experiment_options(command: F) -> F:
    """Give a command the options of an experiment: replications, seed, jobs, engine, rerun, fail_if."""
    for option in (
        click.option(
            "--fail-if",
            "fail_if",
            multiple=True,
            metavar="GATE",
            help='Exit with code 6 when this holds, e.g. "otif<0.95" or "otif.difference<-0.01". Repeatable.',
        ),
        click.option("--rerun", is_flag=True, help="Simulate again even if this very run is stored."),
        click.option(
            "--engine",
            type=click.Choice(["window", "process"]),
            default="window",
            show_default=True,
            envvar="OMSIM_ENGINE",
            help="window is fast; process, one SimPy process an order, is its slow reference. Same results.",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(min=1),
            envvar="OMSIM_JOBS",
            help="Processes to use.  [default: the usable cores]",
        ),
        seed_option("Same seed, same answer."),
        click.option(
            "-n",
            "--replications",
            type=click.IntRange(1, 100_000),
            default=DEFAULT_REPLICATIONS,
            show_default=True,
            envvar="OMSIM_REPLICATIONS",
            help="Independent repetitions of the horizon.",
        ),
    ):
        command = option(command)
    return command


def seed_option(help_text: str) -> Callable[[F], F]:
    """Give a command the option that says which random numbers it draws."""
    return click.option(
        "--seed",
        type=click.IntRange(0, 2**63 - 1),
        default=DEFAULT_SEED,
        show_default=True,
        envvar="OMSIM_SEED",
        help=help_text,
    )


def runs_option(flag: str) -> Callable[[F], F]:
    """Give a command the option that says where run folders go, under its name there."""
    return click.option(
        flag,
        "runs",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("runs"),
        show_default=True,
        envvar="OMSIM_OUT",
        help="Folder that receives run folders.",
    )


def run_group(group: click.Group, arguments: Sequence[str]) -> int:
    """Run a command line; every way it can end has its exit code, and no traceback unless --debug asks for one."""
    debug = "--debug" in arguments
    as_json = "--json" in arguments
    try:
        outcome = group.main(args=list(arguments), prog_name="omsim", standalone_mode=False)
        sys.stdout.flush()
    except OmsimError as error:
        if debug:
            raise
        return tell_error(error, as_json=as_json)
    except click.exceptions.NoArgsIsHelpError as help_asked:
        help_asked.show()
        return EXIT_USAGE
    except click.ClickException as error:
        error.show()
        if as_json:
            print_document(error_document("UsageError", error.exit_code, [error.format_message()]))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except OSError as error:
        if debug:
            raise
        if error.errno == errno.EPIPE:  # whoever read our output has read enough
            _drop_stdout()
            return EXIT_FAILED
        place = f"{error.filename}: " if error.filename else ""
        if sys.stdout is not None and error.filename is None:
            _drop_stdout()
        return tell_error(RunError("cannot read or write", f"{place}{error.strerror or error}"), as_json=False)
    except Exception as error:
        if debug:
            raise
        first = str(error).partition("\n")[0]
        text = f"omsim failed in a way it should not: {type(error).__name__}: {first} (--debug shows where)"
        return tell_error(RunError("internal error", text), as_json=as_json)
    return outcome if isinstance(outcome, int) else 0


def _drop_stdout() -> None:
    """Point stdout nowhere, so that the interpreter's last flush does not complain again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def read_config(group: click.Group, context: click.Context, path: Path) -> dict[str, Any]:
    """Defaults of every command out of `omsim.toml`: keys at the top for all, in a section for one command.

    Raises
    ------
    InvalidInputError
        The file is not TOML, or names a command, option or value that does not exist.
    """
    import tomllib

    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError((Problem(where=path.name, rule=f"must be valid TOML ({error})"),)) from error
    problems: list[Problem] = []
    defaults: dict[str, dict[str, Any]] = {name: {} for name in group.commands}
    everyones = {name for command in group.commands.values() for name in _options(command)}
    for key, value in content.items():
        if not isinstance(value, dict):
            _nearest_or_none(key, everyones, path, problems)
    for name, command in group.commands.items():
        options = _options(command)
        section = content.get(name, {})
        common = {key: value for key, value in content.items() if not isinstance(value, dict) and key in options}
        for key in section:
            _nearest_or_none(key, set(options), path, problems, section=name)
        for key, value in {**common, **section}.items():
            option = options.get(key.replace("-", "_"))
            if option is None:
                continue
            try:
                option.type_cast_value(context, value)
            except click.BadParameter as error:
                problems.append(Problem(where=path.name, field=key, rule=error.message.rstrip(".")))
            defaults[name][option.name or key] = value
    for key, value in content.items():
        if isinstance(value, dict) and key not in group.commands:
            _nearest_or_none(key, set(group.commands), path, problems)
    if problems:
        raise InvalidInputError(tuple(dict.fromkeys(problems)))
    return defaults


def _options(command: click.Command) -> dict[str, click.Option]:
    return {
        option.opts[-1].lstrip("-").replace("-", "_"): option
        for option in command.params
        if isinstance(option, click.Option) and option.name not in NOT_CONFIGURABLE
    }


def _nearest_or_none(key: str, known: set[str], path: Path, problems: list[Problem], *, section: str = "") -> None:
    if key.replace("-", "_") in known:
        return
    nearest = difflib.get_close_matches(key, sorted(known), n=1)
    field = f"{section}.{key}" if section else key
    problems.append(
        Problem(where=path.name, field=field, rule="is no option of omsim", nearest=nearest[0] if nearest else "")
    )
