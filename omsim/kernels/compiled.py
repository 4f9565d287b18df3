"""The one door to the compiler: every kernel is a plain Python function over NumPy arrays, compiled here.

Owns how kernels are compiled (cached on disk, no fast-math, so results do not depend on the optimiser) and where the
machine code is kept. Setting ``NUMBA_DISABLE_JIT=1`` runs the same source uncompiled; the tests do so for small cases.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from numba import config, njit

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")

_PACKAGE = Path(__file__).resolve().parents[1]
_COMPILED = ("kernels", "sim")
"""Folders whose kernels, and the constants frozen into them, stand for the state of the sources."""


def _cache_folder() -> str:
    """Where machine code of exactly these sources belongs.

    numba notices a change of the file a kernel stands in, but not of the kernels and constants it takes from other
    files, and would go on running the old ones. So every state of the sources has a folder of its own.
    """
    state = hashlib.sha256()
    for source in sorted(path for folder in _COMPILED for path in (_PACKAGE / folder).rglob("*.py")):
        state.update(source.relative_to(_PACKAGE).as_posix().encode() + source.read_bytes())
    name = f"kernels-{state.hexdigest()[:16]}"
    if config.CACHE_DIR:  # type: ignore[attr-defined]
        return str(Path(config.CACHE_DIR) / name)  # type: ignore[attr-defined]
    inside = _PACKAGE / "__pycache__"
    if os.access(inside if inside.is_dir() else _PACKAGE, os.W_OK):
        return str(inside / name)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return str(Path(home) / "omsim" / name)


_FOLDER = _cache_folder()


def compiled(kernel: F) -> F:
    """Compile `kernel` on first call and keep the machine code on disk for the next process."""
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = _FOLDER  # type: ignore[attr-defined]
    try:
        return cast("F", njit(cache=True)(kernel))
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]
