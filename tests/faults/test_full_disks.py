"""Disks that are full or fail, servers that hang up: one line, nothing half written, the next call completes."""

from __future__ import annotations

import errno
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from faults.forked_nights import Fault, WarmParent
from faults.reconciliation import read_files, read_rows
from nightly.small_nights import Wish, two_nights

from omsim.nightly.night import NIGHT_TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import NewDatabases

FILES = 2 * len(NIGHT_TABLES) + 2  # of a night: each table twice, summary, manifest


@dataclass(frozen=True)
class Bench:
    """A second night about to begin, and how it should end."""

    parent: WarmParent
    night: Wish
    look: Callable[[], tuple[Any, Any]]
    undisturbed: tuple[object, object]

    def message_of(self, fault: Fault) -> str:
        """The line a fault ends the night with; what it left was found whole, and the next call completed it."""
        (failed,) = self.parent.run(self.night, fault)
        assert (failed.signal, failed.code, failed.state) == (0, 1, "RunError"), failed
        between, files = self.look()
        tonight = [run["run_id"] for run in between["runs"] if run["as_of"] == self.night.as_of]
        for name in ("proposals", "policies", "forecasts", "outbox"):  # every table has rows of the night, or none
            assert any(row["run_id"] in tonight for row in between[name]) == bool(tonight)
        assert not [name for name in files if "partial" in name]
        (completed,) = self.parent.run(self.night)
        assert completed.state == ("already_done" if tonight else "done")
        assert self.look() == self.undisturbed
        return failed.message


@pytest.fixture
def bench(parent: WarmParent, new_database: NewDatabases, undisturbed: tuple[object, object], folder: Path) -> Bench:
    """The first night done."""
    first, second = two_nights(new_database(folder), folder)
    assert parent.run(first)[0].state == "done"
    return Bench(parent, second, lambda: (read_rows(second.database), read_files(folder / "out")), undisturbed)


@pytest.mark.parametrize("file_bytes", [0, 600, 2_500, 5_000, 6_500, 20_000, 40_000, 80_000, 140_000])
def test_files_that_may_not_grow_stop_the_night(bench: Bench, file_bytes: int) -> None:
    """A limit of the size of files, met in journal, database or export files, whichever grows first."""
    if "postgresql" in bench.night.database and file_bytes > 6_500:
        pytest.skip("no export file of this night is larger, and the server's files have no limit")
    assert "\n" not in bench.message_of(Fault(file_bytes=file_bytes))


@pytest.mark.parametrize("new_database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("pages", [1, 60])
def test_a_full_disk_under_the_database_stops_the_night(bench: Bench, pages: int) -> None:
    """SQLite's own "full": the night is not there at all, and the line says so."""
    if pages > 1:  # one page more than there are, so that the first rows still fit
        pages = Path(bench.night.database).stat().st_size // 4096 + 1
    assert "the disk is full; nothing was written" in bench.message_of(Fault(database_pages=pages))


@pytest.mark.parametrize(
    ("call", "nth", "number"),
    [
        ("fsync", 1, errno.ENOSPC),
        ("fsync", 2, errno.EIO),
        ("fsync", 9, errno.EIO),
        ("fsync", 28, errno.ENOSPC),
        ("replace", 1, errno.ENOSPC),
        ("replace", FILES, errno.EIO),
        ("replace", FILES + 1, errno.ENOSPC),
        ("symlink", 1, errno.ENOSPC),
    ],
)
def test_a_disk_that_fails_under_the_files_stops_the_night(bench: Bench, call: str, nth: int, number: int) -> None:
    """The night is in the database; its files wait for the next call, and none is half there."""
    message = bench.message_of(Fault(failing=(call, nth, number)))
    assert "cannot be written" in message
    assert "\n" not in message


@pytest.mark.parametrize("new_database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("place", ["inputs_read", "planned", "before_commit", "files_exported"])
def test_a_server_that_hangs_up_does_not_halve_the_night(bench: Bench, place: str) -> None:
    """Connections cut in the middle: outside a transaction they are made again, inside one nothing was written."""
    named = replace(bench.night, database=f"{bench.night.database}&application_name=cut_at_{place}")
    fault = Fault(crashpoint=place, hang_up=True)
    if place == "before_commit":
        assert "the server" in replace(bench, night=named).message_of(fault)
        return
    (ending,) = bench.parent.run(named, fault)
    assert (ending.code, ending.state) == (0, "done"), ending
    assert bench.look() == bench.undisturbed


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WarmParent]:
    """A parent with a disk of its own, which only it sees; where nobody may mount one the test skips."""
    folder = tmp_path_factory.mktemp("disk")
    try:
        trial = subprocess.run(
            ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "disk", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare to mount a small disk with")
    if trial.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {trial.stderr.strip()}")
    parent = WarmParent(folder)
    yield parent
    parent.close()


@pytest.mark.parametrize("free_kib", [0, 8, 24, 40])
def test_a_disk_that_is_really_full_stops_the_night(
    small_disk: WarmParent,
    new_database: NewDatabases,
    undisturbed: tuple[object, object],
    tmp_path: Path,
    free_kib: int,
) -> None:
    """Journal, database or export files meet the end of the disk; with room again the night is completed."""
    assert small_disk.disk is not None
    own, seen = small_disk.disk / tmp_path.name, small_disk.disk_from_outside / tmp_path.name
    seen.mkdir()
    first, second = two_nights(new_database(own), own)
    assert small_disk.run(first)[0].state == "done"
    copy = tmp_path / "copy"
    database = second.database if "postgresql" in second.database else str(copy / "nights.db")

    def look() -> tuple[object, object]:
        shutil.copytree(seen, copy, symlinks=True)
        found = read_rows(database), read_files(copy / "out")
        shutil.rmtree(copy)
        return found

    message = Bench(small_disk, second, look, undisturbed).message_of(Fault(disk_free_bytes=1024 * free_kib))
    assert "\n" not in message
