"""One night at a time: locks that the operating system or the server frees when their holder dies.

Owns nothing but the saving of work: that a night is done once is the database's own doing (`schema.runs_done_once`).
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from sqlalchemy import text

from omsim.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from omsim.nightly.database import Database

_SERVER_PATIENCE_S = 1.0
"""A server needs a moment to notice that a client was killed, and frees its lock only then."""


@contextmanager
def one_at_a_time(database: Database, out: Path) -> Iterator[bool]:
    """Hold the locks of a database and of a folder of export files, or none.

    Yields
    ------
    bool
        Whether they are held; False: another process has one of them.

    Raises
    ------
    RunError
        A lock file cannot be written, or the server cannot be reached.
    """
    files = [out / ".omsim.lock"]
    if database.file is not None:
        files.append(database.file.with_name(f"{database.file.name}.lock"))
    with ExitStack() as held:
        mine = all(_hold_file(held, file) for file in files)
        if mine and database.file is None:
            mine = _hold_on_server(held, database)
        if not mine:
            held.close()
        yield mine


def _hold_file(held: ExitStack, file: Path) -> bool:
    try:
        held.enter_context(FileLock(file, timeout=0))
    except Timeout:
        return False
    except (OSError, NotImplementedError) as error:  # the latter of file systems that have no locks
        raise RunError(str(file), f"cannot be locked ({error})") from error
    return True


def _hold_on_server(held: ExitStack, database: Database) -> bool:
    held.enter_context(database.translated())
    connection = held.enter_context(database.engine.connect()).execution_options(isolation_level="AUTOCOMMIT")
    ask = text("SELECT pg_try_advisory_lock(hashtext('omsim nightly'), hashtext(current_schema()))")
    deadline = time.monotonic() + _SERVER_PATIENCE_S
    while not connection.execute(ask).scalar_one():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)
    return True
