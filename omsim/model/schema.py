"""The field table in other clothes: JSON Schema for editors and checkers, Markdown for people.

Nothing is said here that the field table does not say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omsim.model.calendars import WEEKDAYS
from omsim.model.fields import SETTINGS, TABLES
from omsim.model.scenario import Change

if TYPE_CHECKING:
    from omsim.model.fields import Field, TableSpec

_UNITS = {
    "cents_per_hour": "cents/h",
    "cm3_per_kg": "cm3/kg",
    "units_per_day": "units/day",
    "orders_per_day": "orders/day",
    "per_year": "1/year",
    "cents": "cents",
    "minutes": "min",
    "hours": "h",
    "days": "days",
    "units": "units",
    "dm3": "dm3",
    "km": "km",
    "mm": "mm",
    "g": "g",
    "s": "s",
}
_TYPES = {
    "id": "text",
    "text": "text",
    "choice": "choice",
    "integer": "whole number",
    "number": "number",
    "share": "number",
    "flag": "true / false",
    "date": "date",
    "time": "HH:MM",
    "weekdays": "weekdays",
}


def unit_of(field: Field) -> str:
    """The unit a field's name carries; empty when it has none.

    >>> from omsim.model.fields import table
    >>> unit_of(table("skus").field("weight_g")), unit_of(table("sites").field("site"))
    ('g', '')
    """
    if field.kind not in ("integer", "number"):
        return ""
    return next((unit for ending, unit in _UNITS.items() if f"_{field.name}".endswith(f"_{ending}")), "")


def json_schema() -> dict[str, object]:
    """JSON Schema (2020-12) of a whole model: ``settings`` by section, ``tables`` as lists of rows."""
    sections: dict[str, list[Field]] = {}
    for field in SETTINGS.fields:
        sections.setdefault(field.name.partition(".")[0], []).append(field)
    settings = {
        section: _object({field.name.partition(".")[2]: _schema_of(field) for field in fields}, _required(fields))
        for section, fields in sections.items()
    }
    tables = {spec.name: _schema_of_table(spec) for spec in TABLES}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "omsim business model",
        **_object(
            {
                "settings": {"description": SETTINGS.meaning, **_object(settings, ["model"])},
                "tables": _object(tables, [spec.name for spec in TABLES if not spec.optional]),
            },
            ["settings", "tables"],
        ),
    }


def scenario_schema() -> dict[str, object]:
    """JSON Schema (2020-12) of a scenario file."""
    events = next(spec for spec in TABLES if spec.name == "events")
    change = {**Change.model_json_schema(by_alias=True), "description": "One change; items apply in order."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "omsim scenario",
        **_object(
            {
                "model": {"type": "string", "description": "Folder of the model, from the scenario's own folder."},
                "question": {"type": "string", "description": "What the scenario asks, in a line."},
                "change": {"type": "array", "items": change},
                "event": _schema_of_table(events),
            },
            ["model"],
        ),
    }


def _object(properties: dict[str, dict[str, object]], required: list[str]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _required(fields: list[Field] | tuple[Field, ...]) -> list[str]:
    return [field.name.rpartition(".")[2] for field in fields if field.default is None]


def _schema_of_table(spec: TableSpec) -> dict[str, object]:
    rows = _object({field.name: _schema_of(field) for field in spec.fields}, _required(spec.fields))
    schema: dict[str, object] = {"type": "array", "description": spec.meaning, "items": rows}
    if not spec.optional:
        schema["minItems"] = 1
    return schema


def _schema_of(field: Field) -> dict[str, object]:
    schema: dict[str, object] = {"description": field.meaning}
    if field.name == "model.assumptions":
        return {**schema, "type": ["array", "string"], "items": {"type": "string"}}
    if field.kind in ("integer", "number", "share"):
        schema["type"] = "integer" if field.kind == "integer" else "number"
        schema["exclusiveMinimum" if field.above_low else "minimum"] = field.low
        schema["maximum"] = field.high
    elif field.kind == "flag":
        schema["type"] = "boolean"
    else:
        schema["type"] = "string"
    if field.kind == "choice":
        schema["enum"] = [*field.choices, *([""] if field.default == "" else [])]
    if field.kind == "id" and field.default is None:
        schema["minLength"] = 1
    if field.kind == "date":
        schema["format"] = "date"
    if field.kind == "time":
        schema["pattern"] = "^([0-9]{1,2}:[0-9]{2})?$" if field.default == "" else "^[0-9]{1,2}:[0-9]{2}$"
    if field.kind == "weekdays":
        day = "|".join(WEEKDAYS)
        schema["pattern"] = f"^({day})(-({day}))?([ ,]+({day})(-({day}))?)*$"
    if field.refers:
        schema["description"] = f"{field.meaning} Refers to {field.refers}."
    if field.default == "" and field.kind in ("number", "share", "integer"):
        schema["type"] = [schema["type"], "null"]
    elif field.default:
        schema["default"] = _default_of(field)
    return schema


def _default_of(field: Field) -> object:
    text = field.default or ""
    if field.kind == "integer":
        return int(text)
    if field.kind in ("number", "share"):
        return float(text)
    return text == "true" if field.kind == "flag" else text


def markdown_tables() -> str:
    """Every file and field of a model as Markdown, one section a file."""
    parts = [_markdown(SETTINGS, "model.toml")]
    parts += [_markdown(spec, f"{spec.name}.csv") for spec in TABLES]
    return "\n\n".join(parts) + "\n"


def _markdown(spec: TableSpec, file: str) -> str:
    meaning = spec.meaning.removeprefix("model.toml: ")
    lines = [f"### `{file}`", "", f"{meaning[:1].upper()}{meaning[1:]}."]
    if spec.optional:
        lines[-1] += f" Optional; without it {spec.absent}."
    if spec.key:
        lines[-1] += f" One row per {', '.join(f'`{name}`' for name in spec.key)}."
    lines += ["", "| field | type | unit | range | default | meaning |", "|---|---|---|---|---|---|"]
    for field in spec.fields:
        default = "required" if field.default is None else f"`{field.default}`" if field.default else "empty"
        meaning = field.meaning.replace("|", "\\|") + (" May change in a window." if field.windowed else "")
        cells = (f"`{field.name}`", _TYPES[field.kind], unit_of(field), _range_of(field), default, meaning)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _range_of(field: Field) -> str:
    if field.kind == "choice":
        return ", ".join(f"`{choice}`" for choice in field.choices)
    if field.refers:
        return f"a `{field.refers}`"
    if field.kind not in ("integer", "number", "share"):
        return ""
    return f"{'above ' if field.above_low else ''}{_limit(field.low)} to {_limit(field.high)}"


def _limit(number: float) -> str:
    digits = f"{abs(number):.0f}" if number == int(number) else ""
    if len(digits) > 6 and digits.rstrip("0") == "1":
        return f"{'-' if number < 0 else ''}1e{len(digits) - 1}"
    return f"{number:.10g}"
