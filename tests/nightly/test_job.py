"""What the nightly job promises: once, in order, and nothing half written."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from faults.reconciliation import read_files, read_rows
from nightly.small_nights import FIRST, SKUS, Wish, call_job, two_nights

from omsim.errors import FieldError, RunError
from omsim.nightly.job import rebuild_exports
from omsim.nightly.night import NIGHT_TABLES
from omsim.nightly.recall import explain_sku

if TYPE_CHECKING:
    from conftest import NewDatabases

    from omsim.nightly.outcome import Outcome


@pytest.fixture
def nights(new_database: NewDatabases, tmp_path: Path) -> tuple[Wish, Wish]:
    """Two nights in a row, neither carried out yet."""
    return two_nights(new_database(tmp_path), tmp_path)


def _run(wish: Wish, **changes: Any) -> Outcome:
    return call_job(replace(wish, **changes), Path(wish.out))


def _states(wish: Wish) -> list[tuple[str, int, str]]:
    return [(run["as_of"], run["attempt"], run["state"]) for run in read_rows(wish.database)["runs"]]


def test_a_night_is_stored_exported_and_current(nights: tuple[Wish, Wish]) -> None:
    """Tables in the database, each as CSV and Parquet, the summary, and a manifest of it all; `current` shows them."""
    outcome = _run(nights[0])
    assert (outcome.state, outcome.attempt, outcome.exit_code()) == ("done", 1, 0)
    assert outcome.folder == outcome.current
    current = Path(nights[0].out, "current")
    assert current.resolve() == outcome.folder.resolve()  # type: ignore[union-attr]
    manifest = json.loads((current / "manifest.json").read_text())
    expected = {f"{name}.{kind}" for name in NIGHT_TABLES for kind in ("csv", "parquet")} | {"summary.html"}
    assert set(manifest["files"]) == expected
    assert {path.name for path in current.iterdir()} == expected | {"manifest.json"}
    assert manifest["files"]["proposals.csv"]["rows"] == len(read_rows(nights[0].database)["proposals"])


def test_csv_and_parquet_say_the_same(nights: tuple[Wish, Wish]) -> None:
    """Texts such as 007, NA and those with commas and quotes come back as they were."""
    import csv

    from pyarrow import parquet

    folder = _run(nights[0]).folder
    assert folder is not None
    for name in NIGHT_TABLES:
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        table = parquet.read_table(folder / f"{name}.parquet").to_pylist()
        assert rows == [{column: str(value) for column, value in row.items()} for row in table]
    assert {row["sku"] for row in parquet.read_table(folder / "policies.parquet").to_pylist()} == set(SKUS)


def test_running_twice_changes_nothing(nights: tuple[Wish, Wish]) -> None:
    """The second call of a night says so, and leaves rows and files untouched."""
    _run(nights[0])
    before = read_rows(nights[0].database), read_files(Path(nights[0].out))
    times = {path: path.stat().st_mtime_ns for path in Path(nights[0].out).rglob("*") if path.is_file()}
    again = _run(nights[0], sold_units=3)
    assert (again.state, again.exit_code()) == ("already_done", 0)
    assert (read_rows(nights[0].database), read_files(Path(nights[0].out))) == before
    assert {path: path.stat().st_mtime_ns for path in times if path.suffix != ".lock"} == {
        path: time for path, time in times.items() if path.suffix != ".lock"
    }


def test_proposals_not_yet_taken_over_count_as_on_order(nights: tuple[Wish, Wish]) -> None:
    """The next night orders what was sold since, not what was ordered yesterday once more."""
    first, second = nights
    _run(first)
    outcome = _run(second)
    assert outcome.draft is not None
    assert len(outcome.draft.last.unconfirmed) == len(
        read_rows(first.database)["proposals"]
    ) - outcome.draft.night.length("proposals")
    assert set(outcome.draft.night.tables["proposals"]["units"]) == {5}


def test_confirmed_proposals_are_told_once(nights: tuple[Wish, Wish]) -> None:
    """What the open orders name is no longer ours to count; a gate that says no does not unlearn it."""
    first, second = nights
    _run(first)
    names = [line["proposal"] for line in read_rows(first.database)["proposals"]]
    _run(second, confirmed=(names[0],), refuse="inputs")
    _run(second, confirmed=(names[0], names[1]))
    states = {line["proposal"]: (line["state"], line["settled_by"]) for line in read_rows(first.database)["proposals"]}
    assert states[names[0]] == ("confirmed", 2)
    assert states[names[1]] == ("confirmed", 3)
    assert states[names[2]] == ("open", None)
    third = _run(second, as_of="2026-11-23").draft
    assert third is not None
    assert not {names[0], names[1]} & set(third.last.unconfirmed)


def test_proposals_nobody_confirms_lapse_with_a_warning(
    nights: tuple[Wish, Wish], caplog: pytest.LogCaptureFixture
) -> None:
    """After the days allowed they are warned of once, and no longer count."""
    first, second = nights
    _run(first)
    _run(second)
    with caplog.at_level(logging.WARNING):
        third = _run(second, as_of="2026-11-24", lapse_days=2)
    assert third.draft is not None
    assert {units for *_, units, _ in third.draft.last.unconfirmed.values()} == {5}
    n_lapsed = len(third.draft.last.lapsed)
    assert n_lapsed > 0
    assert f"{n_lapsed} proposals older than 2 days" in caplog.text
    states = [line["state"] for line in read_rows(first.database)["proposals"] if line["run_id"] == 1]
    assert states == ["lapsed"] * n_lapsed
    fourth = _run(second, as_of="2026-11-24", scope="south", lapse_days=2)
    assert fourth.draft is not None
    assert fourth.draft.last.lapsed == {}


def test_force_makes_a_new_attempt_and_withdraws_the_old(nights: tuple[Wish, Wish]) -> None:
    """The old attempt stays, superseded; its open proposals are withdrawn and not counted, its confirmed ones stay."""
    first, second = nights
    _run(first)
    old = _run(second)
    assert old.folder is not None
    kept = read_files(old.folder)
    name = next(line["proposal"] for line in read_rows(first.database)["proposals"] if line["run_id"] == 2)
    forced = _run(second, force=True, sold_units=6, confirmed=(name,))
    assert (forced.state, forced.attempt, forced.current) == ("done", 2, forced.folder)
    assert read_files(old.folder) == kept
    assert _states(first) == [("2026-11-21", 1, "done"), ("2026-11-22", 1, "superseded"), ("2026-11-22", 2, "done")]
    rows = read_rows(first.database)["proposals"]
    assert {line["state"] for line in rows if line["run_id"] == 2 and line["proposal"] != name} == {"withdrawn"}
    assert {line["state"] for line in rows if line["proposal"] == name} == {"confirmed"}
    assert {line["units"] for line in rows if line["run_id"] == 3} == {6}
    assert forced.folder is not None
    assert json.loads((forced.folder / "manifest.json").read_text())["supersedes_attempts"] == [1]


@pytest.mark.parametrize("gate", ["inputs", "plan"])
def test_a_gate_keeps_the_night_as_rejected(nights: tuple[Wish, Wish], gate: str) -> None:
    """The attempt is there with its reason, what was current stays, and its proposals do not count."""
    first, second = nights
    done = _run(first)
    rejected = _run(second, refuse=gate)
    assert (rejected.state, rejected.exit_code(), rejected.current) == ("rejected", 6, done.folder)
    assert "mood" in rejected.message
    assert (rejected.draft is None) == (gate == "inputs")
    assert Path(first.out, "current").resolve() == done.folder.resolve()  # type: ignore[union-attr]
    assert rejected.folder is not None
    manifest = json.loads((rejected.folder / "manifest.json").read_text())
    assert (manifest["accepted"], manifest["gates"][0]["passed"]) == (False, False)
    before = read_rows(first.database)
    again = _run(second, refuse=gate)
    assert (again.state, again.attempt, read_rows(first.database)) == ("rejected", 1, before)
    accepted = _run(second)
    assert (accepted.state, accepted.attempt) == ("done", 2)
    assert set(accepted.draft.night.tables["proposals"]["units"]) == {5}  # type: ignore[union-attr]


def test_a_rejected_force_leaves_the_finished_night_in_force(nights: tuple[Wish, Wish]) -> None:
    """Only an accepted attempt supersedes."""
    _run(nights[0])
    assert _run(nights[0], force=True, refuse="plan").state == "rejected"
    assert _states(nights[0]) == [("2026-11-21", 1, "done"), ("2026-11-21", 2, "rejected")]
    assert _run(nights[0]).state == "already_done"


def test_a_dry_run_leaves_no_trace(nights: tuple[Wish, Wish], tmp_path: Path) -> None:
    """It plans, judges and summarizes, and writes nothing: not even a database, a folder or a lock."""
    first, second = nights
    before = sorted(tmp_path.rglob("*"))
    outcome = _run(first, dry_run=True)
    assert (outcome.state, outcome.exit_code()) == ("dry_run", 0)
    assert outcome.draft is not None
    assert outcome.summary.startswith("<h1>2026-11-21")
    assert sorted(tmp_path.rglob("*")) == before
    _run(first)
    rows, files = read_rows(first.database), read_files(Path(first.out))
    rehearsed = _run(second, dry_run=True, refuse="plan")
    assert (rehearsed.state, rehearsed.exit_code()) == ("dry_run", 6)
    assert (read_rows(first.database), read_files(Path(first.out))) == (rows, files)
    assert rehearsed.draft is not None
    assert rehearsed.draft.night.tables == _run(second).draft.night.tables  # type: ignore[union-attr]


def test_scopes_are_nights_of_their_own(nights: tuple[Wish, Wish]) -> None:
    """The same date with another scope is another night with a pointer of its own, and knows the first's proposals."""
    first, _ = nights
    whole = _run(first)
    part = _run(first, scope="supplier ash", sold_units=1)
    assert part.state == "done"
    assert part.draft is not None
    assert len(part.draft.last.unconfirmed) == whole.draft.night.length("proposals")  # type: ignore[union-attr]
    assert part.draft.last.levels == {}
    assert Path(first.out, "current").resolve() == whole.folder.resolve()  # type: ignore[union-attr]
    pointers = [path for path in Path(first.out).iterdir() if path.is_symlink()]
    assert {path.resolve() for path in pointers} == {whole.folder.resolve(), part.folder.resolve()}  # type: ignore[union-attr]


def test_an_older_night_made_up_for_does_not_become_current(nights: tuple[Wish, Wish]) -> None:
    """A missed date may be replayed: it knows no later night, and the newest stays current."""
    newest = _run(nights[1])
    missed = _run(nights[0])
    assert missed.draft is not None
    assert missed.draft.last.unconfirmed == {}
    assert missed.current == newest.folder


def test_levels_and_value_are_the_last_nights(nights: tuple[Wish, Wish]) -> None:
    """What the gates and the summary compare with."""
    first, second = nights
    planned = _run(first).draft
    last = _run(second).draft.last  # type: ignore[union-attr]
    assert planned is not None
    tables = planned.night.tables
    assert last.as_of == FIRST
    assert last.n_cells == len(tables["policies"]["sku"])
    assert last.value_cents == sum(tables["proposals"]["value_cents"])
    assert last.units == {
        (site, sku): units
        for site, sku, units in zip(
            tables["proposals"]["site"], tables["proposals"]["sku"], tables["proposals"]["units"], strict=True
        )
    }
    assert last.levels["north", "sku,05"] == (-1, 0)


def test_export_files_lost_or_damaged_are_made_again_on_request(nights: tuple[Wish, Wish]) -> None:
    """The database has all they are made of."""
    first, second = nights
    _run(first)
    folder = _run(second).folder
    assert folder is not None
    before = read_files(Path(first.out))
    (folder / "proposals.parquet").unlink()
    (folder / "summary.html").write_text("damaged")
    Path(first.out, "current").unlink()
    assert rebuild_exports(database=first.database, out=Path(first.out)) == [folder]
    assert read_files(Path(first.out)) == before
    assert rebuild_exports(database=first.database, out=Path(first.out)) == []


def test_a_sku_is_explained_by_the_newest_night(nights: tuple[Wish, Wish]) -> None:
    """Every row about it, of the newest night or of the date asked for."""
    first, second = nights
    _run(first)
    _run(second)
    found = explain_sku(first.database, "007")
    assert found.run.key.as_of == second.key.as_of
    assert {row["site"] for row in found.tables["policies"]} == {"north", "south"}
    assert [
        row["units"] for row in explain_sku(first.database, "007", site="south", as_of=FIRST).tables["proposals"]
    ] == [
        line["units"]
        for line in read_rows(first.database)["proposals"]
        if (line["run_id"], line["site"], line["sku"]) == (1, "south", "007")
    ]
    order = found.tables["proposals"][0]["purchase_order"]
    assert order in {row["purchase_order"] for row in found.tables["purchase_orders"]}
    with pytest.raises(RunError, match="knows no SKU 'nothing'"):
        explain_sku(first.database, "nothing")
    with pytest.raises(RunError, match="holds no finished night of 1999"):
        explain_sku(first.database, "007", as_of=date(1999, 1, 1))


def test_what_fails_before_the_transaction_leaves_nothing(nights: tuple[Wish, Wish], monkeypatch: Any) -> None:
    """A planner that fails, or hands back a number that is none, leaves no attempt behind."""
    import nightly.small_nights as module

    real = module.plan_small
    _run(nights[0])
    before = read_rows(nights[0].database)

    def broken(known: Any, last: Any) -> Any:
        night = real(known, last)
        night.tables["forecasts"]["mean_units_per_day"][3] = float("nan")
        return night

    monkeypatch.setattr(module, "plan_small", broken)
    with pytest.raises(FieldError, match=r"forecasts.mean_units_per_day\[3\] must be a finite number"):
        _run(nights[1])
    assert read_rows(nights[0].database) == before


def test_lapse_days_are_not_negative(nights: tuple[Wish, Wish]) -> None:
    """A setting that cannot be meant is refused at once."""
    with pytest.raises(FieldError, match="lapse_days must be 0 or more"):
        _run(nights[0], lapse_days=-1)
