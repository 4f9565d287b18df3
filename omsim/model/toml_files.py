"""TOML with places: values through `tomllib`, and the line and column of every key for messages.

Owns syntax errors and positions of `model.toml` and scenario files, and writing `model.toml`. What the keys mean
belongs to the callers.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, TypeAlias

from omsim.errors import InvalidInputError, Problem
from omsim.model.text_files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KeyPath: TypeAlias = tuple[str | int, ...]


def read_toml(path: Path) -> tuple[dict[str, object], str]:
    """The values of a TOML file and its text.

    Raises
    ------
    InvalidInputError
        The file cannot be read, or is not TOML.
    """
    text = read_text(path)
    try:
        return tomllib.loads(text), text
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        match = re.search(r" \(at line (\d+), column (\d+)\)$", message)
        where = f"{path}:{match[1]}:{match[2]}" if match else f"{path}:{len(text.splitlines())}"
        reason = message[: match.start()] if match else message.removesuffix(" (at end of document)")
        rule = f"is not valid TOML: {reason[:1].lower()}{reason[1:]}"
        raise InvalidInputError((Problem(where=where, rule=rule),)) from error
    except RecursionError as error:
        raise InvalidInputError((Problem(where=str(path), rule="is nested too deeply"),)) from error


def key_places(text: str) -> dict[KeyPath, tuple[int, int]]:
    r"""Line and column, from 1, of every key of a TOML text.

    Returns
    -------
    dict of path to (line, column)
        A path such as ``("change", 0, "where", "channel")``; of a header's tables, the header's place.

    >>> key_places('[model]\nname = "x"')
    {('model',): (1, 2), ('model', 'name'): (2, 1)}
    """
    import tree_sitter_toml
    from tree_sitter import Language, Node, Parser

    places: dict[KeyPath, tuple[int, int]] = {}
    counts: dict[KeyPath, int] = {}
    tree = Parser(Language(tree_sitter_toml.language())).parse(text.encode())
    lines = [line.encode() for line in text.split("\n")]

    def key_parts(node: Node) -> list[tuple[str, Node]]:
        if node.type == "dotted_key":
            return [part for child in node.named_children for part in key_parts(child)]
        raw = (node.text or b"").decode()
        name = next(iter(tomllib.loads(f"{raw} = 0"))) if node.type == "quoted_key" else raw
        return [(name, node)]

    def note(path: KeyPath, node: Node) -> None:
        line, column = node.start_point
        places.setdefault(path, (line + 1, len(lines[line][:column].decode(errors="replace")) + 1))

    def walk_pairs(node: Node, prefix: KeyPath) -> None:
        for child in node.named_children:
            if child.type == "pair":
                path = prefix
                for name, part in key_parts(child.named_children[0]):
                    path = (*path, name)
                    note(path, part)
                walk_value(child.named_children[-1], path)

    def walk_value(node: Node, path: KeyPath) -> None:
        if node.type == "inline_table":
            walk_pairs(node, path)
        elif node.type == "array":
            items = [child for child in node.named_children if child.type != "comment"]
            for i, child in enumerate(items):
                note((*path, i), child)
                walk_value(child, (*path, i))

    walk_pairs(tree.root_node, ())
    for node in tree.root_node.named_children:
        if node.type not in ("table", "table_array_element"):
            continue
        array = node.type == "table_array_element"
        parts = key_parts(node.named_children[0])
        path: KeyPath = ()
        for i, (name, part) in enumerate(parts, start=1):
            path = (*path, name)
            note(path, part)
            if array and i == len(parts):
                counts[path] = counts.get(path, 0) + 1
            if path in counts:  # a header below an array's name speaks of its latest element
                path = (*path, counts[path] - 1)
                note(path, part)
        walk_pairs(node, path)
    return places


def place_of(path: Path, places: Mapping[KeyPath, tuple[int, int]], key: KeyPath) -> str:
    """``file:line:column`` of a key, of the nearest key above it that is written, or of the file."""
    while key:
        if key in places:
            line, column = places[key]
            return f"{path}:{line}:{column}"
        key = key[:-1]
    return str(path)


def toml_text(value: str) -> str:
    r"""A TOML basic string that reads back as `value`.

    >>> toml_text('a "b"')
    '"a \\"b\\""'
    """
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    for sign, code in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\x7f", "\\u007f")):
        escaped = escaped.replace(sign, code)
    return f'"{escaped}"'
