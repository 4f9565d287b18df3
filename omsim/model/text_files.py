"""Bytes of a file to text, or a clear reason why not; nothing of what the text means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.errors import InvalidInputError, Problem

if TYPE_CHECKING:
    from pathlib import Path


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, without its byte order mark; line ends as they are.

    Raises
    ------
    InvalidInputError
        No such file, a folder, no permission, or not text.
    """
    problem = None
    data = b""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        problem = "is missing"
    except (IsADirectoryError, NotADirectoryError):
        problem = "is a folder where a file belongs" if path.is_dir() else "is missing"
    except PermissionError:
        problem = "is a folder where a file belongs" if path.is_dir() else "may not be read (no permission)"
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
    if problem is None and data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problem = "is UTF-16; save it as UTF-8"
    if problem is None and b"\x00" in data:
        problem = "is not text (it holds NUL bytes)"
    if problem is None:
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            byte = data[error.start]
            raise InvalidInputError(
                (Problem(where=f"{path}:{line}", rule="is not UTF-8 text; save it as UTF-8", got=f"byte 0x{byte:02x}"),)
            ) from error
    raise InvalidInputError((Problem(where=str(path), rule=problem),))
