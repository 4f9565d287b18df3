"""The job's log: JSON objects that parse, lines that read."""

from __future__ import annotations

import io
import json
import logging

import numpy as np

from omsim.nightly.logs import night_log


def told(style: str, level: int = logging.INFO) -> list[str]:
    """What a short call of the job says."""
    stream = io.StringIO()
    with night_log("2026-09-27/metro/all", style=style, level=level, stream=stream) as log:  # type: ignore[arg-type]
        counts = {"cells": np.int64(460), "share": float("nan")}
        log.info("inputs read", extra={"phase": "read", "seconds": 0.25, **counts})
        log.info("plan", extra={"phase": "plan", "seconds": 1.5, "counts": {"lines": 1200}, "run_key": "key"})
        log.warning('two\nlines "quoted"')
        log.debug("unheard")
    return stream.getvalue().splitlines()


def test_json_lines_parse_one_by_one() -> None:
    """Each line is one object with run key, phase, seconds, message and counts."""
    first, second, third = (json.loads(line) for line in told("json"))
    assert {"at", "level", "run_key", "phase", "seconds", "message"} <= first.keys()
    assert (first["run_key"], first["phase"], first["cells"], first["share"]) == (
        "2026-09-27/metro/all", "read", 460, None,
    )  # fmt: skip
    assert (second["seconds"], second["lines"]) == (1.5, 1200)
    assert (third["level"], third["message"]) == ("warning", 'two\nlines "quoted"')


def test_text_lines_read_well() -> None:
    """Phase, counts and seconds in words; the run key is not repeated."""
    lines = told("text")
    assert lines[1] == "plan (lines 1,200), 1.5 s"
    assert lines[0].startswith("read: inputs read (cells 460, share nan), ")
    assert lines[2] == "warning: two"


def test_a_quiet_log_only_warns() -> None:
    """With the level raised what went well is not told."""
    assert len(told("json", logging.WARNING)) == 1


def test_other_loggers_hear_nothing() -> None:
    """The log of a night reaches neither the root logger nor its handlers."""
    root = io.StringIO()
    handler = logging.StreamHandler(root)
    logging.getLogger().addHandler(handler)
    try:
        told("text")
    finally:
        logging.getLogger().removeHandler(handler)
    assert root.getvalue() == ""
