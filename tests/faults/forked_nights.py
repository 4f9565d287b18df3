"""Nights in child processes that can be killed: one warm parent, a fork for each call of the job.

Run as a script this is the warm parent: it reads one JSON request a line and answers in kind. It holds no thread and
no open database, so forking it is safe and takes a few milliseconds.
"""

from __future__ import annotations

import builtins
import gc
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

MEMORY = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
"""Where writing costs nothing, if there is such a place; a killed process leaves there what it leaves on a disk."""
TESTS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What goes wrong in the child.

    Attributes
    ----------
    crashpoint : str
        Place to be killed at, as `omsim.nightly.crashpoints` has it.
    kill_after_s : float
        Killed from outside after so long; negative: not.
    file_bytes : int
        Largest file it may write; negative: no limit.
    database_pages : int
        SQLite's limit of pages, from when on its disk is "full"; 0: none.
    failing : tuple of (name in os, which call, errno)
        A call of the operating system that fails.
    unlocked : bool
        Without the locks that save work, so that only the database decides.
    hang_up : bool
        At `crashpoint` the server ends all connections of this name instead.
    disk_free_bytes : int
        What is free on the small disk of the parent; negative: plenty.
    """

    crashpoint: str = ""
    kill_after_s: float = -1.0
    file_bytes: int = -1
    database_pages: int = 0
    failing: tuple[str, int, int] | None = None
    unlocked: bool = False
    hang_up: bool = False
    disk_free_bytes: int = -1


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How a child ended.

    Attributes
    ----------
    signal : int
        That killed it; 0: none.
    code : int
        Exit code.
    state, message : str
        Of the outcome; the error's class and line when there was one.
    seconds : float
        It took.
    """

    signal: int = 0
    code: int = 0
    state: str = ""
    message: str = ""
    seconds: float = field(default=0.0, compare=False)


class WarmParent:
    """The other side of the pipe.

    Parameters
    ----------
    disk : Path or None
        Folder in which it, and only it, sees a small disk of its own.
    """

    def __init__(self, disk: Path | None = None) -> None:
        command = [sys.executable, "-W", "ignore::DeprecationWarning", str(Path(__file__).resolve())]
        if disk is not None:
            mount = 'mount -t tmpfs -o size=64m disk "$0" && exec "$@"'
            command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mount, str(disk), *command, str(disk)]
        quiet = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=quiet)
        self.disk = disk
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"
        self.disk_from_outside = Path(f"/proc/{self._process.pid}/root{disk}")
        """Its disk as others see it."""

    def run(self, wish: Any, fault: Fault | None = None, *, copies: int = 1) -> list[Ending]:
        """Call the job in `copies` children at once."""
        request = {"wish": asdict(wish), "fault": asdict(fault or Fault()), "copies": copies}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return [Ending(**ending) for ending in json.loads(self._process.stdout.readline())]

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _serve() -> None:
    sys.path.insert(0, str(TESTS))
    from nightly import small_nights

    with tempfile.TemporaryDirectory() as folder:  # loads what is loaded on first use
        wish = small_nights.Wish(database=f"{folder}/warm.db", out=folder)
        small_nights.call_job(wish, Path(folder))
    threads = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    # Arrow's allocator keeps a thread of its own and knows how to be forked; nothing else would.
    assert len([name for name in threads if name != "jemalloc_bg_thd"]) == 1, threads
    gc.freeze()  # else the first collection in each child copies all of the parent's memory
    print("ready", flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        fault = Fault(**request["fault"])
        wish = small_nights.Wish(**request["wish"])
        if fault.disk_free_bytes >= 0:
            used = shutil.disk_usage(sys.argv[1]).used
            _resize_disk(used + fault.disk_free_bytes)
        endings = _run_children(wish, fault, request["copies"])
        if fault.disk_free_bytes >= 0:
            _resize_disk(2**26)
        sys.stdout.write(json.dumps([asdict(ending) for ending in endings]) + "\n")
        sys.stdout.flush()


def _resize_disk(n_bytes: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={n_bytes}", sys.argv[1]], check=True)


def _run_children(wish: Any, fault: Fault, copies: int) -> list[Ending]:
    gate_out, gate_in = os.pipe()  # closing it lets all children go at the same instant
    children = []
    for _ in range(copies):
        told, tell = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(gate_in)
            os.close(told)
            os.read(gate_out, 1)
            _be_child(wish, fault, tell)
        os.close(tell)
        children.append((child, told))
    os.close(gate_out)
    began = time.perf_counter()
    os.close(gate_in)
    if fault.kill_after_s >= 0:
        time.sleep(fault.kill_after_s)
        for child, _ in children:
            os.kill(child, signal.SIGKILL)
    return [_await_child(child, told, began) for child, told in children]


def _await_child(child: int, told: int, began: float) -> Ending:
    said = b""
    while select.select([told], [], [], 60.0)[0]:
        part = os.read(told, 65536)
        if not part:
            break
        said += part
    else:
        os.kill(child, signal.SIGKILL)
        said = json.dumps(["hung", "no answer for a minute"]).encode()
    os.close(told)
    _, status = os.waitpid(child, 0)
    seconds = time.perf_counter() - began
    state, message = json.loads(said) if said else ("", "")
    if os.WIFSIGNALED(status):
        return Ending(signal=os.WTERMSIG(status), state=state, message=message, seconds=seconds)
    return Ending(code=os.WEXITSTATUS(status), state=state, message=message, seconds=seconds)


def _be_child(wish: Any, fault: Fault, tell: int) -> None:
    """Call the job; never returns."""
    from nightly import small_nights

    from omsim.errors import OmsimError

    code = 99
    try:
        _inflict(fault, wish)
        outcome = small_nights.call_job(wish, Path(wish.out))
        code, said = outcome.exit_code(), [outcome.state, outcome.message]
    except OmsimError as error:
        code, said = error.exit_code, [type(error).__name__, str(error)]
    except BaseException:
        said = ["crash", traceback.format_exc()]
    os.write(tell, json.dumps(said).encode())
    os._exit(code)


def _inflict(fault: Fault, wish: Any) -> None:
    from omsim.nightly import crashpoints, database, job

    if fault.crashpoint:
        os.environ[crashpoints.VARIABLE] = fault.crashpoint
    if fault.unlocked:
        import contextlib

        job.one_at_a_time = lambda store, out: contextlib.nullcontext(True)  # type: ignore[assignment]
    if fault.database_pages:
        connect = database.sqlite3.connect

        def connect_small(*args: Any, **named: Any) -> Any:
            connection = connect(*args, **named)
            connection.execute(f"PRAGMA max_page_count={fault.database_pages}").close()
            return connection

        database.sqlite3 = _Changed(database.sqlite3, connect=connect_small)  # type: ignore[assignment]
    if fault.failing is not None:
        name, nth, number = fault.failing
        _fail_nth(name, nth, number)
    if fault.file_bytes >= 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.file_bytes, fault.file_bytes))
    if fault.hang_up:
        crashpoints.os = _Changed(os, kill=lambda process, number: _hang_up(wish.database))  # type: ignore[assignment]


def _hang_up(address: str) -> None:
    import psycopg

    plain, _, name = address.rpartition("&application_name=")
    with psycopg.connect(plain, autocommit=True) as server:
        ask = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
        assert server.execute(ask, [name]).fetchall()


class _Changed:
    """A module with some names replaced."""

    def __init__(self, module: Any, **names: Any) -> None:
        self._module = module
        self.__dict__.update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _fail_nth(name: str, nth: int, number: int) -> None:
    owner: Any = builtins if name == "open" else os
    real = getattr(owner, name)
    calls = 0

    def failing(*args: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth:
            raise OSError(number, os.strerror(number), None)
        return real(*args, **named)

    setattr(owner, name, failing)


if __name__ == "__main__":
    _serve()
