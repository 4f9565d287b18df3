"""Every example in a docstring is true."""

import doctest
import importlib
import pkgutil

import pytest

import omsim

MODULES = [
    module.name for module in pkgutil.walk_packages(omsim.__path__, "omsim.") if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    """Run as printed, they show what they show."""
    assert doctest.testmod(importlib.import_module(name)).failed == 0
