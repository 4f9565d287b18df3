"""A small business for the experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from omsim.model.files import read_business

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Business


@pytest.fixture(scope="session")
def corner_shop(repo: Path) -> Business:
    """One site, three SKUs, replayed orders."""
    return read_business(repo / "models" / "corner_shop")


@pytest.fixture(scope="session")
def metro(repo: Path) -> Business:
    """Three sites, two hundred SKUs."""
    return read_business(repo / "models" / "metro")
