"""The nightly job on the command line: its endings, what it prints, and what it leaves; the plan itself is made up."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from omsim.cli.reorder import GATE_OPTIONS, REPLICATIONS, scope_text
from omsim.errors import SolveError

sys.path.append(str(Path(__file__).parents[1] / "nightly"))
from made_nights import made_night

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Ended

    from omsim.nightly.night import Night
    from omsim.nightly.planning import NightSettings
    from omsim.nightly.snapshot import LastNight, Snapshot

    Omsim = Callable[..., Ended]

NIGHT = ("reorder", "metro", "--as-of", "2026-09-27", "--quiet")


@pytest.fixture
def planned(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[NightSettings]:
    """A working directory with the metro model; settings of the nights planned, each by a simple rule."""
    settings: list[NightSettings] = []

    def plan(snapshot: Snapshot, last: LastNight, asked: NightSettings, log: object) -> Night:
        settings.append(asked)
        return made_night(snapshot, last)

    monkeypatch.setattr("omsim.nightly.planning.plan_night", plan)
    monkeypatch.setattr("omsim.nightly.inputs.learnt_by_simulation", _steady_weeks)
    monkeypatch.chdir(tmp_path)
    for name in ("SEED", "JOBS", "QUIET", "VERBOSE", "INPUTS", "DATABASE", "REORDER_OUT", "LOG_FORMAT"):
        monkeypatch.delenv(f"OMSIM_{name}", raising=False)
    shutil.copytree(repo / "models" / "metro", tmp_path / "metro")
    return settings


def _steady_weeks(business: Any, as_of: Any, *, seed: int) -> Any:
    """Demand of 30 units a day everywhere, without simulating."""
    from datetime import timedelta

    import numpy as np

    from omsim.nightly.input_history import Asked

    units = np.full((len(business["stock"]), 84), 30, dtype=np.int64)
    first = as_of - timedelta(days=83)
    return Asked(units=units, sold_out=np.zeros(units.shape, dtype=np.bool_), first_day=first, last_day=as_of)


def test_a_night_is_done_once(planned: list[Any], omsim: Omsim) -> None:
    """The first call plans, writes and shows the orders; the second changes nothing and says so; both end with 0."""
    ended = omsim(*NIGHT)
    assert (ended.code, ended.err) == (0, "")
    assert "2026-09-27/metro/all: done (attempt 1)" in ended.out
    assert "goods worth EUR" in ended.out
    assert "decide: Refused: minimum order" in ended.out
    page = Path(ended.out.rpartition("summary: ")[2].strip())
    assert "What to buy" in page.read_text(encoding="utf-8")
    again = omsim(*NIGHT)
    assert again.code == 0
    assert "already done" in again.out
    assert len(planned) == 1


def test_options_reach_the_plan(planned: list[Any], omsim: Omsim) -> None:
    """Seed, replications, processes and seconds are handed on; playing forward can be left out."""
    omsim(*NIGHT, "--seed", 7, "-n", 3, "--jobs", 2, "--solver-seconds", 9, "--dry-run")
    omsim(*NIGHT, "--no-play-forward", "--dry-run")
    first, second = planned
    assert (first.seed, first.replications, first.jobs, first.solver_seconds) == (7, 3, 2, 9.0)
    assert second.replications == 0


def test_a_dry_run_writes_nothing_and_prints_the_difference(planned: list[Any], omsim: Omsim, tmp_path: Path) -> None:
    """Before any night every line is new; after one the same plan differs in no line."""
    ended = omsim(*NIGHT, "--dry-run")
    assert ended.code == 0
    assert "no plan is in force: every line would be new" in ended.out
    assert not (tmp_path / "reorder").exists()
    assert omsim(*NIGHT).code == 0
    before = {path: path.read_bytes() for path in sorted((tmp_path / "reorder").rglob("*")) if path.is_file()}
    ended = omsim(*NIGHT, "--dry-run", "--html", "page.html")
    assert "against the plan in force, of 2026-09-27: 0 lines differ" in ended.out
    assert "What to buy" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert before == {path: path.read_bytes() for path in sorted((tmp_path / "reorder").rglob("*")) if path.is_file()}


def test_json_mode_prints_one_document(planned: list[Any], omsim: Omsim) -> None:
    """State, key, gates, orders and decisions, and what a dry run would change."""
    told = omsim(*NIGHT, "--json", "--dry-run").document
    assert (told["command"], told["state"], told["exit_code"]) == ("reorder", "dry_run", 0)
    assert (told["run_key"], told["as_of"], told["scope"]) == ("2026-09-27/metro/all", "2026-09-27", "all")
    assert {gate["name"] for gate in told["gates"]} >= {"stock_age", "budget", "gap"}
    assert sum(order["value_cents"] for order in told["purchase_orders"]) == told["difference"]["value_cents"]
    assert told["decisions"][0]["subject"].startswith("Refused")


def test_a_gate_stops_the_night_with_6(planned: list[Any], omsim: Omsim) -> None:
    """What is stopped is kept as rejected with its reason; --quiet does not silence the reason."""
    ended = omsim(*NIGHT, "--max-order-value", 1)
    assert ended.code == 6
    assert "stopped by gate budget: tonight's orders are worth" in ended.out
    assert "--max-order-value" in ended.err
    assert "rejected" in ended.out
    assert omsim(*NIGHT).code == 0


def test_old_stock_stops_before_planning(planned: list[Any], omsim: Omsim) -> None:
    """The model's own stock is of the evening before its start: a month later it is too old."""
    ended = omsim("reorder", "metro", "--as-of", "2026-10-27", "--quiet", "--json")
    assert ended.code == 6
    assert not planned
    assert [gate["name"] for gate in ended.document["gates"] if not gate["passed"]] == ["stock_age"]


def test_bad_input_ends_with_3_and_leaves_no_night(planned: list[Any], omsim: Omsim, tmp_path: Path) -> None:
    """Inputs that are not there, and a name that does not exist, are one clear line each."""
    ended = omsim(*NIGHT, "--inputs", "nowhere")
    assert ended.code == 3
    assert "nowhere: is missing (a folder of inputs)" in ended.err
    ended = omsim(*NIGHT, "--supplier", "birke")
    assert ended.code == 3
    assert 'did you mean "birk"?' in ended.err
    assert omsim("reorder", "metr", "--as-of", "2026-09-27").code == 3
    assert not planned
    assert "0 lines differ" not in omsim(*NIGHT, "--dry-run").out


def test_no_plan_ends_with_4(planned: list[Any], omsim: Omsim, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that cannot hold together are told, and nothing is written."""

    def conflict(*_: object) -> Night:
        raise SolveError("tonight's plan", "no plan: minimum order of birk and the budget", "60 s")

    monkeypatch.setattr("omsim.nightly.planning.plan_night", conflict)
    ended = omsim(*NIGHT)
    assert ended.code == 4
    assert "minimum order of birk and the budget" in ended.err


@pytest.fixture
def corner(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[object, ...]:
    """The command of a night of the corner shop, nothing made up, with twelve weeks of history."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(repo / "models" / "corner_shop", tmp_path / "corner")
    inputs = tmp_path / "inputs"
    inputs.mkdir()
    with (repo / "models" / "corner_shop" / "skus.csv").open(encoding="utf-8", newline="") as file:
        skus = [row["sku"] for row in csv.DictReader(file)]
    stock = ["counted_on,site,sku,on_hand_units", *(f"2026-09-27,shop,{sku},1" for sku in skus)]
    asked = ["date,sku,units"]
    for ago in range(84):
        day = date(2026, 9, 27) - timedelta(days=ago)
        asked += [f"{day},{sku},{1 + (ago + row) % 3}" for row, sku in enumerate(skus)]
    for name, lines in (
        ("stock_on_hand", stock),
        ("history", asked),
        ("open_orders", ["purchase_order,supplier,site,sku,units,due_date"]),
    ):
        (inputs / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return ("reorder", "corner", "--as-of", "2026-09-27", "--inputs", "inputs", "--jobs", 1)


def test_one_future_is_a_trial_without_an_interval(corner: tuple[object, ...], omsim: Omsim, tmp_path: Path) -> None:
    """-n 1 plans, plays one future and tells no interval, in the document, the page and the SKU's own words."""
    orders = ["order,ordered_at,channel,region,sku,units"]
    orders += [f"{ago},{date(2026, 9, 27) - timedelta(days=ago)} 09:10,web,town,tea,2" for ago in range(40, 0, -1)]
    (tmp_path / "corner" / "orders.csv").write_text("\n".join(orders) + "\n", encoding="utf-8")
    model = tmp_path / "corner" / "model.toml"
    settings = model.read_text(encoding="utf-8").replace("2026-09-28", "2026-08-15").replace("= 14", "= 60")
    model.write_text(settings, encoding="utf-8")
    ended = omsim(*corner, "-n", 1, "--json")
    told = ended.document
    assert (ended.code, told["state"]) == (0, "done")
    trial = told["facts"]["trial"]
    assert told["facts"]["untried"] == ""
    assert (trial["replications"], trial["gain_low_cents"], trial["kpis"]["unit_fill"]["low"]) == (1, None, None)
    assert "on one future" in (Path(told["folder"]) / "summary.html").read_text(encoding="utf-8")
    words = omsim("reorder", "corner", "--explain", "tea").out
    assert "1 on hand, 0 on order, 0 owed" in words
    assert "95 % sure" not in words


def test_a_model_without_futures_is_planned_untried(corner: tuple[object, ...], omsim: Omsim) -> None:
    """A history by day alone gives nothing to play: the night is planned, and says why it was not tried."""
    ended = omsim(*corner, "-n", 2, "--json")
    assert ended.code == 0, ended.err
    page = (Path(ended.document["folder"]) / "summary.html").read_text(encoding="utf-8")
    assert "New levels were not tried in the simulation before being proposed: the model has neither demand" in page


def test_rules_that_cannot_hold_together_are_told_and_nothing_is_written(
    corner: tuple[object, ...], omsim: Omsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units promised beyond the budget end the night with 4 and a buyer's words; no night and no file comes of it."""
    from omsim.optimize.reorder import tonight

    lines_of = tonight._lines

    def promised(*known: Any) -> Any:
        lines = lines_of(*known)
        return replace(lines, least_units=np.full(lines.n_lines, 50))

    monkeypatch.setattr(tonight, "_lines", promised)
    model = tmp_path / "corner" / "model.toml"
    model.write_text(model.read_text(encoding="utf-8") + "\n[purchasing]\nbudget_cents = 100\n", encoding="utf-8")
    ended = omsim(*corner, "--json")
    assert ended.code == 4
    for words in ("tonight's orders cannot keep all of: ", "50 units promised", "tonight's budget of 1.00"):
        assert words in ended.err
    assert ended.document["error"]["code"] == 4
    assert sorted(path.suffix for path in (tmp_path / "reorder").iterdir() if path.is_dir()) == []
    assert "holds no finished night" in omsim("reorder", "corner", "--explain", "tea").err


def test_another_process_is_no_failure_unless_asked(planned: list[Any], omsim: Omsim, tmp_path: Path) -> None:
    """While another holds the lock a call ends with 0, or with 5 by --fail-if-running."""
    from filelock import FileLock

    (tmp_path / "reorder").mkdir()
    with FileLock(tmp_path / "reorder" / ".omsim.lock"):
        ended = omsim(*NIGHT)
        assert (ended.code, "another process is running" in ended.out) == (0, True)
        assert omsim(*NIGHT, "--fail-if-running").code == 5
    assert not planned


def test_a_usage_error_ends_with_2(planned: list[Any], omsim: Omsim) -> None:
    """A night needs its date."""
    ended = omsim("reorder", "metro")
    assert ended.code == 2
    assert "--as-of" in ended.err


def test_a_scope_is_a_night_of_its_own(planned: list[Any], omsim: Omsim) -> None:
    """One supplier at one site is planned apart from the whole."""
    told = omsim(*NIGHT, "--supplier", "birk", "--site", "leipzig", "--json").document
    assert told["scope"] == "supplier=birk,site=leipzig"
    assert {(order["supplier"], order["site"]) for order in told["purchase_orders"]} == {("birk", "leipzig")}
    assert omsim(*NIGHT, "--json").document["state"] == "done"
    assert scope_text(("b", "a", "b"), ("x",)) == "supplier=a,supplier=b,site=x"


def test_json_logs_are_one_object_a_line(planned: list[Any], omsim: Omsim) -> None:
    """Stderr parses line by line, with key, phase and seconds; an error is such a line too."""
    ended = omsim("reorder", "metro", "--as-of", "2026-09-27", "--log-format", "json")
    lines = [json.loads(line) for line in ended.err.splitlines()]
    assert {line["phase"] for line in lines} >= {"read", "plan", "write", "exports"}
    assert {line["run_key"] for line in lines} == {"2026-09-27/metro/all"}
    assert all(line["seconds"] >= 0 for line in lines)
    ended = omsim("reorder", "metro", "--as-of", "2026-09-28", "--log-format", "json", "--inputs", "nowhere", "--json")
    (line,) = [json.loads(text) for text in ended.err.splitlines() if "nowhere" in text]
    assert (ended.code, line["level"], line["exit_code"], line["kind"]) == (3, "error", 3, "InvalidInputError")
    assert ended.document["error"]["code"] == 3


def test_a_stored_night_explains_a_sku(planned: list[Any], omsim: Omsim) -> None:
    """--explain tells all sites of a SKU, or one, without planning; a SKU nobody knows is an error."""
    assert omsim(*NIGHT).code == 0
    ended = omsim("reorder", "metro", "--explain", "HOM-002")
    assert ended.code == 0
    assert ended.out.count("night 2026-09-27/metro/all (attempt 1)") >= 2
    one = omsim("reorder", "metro", "--explain", "HOM-002@leipzig", "--json").document
    assert {row["site"] for row in one["tables"]["policies"]} == {"leipzig"}
    missing = omsim("reorder", "metro", "--explain", "NO-SUCH")
    assert missing.code == 1
    assert "NO-SUCH" in missing.err
    assert len(planned) == 1


def test_damaged_exports_are_written_again(planned: list[Any], omsim: Omsim, tmp_path: Path) -> None:
    """A deleted file comes back out of the database, byte for byte."""
    omsim(*NIGHT)
    (file,) = (tmp_path / "reorder").rglob("proposals.csv")
    before = file.read_bytes()
    file.unlink()
    assert "written again" in omsim("reorder", "metro", "--rebuild-exports").out
    assert file.read_bytes() == before
    assert "every export file is as it was written" in omsim("reorder", "metro", "--rebuild-exports").out


def test_defaults_come_from_the_configuration(planned: list[Any], omsim: Omsim, tmp_path: Path) -> None:
    """Limits of the gates are options like others: omsim.toml may set them, not the night's date."""
    (tmp_path / "omsim.toml").write_text("[reorder]\nmax_order_value = 1\n", encoding="utf-8")
    assert omsim(*NIGHT).code == 6
    (tmp_path / "omsim.toml").write_text('[reorder]\nas_of = "2026-09-27"\n', encoding="utf-8")
    ended = omsim(*NIGHT)
    assert ended.code == 3
    assert "reorder.as_of is no option of omsim" in ended.err


@pytest.mark.slow
def test_a_real_night_from_end_to_end(tmp_path: Path, omsim: Omsim, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing made up: the starter model is read, forecast, planned, judged, written, shown and explained."""
    monkeypatch.chdir(tmp_path)
    assert omsim("init", "shop").code == 0
    night = ("reorder", "shop", "--as-of", "2026-09-27", "--jobs", 1)
    ended = omsim(*night, "--no-play-forward", "--json")
    told = ended.document
    assert (ended.code, told["state"], told["exit_code"]) == (0, "done", 0)
    page = (tmp_path / told["folder"] / "summary.html").read_text(encoding="utf-8")
    assert "New levels were not tried in the simulation" in page
    assert omsim(*night, "--json").document["state"] == "already_done"
    sku = first_sku(tmp_path / told["folder"] / "policies.csv")
    assert "forecast" in omsim("reorder", "shop", "--explain", sku).out


def first_sku(policies: Path) -> str:
    """The first SKU of an exported table of policies."""
    with policies.open(encoding="utf-8", newline="") as file:
        return next(csv.DictReader(file))["sku"]


def test_shown_defaults_are_the_jobs_own() -> None:
    """Help loads nothing, so its defaults are written twice; they agree."""
    import math

    from omsim.nightly.gates import GateLimits
    from omsim.nightly.planning import NightSettings

    limits = GateLimits()
    for flag, _, default, _ in GATE_OPTIONS:
        value = getattr(limits, flag.removeprefix("--").replace("-", "_"))
        assert value == (math.inf if default is None else default), flag
    assert len(GATE_OPTIONS) == len(limits.__slots__)
    assert NightSettings().replications == REPLICATIONS
