"""Makes the generated parts of README.md: the command table, the field tables, and its picture.

``python tests/docs/generated.py`` writes the tables; `test_readme.py` holds the page equal to what this makes.
``python tests/docs/generated.py runs/peak_season-...`` also draws the picture, from that run.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click

PICTURE = Path(__file__).resolve().parents[2] / "models" / "metro" / "peak_season.svg"
README = Path(__file__).resolve().parents[2] / "README.md"


def command_table() -> str:
    """Every command with its arguments, what it does, and its own options."""
    from omsim.cli import group

    shared = {"help", "as_json", "quiet", "verbose", "debug"}
    shared |= {"replications", "seed", "jobs", "engine", "rerun", "fail_if"}
    rows = ["| Command | What it does | Options of its own |", "|---|---|---|"]
    for name, command in group.commands.items():
        context = click.Context(command)
        arguments = [param.make_metavar(context) for param in command.params if isinstance(param, click.Argument)]
        options = [
            f"`{option.opts[-1]}`"
            for option in command.params
            if isinstance(option, click.Option) and option.name not in shared
        ]
        usage = " ".join(["omsim", name, *arguments])
        rows.append(f"| `{usage}` | {command.short_help} | {' '.join(options)} |".replace(" |  |", " | |"))
    return "\n".join(rows)


def field_tables() -> str:
    """Every table and field of a model."""
    from omsim.model.schema import markdown_tables

    return markdown_tables().strip()


def generated(text: str) -> str:
    """The page with its generated parts made anew."""
    for name, make in (("commands", command_table), ("fields", field_tables)):
        pattern = re.compile(rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"README.md has lost the markers of its generated part {name}")
        made = make()
        text = pattern.sub(lambda match, made=made: f"{match[1]}{made}\n{match[2]}", text)
    return text


def picture(run: Path) -> str:
    """Orders, promises and backlog by day, out of a stored run."""
    from omsim.analysis.picture import svg_text
    from omsim.analysis.report import draw_pictures
    from omsim.experiments.reporting import build_report
    from omsim.experiments.run_folder import read_run

    pictures = {picture.key: picture for picture in draw_pictures(build_report(*read_run(run)))}
    return str(svg_text(pictures["daily"]))


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        PICTURE.write_text(picture(Path(argument)) + "\n", encoding="utf-8", newline="\n")
    README.write_text(generated(README.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
