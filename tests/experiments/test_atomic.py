"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from omsim.errors import RunError
from omsim.experiments.atomic import adopt_partial, left_overs, publish_folder, read_json, write_json, write_text

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def dead_process() -> int:
    """The number of a process that is gone."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk gives up before the rename, readers still see what was there."""
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "old"


def test_json_reads_back_and_refuses_nan(tmp_path: Path) -> None:
    """What is written is read; NaN is not JSON."""
    write_json(tmp_path / "a.json", {"ä": [1, None]})
    assert read_json(tmp_path / "a.json") == {"ä": [1, None]}
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})


@pytest.mark.parametrize("text", [None, "{", "[]", "\x00\xff"])
def test_what_is_no_json_object_is_an_error(tmp_path: Path, text: str | None) -> None:
    """A missing, broken or foreign file is named in the error."""
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text, encoding="latin-1")
    with pytest.raises(RunError, match=r"a\.json"):
        read_json(path)


def test_publishing_replaces_a_whole_folder(tmp_path: Path) -> None:
    """The new folder takes the name, and nothing of the old one, nor any aside, stays."""
    final, partial = tmp_path / "run", tmp_path / "run.partial-1"
    for folder, name in ((final, "old"), (partial, "new")):
        folder.mkdir()
        (folder / name).write_text(name, encoding="utf-8")
    publish_folder(partial, final)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert [path.name for path in final.iterdir()] == ["new"]


def test_a_dead_process_partial_is_adopted(tmp_path: Path, dead_process: int) -> None:
    """What an interrupted process left is taken over under this process's name."""
    left = tmp_path / f"run.partial-{dead_process}"
    left.mkdir()
    (left / "kept").write_text("", encoding="utf-8")
    mine = adopt_partial(tmp_path / "run")
    assert mine.name == f"run.partial-{os.getpid()}"
    assert (mine / "kept").exists()
    assert not left.exists()


def test_a_living_process_keeps_its_partial(tmp_path: Path) -> None:
    """A folder another process is writing is left alone."""
    other = tmp_path / f"run.partial-{os.getppid()}"
    other.mkdir()
    mine = adopt_partial(tmp_path / "run")
    assert other.exists()
    assert left_overs(tmp_path / "run") == [mine]
