"""Fixtures every test may use."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repo() -> Path:
    """The checkout's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data (../shared/data) are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def shared_facts() -> Path:
    """The folder of published numbers beside the checkout; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared" / "facts"
    if not folder.is_dir():
        pytest.skip("the published numbers (../shared/facts) are not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL server: that of OMSIM_POSTGRES_URL, else a private one; without either the test skips."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver (psycopg) is not installed", exc_type=ImportError)
    given = os.environ.get("OMSIM_POSTGRES_URL")
    if given:
        yield given
        return
    starter = ROOT / ".ci" / "postgres"
    if not starter.is_file() or shutil.which("bash") is None:
        pytest.skip("PostgreSQL: OMSIM_POSTGRES_URL is not set, and .ci/postgres cannot start a server here")
    started = subprocess.run(["bash", str(starter), "start"], capture_output=True, text=True, check=False)
    if started.returncode != 0:
        pytest.skip(" ".join(started.stderr.split()) or "PostgreSQL: no server could be started")
    folder, url = started.stdout.split()
    yield url
    subprocess.run(["bash", str(starter), "stop", folder], check=True)


class NewDatabases:
    """Makes empty databases of one kind: a file each, or schemas of a server."""

    def __init__(self, server: Any = None, url: str = "") -> None:
        self._server = server
        self._url = url
        self._schemas: list[str] = []

    def __call__(self, folder: Path) -> str:
        """Address of a database without a table."""
        if self._server is None:
            return str(folder / "nights.db")
        schema = f"case_{os.getpid()}_{time.monotonic_ns()}"
        self._server.execute(f"CREATE SCHEMA {schema}")
        self._schemas.append(schema)
        return f"{self._url}{'&' if '?' in self._url else '?'}options=-csearch_path%3D{schema}"

    def save(self, address: str, tables: Sequence[str]) -> dict[str, list[tuple[Any, ...]]]:
        """Rows of these tables, those referred to first; of a server only, as files are copied with their folder."""
        if self._server is None:
            return {}
        schema = address.rpartition("%3D")[2]
        return {table: self._server.execute(f"SELECT * FROM {schema}.{table}").fetchall() for table in tables}

    def restore(self, address: str, saved: dict[str, list[tuple[Any, ...]]], folder: Path) -> str:
        """A database as it was when saved: a copy that came with the folder, or the same one on a server."""
        if self._server is None:
            return self(folder)
        schema = address.rpartition("%3D")[2]
        with self._server.cursor() as cursor:
            for table in reversed(saved):
                cursor.execute(f"DELETE FROM {schema}.{table}")
            for table, rows in saved.items():
                if rows:
                    cursor.executemany(
                        f"INSERT INTO {schema}.{table} VALUES ({', '.join(['%s'] * len(rows[0]))})", rows
                    )
        return address

    def drop(self) -> None:
        """Leave the server as it was."""
        for start in range(0, len(self._schemas), 20):
            self._server.execute(f"DROP SCHEMA {', '.join(self._schemas[start : start + 20])} CASCADE")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest) -> Iterator[NewDatabases]:
    """Empty databases of each kind."""
    if request.param == "sqlite":
        yield NewDatabases()
        return
    import psycopg

    url = request.getfixturevalue("postgres_url")
    with psycopg.connect(url, autocommit=True) as server:
        made = NewDatabases(server, url)
        yield made
        made.drop()
