"""Commands about models: validate, init, import, schema."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omsim.cli.frame import EXIT_INVALID, voiced
from omsim.cli.voice import problem_documents
from omsim.errors import InvalidInputError, RunError

if TYPE_CHECKING:
    from omsim.cli.voice import Voice
    from omsim.model.business import Business

TEMPLATES = {
    "starter": "a shop with one site, to build on",
    "metro": "3 sites, 200 SKUs, 4 channels",
    "national": "8 sites, 5,000 SKUs, about 20,000 orders a day",
}
STARTER_SCENARIO = """\
# What changes, and when. `omsim run` on this file answers the question against the model itself.
model = ".."
question = "Orders double: how much of it can we still deliver as promised?"

[[change]]
table = "channels"
column = "orders_per_day"
operation = "scale"
value = 2.0
"""


@click.command(short_help="Check models and scenarios without running them.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@voiced
def validate(voice: Voice, paths: tuple[Path, ...]) -> int:
    """Check models, scenarios and mappings of order history (folders or TOML files) without running them."""
    from omsim.model.loading import load

    inputs: list[dict[str, Any]] = []
    invalid = False
    for path in paths:
        try:
            if _maps_history(path):
                from omsim.model.history.mapping import read_mapping

                read_mapping(path)
                voice.say(f"{path}: valid; a mapping of order history")
                inputs.append({"path": str(path), "valid": True})
                continue
            business = load(path)
        except InvalidInputError as error:
            invalid = True
            for line in error.lines():
                voice.warn(line)
            voice.say(f"{path}: {len(error.problems)} problem{'s' if len(error.problems) > 1 else ''}")
            inputs.append({"path": str(path), "valid": False, "problems": problem_documents(error)})
            continue
        voice.say(f"{path}: valid; {describe(business)}")
        for line in business.defaults_used:
            voice.detail(f"  default: {line}")
        inputs.append(
            {
                "path": str(path),
                "valid": True,
                "digest": business.digest(),
                "defaults_used": list(business.defaults_used),
                "rows": {name: len(table) for name, table in business.tables.items()},
            }
        )
    voice.document({"valid": not invalid, "inputs": inputs})
    return EXIT_INVALID if invalid else 0


def _maps_history(path: Path) -> bool:
    """Whether a file is meant as a mapping for `import`: it has a section [columns], which no scenario has."""
    if path.suffix != ".toml" or not path.is_file():
        return False
    try:
        return "columns" in tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False  # reading it as a scenario says what is wrong


@click.command(short_help="Write a model that runs, and a first scenario.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--template",
    type=click.Choice(list(TEMPLATES)),
    default="starter",
    show_default=True,
    help="; ".join(f"{name}: {text}" for name, text in TEMPLATES.items()) + ".",
)
@click.option("--force", is_flag=True, help="Write into a folder that has files already.")
@voiced
def init(voice: Voice, folder: Path, template: str, force: bool) -> None:
    """Write a model that runs into DIR, with a first scenario, to change into one's own."""
    from omsim.model.files import write_business
    from omsim.model.templates import making as templates

    refuse_full_folder(folder, force=force)
    make = {
        "starter": templates.make_starter,
        "metro": templates.make_metro,
        "national": templates.make_national,
    }[template]
    with voice.progress(f"making {template}"):
        business = make()
        if template == "starter" and folder.name.isidentifier():
            business = replace(business, settings=replace(business.settings, name=folder.name))
        write_business(business, folder)
    scenario = folder / "scenarios" / "twice_the_orders.toml"
    scenario.parent.mkdir(exist_ok=True)
    scenario.write_text(STARTER_SCENARIO, encoding="utf-8", newline="\n")
    voice.say(f"{folder}: {describe(business)}")
    voice.say(f"next: omsim run {folder}")
    voice.say(f"      omsim run {scenario}")
    voice.document({"model": str(folder), "scenario": str(scenario), "template": template})


@click.command("import", short_help="Make a model of a shop from its order history.")
@click.argument("lines", type=click.Path(path_type=Path))
@click.option("--mapping", required=True, type=click.Path(path_type=Path), help="TOML file: which column is what.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Model folder to write.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First local day to learn from.")
@click.option(
    "--until",
    type=click.DateTime(["%Y-%m-%d"]),
    help="First local day not to learn from any more.  [default: the start of the replay, or the end]",
)
@click.option(
    "--replay-from",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Orders from this day on are replayed exactly, unseen by what is learnt.  [default: all are replayed]",
)
@voiced
def import_(voice: Voice, lines: Path, mapping: Path, out: Path, since: Any, until: Any, replay_from: Any) -> None:
    """Make a model of a shop from its order history LINES (CSV or Parquet)."""
    from omsim.model.history.importing import import_history

    asked = {"since": since, "until": until, "replay_from": replay_from}
    days = {name: value.date() if value else None for name, value in asked.items()}
    with voice.progress(f"importing {lines.name}"):
        report = import_history(lines, mapping, out, **days)
    for line in report.lines():
        voice.say(line)
    voice.document({"model": str(out), "report": asdict(report)})


@click.command(short_help="Print the JSON Schema of models, or of scenarios.")
@click.option("--scenario", is_flag=True, help="The schema of scenario files instead of that of models.")
def schema(scenario: bool) -> None:
    """Print the JSON Schema of models, or of scenarios."""
    from omsim.model.schema import json_schema, scenario_schema

    print(json.dumps(scenario_schema() if scenario else json_schema(), indent=2, ensure_ascii=False))


def describe(business: Business) -> str:
    """A model's size in a line."""
    named = (("sites", "sites"), ("skus", "SKUs"), ("channels", "channels"), ("services", "carrier services"))
    sizes = ", ".join(
        f"{len(business[table]):,} {text.removesuffix('s') if len(business[table]) == 1 else text}"
        for table, text in named
    )
    return f"{business.settings.name}: {sizes}, {business.settings.horizon_days} days"


def refuse_full_folder(folder: Path, *, force: bool) -> None:
    """Refuse to write over what somebody made.

    Raises
    ------
    RunError
        The folder holds files, and nobody said --force; or it is a file.
    """
    if folder.is_file():
        raise RunError(str(folder), "is a file where a folder is to be written")
    if not force and folder.is_dir() and any(folder.iterdir()):
        raise RunError(str(folder), "has files in it already (--force writes over them)")
