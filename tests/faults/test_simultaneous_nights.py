"""Twenty starts of the same night at the same instant: one carries it out, the others say so and end cleanly."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from faults.forked_nights import Fault, WarmParent
from faults.reconciliation import check_sense, read_files, read_rows
from nightly.small_nights import Wish, two_nights

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import NewDatabases

STARTS, ROUNDS = 20, 5


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_one_of_twenty_carries_the_night_out(
    parent: WarmParent, new_database: NewDatabases, undisturbed: tuple[object, object], folder: Path, round_: int
) -> None:
    """Even where the tables are yet to be made there is one winner, and it leaves what a single start leaves."""
    first, second = two_nights(new_database(folder), folder)
    if round_ % 2:
        assert parent.run(first)[0].state == "done"
        endings = parent.run(second, copies=STARTS)
    else:
        endings = parent.run(first, copies=STARTS)
        assert parent.run(second)[0].state == "done"
    assert {(ending.signal, ending.code) for ending in endings} == {(0, 0)}
    states = Counter(ending.state for ending in endings)
    assert states["done"] == 1, states
    assert states["already_done"] + states["running_elsewhere"] == STARTS - 1, states
    assert (read_rows(first.database), read_files(folder / "out")) == undisturbed


@pytest.mark.parametrize("force", [False, True])
def test_the_database_decides_where_no_lock_helps(
    parent: WarmParent, new_database: NewDatabases, folder: Path, force: bool
) -> None:
    """With the locks taken away all plan, and still one attempt of each number is written, and one night done."""
    night = Wish(database=new_database(folder), out=str(folder / "out"), plan_seconds=0.2)
    if force:
        assert parent.run(night)[0].state == "done"
        night = Wish(database=night.database, out=night.out, plan_seconds=0.2, force=True, sold_units=1)
    endings = parent.run(night, Fault(unlocked=True), copies=8)
    assert {(ending.signal, ending.code) for ending in endings} == {(0, 0)}, endings
    states = Counter(ending.state for ending in endings)
    rows = read_rows(night.database)
    check_sense(rows)
    attempts = Counter(run["attempt"] for run in rows["runs"])
    assert set(attempts.values()) == {1}
    assert states["done"] == len(rows["runs"]) - int(force)
    if not force:
        assert states["done"] == 1
    left = [name for name in read_files(folder / "out") if "partial" in name]
    assert left == []
