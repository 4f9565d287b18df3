"""README.md says what is so: its generated parts, its commands, its paths, its defaults."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import click
import generated
import numpy as np
import pytest

from omsim.cli import frame, group

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    """The page."""
    return (repo / "README.md").read_text(encoding="utf-8")


def readme_command(page: str, name: str) -> str:
    """A marked command of the page."""
    block = re.search(rf"<!-- command: {name} -->\n```sh\n(.*?)\n```\n<!-- end -->", page, re.DOTALL)
    assert block is not None, f"README.md has lost its command {name}"
    return block[1]


def test_generated_parts_are_up_to_date(page: str) -> None:
    """Command and field tables are those of the code (`python tests/docs/generated.py` writes them)."""
    assert generated.generated(page) == page


@pytest.mark.parametrize("name", ["main", "tests"])
def test_each_of_the_two_commands_is_one_line(page: str, name: str) -> None:
    """One line sets up an environment of its own, installs into it, and runs."""
    command = readme_command(page, name)
    assert "\n" not in command
    steps = command.split(" && ")
    assert steps[0].startswith("python3 -m venv .venv")
    assert [step.split()[0].split("/")[0] for step in steps[1:]] == [steps[0].split()[-1]] * 2
    assert "pip install" in steps[1]


def test_the_gate_runs_these_very_commands(repo: Path, page: str) -> None:
    """`.ci/run` takes both commands out of the page and needs no copy of them."""
    script = (repo / ".ci" / "run").read_text(encoding="utf-8")
    function = re.search(r"readme_command\(\) \{\n.*?\n\}", script, re.DOTALL)
    assert function is not None
    for name in ("main", "tests"):
        code = f"{function[0]}\nreadme_command {name}"
        done = subprocess.run(["bash", "-c", code], cwd=repo, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == readme_command(page, name)
        assert readme_command(page, name) not in script


def test_every_command_shown_exists(page: str) -> None:
    """Each `omsim ...` line of a code block names a command, and options that it has."""
    shown = [
        part
        for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
        for line in block.splitlines()
        for part in line.split(" && ")
        if re.match(r"(\S*/)?omsim ", part)
    ]
    assert len(shown) >= 5
    for line in shown:
        words = shlex.split(line)
        command = group.commands[words[1]]
        options = {opt for param in command.params if isinstance(param, click.Option) for opt in param.opts}
        assert {word for word in words if word.startswith("-")} <= options, line


def test_every_path_named_exists(repo: Path, page: str) -> None:
    """Models, scenarios, pictures and notebooks the page names are there."""
    named = set(re.findall(r"\]\((?!http)([^)#]+)\)", page))
    named |= {
        path
        for path in re.findall(r"(?:models|scenarios|notebooks)/[\w/.]+\w", page)
        if not re.search("my_shop|real_shop", path)
    }
    assert "scenarios/peak_season.toml" in named
    assert {path for path in named if not (repo / path).exists()} == set()


def test_defaults_of_the_page_are_those_of_the_program(page: str) -> None:
    """The option table shows the defaults and variables the commands have."""
    options = {param.opts[-1]: param for param in group.commands["run"].params if isinstance(param, click.Option)}
    for flag, variable, default in re.findall(
        r"^\| (?:`-n`, )?`(--[\w-]+)` \| `(\w+)` \| `?(\w+)`?", page, re.MULTILINE
    ):
        assert options[flag].envvar == variable
        if flag != "--jobs":
            assert str(options[flag].default) == default
    assert options["--seed"].default == frame.DEFAULT_SEED


def test_exit_codes_of_the_page_are_those_of_the_program(page: str) -> None:
    """Each code is in the table."""
    table = page[page.index("| Exit code |") :].partition("\n\n")[0]
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    codes = {getattr(frame, name) for name in dir(frame) if name.startswith("EXIT_")}
    assert codes <= told
    assert {0, 1, 2, 3, 4, 5, 6, 130} == told


def test_sections_are_complete(page: str) -> None:
    """The page has the chapters a reader looks for."""
    chapters = re.findall(r"^## (.+)$", page, re.MULTILINE)
    for chapter in (
        "Two commands",
        "Commands",
        "Models and scenarios",
        "Performance",
        "Contributing",
        "Glossary",
        "Changes",
    ):
        assert chapter in chapters


def numbers(value: object) -> list[float]:
    """All numbers of arrays, tuples and single ones, in order."""
    parts = value if isinstance(value, tuple) else (value,)
    return [float(number) for part in parts for number in np.asarray(part, dtype=np.float64).ravel()]


def test_every_python_block_shows_what_it_gives(page: str) -> None:
    """Each runs as printed; numbers told behind an expression, up to a colon, are those of its value."""
    shown = 0
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        lines = block.splitlines()
        names: dict[str, object] = {}
        for part in ast.parse(block).body:
            code = "\n".join(lines[part.lineno - 1 : part.end_lineno])
            told = code.rpartition("  # ")[2].partition(":")[0]
            if isinstance(part, ast.Expr) and re.fullmatch(r"[\[\]\d., ]+", told):
                value = eval(code, names)
                assert numbers(value) == pytest.approx([float(n) for n in re.findall(r"[\d.]+", told)], abs=0.006), code
                shown += 1
            else:
                exec(code, names)
    assert shown >= 7
