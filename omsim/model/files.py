"""Model folders: read strictly, written so that reading gives the same business.

A folder holds `model.toml` and one CSV or Parquet file per table. Owns which files belong to a model and that all their
problems are reported together; single formats are `csv_files`', `parquet`'s and `toml_files`' work.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from os.path import exists, isdir
from pathlib import Path
from typing import TYPE_CHECKING

from omsim.errors import InvalidInputError, Problem
from omsim.model.building import RawTable, assemble
from omsim.model.csv_files import csv_text, read_csv
from omsim.model.fields import SETTINGS, TABLES, Field
from omsim.model.nearest import nearest_name
from omsim.model.parsing import cell_text
from omsim.model.toml_files import KeyPath, key_places, place_of, read_toml, toml_text

if TYPE_CHECKING:
    from omsim.model.business import Business

SETTINGS_FILE = "model.toml"


def read_business(folder: str | Path) -> Business:
    """Read and check a model folder.

    Parameters
    ----------
    folder : path
        Holds `model.toml` and the tables of `fields.TABLES` as CSV or Parquet.

    Returns
    -------
    Business

    Raises
    ------
    InvalidInputError
        With every problem of the model.
    """
    folder = Path(folder)
    if not isdir(folder):
        rule = "is a file where a model's folder belongs" if exists(folder) else "is missing (a model's folder)"
        raise InvalidInputError((Problem(where=str(folder), rule=rule, nearest=nearest_sibling(folder)),))
    problems: list[Problem] = []
    settings, places = _read_settings(folder / SETTINGS_FILE, problems)
    raw, unread, partial = _read_tables(folder, problems)
    return assemble(
        settings,
        raw,
        problems,
        folder=str(folder),
        settings_places=places,
        unread=unread,
        partial=partial,
    )


def nearest_sibling(path: Path) -> str:
    """The path beside `path` that was perhaps meant; empty when none is near."""
    try:
        found = nearest_name(path.name, [entry.name for entry in path.parent.iterdir()])
    except OSError:
        return ""
    return str(path.parent / found) if found and found != path.name else ""


def _read_settings(path: Path, problems: list[Problem]) -> tuple[dict[str, object] | None, dict[str, str]]:
    """Settings by dotted key (None where the file cannot be read), and the place of each key."""
    places = {"": str(path)}
    try:
        values, text = read_toml(path)
    except InvalidInputError as error:
        problems += error.problems
        return None, places
    sections = {field.name.partition(".")[0] for field in SETTINGS.fields}
    settings: dict[str, object] = {}
    for section, keys in values.items():
        if isinstance(keys, Mapping) and section in sections:
            settings.update({f"{section}.{key}": value for key, value in keys.items()})
        else:
            settings[section] = keys
    found: dict[KeyPath, tuple[int, int]] = key_places(text)
    for name in settings:
        places[name] = place_of(path, found, tuple(name.split(".", 1)))
    return settings, places


def _read_tables(folder: Path, problems: list[Problem]) -> tuple[dict[str, RawTable], frozenset[str], frozenset[str]]:
    """Cells of every table there is; which could not be read at all, and which only in part."""
    names = [spec.name for spec in TABLES]
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        problem = Problem(where=str(folder), rule=f"cannot be read: {error.strerror or error}")
        raise InvalidInputError((problem,)) from error
    for entry in entries:
        if entry.suffix in (".csv", ".parquet") and entry.stem not in names:
            rule = "is not a table of a model"
            problems.append(Problem(where=str(entry), rule=rule, nearest=nearest_name(entry.stem, names)))
    raw: dict[str, RawTable] = {}
    unread, partial = set(), set()
    for spec in TABLES:
        csv_path, parquet_path = folder / f"{spec.name}.csv", folder / f"{spec.name}.parquet"
        table: RawTable | None
        before = len(problems)
        if csv_path.exists() and parquet_path.exists():
            problems.append(Problem(where=str(csv_path), rule=f"and {parquet_path.name} are both there; keep one"))
            table = None
        elif csv_path.exists():
            table = read_csv(csv_path, spec.name, problems)
        elif parquet_path.exists():
            from omsim.model.parquet import read_parquet

            table = read_parquet(parquet_path, spec, problems)
        else:
            continue
        if table is None:
            unread.add(spec.name)
        else:
            raw[spec.name] = table
            if len(problems) > before:
                partial.add(spec.name)
    return raw, frozenset(unread), frozenset(partial)


def write_business(business: Business, folder: str | Path, *, parquet: Collection[str] = ()) -> None:
    """Write a business as a model folder; reading it gives an equal business.

    Parameters
    ----------
    business : Business
        Without windows: a model folder cannot hold them (write the scenario instead).
    folder : path
        Made where it is missing. Files of a model that are there already are replaced or, for tables without rows,
        removed; others stay.
    parquet : collection of str
        Tables to write as Parquet instead of CSV.

    Raises
    ------
    ValueError
        The business has windows.
    """
    if business.windows:
        raise ValueError("a business with windowed changes cannot be written as a model folder")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SETTINGS_FILE).write_text(settings_text(business), encoding="utf-8", newline="\n")
    for spec in TABLES:
        table = business[spec.name]
        csv_path, parquet_path = folder / f"{spec.name}.csv", folder / f"{spec.name}.parquet"
        if len(table) and spec.name in parquet:
            from omsim.model.parquet import write_parquet

            write_parquet(parquet_path, spec, table)
            csv_path.unlink(missing_ok=True)
            continue
        parquet_path.unlink(missing_ok=True)
        if len(table):
            csv_path.write_text(csv_text(spec, table), encoding="utf-8", newline="")
        else:
            csv_path.unlink(missing_ok=True)


def settings_text(business: Business) -> str:
    """The text of `model.toml`."""
    lines: list[str] = []
    section = ""
    for field in SETTINGS.fields:
        part, _, key = field.name.partition(".")
        if part != section:
            lines += ["", f"[{part}]"] if section else [f"[{part}]"]
            section = part
        lines.append(f"{key} = {_setting_text(field, getattr(business.settings, key))}")
    return "\n".join(lines) + "\n"


def _setting_text(field: Field, value: object) -> str:
    if isinstance(value, tuple):
        return "[" + "".join(f"\n    {toml_text(line)}," for line in value) + ("\n]" if value else "]")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return repr(value)
    text = cell_text(field, value)
    return text if field.kind in ("integer", "flag") else toml_text(text)
