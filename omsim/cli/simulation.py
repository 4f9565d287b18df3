"""Commands that simulate: run, compare, and report on what was run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omsim.cli.frame import EXIT_GATE, experiment_options, runs_option, voiced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omsim.cli.gates import Gate
    from omsim.cli.voice import Voice
    from omsim.experiments.arms import Arm
    from omsim.experiments.experiment import Experiment


@click.command(short_help="Simulate a model, or answer a scenario against its model.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--alone", is_flag=True, help="Run a scenario only, without its model as the baseline.")
@runs_option("--out")
@experiment_options
@voiced
def run(voice: Voice, path: Path, alone: bool, **options: Any) -> int:
    """Simulate PATH, a model or a scenario, and print its KPIs with intervals.

    A scenario is answered against its own model: both are simulated under the same random numbers, and the paired
    differences are shown.
    """
    from omsim.cli.gates import read_gates
    from omsim.experiments.arms import read_arms, with_base

    gates = read_gates(options["fail_if"])
    (arm,) = read_arms([path])
    return answer(voice, (arm,) if alone else with_base(arm), gates, options)


@click.command(short_help="Compare models and scenarios, paired by common random numbers.")
@click.argument("paths", nargs=-1, required=True, metavar="A B [MORE]...", type=click.Path(path_type=Path))
@runs_option("--out")
@experiment_options
@voiced
def compare(voice: Voice, paths: tuple[Path, ...], **options: Any) -> int:
    """Compare models and scenarios with A, paired by common random numbers."""
    from omsim.cli.gates import read_gates
    from omsim.experiments.arms import read_arms

    if len(paths) < 2:
        raise click.UsageError("compare needs at least two models or scenarios")
    gates = read_gates(options["fail_if"])
    return answer(voice, read_arms(paths), gates, options)


@click.command(short_help="Show a stored answer, and write its report anew.")
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Write the report to this file instead.")
@voiced
def report(voice: Voice, folder: Path, html: Path | None) -> None:
    """Show the answer stored in the run folder RUN and write its report from what is stored."""
    from omsim.cli.tables import show_answer
    from omsim.experiments.atomic import write_text
    from omsim.experiments.reporting import report_page
    from omsim.experiments.run_folder import REPORT_FILE, read_run

    stored, finished = read_run(folder)
    page = html or folder / REPORT_FILE
    with voice.progress("writing the report"):
        write_text(page, report_page(stored, finished))
    show_answer(voice, stored, finished)
    voice.say(f"report: {page}")
    voice.document({"run": str(folder), "report": str(page), "result": stored})


def answer(
    voice: Voice,
    arms: Sequence[Arm],
    gates: Sequence[Gate],
    options: dict[str, Any],
    *,
    extra: dict[str, Any] | None = None,
) -> int:
    """Carry an experiment out (or find it stored), show it, judge its gates; `extra` goes into the JSON document."""
    from omsim.cli.gates import failed_gates
    from omsim.cli.tables import show_answer
    from omsim.experiments.run_folder import REPORT_FILE, run_document

    experiment = carry_out_with_progress(voice, arms, options)
    document = run_document(experiment)
    show_answer(voice, document, experiment.finished)
    folder = experiment.folder
    failed = failed_gates(gates, experiment)
    if folder is not None:
        voice.say(f"report: {folder / REPORT_FILE}")
    for line in failed:
        voice.warn(line)
    voice.document(
        {
            **(extra or {}),
            "run": str(folder),
            "report": str(folder / REPORT_FILE) if folder else None,
            "stored": experiment.computed == 0,
            "gates": {"asked": [gate.text for gate in gates], "failed": failed},
            "result": document,
        }
    )
    return EXIT_GATE if failed else 0


def carry_out_with_progress(voice: Voice, arms: Sequence[Arm], options: dict[str, Any]) -> Experiment:
    """Plan and do an experiment, telling the user how it goes."""
    from omsim.experiments.executors import is_compiled, usable_cores
    from omsim.experiments.experiment import carry_out, discard_if_empty, plan_experiment

    for arm in arms:
        for line in arm.business.defaults_used:
            voice.detail(f"{arm.name}: default: {line}")
    plan = plan_experiment(
        arms,
        replications=options["replications"],
        out=options["runs"],
        seed=options["seed"],
        engine=options["engine"],
        rerun=options["rerun"],
    )
    if plan.stored:
        voice.note(f"stored: {plan.folder} answers this already (--rerun simulates again)")
    elif plan.found:
        voice.note(f"going on: {len(plan.found)} replications are finished already, {len(plan.tasks)} to do")
    jobs = options["jobs"] or usable_cores()
    if plan.tasks and not is_compiled():
        voice.note("first run of this installation: compiling the engine, which takes about half a minute, once")
    title = f"simulating {' and '.join(arm.name for arm in arms)}"
    try:
        with voice.progress(title, total=len(plan.tasks)) as advance:
            return carry_out(plan, jobs=jobs, progress=advance)
    except KeyboardInterrupt:
        kept = discard_if_empty(plan)
        voice.warn(f"{kept} finished replications are kept; the same command goes on from there")
        raise
    except BaseException:
        discard_if_empty(plan)
        raise
