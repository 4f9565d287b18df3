"""The commands on a small shop; the simulation itself is made up where only the command is in question."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from omsim.experiments import executors, replicate, reporting
from omsim.experiments.replicate import Finished
from omsim.sim import engine

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Ended

    from omsim.experiments.executors import Job, Task

    Omsim = Callable[..., Ended]

QUICK = ("--jobs", 1, "-n", 3)


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Replications asked for; each has made-up KPIs, and no report is drawn."""
    made: list[int] = []

    def simulate(job: Job, task: Task) -> Finished:
        made.append(task.replication)
        return made_up(task)

    monkeypatch.setattr(replicate, "simulate", simulate)
    monkeypatch.setattr(executors, "is_compiled", lambda: True)
    monkeypatch.setattr(reporting, "report_page", lambda _document, _finished: "<html></html>")
    return made


def made_up(task: Task) -> Finished:
    """KPIs that are a known function of arm and replication."""
    import numpy as np

    from omsim.analysis.kpis import KpiTable

    return Finished(
        replication=task.replication,
        kpis=KpiTable(
            kpi=("otif", "cost_per_order"),
            group=("", ""),
            numerator=np.array([90.0, 5.0]),
            denominator=np.array([100.0, 1.0]),
            value=np.array([0.9 - 0.1 * task.arm + 0.01 * task.replication, 500.0]),
        ),
        series=empty_series(),
        audit=("units: 3 equalities, 0 broken",),
        orders=100,
        run_s=0.1,
    )


def empty_series() -> Any:
    """A series of one day in which nothing happened."""
    from dataclasses import fields
    from datetime import date

    import numpy as np

    from omsim.analysis.series import RunSeries
    from omsim.kernels.outcome_columns import CAUSES

    values: dict[str, Any] = {field.name: np.zeros(1, dtype=np.int64) for field in fields(RunSeries)}
    values["misses"] = np.zeros((1, len(CAUSES)), dtype=np.int64)
    names: tuple[str, ...] = ()
    values |= {"start_date": date(2026, 1, 1), "warm_up_days": 0, "worst": (), "fallbacks": ()}
    return RunSeries(**values | dict.fromkeys(("channels", "regions", "sites", "services"), names))


def test_a_scenario_is_answered_against_its_model(shop: Path, omsim: Omsim, simulated: list[int]) -> None:
    """`run` on a scenario simulates model and scenario, and shows question, values, difference and verdict."""
    ended = omsim("run", "dearer.toml", *QUICK)
    assert (ended.code, ended.err) == (0, "")
    assert "What if everything cost twice as much?" in ended.out
    row = next(line for line in ended.out.splitlines() if line.startswith("On time in full"))
    assert row.split("  ")[-1].strip() == "worse"
    assert "-10.0 points" in row
    assert len(simulated) == 6
    assert [path.name.rpartition("-")[0] for path in (shop / "runs").iterdir()] == ["dearer"]


def test_the_first_run_says_that_it_compiles(
    shop: Path, omsim: Omsim, simulated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a fresh installation the wait is explained, on stderr; a stored answer needs no compiling."""
    monkeypatch.setattr(executors, "is_compiled", lambda: False)
    assert "compiling the engine" in omsim("run", "shop", *QUICK).err
    assert "compiling" not in omsim("run", "shop", *QUICK).err


def test_a_variant_may_run_alone(shop: Path, omsim: Omsim, simulated: list[int]) -> None:
    """--alone leaves the model out."""
    assert omsim("run", "dearer.toml", "--alone", *QUICK).code == 0
    assert len(simulated) == 3


def test_the_same_command_again_is_answered_at_once(shop: Path, omsim: Omsim, simulated: list[int]) -> None:
    """A repeat says on stderr that it is stored, and prints the same on stdout."""
    first = omsim("run", "shop", *QUICK)
    again = omsim("run", "shop", *QUICK)
    assert again.out == first.out
    assert "answers this already" in again.err
    assert len(simulated) == 3
    assert omsim("run", "shop", "--quiet", *QUICK).err == ""


def test_json_is_one_document(shop: Path, omsim: Omsim, simulated: list[int]) -> None:
    """In JSON mode stdout holds one document with everything, its seed included."""
    document = omsim("compare", "shop", "dearer.toml", "--json", "--seed", 7, *QUICK).document
    assert (document["schema_version"], document["command"]) == (1, "compare")
    assert document["result"]["seed"] == 7
    assert [arm["name"] for arm in document["result"]["arms"]] == ["corner_shop", "dearer"]
    kpi = document["result"]["kpis"][0]
    assert kpi["arms"]["corner_shop"]["mean"] == pytest.approx(0.91)
    assert kpi["differences"]["dearer"]["half_width"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("gate", "code"),
    [
        ("otif<0.9", 6),
        ("otif<0.8", 0),
        ("otif.difference<-0.05", 6),
        ("otif.difference < -0.2", 0),
        ("cost_per_order>=500", 6),
        ("cost_per_order>500", 0),
        ("backorder_rate>0.5", 6),
    ],
)
def test_gates_end_with_6(shop: Path, omsim: Omsim, simulated: list[int], gate: str, code: int) -> None:
    """A gate judges the variant; one whose KPI has no value is not met."""
    ended = omsim("run", "dearer.toml", "--fail-if", gate, *QUICK)
    assert ended.code == code
    assert (f"gate {gate}" in ended.err) == (code == 6)


@pytest.mark.parametrize("gate", ["otif", "otif<", "otif<nan", "otfi<0.9", "otif=0.9", "otif<0.9<1"])
def test_what_is_no_gate_is_a_usage_error(shop: Path, omsim: Omsim, simulated: list[int], gate: str) -> None:
    """A mistyped gate is told before anything is simulated."""
    ended = omsim("run", "shop", "--fail-if", gate, *QUICK)
    assert ended.code == 2
    assert simulated == []


@pytest.mark.parametrize("arguments", [("run",), ("compare", "shop"), ("validate",)])
def test_invalid_input_leaves_nothing_behind(
    shop: Path, omsim: Omsim, simulated: list[int], arguments: tuple[str, ...]
) -> None:
    """A wrong cell is one line `file:row: field rule, got value`, code 3, and no folder."""
    path = shop / "shop" / "skus.csv"
    rows = path.read_text(encoding="utf-8").splitlines()
    cells = rows[1].split(",")
    column = rows[0].split(",").index("weight_g")
    cells[column] = "-3"
    path.write_text("\n".join([rows[0], ",".join(cells), *rows[2:]]) + "\n", encoding="utf-8")
    ended = omsim(*arguments, "shop", *(() if arguments == ("validate",) else QUICK))
    assert ended.code == 3
    assert "shop/skus.csv:2: weight_g must be" in ended.err
    assert "got '-3'" in ended.err
    assert not (shop / "runs").exists()
    document = omsim(*arguments, "shop", "--json").document
    problems = document["error"]["details"] if "error" in document else document["inputs"][0]["problems"]
    assert problems[0]["field"] == "weight_g"
    assert problems[0]["where"].endswith("skus.csv:2")


def test_a_missing_file_names_the_nearest(shop: Path, omsim: Omsim) -> None:
    """A mistyped path is invalid input with a suggestion."""
    ended = omsim("run", "shpo")
    assert ended.code == 3
    assert 'did you mean "shop"?' in ended.err


def test_validate_tells_all_inputs(shop: Path, omsim: Omsim) -> None:
    """Good and bad inputs of one call are all told."""
    (shop / "bad.toml").write_text('model = "shop"\nquestion = 3\ncolour = "red"\n', encoding="utf-8")
    ended = omsim("validate", "shop", "bad.toml", "dearer.toml")
    assert ended.code == 3
    assert [line.partition(": ")[2][:5] for line in ended.out.splitlines()] == ["valid", "2 pro", "valid"]
    assert len(ended.err.splitlines()) == 2


@pytest.mark.parametrize("template", ["starter", "metro"])
def test_init_makes_a_model_that_is_valid(shop: Path, omsim: Omsim, template: str) -> None:
    """What init writes passes validation, scenario included, and is not written over."""
    assert omsim("init", "mine", "--template", template).code == 0
    assert omsim("validate", "mine", "mine/scenarios/twice_the_orders.toml").code == 0
    again = omsim("init", "mine", "--template", template)
    assert again.code == 1
    assert "--force" in again.err
    assert omsim("init", "mine", "--template", template, "--force").code == 0


def test_a_stored_run_is_reported_again(shop: Path, omsim: Omsim, simulated: list[int]) -> None:
    """`report` shows what `run` showed and writes the page anew; what is no run is refused."""
    shown = omsim("run", "dearer.toml", *QUICK)
    (folder,) = (shop / "runs").iterdir()
    (folder / "report.html").unlink()
    ended = omsim("report", folder)
    assert ended.out.splitlines()[:8] == shown.out.splitlines()[:8]
    assert (folder / "report.html").read_text(encoding="utf-8") == "<html></html>"
    assert omsim("report", folder, "--html", "page.html").code == 0
    assert (shop / "page.html").exists()
    assert omsim("report", "shop").code == 1


def test_a_history_becomes_a_model_that_runs(shop: Path, omsim: Omsim) -> None:
    """Import tells what became of each row, writes a model that is valid, and never writes over one."""
    rows = [
        f"{order},2026-03-{2 + order % 20:02d} 1{order % 8}:30,A{order % 3},{1 + order % 4},2.50" for order in range(60)
    ]
    (shop / "lines.csv").write_text("\n".join(["no,at,article,units,price", *rows]) + "\n", encoding="utf-8")
    (shop / "mapping.toml").write_text(
        '[source]\nname = "little"\n[columns]\n'
        'order = "no"\ntimestamp = "at"\nsku = "article"\nunits = "units"\nprice = "price"\n',
        encoding="utf-8",
    )
    ended = omsim("import", "lines.csv", "--mapping", "mapping.toml", "--out", "little", "--replay-from", "2026-03-16")
    assert ended.code == 0, ended.err
    assert ended.out.startswith("60 rows read")
    assert omsim("validate", "little").code == 0
    again = omsim("import", "lines.csv", "--mapping", "mapping.toml", "--out", "little")
    assert again.code == 3
    document = omsim("import", "lines.csv", "--mapping", "mapping.toml", "--out", "other", "--json").document
    assert document["report"]["rows_read"] == sum(fate["rows"] for fate in document["report"]["fates"]) == 60
    assert omsim("import", "none.csv", "--mapping", "mapping.toml", "--out", "third").code == 3
    assert not (shop / "third").exists()


def test_schema_is_json_schema(omsim: Omsim) -> None:
    """The schema is one JSON document that names its dialect."""
    assert omsim("schema").document["$schema"].startswith("https://json-schema.org/")


@pytest.mark.parametrize("kind", ["--target-fill", "--budget"])
def test_optimize_takes_one_aim(shop: Path, omsim: Omsim, kind: str) -> None:
    """Two aims at once are a usage error."""
    ended = omsim("optimize", "shop", "--out", "new", "--by-cost", kind, "0.9")
    assert ended.code == 2
    assert "exclude each other" in ended.err


def test_an_optimized_model_may_open_at_its_levels(shop: Path, omsim: Omsim) -> None:
    """With the option the written stock begins where the policies order up to; the model is named after its folder."""
    from omsim.model.files import read_business

    assert omsim("init", "little").code == 0
    for out, *flags in (("settled", "--open-at-levels"), ("today",)):
        ended = omsim("optimize", "little", "--by-cost", "--out", out, *flags, "-n", 1, "--jobs", 1)
        assert ended.code == 0, ended.err
    settled, today, before = (read_business(shop / name) for name in ("settled", "today", "little"))
    assert (settled.settings.name, today.settings.name) == ("settled", "today")
    on_hand, level = (settled["stock"].integers(name) for name in ("on_hand_units", "order_up_to_units"))
    assert on_hand.tolist() == level.tolist()
    assert today["stock"].integers("order_up_to_units").tolist() == level.tolist()
    assert today["stock"].integers("on_hand_units").tolist() == before["stock"].integers("on_hand_units").tolist()


def test_audit_errors_end_with_1(shop: Path, omsim: Omsim, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken identity is one line, and nothing is stored."""
    from omsim.errors import AuditError

    def broken(*_args: object, **_options: object) -> None:
        raise AuditError("units by cell", "3 against 4")

    monkeypatch.setattr(engine, "run_once", broken)
    monkeypatch.setattr(executors, "is_compiled", lambda: True)
    ended = omsim("run", "shop", *QUICK)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "audit: units by cell does not hold: 3 against 4\n"
    assert list((shop / "runs").iterdir()) == []


def test_ctrl_c_keeps_what_is_finished(repo: Path, shop: Path) -> None:
    """A real interrupt: code 130, no traceback, and the same command goes on from the replications kept."""
    program = (
        "import time, sys\n"
        "from omsim.experiments import replicate, reporting\n"
        f"sys.path[:0] = [{str(shop)!r}, {str(repo / 'tests' / 'experiments')!r}]\n"
        "import slow\n"
        "replicate.simulate = slow.simulate\n"
        "reporting.report_page = lambda document, finished: ''\n"
        "from omsim.cli import main\n"
        "main()\n"
    )
    (shop / "slow.py").write_text(
        "import time\n"
        "from experiment_work import simulate as real\n"
        "def simulate(job, task):\n"
        "    if task.replication >= 2:\n"
        "        time.sleep(1.5)\n"
        "    return real(job, task)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-c", program, "run", "shop", "-n", "4", "--jobs", "2", "--json"]
    first = subprocess.Popen(command, cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(list(shop.glob("runs/*/replications/*.json"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    first.send_signal(signal.SIGINT)
    _, error = first.communicate(timeout=60)
    assert first.returncode == 130, error
    assert "Traceback" not in error
    kept = len(list(shop.glob("runs/*.partial-*/replications/*.json")))
    assert f"{kept} finished replications are kept" in error
    assert kept >= 2
    second = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=True)
    assert f"going on: {kept} replications are finished already" in second.stderr
    assert json.loads(second.stdout)["result"]["computed_replications"] == 4 - kept


def test_validate_knows_a_mapping(repo: Path, omsim: Omsim) -> None:
    """A mapping of order history is checked as one, not as a scenario."""
    ended = omsim("validate", str(repo / "models" / "online_retail.mapping.toml"))
    assert ended.code == 0
    assert "mapping of order history" in ended.out + ended.err
