"""A way to run the command line in this process, and a small shop to run it on."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from omsim.cli import group
from omsim.cli.frame import run_group

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Its JSON document."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture
def omsim(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command line in this process."""

    def run(*arguments: object) -> Ended:
        capsys.readouterr()
        code = run_group(group, [str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Ended(code, said.out, said.err)

    return run


@pytest.fixture
def shop(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a copy of the corner shop and a scenario on it."""
    monkeypatch.chdir(tmp_path)
    for name in ("SEED", "REPLICATIONS", "JOBS", "ENGINE", "OUT", "QUIET", "VERBOSE"):
        monkeypatch.delenv(f"OMSIM_{name}", raising=False)
    shutil.copytree(repo / "models" / "corner_shop", tmp_path / "shop")
    (tmp_path / "dearer.toml").write_text(
        'model = "shop"\nquestion = "What if everything cost twice as much?"\n\n'
        '[[change]]\ntable = "skus"\ncolumn = "unit_cost_cents"\noperation = "scale"\nvalue = 2\n',
        encoding="utf-8",
    )
    return tmp_path
