"""Small but whole nights, planned by a twenty-line rule; imports nothing heavy, for children that start at once."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from omsim.nightly.job import run_night
from omsim.nightly.night import NIGHT_TABLES, Night, RunKey
from omsim.nightly.outcome import GateResult

if TYPE_CHECKING:
    from pathlib import Path

    from omsim.nightly.outcome import Draft, Outcome
    from omsim.nightly.snapshot import LastNight, Snapshot

FIRST, SECOND = date(2026, 11, 21), date(2026, 11, 22)
SKUS = [f"sku,{n:02d}" for n in range(12)] + ['naïve "SKU"', "007", "NA", "=1+1"]
SITES = ("north", "south")
TARGET_UNITS = 100


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a test asks of a call of the job; plain values, so that it can be sent to another process."""

    database: str
    out: str
    as_of: str = SECOND.isoformat()
    scope: str = "all"
    force: bool = False
    dry_run: bool = False
    sold_units: int = 0
    refuse: str = ""  # "inputs" or "plan": a gate says no
    confirmed: tuple[str, ...] = ()
    lapse_days: int = 14
    plan_seconds: float = 0.0

    @property
    def key(self) -> RunKey:
        """Of the night."""
        return RunKey(as_of=date.fromisoformat(self.as_of), model="corner shop", scope=self.scope)


def two_nights(database: str, folder: Path) -> tuple[Wish, Wish]:
    """A night and the next, on which something had been sold."""
    out = str(folder / "out")
    return (
        Wish(database=database, out=out, as_of=FIRST.isoformat()),
        Wish(database=database, out=out, sold_units=5),
    )


def call_job(wish: Wish, out: Path) -> Outcome:
    """Call the job as the command does."""

    def read(last: LastNight) -> Snapshot:
        on_order: Counter[tuple[str, str]] = Counter()
        for name, (site, sku, units, _) in last.unconfirmed.items():
            if name not in wish.confirmed:
                on_order[site, sku] += units
        on_hand = {
            (site, sku): 10 + 3 * row + 40 * column - wish.sold_units
            for column, site in enumerate(SITES)
            for row, sku in enumerate(SKUS)
        }
        digest = f"sold {wish.sold_units}"
        known = SimpleNamespace(
            as_of=wish.key.as_of,
            on_hand=on_hand,
            on_order=on_order,
            source="a test",
            digest=digest,
            confirmed=wish.confirmed,
        )
        return cast("Snapshot", known)

    def plan(snapshot: Snapshot, last: LastNight) -> Night:
        time.sleep(wish.plan_seconds)
        return plan_small(cast("Any", snapshot), last)

    def judge(snapshot: Snapshot, night: Night | None, last: LastNight) -> list[GateResult]:
        passed = wish.refuse != ("inputs" if night is None else "plan")
        return [GateResult(name="mood", passed=passed, reason="the mood is as measured", measured=1.5, limit=2.0)]

    return run_night(
        wish.key,
        database=wish.database,
        out=out,
        read=read,
        plan=plan,
        judge=judge,
        summarize=summarize,
        dry_run=wish.dry_run,
        force=wish.force,
        lapse_days=wish.lapse_days,
    )


def summarize(draft: Draft) -> str:
    """A page with everything that could differ from run to run."""
    return f"<h1>{draft.key} #{draft.attempt}</h1><pre>{json.dumps(draft.night.tables, default=str)}</pre>"


def plan_small(known: Any, last: LastNight) -> Night:
    """Order up to a fixed target what is neither on hand nor on order: doubled proposals would show."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in NIGHT_TABLES}
    due = known.as_of + timedelta(days=3)
    for row, ((site, sku), on_hand) in enumerate(known.on_hand.items()):
        supplier = "ash" if row % 3 else "birch"
        units = TARGET_UNITS - on_hand - known.on_order[site, sku]
        cell = {"site": site, "sku": sku, "supplier": supplier, "reason": f"below {TARGET_UNITS} – öre", "units": units}
        rows["policies"].append(cell | {"reorder_point_units": -1 if row == 5 else row, "change": "new"})
        rows["forecasts"].append(cell | {"mean_units_per_day": 0.1 * row, "protection_days": 1 / 3})
        if row % 4 == 0:
            rows["refusals"].append(cell | {"wanted_units": 9, "rule": "budget", "cost_cents": -row})
        if units <= 0:
            continue
        money = {"unit_cost_cents": 100 + row, "value_cents": units * (100 + row)}
        line = cell | money | {"purchase_order": f"{supplier}@{site}", "due_date": due, "on_hand_units": on_hand}
        rows["proposals"].append(line | {"on_order_units": known.on_order[site, sku]})
    for order in sorted({line["purchase_order"] for line in rows["proposals"]}):
        lines = [line for line in rows["proposals"] if line["purchase_order"] == order]
        sums = {column: sum(line[column] for line in lines) for column in ("units", "value_cents")}
        rows["purchase_orders"].append(lines[0] | sums | {"lines": len(lines)})
    rows["decisions"].append({"subject": "nothing", "amount_cents": last.value_cents, "text": "look & sign"})
    empty = {"text": "", "integer": 0, "real": 0.0, "date": due}
    tables = {
        name: {column: [row.get(column, empty[kind]) for row in rows[name]] for column, kind in columns.items()}
        for name, columns in NIGHT_TABLES.items()
    }
    return Night(tables=tables, facts={"yesterday": len(last.levels), "gap": 0.001})
