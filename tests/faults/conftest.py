"""Fixtures of the killed nights: a warm parent that forks them, and a folder where syncing costs nothing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faults.forked_nights import MEMORY, WarmParent
from faults.reconciliation import check_sense, read_files, read_rows
from nightly.small_nights import two_nights

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import NewDatabases


@pytest.fixture(scope="session")
def parent() -> Iterator[WarmParent]:
    """Forks nights."""
    warm = WarmParent()
    yield warm
    warm.close()


@pytest.fixture(scope="module")
def undisturbed(
    parent: WarmParent, new_database: NewDatabases, tmp_path_factory: pytest.TempPathFactory
) -> tuple[object, object]:
    """Rows and files of two nights in a row that nothing went wrong with."""
    folder = tmp_path_factory.mktemp("undisturbed")
    first, second = two_nights(new_database(folder), folder)
    assert [parent.run(night)[0].state for night in (first, second)] == ["done", "done"]
    rows = read_rows(first.database)
    check_sense(rows)
    return rows, read_files(folder / "out")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the test's own, in memory where there is such a place: a killed process leaves the same there."""
    made = Path(tempfile.mkdtemp(prefix="omsim-faults-", dir=MEMORY))
    yield made
    shutil.rmtree(made)
