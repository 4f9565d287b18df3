"""Commands that look at one replication closely: explain an order, write manifests and labels.

Owns their options; stories are `experiments.explain`'s and put into words by `story_text`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omsim.cli.frame import seed_option, voiced
from omsim.cli.models import refuse_full_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from omsim.cli.voice import Voice

EXAMPLE_PREFIX = "9521234"


def one_replication(command: Any) -> Any:
    """Give a command the options that name a replication."""
    options: tuple[Callable[[Any], Any], ...] = (
        click.option(
            "--replication",
            type=click.IntRange(0, 99_999),
            default=0,
            show_default=True,
            help="Which repetition of the horizon; reports tell single orders of number 0.",
        ),
        seed_option("Same seed, same answer."),
    )
    for option in options:
        command = option(command)
    return command


@click.command(short_help="Tell why an order went from these sites, in this carton, with this service.")
@click.argument("order", type=int)
@click.argument("path", type=click.Path(path_type=Path), default=Path("."))
@one_replication
@voiced
def explain(voice: Voice, order: int, path: Path, seed: int, replication: int) -> None:
    """Tell the story of ORDER in the model or scenario PATH: every choice, its cost term by term, what lost to it.

    ORDER is the number that a report gives it under "Orders that went wrong", and `order` in the tables of a run; the
    first one is 0. The replication is simulated again, the same to the bit, so it may be any order of any of them.
    """
    from dataclasses import asdict

    from omsim.cli.story_text import show_story
    from omsim.experiments.arms import read_arm
    from omsim.experiments.explain import explain_order

    arm = read_arm(path)
    _note_compiling(voice)
    with voice.progress(f"simulating {arm.name}"):
        story = explain_order(arm.business, order, seed=seed, replication=replication)
    show_story(voice, story, arm.name)
    voice.document({"name": arm.name, "story": asdict(story)})


@click.command(short_help="Write what each carrier took over at each cutoff, and labels.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder to write.")
@click.option("--labels", is_flag=True, help="Write a label for every parcel as well (ZPL).")
@click.option(
    "--company-prefix",
    default=EXAMPLE_PREFIX,
    show_default=True,
    metavar="DIGITS",
    help="GS1 prefix that parcel numbers (SSCC) begin with; the default is one nobody has.",
)
@click.option("--force", is_flag=True, help="Write into a folder that has files already.")
@one_replication
@voiced
def manifest(
    voice: Voice, path: Path, out: Path, labels: bool, company_prefix: str, force: bool, seed: int, replication: int
) -> None:
    """Write the manifests of a replication of PATH: what each carrier took over at each cutoff, parcel by parcel.

    Counts, weights and prices are proved to be those of the run's ledgers before anything is written.
    """
    from dataclasses import asdict

    from omsim.experiments.arms import read_arm
    from omsim.experiments.shipping_papers import write_papers

    refuse_full_folder(out, force=force)
    arm = read_arm(path)
    _note_compiling(voice)
    with voice.progress(f"simulating {arm.name}"):
        files, totals = write_papers(
            arm.business, out, seed=seed, replication=replication, labels=labels, company_prefix=company_prefix
        )
    voice.say(f"{arm.name}: replication {replication}, seed {seed}; money in {arm.business.settings.currency}")
    voice.say()
    rows = [
        (
            one.carrier,
            *(f"{number:,}" for number in (one.manifests, one.shipments, one.parcels)),
            f"{one.weight_g / 1000:,.1f}",
            f"{one.price_cents / 100:,.2f}",
        )
        for one in totals
    ]
    voice.table(("carrier", "manifests", "shipments", "parcels", "kg", "price"), rows)
    voice.say()
    for file in files:
        voice.say(f"written: {file}")
    voice.document(
        {
            "name": arm.name,
            "seed": seed,
            "replication": replication,
            "currency": arm.business.settings.currency,
            "files": [str(file) for file in files],
            "carriers": [asdict(one) for one in totals],
        }
    )


def _note_compiling(voice: Voice) -> None:
    from omsim.experiments.executors import is_compiled

    if not is_compiled():
        voice.note("first run of this installation: compiling the engine, which takes about half a minute, once")
