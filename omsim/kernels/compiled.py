"""The one door to the compiler: every kernel is a plain Python function over NumPy arrays, compiled here.

Owns how kernels are compiled (cached on disk, no fast-math, so results do not depend on the optimiser) and where the
machine code is kept. Setting ``NUMBA_DISABLE_JIT=1`` runs the same source uncompiled; the tests do so for small cases.
"""

from __future__ import annotations

import hashlib
import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from numba import config, njit

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")

_PACKAGE = Path(__file__).resolve().parents[1]
_COMPILED = ("kernels", "sim")
"""Folders whose kernels, and the constants frozen into them, may stand in other kernels' machine code."""

_IMPORT = re.compile(r"^\s*(?:from|import)\s+omsim((?:\.\w+)*)(?:\s+import\s+\(?([^#\n]*))?", re.MULTILINE)


@cache
def _sources(file: Path) -> frozenset[Path]:
    """A file of the compiled folders and all it takes kernels or constants from, directly or not."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        source = waiting.pop()
        if source in found:
            continue
        found.add(source)
        waiting.extend(_imported(source))
    return frozenset(found)


@cache
def _imported(source: Path) -> frozenset[Path]:
    """Files of the compiled folders that one file imports."""
    files: set[Path] = set()
    for dotted, names in _IMPORT.findall(source.read_text(encoding="utf-8")):
        parts = dotted.strip(".").split(".")
        if parts[0] not in _COMPILED:
            continue
        module = _PACKAGE.joinpath(*parts)
        candidates = [module.with_suffix(".py")]
        candidates += [module / f"{name.strip().split(' ')[0]}.py" for name in names.split(",") if name.strip()]
        files.update(path for path in candidates if path.is_file())
    return frozenset(files)


@cache
def machine_code_folder(file: Path) -> str:
    """Where machine code of the kernels of one file belongs.

    numba notices a change of the file a kernel stands in, but not of the kernels and constants it takes from other
    files, and would go on running the old ones. So every state of a file and of what it imports has a folder of its
    own; a change elsewhere leaves the code in use.
    """
    state = hashlib.sha256()
    for source in sorted(_sources(file)):
        state.update(source.relative_to(_PACKAGE).as_posix().encode() + source.read_bytes())
    name = f"kernels-{state.hexdigest()[:16]}"
    if config.CACHE_DIR:  # type: ignore[attr-defined]
        return str(Path(config.CACHE_DIR) / name)  # type: ignore[attr-defined]
    inside = _PACKAGE / "__pycache__"
    if os.access(inside if inside.is_dir() else _PACKAGE, os.W_OK):
        return str(inside / name)
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return str(Path(home) / "omsim" / name)


def compiled(kernel: F) -> F:
    """Compile `kernel` on first call and keep the machine code on disk for the next process."""
    before = config.CACHE_DIR  # type: ignore[attr-defined]
    config.CACHE_DIR = machine_code_folder(Path(kernel.__code__.co_filename).resolve())  # type: ignore[attr-defined]
    try:
        return cast("F", njit(cache=True)(kernel))
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]
