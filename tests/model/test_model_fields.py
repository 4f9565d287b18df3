"""The field table itself, and what is made from it."""

from __future__ import annotations

import json

import pytest
from model.small_models import small_business

from omsim.model.fields import SETTINGS, TABLES, table
from omsim.model.files import SETTINGS_FILE, read_business, settings_text, write_business
from omsim.model.parsing import cell_text, parse_cell
from omsim.model.schema import json_schema, markdown_tables, scenario_schema
from omsim.model.toml_files import key_places, read_toml

EVERY_FIELD = [(spec.name, field) for spec in (SETTINGS, *TABLES) for field in spec.fields]


@pytest.mark.parametrize(("name", "field"), EVERY_FIELD, ids=[f"{name}.{field.name}" for name, field in EVERY_FIELD])
def test_every_field_is_well_formed(name, field):
    """Its default is legal, its meaning a sentence, its reference leads to a column of names."""
    assert field.meaning.endswith(".")
    assert field.low < field.high
    assert bool(field.choices) == (field.kind == "choice")
    if field.default is not None:
        parse_cell(field, "")
    if field.refers:
        target, _, column = field.refers.partition(".")
        assert table(target).field(column).kind == "id"
    if field.windowed:
        assert field.kind in ("integer", "number", "share")


def test_tables_have_distinct_names_fields_and_say_what_their_absence_means():
    """No name stands for two things; every optional table is explained."""
    assert len({spec.name for spec in TABLES}) == len(TABLES)
    for spec in (SETTINGS, *TABLES):
        assert len({field.name for field in spec.fields}) == len(spec.fields)
        assert bool(spec.absent) == spec.optional
    with pytest.raises(KeyError):
        table("nothing")
    with pytest.raises(KeyError):
        table("skus").field("nothing")


def test_schema_accepts_a_real_model_and_refuses_a_broken_one(repo):
    """The JSON Schema says yes to what the reader accepts and no to a slip in a name or a number."""
    jsonschema = pytest.importorskip("jsonschema")
    checker = jsonschema.Draft202012Validator(json_schema())
    business = read_business(repo / "models" / "corner_shop")
    rows = {}
    for spec in TABLES:
        columns = {field.name: business[spec.name][field.name] for field in spec.fields}
        rows[spec.name] = [
            {
                field.name: (
                    columns[field.name][row].item()
                    if field.kind in ("integer", "number", "share", "flag")
                    else cell_text(field, columns[field.name][row])
                )
                for field in spec.fields
                if columns[field.name][row] == columns[field.name][row]
            }
            for row in range(len(business[spec.name]))
        ]
    settings = read_toml(repo / "models" / "corner_shop" / SETTINGS_FILE)[0]
    settings["model"]["start_date"] = str(settings["model"]["start_date"])
    model = json.loads(json.dumps({"settings": settings, "tables": rows}))
    checker.validate(model)
    model["tables"]["skus"][0]["price_cents"] = -1
    assert not checker.is_valid(model)
    model["tables"]["skus"][0].update(price_cents=1, colour="red")
    assert not checker.is_valid(model)


def test_schemas_are_valid_schemas():
    """Both are JSON and obey the meta-schema."""
    jsonschema = pytest.importorskip("jsonschema")
    for schema in (json_schema(), scenario_schema()):
        jsonschema.Draft202012Validator.check_schema(json.loads(json.dumps(schema)))
    change = {"table": "skus", "operation": "drop", "where": {"sku": "x"}}
    checker = jsonschema.Draft202012Validator(scenario_schema())
    assert checker.is_valid({"model": "m", "change": [change]})
    assert not checker.is_valid({"model": "m", "change": [change | {"operation": "remove"}]})


def test_markdown_names_every_field():
    """One line a field, one heading a file, as many bars in every line of a table."""
    text = markdown_tables()
    for spec in TABLES:
        section = text.partition(f"### `{spec.name}.csv`")[2].partition("###")[0]
        rows = [line for line in section.splitlines() if line.startswith("|")]
        assert len(rows) == len(spec.fields) + 2
        assert {row.replace("\\|", "").count("|") for row in rows} == {7}
        for field in spec.fields:
            assert f"| `{field.name}` |" in section


def test_settings_text_names_every_key_and_reads_back(tmp_path):
    """Awkward text in model.toml: quotes, backslashes, other scripts, several assumptions."""
    assumptions = ['Costs are "guessed".', "Path C:\\data\\new", "価格は推定"]
    business = small_business({"model.stands_for": 'a \\ b " c \t d', "model.assumptions": assumptions})
    write_business(business, tmp_path)
    assert read_business(tmp_path).settings == business.settings
    places = key_places(settings_text(business))
    for field in SETTINGS.fields:
        assert tuple(field.name.split(".")) in places


def test_places_of_toml_keys():
    """Headers, dotted and quoted keys, inline tables, arrays of tables, columns after wide letters."""
    text = 'a.b = 1\n"ü" = { "c d" = [1, { e = 2 }] }\n[x]\ny = 1\n[[t]]\nk = 1\n[[t]]\nk = 2\n[t.sub]\nz = 3\n'
    places = key_places(text)
    assert places["a", "b"] == (1, 3)
    assert places["ü", "c d"] == (2, 9)
    assert places["ü", "c d", 1, "e"] == (2, 23)
    assert places["x", "y"] == (4, 1)
    assert places["t", 0, "k"] == (6, 1)
    assert places["t", 1, "k"] == (8, 1)
    assert places["t", 1, "sub", "z"] == (10, 1)
