"""A business from whatever path a user gives: a model's folder, its `model.toml`, or a scenario."""

from __future__ import annotations

from os.path import isdir
from pathlib import Path
from typing import TYPE_CHECKING

from omsim.model.files import SETTINGS_FILE, read_business
from omsim.model.overlay import apply_scenario
from omsim.model.scenario import read_scenario

if TYPE_CHECKING:
    from omsim.model.business import Business


def load(path: str | Path) -> Business:
    """Read a model folder, its `model.toml`, or a scenario with the model it names.

    Raises
    ------
    InvalidInputError
        With every problem of the model, or else of the scenario.
    """
    path = Path(path)
    if isdir(path):
        return read_business(path)
    if path.name == SETTINGS_FILE:
        return read_business(path.parent)
    scenario = read_scenario(path)
    return apply_scenario(scenario, read_business(scenario.model))
