"""Files that are there whole or not at all.

Owns the write-then-rename discipline for single files and for folders. What is in them is `store`'s.
"""

from __future__ import annotations

import glob
import json
import os
import shutil
from typing import TYPE_CHECKING, Any

from omsim.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a file so that readers see the old content or the new, never a part, even after a power cut."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes, *, passed: Callable[[str], None] = lambda step: None) -> None:
    """Write a file so that readers see the old content or the new, never a part, even after a power cut.

    A write or sync that fails leaves the old content and no other file, and is not tried again: after a failed sync
    nobody knows what the disk holds.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes
        All of it.
    passed : callable
        Told each step once it is behind: ``written``, ``synced``, ``renamed``.
    """
    beside = path.with_name(f"{path.name}.partial-{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            passed("written")
            os.fsync(file.fileno())
        passed("synced")
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    passed("renamed")
    sync_folder(path.parent)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON document whole; NaN is refused, as JSON has no word for it."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    RunError
        The file is absent, or not a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(str(path), f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise RunError(str(path), f"is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise RunError(str(path), "is not a JSON object")
    return content


def publish_folder(partial: Path, final: Path) -> None:
    """Give a finished folder its name; a folder of that name is replaced.

    At every instant `final` is a whole folder or absent, and what it held before is gone only after the new one is in
    its place.
    """
    sync_folder(partial)
    if final.exists():
        aside = final.with_name(f"{final.name}.old-{os.getpid()}")
        os.rename(final, aside)
        os.rename(partial, final)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        os.rename(partial, final)
    sync_folder(final.parent)


def adopt_partial(final: Path) -> Path:
    """The partial folder to work in: what an interrupted process left for `final`, or a new one.

    Folders of processes that still live are left alone.
    """
    mine = final.with_name(f"{final.name}.partial-{os.getpid()}")
    if mine.exists():
        return mine
    for left in left_overs(final):
        try:
            os.rename(left, mine)
        except OSError:  # another process adopted it first
            continue
        return mine
    mine.mkdir(parents=True)
    return mine


def left_overs(final: Path) -> list[Path]:
    """Partial files and folders for `final` whose process is gone (or is this one)."""
    found = []
    for left in sorted(final.parent.glob(f"{glob.escape(final.name)}.partial-*")):
        number = left.name.rpartition("-")[2]
        if number.isdecimal() and (int(number) == os.getpid() or not _alive(int(number))):
            found.append(left)
    return found


def _alive(process: int) -> bool:
    if os.name == "nt":  # there, the probe below would end the process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    if os.name == "nt":  # folders cannot be opened there, and renames are journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
