"""A child process for work that may crash, hang or overrun: the caller lives on and learns what happened.

Owns the child, its pipes, its deadline and its end. What is computed in it is the business of the caller
(`omsim.optimize.solving` runs solvers in it). The child is a fresh interpreter, never a fork, because solver libraries
hold threads; it is kept between calls, because starting one costs a second or more.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

from omsim.errors import FieldError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START_SECONDS = 120.0
"""A child that has not answered by then will not: importing NumPy on a starved machine takes a fraction of it."""

_SERVE = "from omsim.optimize.solver_process import serve; serve()"


class ChildDiedError(RunError):
    """The child process ended before it answered, or answered with an error."""


class ChildOverranError(RunError):
    """The child process did not answer by the deadline and was killed."""


class SolverProcess:
    """One child process that calls functions for its owner, one at a time.

    Not for use by two threads at once. After a death or a kill the next call starts a new child.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._answers: queue.SimpleQueue[tuple[str, Any] | None] = queue.SimpleQueue()
        self._owner_pid = os.getpid()

    def call(self, function: Callable[..., Any], *args: object, seconds: float, memory_mb: int | None = None) -> Any:
        """Call ``function(*args)`` in the child and return what it returns.

        Parameters
        ----------
        function : callable
            Importable by name: a module-level function, never a lambda.
        args
            Anything that can be pickled.
        seconds : float
            Wall time the call may take; the start of a child is not counted.
        memory_mb : int, optional
            Address space the child may use, where the platform can limit it.

        Returns
        -------
        object

        Raises
        ------
        ChildOverranError
            No answer in time; the child has been killed.
        ChildDiedError
            The child died (with its exit code or signal), or the function raised (with the error's text).
        FieldError
            The function or its arguments cannot be sent.
        """
        self.start_call(function, *args, seconds=seconds, memory_mb=memory_mb)
        return self.take_answer(seconds)

    def start_call(
        self, function: Callable[..., Any], *args: object, seconds: float, memory_mb: int | None = None
    ) -> None:
        """Send a call off; `take_answer` fetches its answer."""
        try:
            work = pickle.dumps((function, args), protocol=5)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise FieldError("function", "a module-level function with plain arguments", str(error)) from None
        pipe = self._pipe_in()
        try:
            pickle.dump((work, seconds, memory_mb), pipe, protocol=5)
            pipe.flush()
        except OSError as error:
            raise ChildDiedError("child process", self._end(f"died before the call ({error})")) from None

    def take_answer(self, seconds: float) -> Any:
        """Wait at most `seconds` for the answer of the call sent off; errors as in `call`."""
        try:
            answer = self._answers.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            self.stop()
            raise ChildOverranError("child process", f"no answer within {seconds:g} s, killed") from None
        except BaseException:  # interrupted: the answer still to come must not be taken for the next call's
            self.stop()
            raise
        if answer is None:
            raise ChildDiedError("child process", self._end("died"))
        verdict, content = answer
        if verdict == "raised":
            raise ChildDiedError("child process", str(content))
        return content

    def has_answer(self) -> bool:
        """Whether `take_answer` would return at once."""
        return not self._answers.empty()

    def stop(self) -> None:
        """Kill the child, if there is one."""
        child, self._child = self._child, None
        self._answers = queue.SimpleQueue()
        if child is None or self._owner_pid != os.getpid():
            return
        child.kill()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        child.wait()

    def _pipe_in(self) -> IO[bytes]:
        """The pipe to a child that is there and ready."""
        if self._owner_pid != os.getpid():  # we are a fork: the child is our parent's
            self._child, self._owner_pid = None, os.getpid()
        if self._child is not None and self._child.poll() is not None:
            self.stop()
        if self._child is None:
            self._start()
        child = self._child
        if child is None or child.stdin is None:
            raise ChildDiedError("child process", "could not be started")
        return child.stdin

    def _start(self) -> None:
        paths = [path or os.getcwd() for path in sys.path]
        child = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", "-c", _SERVE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self._child, self._answers = child, queue.SimpleQueue()
        threading.Thread(target=_pass_answers, args=(child.stdout, self._answers), daemon=True).start()
        try:
            ready = self._answers.get(timeout=START_SECONDS)
        except queue.Empty:
            ready = None
        if ready is None:
            raise ChildDiedError("child process", self._end("did not start"))

    def _end(self, what: str) -> str:
        """Bury a dead child; says how it ended."""
        child = self._child
        code = None
        if child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = child.wait(timeout=5.0)
        self.stop()
        if code is not None and code < 0:
            with contextlib.suppress(ValueError):
                return f"{what}, {signal.Signals(-code).name}"
        return f"{what}, exit code {code}"


def _pass_answers(pipe: IO[bytes], answers: queue.SimpleQueue[tuple[str, Any] | None]) -> None:
    """Hand on the child's answers as they come, then None for the end; runs in a thread of the owner."""
    try:
        while True:
            answers.put(pickle.load(pipe))
    except (EOFError, OSError, ValueError, pickle.UnpicklingError):
        answers.put(None)


def serve() -> None:
    """Answer calls from the pipe until it closes; what the child process runs."""
    calls = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries print to standard output; only answers may go to the owner
    _send(answers, ("ready", None))
    while True:
        try:
            work, seconds, memory_mb = pickle.load(calls)
        except EOFError:
            return
        # should the owner die, nobody is left to kill this child: the kernel does it, even inside a library
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, seconds + 30.0)
        previous = _limit_memory(memory_mb)
        try:
            function, args = pickle.loads(work)
            answer = ("returned", function(*args))
        except BaseException as error:  # whatever it is belongs to the owner
            answer = ("raised", f"{type(error).__name__}: {error}")
        _lift_memory(previous)
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0.0)
        _send(answers, answer)


def _send(pipe: IO[bytes], answer: tuple[str, Any]) -> None:
    try:
        content = pickle.dumps(answer, protocol=5)
    except Exception as error:
        content = pickle.dumps(("raised", f"the answer cannot be sent: {error}"))
    pipe.write(content)
    pipe.flush()


def _limit_memory(memory_mb: int | None) -> tuple[int, int] | None:
    """Limit the address space of this process; returns the limits before, None where nothing was changed."""
    if memory_mb is None:
        return None
    try:
        import resource  # not on every platform
    except ImportError:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = memory_mb << 20
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard < 0 else min(wanted, hard), hard))
    return soft, hard


def _lift_memory(previous: tuple[int, int] | None) -> None:
    if previous is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, previous)


_kept: dict[str, tuple[threading.Lock, SolverProcess]] = {}


@contextlib.contextmanager
def kept_process(name: str = "solver") -> Iterator[SolverProcess]:
    """Lend the process of this name, one thread at a time; started at first use, kept until this interpreter ends."""
    lock, process = _kept.setdefault(name, (threading.Lock(), SolverProcess()))
    with lock:
        yield process


@atexit.register
def stop_kept_processes() -> None:
    """Kill every kept child; they come back at the next call."""
    for _, process in _kept.values():
        process.stop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_kept.clear)  # a fork must not talk to its parent's children
