"""Scenarios: their form, what each operation does to a business, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import pytest
from model.small_models import small_business

from omsim.errors import InvalidInputError
from omsim.model.files import read_business, write_business
from omsim.model.loading import load
from omsim.model.overlay import apply_scenario
from omsim.model.scenario import read_scenario

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.model.business import Business


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with the small model, where scenario texts are laid over it."""

    folder: Path

    def apply(self, items: str) -> Business:
        """The business after a scenario with these items."""
        path = self.folder / "asked.toml"
        path.write_text(f'model = "small"\n{items}')
        return load(path)

    def refusal(self, items: str) -> list[str]:
        """What is said of a scenario with these items (its first is on line 2), without the folder's name."""
        with pytest.raises(InvalidInputError) as caught:
            self.apply(items)
        return [str(problem).replace(f"{self.folder}/", "") for problem in caught.value.problems]


@pytest.fixture
def desk(tmp_path) -> Desk:
    """The small model in a folder of its own."""
    write_business(small_business(), tmp_path / "small")
    return Desk(tmp_path)


def change(table: str, operation: str, **more: str) -> str:
    """The text of one item; values are TOML."""
    keys = {"table": f'"{table}"', "operation": f'"{operation}"'} | {k.strip("_"): v for k, v in more.items()}
    return "[[change]]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def test_a_scenario_without_items_is_its_model(desk):
    """The result equals the model and remembers it as its base."""
    business = desk.apply('question = "What if nothing changed?"')
    assert business == small_business()
    assert business.base == business
    assert business.digest() == business.base.digest()


def test_set_add_scale_and_lists_of_values(desk):
    """Rows are chosen by equality with a value or any of a list; items apply in order."""
    business = desk.apply(
        change("channels", "set", where='{ channel = "web" }', column='"orders_per_day"', value="100")
        + change("channels", "add", column='"orders_per_day"', value="1.5")
        + change("channels", "scale", where='{ channel = ["web", "shop"] }', column='"orders_per_day"', value="2")
        + change("sites", "set", where='{ kind = "dc", site = "north" }', column='"cutoff"', value='"15:30"')
        + change("staff", "set", where='{ site = "" }', column='"days"', value='"Mon-Fri"')
    )
    assert business["channels"].numbers("orders_per_day").tolist() == [203.0, 33.0]
    assert business["sites"].integers("cutoff").tolist() == [930, 960]
    assert business["staff"].integers("days").tolist() == [31, 63, 63, 63, 63, 31, 31, 31]
    assert business.base == small_business()
    assert business.windows == ()


def test_selectors_of_numbers_times_and_flags(desk):
    """A selector's value is read as the column's kind."""
    business = desk.apply(
        change("staff", "set", where='{ workers = 2, start = "06:00" }', column='"workers"', value="9")
        + change(
            "channels", "set", where="{ backorders = true, priority = 1 }", column='"partial_lines"', value="false"
        )
    )
    assert business["staff"].integers("workers").tolist() == [2, 3, 9, 9, 1, 1, 1, 2]
    assert business["channels"].flags("partial_lines").tolist() == [True, False]


def test_whole_numbers_are_rounded_half_up(desk):
    """300 cents less 0.5 % are 298.5, which is 299; 2.5 workers are 3."""
    business = desk.apply(
        change("rates", "scale", column='"price_cents"', value="0.995")
        + change("staff", "scale", where='{ stage = "pick" }', column='"workers"', value="0.5")
    )
    assert business["rates"].integers("price_cents").tolist() == [299, 448, 378, 597, 796, 1095]
    assert business["staff"].integers("workers")[1:3].tolist() == [2, 1]


def test_insert_and_drop(desk):
    """A second express service comes, the old one goes with all that refers to it."""
    row = '{ service = "rocket", carrier = "arrow", over_kg_cents = 90 }'
    items = change("services", "insert", row=row)
    for zone in ("near", "far"):
        items += change("transits", "insert", row=f'{{ service = "rocket", zone = "{zone}", days = 1, share = 1 }}')
        items += change(
            "rates", "insert", row=f'{{ service = "rocket", zone = "{zone}", up_to_g = 99, price_cents = 9 }}'
        )
    for table in ("rates", "transits", "services"):
        items += change(table, "drop", where='{ service = "express" }')
    business = desk.apply(items)
    assert business["services"].texts("service") == ("standard", "rocket")
    assert business["services"].integers("daily_slots").tolist() == [60, 1_000_000_000]
    assert set(business["rates"].texts("service")) == {"standard", "rocket"}
    assert business["services"].place(0) == f"{desk.folder}/small/services.csv:2"
    assert business["services"].place(1) == f"{desk.folder}/asked.toml:2"


def test_a_windowed_change_leaves_the_table_and_moves_its_days(desk):
    """The column keeps its value, by_day changes within the window, both days included."""
    window = {"from_": "2026-10-01", "to": '"2026-10-02"'}
    business = desk.apply(change("channels", "scale", column='"orders_per_day"', value="2", **window))
    assert business["channels"] == business.base["channels"]
    assert business.by_day("channels", "orders_per_day")[:, 0].tolist() == [40, 40, 40, 80, 80, *[40] * 9]
    assert business.digest() != business.base.digest()


def test_a_window_may_be_open(desk):
    """Without `to` it lasts to the end, without `from` it holds from the start."""
    until = change("staff", "set", column='"workers"', value="0", to="2026-09-28", where='{ stage = "pick" }')
    since = change("staff", "add", column='"workers"', value="1", from_="2026-10-11", where='{ stage = "pick" }')
    days = desk.apply(until + since).by_day("staff", "workers")
    assert days[:, 1].tolist() == [0, *[3] * 12, 4]


def test_items_keep_their_order_after_a_window(desk):
    """Set within a window, then scaled everywhere: the scale holds in the window too."""
    items = change("channels", "set", column='"orders_per_day"', value="10", from_="2026-10-01", to="2026-10-01")
    items += change("channels", "scale", where='{ channel = "web" }', column='"orders_per_day"', value="3")
    days = desk.apply(items).by_day("channels", "orders_per_day")
    assert days[2:5].tolist() == [[120, 15], [30, 10], [120, 15]]


def test_dropped_rows_leave_the_windows(desk):
    """A window's rows follow the rows of its table."""
    items = change(
        "staff", "add", column='"workers"', value="5", from_="2026-10-01", where='{ stage = ["pick", "pack"] }'
    )
    items += change("staff", "drop", where='{ stage = "validate" }')
    items += change("channels", "set", column='"manual_review_share"', value="0")
    business = desk.apply(items)
    assert business.windows[0].rows.tolist() == [0, 1, 2, 3]
    assert business.by_day("staff", "workers")[-1].tolist() == [8, 7, 7, 6, 1, 1, 2]


def test_settings_change_by_dotted_key(desk):
    """Pooled or siloed stock is one setting; dates, words and numbers alike."""
    business = desk.apply(
        change("settings", "set", column='"decisions.sourcing_sites"', value="1")
        + change("settings", "scale", column='"costs.holding_rate_per_year"', value="1.5")
        + change("settings", "add", column='"model.horizon_days"', value="7")
        + change("settings", "set", column='"decisions.release"', value='"immediate"')
        + change("settings", "set", column='"model.start_date"', value="2026-10-05")
    )
    assert business.settings.sourcing_sites == 1
    assert business.settings.holding_rate_per_year == pytest.approx(0.3)
    assert business.settings.horizon_days == 21
    assert business.settings.release == "immediate"
    assert business.settings.start_date == date(2026, 10, 5)


def test_events_become_rows(desk):
    """Timed events stand in the events table, with the scenario's line as their place."""
    business = desk.apply(
        '[[event]]\nkind = "carrier_out"\ntarget = "swift"\nstart = 2026-10-01\nend = 2026-10-02\n'
        '[[event]]\nkind = "demand_factor"\nstart = "2026-10-03"\nend = 2026-10-03\nvalue = 1.5\n'
    )
    events = business["events"]
    assert events.texts("target") == ("swift", "")
    assert events.numbers("value").tolist() == [0, 1.5]
    assert events.place(1) == f"{desk.folder}/asked.toml:7"


def test_scenarios_stack(desk):
    """A scenario over a scenario keeps the first model as base and both changes."""
    first = desk.apply(change("channels", "scale", column='"orders_per_day"', value="2", from_="2026-10-01"))
    (desk.folder / "more.toml").write_text(
        'model = "small"\n' + change("channels", "add", column='"orders_per_day"', value="1")
    )
    both = apply_scenario(read_scenario(desk.folder / "more.toml"), first)
    assert both.base == small_business()
    assert both.by_day("channels", "orders_per_day")[[0, 5], 0].tolist() == [41, 81]


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (
            change("channels", "scale", where='{ channel = "wbe" }', column='"orders_per_day"', value="2"),
            "asked.toml:5:11: change.where.channel matches no row: no channel of table channels is 'wbe'; "
            'did you mean "web"?',
        ),
        (
            change("channels", "scale", where='{ channel = ["web", "shpo"] }', column='"orders_per_day"', value="2"),
            "asked.toml:5:11: change.where.channel matches no row: no channel of table channels is 'shpo'; "
            'did you mean "shop"?',
        ),
        (
            change("sites", "set", where='{ kind = "dc", site = "south" }', column='"cutoff"', value='"15:00"'),
            "asked.toml:5:1: change.where matches no row of table sites",
        ),
        (
            change("events", "drop"),
            "asked.toml:3:1: change.table matches no row of table events",
        ),
        (
            change("chanels", "scale", column='"orders_per_day"', value="2"),
            "asked.toml:3:1: change.table must be a table, got 'chanels'; did you mean \"channels\"?",
        ),
        (
            change("channels", "scale", where='{ chanel = "web" }', column='"orders_per_day"', value="2"),
            "asked.toml:5:11: change.where.chanel must be a column of table channels, got 'chanel'; "
            'did you mean "channel"?',
        ),
        (
            change("channels", "scale", column='"order_per_day"', value="2"),
            "asked.toml:5:1: change.column must be a column of table channels, got 'order_per_day'; "
            'did you mean "orders_per_day"?',
        ),
        (
            change("channels", "scale", where="{ channel = 3 }", column='"orders_per_day"', value="2"),
            "asked.toml:5:11: change.where.channel must be text (in quotes), got 3",
        ),
        (
            change("channels", "scale", where="{ channel = [] }", column='"orders_per_day"', value="2"),
            "asked.toml:5:11: change.where.channel must not be an empty list",
        ),
        (
            change("channels", "scale", column='"orders_per_day"', value='"2"'),
            "asked.toml:6:1: change.value must be a finite number to scale, got '2'",
        ),
        (
            change("channels", "scale", column='"orders_per_day"', value="inf"),
            "asked.toml:6:1: change.value must be a finite number to scale, got inf",
        ),
        (
            change("channels", "set", column='"orders_per_day"', value="-1"),
            "asked.toml:6:1: change.value must be between 0 and 100000000, got -1",
        ),
        (
            change("channels", "scale", column='"backorders"', value="2"),
            "asked.toml:4:1: change.operation must be set for backorders (its values are no numbers), got 'scale'",
        ),
        (
            change("channels", "scale", where='{ channel = "shop" }', column='"promise_days"', value="2"),
            "asked.toml:6:1: change.column is empty in every row matched, nothing to scale",
        ),
        (
            change("skus", "scale", column='"return_share"', value="6"),
            "asked.toml:6:1: change.value makes return_share 1.2 at small/skus.csv:3 (scale 6); "
            "it must be between 0 and 1",
        ),
        (
            change("skus", "add", column='"return_share"', value="0.9", from_="2026-10-01"),
            "asked.toml:6:1: change.value makes return_share 1.1 at small/skus.csv:3 (add 0.9); "
            "it must be between 0 and 1",
        ),
        (
            change("skus", "scale", column='"weight_g"', value="2", from_="2026-10-01"),
            "asked.toml:7:1: change.from skus.weight_g cannot change within a run; these can: skus.return_share, "
            "sites.daily_shipments, staff.workers, channels.orders_per_day, services.daily_slots, services.daily_kg, "
            "pickups.daily_slots, pickups.daily_kg, suppliers.lead_time_days",
        ),
        (
            change("staff", "add", column='"workers"', value="1", from_="2026-12-01"),
            "asked.toml:2:3: has a window outside the simulated days (2026-09-28 to 2026-10-11)",
        ),
        (
            change("staff", "add", column='"workers"', value="1", from_="2026-10-05", to="2026-10-01"),
            "asked.toml:8:1: change.to must not be before from (2026-10-05)",
        ),
        (
            change("staff", "add", column='"workers"', value="1", from_="2026-10-01T05:00:00"),
            "asked.toml:7:1: change.from must be a date, such as 2026-11-20, got 2026-10-01 05:00:00",
        ),
        (
            change("staff", "add", column='"workers"', value="1", from_='"soon"'),
            "asked.toml:7:1: change.from must be a date, such as 2026-11-20, got 'soon'",
        ),
        (
            change("services", "drop", where='{ service = "express" }'),
            "asked.toml:2:3: change drops service 'express', which small/transits.csv:6 and 4 more rows refer to",
        ),
        (
            change("suppliers", "drop", where='{ supplier = "mill" }'),
            "asked.toml:2:3: change drops supplier 'mill', which small/stock.csv:2 and 4 more rows refer to",
        ),
        (
            change("stock", "set", column='"supplier"', value='"mil"'),
            "asked.toml:2:3: leaves small/stock.csv:2: supplier must be a supplier of table suppliers, got 'mil'; "
            'did you mean "mill"?',
        ),
        (
            change("stock", "scale", column='"order_up_to_units"', value="0.1", where='{ policy = "min_max" }'),
            "asked.toml:2:3: leaves small/stock.csv:2: order_up_to_units must be above reorder_point_units (120) "
            "for policy min_max, got 30",
        ),
        (
            change("staff", "drop", where='{ stage = "contact" }'),
            "asked.toml:2:3: leaves small/contacts.csv:2: share needs workers at stage 'contact' in table staff",
        ),
        (
            change("skus", "set", column='"sku"', value='"same"'),
            "asked.toml:2:3: leaves small/skus.csv:3: sku repeats the key of small/skus.csv:2, got 'same'",
        ),
        (
            change("skus", "insert", row='{ sku = "012", unit_cost_cents = 1, price_cents = 1, weight_g = 1 }'),
            "asked.toml:2: sku repeats the key of small/skus.csv:2, got '012'",
        ),
        (
            change("skus", "insert", row='{ sku = "new", unit_cost_cents = 1, weight_g = "1" }'),
            "asked.toml:5:1: change.row.price_cents is missing",
        ),
        (
            change("skus", "insert", row='{ sku = "new", unit_cost_cents = 1, price_cent = 2 }'),
            "asked.toml:5:43: change.row.price_cent must be a column of table skus, got 'price_cent'; "
            'did you mean "price_cents"?',
        ),
        (
            change("settings", "set", column='"sourcing_sites"', value="1"),
            "asked.toml:5:1: change.column must be a key of model.toml, with its section, got 'sourcing_sites'; "
            'did you mean "decisions.sourcing_sites"?',
        ),
        (
            change("settings", "set", column='"decisions.release"', value='"imediate"'),
            "asked.toml:6:1: change.value must be one of at_cycle, immediate, got 'imediate'; "
            'did you mean "immediate"?',
        ),
        (
            change("settings", "set", column='"model.warm_up_days"', value="20"),
            "asked.toml:2:3: leaves model.toml: model.warm_up_days must be less than model.horizon_days (14), got 20",
        ),
        (
            change("settings", "set", column='"decisions.sourcing_sites"', value="1", from_="2026-10-01"),
            "asked.toml:7:1: change.from has no meaning for settings",
        ),
        (
            '[[event]]\nkind = "carrier_lost"\ntarget = "swift"\nstart = 2026-10-01\nend = 2026-10-02\n',
            "asked.toml:3:1: event.kind must be one of site_closed, carrier_out, supplier_late, demand_factor, "
            "system_outage, got 'carrier_lost'; did you mean \"carrier_out\"?",
        ),
        (
            '[[event]]\nkind = "carrier_out"\ntarget = "swfit"\nstart = 2026-10-01\nend = 2026-10-02\n',
            "asked.toml:2: target must be a carrier or service for event carrier_out, got 'swfit'; "
            'did you mean "swift"?',
        ),
        (
            '[[event]]\nkind = "system_outage"\nstart = 2027-10-01\nend = 2027-10-02\n',
            "asked.toml:2: event lies outside the simulated days (2026-09-28 to 2026-10-11), got 2027-10-01",
        ),
        (
            change("channels", "scal", column='"orders_per_day"', value="2"),
            "asked.toml:4:1: change.operation must be one of set, add, scale, drop, insert, copy, got 'scal'; "
            'did you mean "scale"?',
        ),
        (
            change("channels", "scale", colum='"orders_per_day"', value="2"),
            'asked.toml:5:1: change.colum is not a key of a change; did you mean "column"?',
        ),
        (
            change("channels", "scale", value="2"),
            "asked.toml:2:3: change.column is missing for operation scale",
        ),
        (
            change("channels", "drop", value="2"),
            "asked.toml:5:1: change.value has no meaning for operation drop",
        ),
        ('[[change]]\ntable = 3\noperation = "drop"\n', "asked.toml:3:1: change.table must be text in quotes, got 3"),
        ("[[changes]]\na = 1\n", 'asked.toml:2:3: changes is not a key of a scenario; did you mean "change"?'),
        ("[change]\na = 1\n", "asked.toml:2:2: change must be tables, each under [[change]]"),
        ("question = 3\n", "asked.toml:2:1: question must be text, got 3"),
        ("change = [\n", "asked.toml:2: is not valid TOML: invalid value"),
    ],
)
def test_items_that_cannot_be(desk, items, said):
    """Each is refused at its line and column, with the rule and the nearest valid name."""
    assert said in desk.refusal(items)


def test_all_bad_items_are_told_together(desk):
    """Two items and an event, each with its own place, in file order."""
    found = desk.refusal(
        change("channels", "scale", where='{ channel = "wbe" }', column='"orders_per_day"', value="2")
        + change("skus", "scale", column='"return_share"', value="60")
        + '[[event]]\nkind = "x"\nstart = 2026-10-01\nend = 2026-10-02\n'
    )
    assert [line.partition(" ")[0] for line in found] == ["asked.toml:5:11:", "asked.toml:12:1:", "asked.toml:14:1:"]


def test_paths_that_lead_nowhere(desk):
    """A scenario that is not there, one whose model is not, and a file that is neither."""
    desk.apply("")
    with pytest.raises(InvalidInputError, match=r"askd\.toml: is missing .*; did you mean \".*asked\.toml\"\?"):
        load(desk.folder / "askd.toml")
    (desk.folder / "lost.toml").write_text('model = "../smal"')
    with pytest.raises(InvalidInputError, match=r"smal: is missing \(a model's folder\)"):
        load(desk.folder / "lost.toml")
    with pytest.raises(InvalidInputError, match=r"is neither a model's folder nor a \.toml scenario"):
        load(desk.folder / "small" / "skus.csv")
    (desk.folder / "none.toml").write_text("")
    with pytest.raises(InvalidInputError, match=r"none\.toml: model must be the path of the model's folder"):
        load(desk.folder / "none.toml")


def test_load_takes_a_folder_its_toml_or_a_scenario(desk):
    """Three ways to name the same business."""
    folder = desk.folder / "small"
    assert load(folder) == load(folder / "model.toml") == desk.apply("") == read_business(folder)


@pytest.mark.parametrize(
    "name",
    [
        "baseline",
        "peak_season",
        "carrier_lost",
        "supplier_delay",
        "cutoff_moved",
        "returns_surge",
        "pooled_or_siloed_stock",
        "automatic_validation",
    ],
)
def test_shipped_scenarios_apply(repo, name):
    """Each asks a question of the metro model and, but for the baseline, changes it."""
    path = repo / "scenarios" / f"{name}.toml"
    business = load(path)
    assert read_scenario(path).question.endswith("?")
    assert business.base.settings.name == "metro"
    assert (business == business.base) is (name == "baseline")


def test_no_scenario_is_shipped_untested(repo):
    """Every file of the folder loads."""
    paths = sorted((repo / "scenarios").glob("*.toml"))
    assert len(paths) >= 8
    for path in paths:
        load(path)


def test_copied_rows_are_the_old_ones_but_for_the_cells_given(desk):
    """A third site like north: its rows of stock, zones and staff, windows on them included."""
    north, east = '{ site = "north" }', '{ site = "east" }'
    found = desk.apply(
        change("staff", "scale", where=north, column='"workers"', value="2", from_="2026-10-01")
        + change("stock", "copy", where=north, row='{ site = "east", on_hand_units = 7 }')
        + "".join(change(table, "copy", where=north, row=east) for table in ("sites", "zones", "staff"))
    )
    assert found["sites"].texts("site") == ("north", "south", "east")
    assert found["stock"].texts("sku")[-3:] == ("012", "NA", "1e5")
    assert found["stock"].integers("on_hand_units")[-3:].tolist() == [7, 7, 7]
    assert found["stock"].integers("order_up_to_units")[-3:].tolist() == [300, 240, 40]
    workers = found.by_day("staff", "workers")
    there = [row for row, site in enumerate(found["staff"].texts("site")) if site == "east"]
    assert workers[0, there].tolist() == [3, 2, 1]
    assert workers[-1, there].tolist() == [6, 4, 2]


def test_a_copy_that_changes_no_key_repeats_its_rows(desk):
    """The copy is told at the item that made it; a cell that is no column, or no legal value, at its own place."""
    assert desk.refusal(change("sites", "copy", where='{ site = "north" }', row='{ kind = "dc" }')) == [
        "asked.toml:2: site repeats the key of small/sites.csv:2, got 'north'"
    ]
    assert desk.refusal(change("sites", "copy", row='{ sight = "east" }')) == [
        "asked.toml:5:9: change.row.sight must be a column of table sites, got 'sight'; did you mean \"site\"?"
    ]
    assert desk.refusal(change("sites", "copy", row='{ kind = "shed" }')) == [
        "asked.toml:5:9: change.row.kind must be one of dc, store, got 'shed'"
    ]
