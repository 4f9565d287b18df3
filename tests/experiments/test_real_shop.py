"""A real year of orders through the commands: import, optimize, compare, against the points known for these data.

The conditions are those of `tests/benchmarks/test_frontier.py`, put into the model by the shipped scenario
`online_retail_known_conditions`: under them the simulator must be the day-by-day recursion, unit for unit.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from omsim.cli import group
from omsim.cli.frame import run_group
from omsim.experiments.history_levels import NEW_DAYS, history_frontier
from omsim.experiments.long_run import settled
from omsim.kernels.replay import replay_base_stock
from omsim.model.files import write_business
from omsim.model.loading import load
from omsim.sim.engine import run_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from omsim.model.business import Business

    Command = Callable[..., dict[str, Any]]

pytestmark = [pytest.mark.shared, pytest.mark.slow]

CUT = "2010-09-01"
KNOWN_GBP = np.array([464_000.0, 715_000.0, 863_000.0, 1_140_000.0])
KNOWN_FILL = np.array([0.733, 0.783, 0.813, 0.850])  # of the marginal rule
COST_SHARE = 0.5  # of the selling price, as the mapping assumes
BUDGETS_GBP = {"lean": 500_000, "ample": 1_100_000}  # at selling price


@pytest.fixture(scope="module")
def known_mapping(repo: Path) -> str:
    """The shipped mapping, for the articles of the known points: regular numbers, sold on at least 20 days."""
    text = (repo / "models" / "online_retail.mapping.toml").read_text(encoding="utf-8")
    text, n = re.subn(r"(?m)^least_selling_days = 0\b", "least_selling_days = 20", text)
    text, m = re.subn(r"(?m)^also_goods = .*$", "", text)
    assert (n, m) == (1, 1)
    return text


@pytest.fixture
def shop(shared_data: Path, repo: Path, known_mapping: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the mapping and the conditions."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mapping.toml").write_text(known_mapping, encoding="utf-8")
    shutil.copy(repo / "models" / "online_retail_known_conditions.toml", tmp_path / "known.toml")
    return shared_data / "online_retail_y1" / "online_retail_y1.parquet"


@pytest.fixture
def omsim(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process; its JSON document."""

    def run(*arguments: object) -> dict[str, Any]:
        capsys.readouterr()
        code = run_group(group, [*(str(argument) for argument in arguments), "--json"])
        said = capsys.readouterr()
        assert code == 0, said.err
        document: dict[str, Any] = json.loads(said.out)
        return document

    return run


def test_the_shop_is_optimized_above_the_known_points(shop: Path, omsim: Command, tmp_path: Path) -> None:
    """Imported, optimized for two budgets and compared: seven points more than the marginal rule at the same stock."""
    report = omsim(
        *("import", shop, "--mapping", "mapping.toml", "--out", "online_retail", "--until", CUT, "--replay-from", CUT)
    )["report"]
    assert report["rows_read"] == sum(count["rows"] for count in report["fates"]) == 502_938
    assert (report["skus"], report["skus_new"]) == (2_240, 0)
    lean, ample = (budget * COST_SHARE for budget in BUDGETS_GBP.values())
    options = ("--budget", lean, "--out", "lean", "--open-at-levels", "-n", 1, "--jobs", 1)
    said = {"lean": omsim("optimize", "known.toml", *options)["method"]}
    proposal = history_frontier(load("known.toml"), seed=1).propose(budget_cents=round(ample * 100))
    write_business(named(settled(proposal.business), "ample"), tmp_path / "ample")
    said["ample"] = proposal.method
    document = omsim("compare", "known.toml", "lean", "ample", "-n", 1, "--jobs", 1)
    assert [arm["name"] for arm in document["result"]["arms"]] == ["known", *BUDGETS_GBP]
    for name in BUDGETS_GBP:
        business = load(name)
        asked = asked_units(business)
        records = run_once(business, seed=1)
        filled, on_hand = replay_base_stock(asked, levels(business), 14)
        cells = business.codes("stock", "sku")
        np.testing.assert_array_equal(records.stock.daily_on_hand.mean(axis=0), on_hand[cells])
        np.testing.assert_array_equal(records.stock.shipped_units, filled[cells])
        fill, stock = kpi(document, name, "unit_fill"), kpi(document, name, "inventory_value") / 100 / COST_SHARE
        assert fill == pytest.approx(filled.sum() / asked.sum(), abs=1e-12)
        assert fill > np.interp(stock, KNOWN_GBP, KNOWN_FILL) + 0.06
        found = re.search(r"expects ([\d.]+)% of units filled with ([\d,]+) in stock", said[name])
        assert found is not None
        expected_fill, expected_stock = float(found[1]) / 100, float(found[2].replace(",", "")) / COST_SHARE
        assert expected_fill == pytest.approx(fill, abs=0.03)
        assert expected_stock == pytest.approx(BUDGETS_GBP[name], rel=1e-3)
        assert expected_stock == pytest.approx(stock, rel=0.06)
    assert (
        kpi(document, "ample", "unit_fill") > kpi(document, "lean", "unit_fill") > kpi(document, "known", "unit_fill")
    )


def test_articles_without_a_past_are_told_apart(shop: Path, repo: Path, omsim: Command) -> None:
    """In the whole shop a tenth of autumn's units is of articles first sold then: no levels, no stock, and it is said.

    On what the forecast covers it is met; on all units it cannot be.
    """
    mapping = repo / "models" / "online_retail.mapping.toml"
    report = omsim("import", shop, "--mapping", mapping, "--out", "shop", "--until", CUT, "--replay-from", CUT)[
        "report"
    ]
    assert (report["skus"], report["skus_new"]) == (4_071, 252)
    business = load("shop")
    frontier = history_frontier(business, seed=1)
    proposal = frontier.propose(target_fill=0.9)
    assert "252 cells without a supplier are not in it" in proposal.method
    assert f"first sold in the last {NEW_DAYS} days of the history made 3.1% of units" in proposal.method
    judged = settled(proposal.business)
    records = run_once(judged, seed=1)
    asked = asked_units(business)
    known = np.bincount(business.codes("history", "sku"), minlength=len(business["skus"])) > 0
    assert int((~known).sum()) == 252
    assert asked[~known].sum() / asked.sum() == pytest.approx(0.107, abs=5e-4)
    shipped = int(records.stock.shipped_units.sum() + records.stock.reserved_units.sum())
    assert shipped / asked[known].sum() == pytest.approx(0.9, abs=0.02)
    assert shipped / asked.sum() < 0.83


def asked_units(business: Business) -> np.ndarray:
    """Units asked for by SKU and day of the replay; int64, shape (n_skus, n_days)."""
    orders = business["orders"]
    start = np.datetime64(business.settings.start_date)
    day = (np.array(orders.texts("ordered_at"), dtype="datetime64[D]") - start).astype(np.int64)
    units = np.zeros((len(business["skus"]), business.settings.horizon_days), dtype=np.int64)
    np.add.at(units, (business.codes("orders", "sku"), day), orders.integers("units"))
    return units


def named(business: Business, name: str) -> Business:
    """The model under another name."""
    return replace(business, settings=replace(business.settings, name=name))


def levels(business: Business) -> np.ndarray:
    """Order-up-to level by SKU."""
    by_sku = np.zeros(len(business["skus"]), dtype=np.int64)
    by_sku[business.codes("stock", "sku")] = business["stock"].integers("order_up_to_units")
    return by_sku


def kpi(document: dict[str, Any], arm: str, name: str) -> float:
    """Mean of a KPI of one arm."""
    (row,) = (one for one in document["result"]["kpis"] if one["kpi"] == name and one["group"] == "")
    return float(row["arms"][arm]["mean"])
