"""Nights killed at every step: the next call completes them, and nothing is lost, doubled or left half written."""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from faults.forked_nights import MEMORY, Fault, WarmParent
from faults.reconciliation import TABLES, Rows, check_sense, read_files, read_rows
from nightly.old_databases import make_version_1
from nightly.small_nights import FIRST, Wish

from omsim.nightly.crashpoints import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import NewDatabases


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Which night is killed, and what was before it."""

    asked: dict[str, object]
    before: tuple[dict[str, object], ...] = ()
    version_1: bool = False
    places: tuple[str, ...] = field(default=())
    state: str = "done"


FIRST_NIGHT: dict[str, object] = {"as_of": FIRST.isoformat()}
SECOND_NIGHT: dict[str, object] = {"sold_units": 5}
SCENES = {
    "second": Scene(
        asked=SECOND_NIGHT,
        before=(FIRST_NIGHT,),
        places=(
            *("locked", "unsent_finished", "inputs_read", "planned", "judged", "transaction_begun", "run_written"),
            *(f"table_written:{n}" for n in range(1, 7)),
            *("before_commit", "committed"),
            *(f"file_begun:{n}" for n in (1, 2, 8, 14)),
            *(f"file_written:{n}" for n in (1, 6, 14)),
            *(f"file_synced:{n}" for n in (1, 9, 14)),
            *(f"file_renamed:{n}" for n in (1, 13, 14)),
            *("files_exported", "marked_sent", "pointer_written", "pointer_moved:2"),
        ),
    ),
    "first": Scene(
        asked=FIRST_NIGHT,
        places=(
            *("locked", "schema_created", "planned", "table_written:3", "before_commit", "committed"),
            *("file_renamed:5", "files_exported", "marked_sent", "pointer_written", "pointer_moved"),
        ),
    ),
    "forced": Scene(
        asked=SECOND_NIGHT | {"force": True, "sold_units": 9},
        before=(FIRST_NIGHT, SECOND_NIGHT),
        places=(
            *("transaction_begun", "run_written", "table_written:2", "before_commit", "committed", "file_synced:3"),
            *("files_exported", "marked_sent", "pointer_written", "pointer_moved:2"),
        ),
    ),
    "rejected": Scene(
        asked=SECOND_NIGHT | {"refuse": "plan"},
        before=(FIRST_NIGHT,),
        places=(
            *("judged", "run_written", "table_written:6", "before_commit", "committed", "file_renamed:14"),
            *("files_exported", "marked_sent"),
        ),
        state="rejected",
    ),
    "old": Scene(
        asked=SECOND_NIGHT,
        version_1=True,
        places=("schema_migrated", "file_synced:2", "marked_sent", "pointer_moved", "before_commit", "committed"),
    ),
}
NAMED = [(name, place) for name, scene in SCENES.items() for place in scene.places]
RANDOM_KILLS, ROUNDS = 10, 4
MOST_TRIALS = 6  # a kill


class Stage:
    """Sets scenes up, and knows how each ends when nobody is killed."""

    def __init__(self, parent: WarmParent, new_database: NewDatabases, place: Path) -> None:
        self.parent = parent
        self.new_database = new_database
        self.place = place
        self.uninterrupted: dict[str, tuple[Rows, dict[str, bytes | str], float]] = {}
        self.prepared: dict[str, tuple[str, dict[str, list[tuple[Any, ...]]]]] = {}

    def set_up(self, name: str, folder: Path) -> Wish:
        """All that was before the night, in a folder yet to be made."""
        scene = SCENES[name]
        if name in self.prepared:
            shutil.copytree(self.place / name, folder, symlinks=True)
            address = self.new_database.restore(*self.prepared[name], folder)
        else:
            folder.mkdir()
            address = self.new_database(folder)
            if scene.version_1:
                make_version_1(address)
            for before in scene.before:
                wish = Wish(database=address, out=str(folder / "out"), **before)  # type: ignore[arg-type]
                assert self.parent.run(wish)[0].state == "done"
            if scene.before:
                shutil.copytree(folder, self.place / name, symlinks=True)
                self.prepared[name] = address, self.new_database.save(address, TABLES)
        return Wish(database=address, out=str(folder / "out"), **scene.asked)  # type: ignore[arg-type]

    def uninterrupted_end(self, name: str, folder: Path) -> tuple[Rows, dict[str, bytes | str], float]:
        """Rows and files of the scene played without a fault, and its seconds."""
        if name not in self.uninterrupted:
            wish = self.set_up(name, folder / "uninterrupted")
            (ending,) = self.parent.run(wish)
            assert ending.state == SCENES[name].state
            rows, files = read_rows(wish.database), read_files(folder / "uninterrupted" / "out")
            check_sense(rows)
            self.uninterrupted[name] = rows, files, ending.seconds
        return self.uninterrupted[name]


@pytest.fixture(scope="module")
def stage(parent: WarmParent, new_database: NewDatabases) -> Iterator[Stage]:
    """Of each kind of database."""
    with tempfile.TemporaryDirectory(prefix="omsim-stage-", dir=MEMORY) as place:
        yield Stage(parent, new_database, Path(place))


@pytest.mark.parametrize(("name", "place"), NAMED)
def test_a_night_killed_at_a_named_place_is_completed(stage: Stage, folder: Path, name: str, place: str) -> None:
    """The call after the kill leaves the rows and files of a night nobody killed, bit for bit."""
    scene = SCENES[name]
    rows, files, _ = stage.uninterrupted_end(name, folder)
    wish = stage.set_up(name, folder / "killed")
    (killed,) = stage.parent.run(wish, Fault(crashpoint=place))
    assert killed.signal == signal.SIGKILL
    if place.partition(":")[0] in ("marked_sent", "pointer_written", "pointer_moved"):
        wish = replace(wish, force=False)  # all was there: forcing once more would be a wish for a third attempt
    (completed,) = stage.parent.run(wish)
    assert (completed.signal, completed.state) in ((0, scene.state), (0, "already_done"))
    assert read_rows(wish.database) == rows
    assert read_files(folder / "killed" / "out") == files


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_nights_killed_at_any_moment_are_completed(stage: Stage, folder: Path, round_: int) -> None:
    """Kills at random moments, ten a round; each is followed by one call, which leaves what an undisturbed one does."""
    rows, files, seconds = stage.uninterrupted_end("second", folder)
    moments = random.Random(round_)
    kills = 0
    for trial in range(MOST_TRIALS * RANDOM_KILLS):
        wish = stage.set_up("second", folder / f"trial_{trial}")
        (ending,) = stage.parent.run(wish, Fault(kill_after_s=moments.uniform(0.0, 0.9 * seconds)))
        kills += ending.signal == signal.SIGKILL
        if ending.signal != signal.SIGKILL:  # it was through before its moment: a busy machine has calmed down
            seconds = min(seconds, ending.seconds)
        (completed,) = stage.parent.run(wish)
        assert completed.state in ("done", "already_done")
        assert read_rows(wish.database) == rows
        assert read_files(folder / f"trial_{trial}" / "out") == files
        shutil.rmtree(folder / f"trial_{trial}")
        if kills == RANDOM_KILLS:
            return
    pytest.fail(f"only {kills} of {MOST_TRIALS * RANDOM_KILLS} nights were caught alive")


def test_a_night_killed_again_and_again_is_completed(stage: Stage, folder: Path) -> None:
    """A night that dies a little later each time ends like one that never died."""
    rows, files, _ = stage.uninterrupted_end("second", folder)
    wish = stage.set_up("second", folder / "killed")
    for place in ("planned", "before_commit", "committed", "file_written:7", "file_renamed:14", "files_exported"):
        (killed,) = stage.parent.run(wish, Fault(crashpoint=place))
        assert killed.signal == signal.SIGKILL
    (completed,) = stage.parent.run(wish)
    assert completed.state == "already_done"
    assert read_rows(wish.database) == rows
    assert read_files(folder / "killed" / "out") == files


def test_the_night_after_a_killed_one_completes_it_first(stage: Stage, folder: Path) -> None:
    """When nobody calls again that night, the next night writes the missing files and counts its proposals."""
    wish = stage.set_up("second", folder / "killed")
    (killed,) = stage.parent.run(wish, Fault(crashpoint="committed"))
    assert killed.signal == signal.SIGKILL
    (next_night,) = stage.parent.run(replace(wish, as_of="2026-11-23", sold_units=7))
    assert next_night.state == "done"
    rows = read_rows(wish.database)
    check_sense(rows)
    assert [run["state"] for run in rows["runs"]] == ["done"] * 3
    files = read_files(folder / "killed" / "out")
    assert len([file for file in files if file.endswith("manifest.json")]) == 3
    assert str(files["current"]).startswith("-> 2026-11-23")


def test_every_place_is_named_and_enough_nights_are_killed() -> None:
    """Each crash point is used by a scene, and a run kills at least a hundred nights on each kind of database."""
    assert {place.partition(":")[0] for _, place in NAMED} == set(PLACES)
    assert len(NAMED) + RANDOM_KILLS * ROUNDS >= 100
