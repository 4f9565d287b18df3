"""Paths that become arms, and how arms are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from omsim.errors import InvalidInputError
from omsim.experiments.arms import describe_changes, mark_days, read_arm, read_arms, with_base
from omsim.model.scenario import read_scenario

if TYPE_CHECKING:
    from pathlib import Path


def test_a_scenario_brings_its_model(repo: Path) -> None:
    """The model comes first, under its own name; the scenario keeps question, changes and marks."""
    base, arm = with_base(read_arm(repo / "scenarios" / "peak_season.toml"))
    assert (base.name, arm.name) == ("metro", "peak_season")
    assert base.business == arm.business.base
    assert arm.question.endswith("?")
    assert not base.question
    assert any("orders_per_day" in line and "scale 1.6" in line for line in arm.changes)
    assert arm.marks


def test_a_scenario_that_changes_nothing_stays_alone(repo: Path) -> None:
    """The baseline scenario is its model; there is nothing to compare."""
    assert len(with_base(read_arm(repo / "scenarios" / "baseline.toml"))) == 1


def test_a_model_is_named_by_its_settings(repo: Path) -> None:
    """Folder and model.toml are the same arm."""
    folder = repo / "models" / "corner_shop"
    assert read_arm(folder).name == read_arm(folder / "model.toml").name == "corner_shop"


def test_equal_names_are_numbered(repo: Path) -> None:
    """The same model twice is two arms."""
    folder = repo / "models" / "corner_shop"
    assert [arm.name for arm in read_arms([folder, folder, folder])] == [
        "corner_shop",
        "corner_shop-2",
        "corner_shop-3",
    ]


def test_problems_of_all_paths_come_together(tmp_path: Path) -> None:
    """Two bad paths are two problems in one error."""
    with pytest.raises(InvalidInputError) as caught:
        read_arms([tmp_path / "a", tmp_path / "b"])
    assert [problem.where for problem in caught.value.problems] == [str(tmp_path / "a"), str(tmp_path / "b")]


def test_changes_and_events_read_as_lines(tmp_path: Path) -> None:
    """Every item is one line that says table, rows, operation and days."""
    path = tmp_path / "what_if.toml"
    path.write_text(
        'model = "m"\n'
        "[[change]]\n"
        'table = "channels"\nwhere = { channel = ["web", "store"] }\ncolumn = "orders_per_day"\n'
        'operation = "scale"\nvalue = 1.5\nfrom = 2026-01-02\nto = 2026-01-09\n'
        "[[change]]\n"
        'table = "skus"\noperation = "drop"\nwhere = { sku = "012" }\n'
        "[[event]]\n"
        'kind = "supplier_late"\ntarget = "alba"\nstart = 2026-01-05\nend = 2026-01-06\nvalue = 4\n',
        encoding="utf-8",
    )
    scenario = read_scenario(path)
    assert describe_changes(scenario) == (
        "channels.orders_per_day [channel = web or store] scale 1.5 from 2026-01-02 to 2026-01-09",
        "skus [sku = 012] drop",
        "event supplier_late alba 4 from 2026-01-05 to 2026-01-06",
    )
    assert mark_days(scenario) == (
        ("2026-01-02", "2026-01-09", "what if"),
        ("2026-01-05", "2026-01-06", "alba supplier late"),
    )
