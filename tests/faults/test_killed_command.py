"""The real command, planning for real, killed three times and then started twice at once."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from faults.reconciliation import read_files, read_rows

from omsim.model.files import write_business
from omsim.model.templates.making import make_starter
from omsim.nightly.crashpoints import VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = (make_starter().settings.start_date - timedelta(days=1)).isoformat()
COMMAND = (
    *(sys.executable, "-m", "omsim.cli", "reorder", "shop", "--as-of", AS_OF, "--out", "out"),
    *("--database", "nights.db", "--replications", "0", "--quiet"),
    *("--max-stock-age-days", "99", "--min-history-days", "1", "--min-recent-demand", "0", "--max-value-days", "9999"),
)


def _start(folder: Path, crashpoint: str = "") -> subprocess.Popen[str]:
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("OMSIM_")}
    return subprocess.Popen(
        COMMAND,
        cwd=folder,
        env=surroundings | {VARIABLE: crashpoint},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_the_command_killed_three_times_is_completed_by_one_of_two(tmp_path: Path) -> None:
    """Proposals, policies, forecasts and every table's file are those of a command nobody killed."""
    folders = [tmp_path / "killed", tmp_path / "undisturbed"]
    for folder in folders:
        write_business(make_starter(), folder / "shop")
        stock = folder / "shop" / "stock.csv"  # sold out, so that there is something to buy
        stock.write_text(re.sub(r"(?m)^(main,[^,]+),\d+", r"\1,0", stock.read_text(encoding="utf-8")), encoding="utf-8")
    killed, undisturbed = folders
    alone = _start(undisturbed)
    for place in ("inputs_read", "before_commit", "file_renamed:3"):
        process = _start(killed, place)
        said, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL, said
    both = [_start(killed), _start(killed)]
    said_by = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said_by
    assert any("already done" in said for said in said_by), said_by
    said, _ = alone.communicate()
    assert (alone.returncode, "done (attempt 1)" in said) == (0, True), said

    found, expected = (read_rows(str(folder / "nights.db")) for folder in folders)
    assert [run["state"] for run in found["runs"]] == ["done"]
    assert len(found["proposals"]) > 0
    for name in ("purchase_orders", "proposals", "policies", "forecasts", "refusals", "decisions"):
        assert found[name] == expected[name]
    files, wanted = (read_files(folder / "out") for folder in folders)
    assert files.keys() == wanted.keys()
    for name, content in wanted.items():
        if name.endswith((".csv", ".parquet")):
            assert files[name] == content
