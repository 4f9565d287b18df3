"""Where an answer comes from: what was asked, of which models, by which code, on which versions.

Owns the experiment's identity (its digest) and the provenance part of `run.json`.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import omsim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omsim.experiments.arms import Arm

PACKAGES = ("numpy", "scipy", "numba", "simpy", "ortools", "pandas", "pyarrow", "matplotlib", "joblib")


def experiment_digest(arms: Sequence[Arm], *, seed: int, engine: str) -> str:
    """SHA-256 of everything the answer depends on, but for the number of replications (64 hex digits).

    Arms count by name and by resolved content, so formatting and file places do not matter. omsim counts by the text of
    its modules: an edited checkout is another omsim.
    """
    content = {
        "omsim": code_digest(),
        "seed": seed,
        "engine": engine,
        "arms": [[arm.name, arm.business.digest()] for arm in arms],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@cache
def code_digest() -> str:
    """SHA-256 of the text of omsim's own modules."""
    top = Path(omsim.__file__).parent
    sha = hashlib.sha256()
    for path in sorted(top.rglob("*.py")):
        sha.update(path.relative_to(top).as_posix().encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python, omsim and what its answers are computed with."""
    found = {"python": platform.python_version(), "omsim": omsim.__version__}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def machine() -> dict[str, Any]:
    """The machine, as far as it can matter for wall times."""
    from omsim.experiments.executors import usable_cores

    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": usable_cores(),
        "bits": sys.maxsize.bit_length() + 1,
    }
