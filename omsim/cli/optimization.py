"""The command that finds better reorder policies and proves them in the simulation: optimize."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omsim.cli.frame import experiment_options, runs_option, voiced
from omsim.cli.models import refuse_full_folder

if TYPE_CHECKING:
    from omsim.cli.voice import Voice

DEFAULT_FILL = 0.95


@click.command(short_help="Find better reorder policies, and show what they do in the simulation.")
@click.argument("model", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Model folder to write.")
@click.option(
    "--target-fill",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help=f"Unit fill rate (type 2) the business is to reach with least stock.  [default: {DEFAULT_FILL}]",
)
@click.option("--by-cost", is_flag=True, help="Least cost of ordering, holding and shortage instead of a target.")
@click.option(
    "--budget",
    type=click.FloatRange(0, min_open=True),
    metavar="AMOUNT",
    help="Most units filled for this mean stock value (in the model's currency); needs a `history` table.",
)
@click.option(
    "--from-today",
    is_flag=True,
    help="Judge old and new policies from today's stock over the model's own days, instead of in the long run.",
)
@click.option(
    "--open-at-levels",
    is_flag=True,
    help="Write the model with its stock opened at the new levels, so that later comparisons begin settled.",
)
@click.option("--force", is_flag=True, help="Write into a folder that has files already.")
@runs_option("--runs")
@experiment_options
@voiced
def optimize(
    voice: Voice,
    model: Path,
    out: Path,
    target_fill: float | None,
    by_cost: bool,
    budget: float | None,
    from_today: bool,
    open_at_levels: bool,
    force: bool,
    **options: Any,
) -> int:
    """Find reorder policies for MODEL, write them into a copy, and show what they do against the old ones."""
    if sum((target_fill is not None, by_cost, budget is not None)) > 1:
        raise click.UsageError("--target-fill, --by-cost and --budget exclude each other")
    from omsim.cli.gates import read_gates
    from omsim.cli.simulation import answer
    from omsim.experiments.arms import Arm, read_arms
    from omsim.experiments.history_levels import history_obstacle, propose_from_history
    from omsim.experiments.long_run import settled
    from omsim.experiments.optimize import propose_by_cost, propose_for_fill
    from omsim.model.files import write_business

    gates = read_gates(options["fail_if"])
    refuse_full_folder(out, force=force)
    (old,) = read_arms([model])
    if old.business.windows:
        raise click.UsageError(f"{model} changes values for a time only; optimize needs a model that holds throughout")
    target = DEFAULT_FILL if target_fill is None else target_fill
    with voice.progress(f"deciding on {len(old.business['stock']):,} cells"):
        if by_cost:
            proposal = propose_by_cost(old.business, seed=options["seed"])
        elif budget is not None:
            proposal = propose_from_history(old.business, seed=options["seed"], budget_cents=round(budget * 100))
        elif not history_obstacle(old.business):
            proposal = propose_from_history(old.business, seed=options["seed"], target_fill=target)
        else:
            proposal = propose_for_fill(old.business, target, seed=options["seed"])
    stock = old.business["stock"]
    moved = int((proposal.order_up_to_units != stock.integers("order_up_to_units")).sum())
    voice.say(f"{old.name}: {proposal.method}")
    voice.say(
        f"{len(proposal.changed):,} of {len(stock):,} cells decided, {moved:,} levels moved; demand: {proposal.demand}"
    )
    judged = [old.business, proposal.business]
    if not from_today:
        judged = [settled(business) for business in judged]
        days = judged[0].settings
        voice.say(
            f"judged in the long run: stock opens at its order-up-to levels, {days.warm_up_days} days of warm-up, "
            f"{days.horizon_days - days.warm_up_days} days counted (--from-today judges from today's stock)"
        )
    arms = (replace(old, business=judged[0]), Arm(name="optimized", business=judged[1], source=str(out)))
    written = settled(proposal.business) if open_at_levels else proposal.business
    if out.name.isidentifier():  # so that comparisons tell it from the model it was made from
        written = replace(written, settings=replace(written.settings, name=out.name))
    write_business(written, out)  # before the answer, which a closed pipe may cut short
    code = answer(voice, arms, gates, options, extra={"model": str(out), "method": proposal.method})
    voice.say(f"model with the new policies: {out}")
    return code
