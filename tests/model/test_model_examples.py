"""The examples in the docstrings of the model's modules are true."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["business", "calendars", "csv_files", "nearest", "parsing", "schema", "toml_files"])
def test_docstring_examples(name):
    """Every example runs as printed, and there is at least one."""
    failed, tried = doctest.testmod(importlib.import_module(f"omsim.model.{name}"))
    assert tried
    assert not failed
