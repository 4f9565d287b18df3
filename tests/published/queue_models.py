"""Textbook systems written as business models: the rest of the shop is there, but never in the way.

Demand is Poisson around the clock, people work day and night, carriers come every day and take everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from omsim.demand.arrivals import draw_intake
from omsim.model.building import build_business
from omsim.sim.plan import compile_plan
from omsim.sim.window.engine import run_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from omsim.demand.arrivals import Intake
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

DAY_S = 86_400
PLENTY = "1000000000"

Columns = dict[str, list[str]]


def textbook_shop(
    *,
    n_days: int,
    orders_per_day: list[float],
    workers: dict[str, int] | None = None,
    n_skus: int = 1,
    settings: dict[str, object] | None = None,
    **columns: dict[str, object],
) -> Business:
    """One site, one region, unit orders of one line; a channel for each rate, with priorities in order.

    Parameters
    ----------
    workers : mapping of stage to people, around the clock
        Default 1000.
    n_skus : int
        All alike, each line asks for one of them.
    **columns : mapping of column to value
        What differs in a table: one value for all rows, or a list.
    """
    skus, channels = [f"k{i}" for i in range(n_skus)], [f"c{i}" for i in range(len(orders_per_day))]
    stages = ("validate", "contact", "pick", "pack", "inspect")
    pairs = [(sku, channel) for sku in skus for channel in channels]
    tables: dict[str, dict[str, object]] = {
        "skus": {"sku": skus, "unit_cost_cents": "1", "price_cents": "2", "weight_g": "1"},
        "sites": {
            "site": ["site"],
            "task_times": "fixed",
            "pick_order_s": "1",
            "pick_line_s": "0",
            "pick_unit_s": "0",
            "pack_order_s": "1",
            "pack_unit_s": "0",
        },
        "staff": {
            "stage": list(stages),
            "site": ["" if stage in ("validate", "contact") else "site" for stage in stages],
            "workers": [str((workers or {}).get(stage, 1000)) for stage in stages],
        },
        "channels": {
            "channel": channels,
            "priority": [str(i + 1) for i in range(len(channels))],
            "orders_per_day": [str(rate) for rate in orders_per_day],
        },
        "regions": {"region": ["town"]},
        "demand": {
            "sku": [sku for sku, _ in pairs],
            "channel": [channel for _, channel in pairs],
            "line_share": "1",
            "quantity_profile": "one",
        },
        "quantities": {"profile": ["one"], "units": "1", "share": "1"},
        "baskets": {"channel": channels, "lines": "1", "share": "1"},
        "services": {
            "service": ["van"],
            "carrier": "van",
            "pickup_days": "Mon-Sun",
            "delivery_days": "Mon-Sun",
            "over_kg_cents": "1",
        },
        "zones": {"site": ["site"], "region": "town", "zone": "near", "distance_km": "1"},
        "transits": {"service": ["van"], "zone": "near", "days": "1", "share": "1"},
        "rates": {"service": ["van"], "zone": "near", "up_to_g": "1000", "price_cents": "1"},
        "suppliers": {"supplier": ["mill"], "lead_time_days": "1"},
        "stock": {"site": ["site"] * n_skus, "sku": skus, "on_hand_units": PLENTY},
    }
    for name, changes in columns.items():
        tables[name] = {**tables.get(name, {}), **changes}
    return build_business(
        {
            "model.name": "textbook",
            "model.start_date": "2026-01-01",
            "model.horizon_days": n_days,
            "decisions.release": "immediate",
            "decisions.allocation_cycle_minutes": 1440,
            **(settings or {}),
        },
        {name: _rows(table) for name, table in tables.items()},
    )


def _rows(table: dict[str, object]) -> Columns:
    n_rows = max(len(cells) for cells in table.values() if isinstance(cells, list))
    return {
        name: [str(cell) for cell in cells] if isinstance(cells, list) else [str(cells)] * n_rows
        for name, cells in table.items()
    }


def replicated(
    business: Business,
    measure: Callable[[RunRecords, Intake], float | tuple[float, ...]],
    *,
    replications: int,
    seed: int,
) -> np.ndarray:
    """What `measure` says of each replication; float64, shape (n_replications, n_measures)."""
    plan, rows = compile_plan(business), []
    for replication in range(replications):
        intake = draw_intake(business, seed=seed, replication=replication)
        run = run_window(business, plan, intake, seed=seed, replication=replication)
        rows.append(np.atleast_1d(measure(run, intake)))
    return np.stack(rows)


def assert_met(values: np.ndarray, *exact: float, half_width: float) -> None:
    """Each exact value lies in the 99 % interval of its replications' means, and the interval is narrow.

    Parameters
    ----------
    values : float64, shape (n_replications, n_measures)
    half_width : float
        Widest half of the interval that still says something, as a share of the exact value.
    """
    assert values.shape[1] == len(exact)
    n = values.shape[0]
    half = stats.t.ppf(0.995, n - 1) * values.std(axis=0, ddof=1) / np.sqrt(n)
    told = [
        f"{exact_value:.6g}: {mean:.6g} +- {width:.2g}"
        for exact_value, mean, width in zip(exact, values.mean(axis=0), half, strict=True)
    ]
    assert (np.abs(values.mean(axis=0) - exact) <= half).all(), told
    assert (half <= half_width * np.array(exact)).all(), told
