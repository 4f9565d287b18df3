"""Databases as older versions of omsim made them, from the SQL they used."""

from __future__ import annotations

import sqlite3
from pathlib import Path

SQL = Path(__file__).with_name("version_1.sql")


def make_version_1(database: str) -> None:
    """A database of version 1 with a superseded, a finished and a rejected attempt; the finished one's files unsent."""
    text = SQL.read_text(encoding="utf-8")
    if database.startswith("postgresql"):
        import psycopg

        words = {"integer": "BIGINT", "real": "DOUBLE PRECISION", "date": "DATE", "strict": ""}
        with psycopg.connect(database) as connection:
            connection.execute(text.format(**words))
        return
    words = {"integer": "INTEGER", "real": "REAL", "date": "TEXT", "strict": " STRICT"}
    file = sqlite3.connect(database)
    file.executescript(text.format(**words))
    file.close()
