"""Export files: whole or not there, and never synced twice."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from nightly.small_nights import Wish, call_job

from omsim.errors import RunError
from omsim.experiments.atomic import write_bytes
from omsim.nightly.database import open_database
from omsim.nightly.lock import one_at_a_time
from omsim.nightly.store import slug

if TYPE_CHECKING:
    from pathlib import Path


def test_a_failed_sync_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After it nobody knows what the disk holds: the job stops."""
    calls = []

    def failing(handle: int) -> None:
        calls.append(handle)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", failing)
    file = tmp_path / "file"
    with pytest.raises(OSError, match="Input/output"):
        write_bytes(file, b"content")
    assert len(calls) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing beside it."""
    file = tmp_path / "file"
    write_bytes(file, b"old")

    def failing(*names: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(file, b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_folders_of_different_keys_never_meet() -> None:
    """Names that differ only in what a file cannot be called stay apart."""
    names = [
        "all",
        "All",
        "a/b",
        "a b",
        "a:b",
        "a-b",
        "",
        ".",
        "..",
        "ä",
        "x" * 41,
        "x" * 42,
        "a--b",
        "-a",
        "a-",
        "a_b",
    ]
    assert len({slug(name) for name in names}) == len(names)
    assert all("/" not in slug(name) and "--" not in slug(name) for name in names)
    assert slug("corner_shop-2.b") == "corner_shop-2.b"


def test_what_was_left_of_a_dead_process_is_cleared(tmp_path: Path) -> None:
    """A file half written by a process that is gone does not stay."""
    out = tmp_path / "out"
    wish = Wish(database=str(tmp_path / "nights.db"), out=str(out))
    outcome = call_job(wish, out)
    assert outcome.folder is not None
    dead = os.fork()
    if dead == 0:  # pragma: no cover - in the child
        os._exit(0)
    os.waitpid(dead, 0)
    (outcome.folder / f"proposals.csv.partial-{dead}").write_text("half")
    (outcome.folder / "proposals.csv").unlink()
    from omsim.nightly.job import rebuild_exports

    rebuild_exports(database=wish.database, out=out)
    assert not list(outcome.folder.glob("*partial*"))


def test_the_lock_is_held_by_one(tmp_path: Path) -> None:
    """And free again afterwards."""
    with open_database(str(tmp_path / "nights.db"), create=True) as store:
        with one_at_a_time(store, tmp_path) as mine, one_at_a_time(store, tmp_path) as theirs:
            assert (mine, theirs) == (True, False)
        with one_at_a_time(store, tmp_path) as again:
            assert again


def test_a_folder_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    """It is a file."""
    (tmp_path / "out").write_text("")
    with pytest.raises(RunError, match="cannot be made a folder of export files"):
        call_job(Wish(database=str(tmp_path / "nights.db"), out=str(tmp_path / "out")), tmp_path / "out")
