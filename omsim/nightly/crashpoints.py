"""Named places at which a test may kill the job, to prove that the next run completes it.

Owns the names and the kill. They cost a dictionary look-up and do nothing unless the environment variable is set.
"""

from __future__ import annotations

import os
import signal
from typing import Literal, TypeAlias, get_args

Place: TypeAlias = Literal[
    "locked",
    "schema_created",
    "schema_migrated",
    "unsent_finished",
    "inputs_read",
    "planned",
    "judged",
    "transaction_begun",
    "run_written",
    "table_written",
    "before_commit",
    "committed",
    "file_begun",
    "file_written",
    "file_synced",
    "file_renamed",
    "files_exported",
    "marked_sent",
    "pointer_written",
    "pointer_moved",
]
PLACES: tuple[str, ...] = get_args(Place)
"""In the order a night passes them; those from `transaction_begun` to `file_renamed` more than once or not at all."""

VARIABLE = "OMSIM_CRASHPOINT"
_passed: dict[str, int] = {}


def crashpoint(place: Place) -> None:
    """Kill this process, as a power cut would, when the environment names this place.

    ``OMSIM_CRASHPOINT=committed`` kills at the first passing of ``committed``, ``table_written:3`` at the third.
    """
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    name, _, count = wanted.partition(":")
    if name == place:
        _passed[place] = _passed.get(place, 0) + 1
        if _passed[place] == int(count or 1):
            os.kill(os.getpid(), signal.SIGKILL)
