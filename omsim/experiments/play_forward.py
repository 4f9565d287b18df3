"""New reorder policies against the ones in force, played forward from tonight on the same days to come.

Owns the fair trial: two arms that differ in nothing but who orders how much, the futures they meet, and what each SKU
cost in them. Which changes win is read off the paired differences; making policies is `omsim.optimize.reorder`.

Both arms open at tonight's stock and with what is on its way. Tonight's orders of each arm are sent at once and come
after their mean lead time; from the next day on each arm's policies order by themselves. Demand is the model's own,
with common random numbers; where a model replays orders, its past stands for the future: the last weeks before
tonight are replayed, each replication a week further back, and nothing after tonight is ever looked at.

A SKU's cost is holding; units owed, by the day; the margin of units lost; purchase orders' own costs, freight and
trucks, in equal shares over their lines; less what price breaks saved. What stands at the end above both arms'
order-up-to levels is charged for the days until demand has used it up, so that nobody wins by buying ahead of the last
day; the same level for both, as the same stock must cost the same in either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omsim.experiments.executors import Job, Task, run_tasks
from omsim.model.business import Business, Column, Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from omsim.sim.records import RunRecords

    Floats = NDArray[np.float64]
    Units = NDArray[np.int64]

DAY_S = 86_400
YEAR_DAYS = 365
WEEK_DAYS = 7
KPIS = ("unit_fill", "on_time_delivery", "cost_per_order", "inventory_value")
OPENING_PREFIX = "tonight "
LONGEST_EXCESS_DAYS = 730  # what never sells is cleared one day


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One way to order: policies by cell, and tonight's purchase orders.

    Attributes
    ----------
    reorder_point_units, order_up_to_units : int64, shape (n_cells,)
        (s, S) from tomorrow on, a negative S for what is not ordered at all; cells that are not `planned` keep their
        row of `stock`.
    tonight_units : int64, shape (n_cells,)
        Ordered tonight.
    """

    reorder_point_units: Units
    order_up_to_units: Units
    tonight_units: Units


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What both arms came to.

    Attributes
    ----------
    kpis : mapping of KPI to float64, shape (n_replications, 2)
        In force, new; NaN where there is no value.
    sku_cost_cents : float64, shape (n_replications, 2, n_skus)
        What each SKU cost, by arm: see the module.
    n_days : int
    futures : str
        What stood for the days to come, in words.
    """

    kpis: Mapping[str, Floats]
    sku_cost_cents: Floats
    n_days: int
    futures: str

    @property
    def gain_cents(self) -> Floats:
        """Cost in force less cost of the new policies; float64, shape (n_replications, n_skus)."""
        return np.asarray(self.sku_cost_cents[:, 0] - self.sku_cost_cents[:, 1])


class _Outcome(NamedTuple):
    kpis: dict[str, float]
    sku_cost_cents: Floats


def play_forward(
    business: Business,
    in_force: Arm,
    new: Arm,
    *,
    planned: NDArray[np.bool_],
    due: Units,
    shortage_cents: Floats,
    units_per_day: Floats,
    n_days: int,
    seed: int,
    replications: int,
    jobs: int = 1,
) -> Played:
    """Simulate both arms on the same futures.

    Parameters
    ----------
    business : Business
        Opened at tonight's stock and open purchase orders, starting tomorrow.
    in_force, new : Arm
    planned : bool, shape (n_cells,)
        Cells whose policies the arms set.
    due : int64, shape (n_cells,)
        Ordinal of the day tonight's orders of a cell come.
    shortage_cents, units_per_day : float64, shape (n_cells,)
        Cost of a unit owed for a day, and expected demand.
    n_days, seed, replications : int
        Days played, seed of the futures, and how many there are.
    jobs : int
        Processes; the answer is the same whatever their number.

    Returns
    -------
    Played
    """
    futures, described = _futures(business, n_days, replications)
    arms = tuple(_opened(future, arm, planned, due) for future in futures for arm in (in_force, new))
    replayed = len(futures[0]["demand"]) == 0 or len(futures[0]["orders"]) > 0
    n = len(futures) if replayed else replications
    tasks = [Task(2 * k + arm if replayed else arm, 0 if replayed else k) for k in range(n) for arm in (0, 1)]
    job = Job(arms=arms, seed=seed, engine="window")
    highest = np.maximum(*(arm["stock"].integers("order_up_to_units") for arm in arms[:2]))
    work = partial(_play, shortage_cents=shortage_cents, units_per_day=units_per_day, highest_units=highest)
    found = dict(run_tasks(work, job, tasks, jobs=jobs))
    ordered = [[found[task] for task in tasks[2 * k : 2 * k + 2]] for k in range(n)]
    return Played(
        kpis={name: np.array([[arm.kpis[name] for arm in pair] for pair in ordered]) for name in KPIS},
        sku_cost_cents=np.array([[arm.sku_cost_cents for arm in pair] for pair in ordered]),
        n_days=n_days,
        futures=described,
    )


def _futures(business: Business, n_days: int, replications: int) -> tuple[list[Business], str]:
    """The business over the days to come: one for all replications, or one each where orders are replayed."""
    settings = replace(business.settings, horizon_days=n_days, warm_up_days=0, reorder="policies")
    plain = replace(business, settings=settings, base=None, folder="")
    futures = []
    for k in range(replications if len(business["orders"]) else 0):
        future = _past_as_future(plain, settings.start_date, n_days, weeks_back=k)
        if future is None:
            break
        futures.append(future)
    if futures:
        return futures, f"the {len(futures)} last stretches of {n_days} days of past orders, a week apart"
    if len(business["demand"]):
        return [_without_orders(plain)], f"{replications} draws of {n_days} days of the model's demand"
    return [_quiet(plain)], f"no demand: fewer than {n_days} days of orders before tonight to replay"


def _past_as_future(business: Business, start: date, n_days: int, *, weeks_back: int) -> Business | None:
    """The business with the orders of some past days moved to the days to come; None when the past is too short."""
    orders = business["orders"]
    texts = orders.texts("ordered_at")
    ordinal = {text: date.fromisoformat(text).toordinal() for text in {text[:10] for text in texts}}
    day = np.array([ordinal[text[:10]] for text in texts], dtype=np.int64)
    shift = (-(-n_days // WEEK_DAYS) + weeks_back) * WEEK_DAYS
    first = start.toordinal() - shift
    rows = np.flatnonzero((day >= first) & (day < first + n_days))
    if not rows.size or day.min() > first:
        return None
    moved = {text: date.fromordinal(at + shift).isoformat() for text, at in ordinal.items()}
    columns: dict[str, object] = {}
    for name, values in orders.columns.items():
        columns[name] = tuple(values[row] for row in rows.tolist()) if isinstance(values, tuple) else values[rows]
    columns["ordered_at"] = tuple(moved[texts[row][:10]] + texts[row][10:] for row in rows.tolist())
    table = Table(name="orders", columns=columns)  # type: ignore[arg-type]
    return replace(business, tables={**business.tables, "orders": table})


def _without_orders(business: Business) -> Business:
    empty = {
        name: () if isinstance(values, tuple) else values[:0] for name, values in business["orders"].columns.items()
    }
    return replace(business, tables={**business.tables, "orders": Table(name="orders", columns=empty)})


def _quiet(business: Business) -> Business:
    """The business with every order behind it: a table of orders, none of them to come."""
    orders = business["orders"]
    yesterday = (business.settings.start_date - timedelta(days=1)).isoformat()
    columns = {**orders.columns, "ordered_at": tuple(yesterday + text[10:] for text in orders.texts("ordered_at"))}
    return replace(business, tables={**business.tables, "orders": Table(name="orders", columns=columns)})


def _opened(business: Business, arm: Arm, planned: NDArray[np.bool_], due: Units) -> Business:
    """The business with an arm's policies and its orders of tonight on their way."""
    stock = business["stock"]
    policy = list(stock.texts("policy"))
    low, top = stock.integers("reorder_point_units").copy(), stock.integers("order_up_to_units").copy()
    low[planned], top[planned] = arm.reorder_point_units[planned], arm.order_up_to_units[planned]
    for row in np.flatnonzero(planned).tolist():
        policy[row] = "none" if top[row] < 0 else "base_stock" if low[row] >= top[row] - 1 else "min_max"
    columns = {
        **stock.columns,
        "policy": tuple(policy),
        "reorder_point_units": low,
        "order_up_to_units": np.maximum(top, 0),
    }
    tables = {**business.tables, "stock": Table(name="stock", columns=columns)}
    tables["purchase_orders"] = _with_tonight(business, arm.tonight_units, due)
    tables["supplier_holidays"] = _no_orders_on(business, business.settings.start_date)
    return replace(business, tables=tables)


def _with_tonight(business: Business, units: Units, due: Units) -> Table:
    """Open purchase orders and tonight's, one order a supplier and site."""
    old, stock = business["purchase_orders"], business["stock"]
    rows = np.flatnonzero(units > 0).tolist()
    site, sku, supplier = stock.texts("site"), stock.texts("sku"), stock.texts("supplier")
    added: dict[str, list[object]] = {
        "purchase_order": [f"{OPENING_PREFIX}{supplier[row]} {site[row]}" for row in rows],
        "site": [site[row] for row in rows],
        "sku": [sku[row] for row in rows],
        "supplier": [supplier[row] for row in rows],
        "units": [int(units[row]) for row in rows],
        "due_date": [int(due[row]) for row in rows],
    }
    columns: dict[str, object] = {}
    for name, values in old.columns.items():
        if isinstance(values, tuple):
            columns[name] = (*values, *added[name])
        else:
            columns[name] = np.concatenate((values, np.array(added[name], dtype=values.dtype)))
    return Table(name="purchase_orders", columns=columns)  # type: ignore[arg-type]


def _no_orders_on(business: Business, day: date) -> Table:
    """Supplier holidays and one for everybody: tonight's orders are sent already."""
    old = business["supplier_holidays"]
    there = set(zip(old.texts("supplier"), old.integers("date").tolist(), strict=True))
    names = [name for name in business["suppliers"].texts("supplier") if (name, day.toordinal()) not in there]
    columns: dict[str, Column] = {
        "supplier": (*old.texts("supplier"), *names),
        "date": np.concatenate((old.integers("date"), np.full(len(names), day.toordinal(), dtype=np.int64))),
        "note": (*old.texts("note"), *("ordered tonight" for _ in names)),
    }
    return Table(name="supplier_holidays", columns=columns)


def _play(job: Job, task: Task, shortage_cents: Floats, units_per_day: Floats, highest_units: Units) -> _Outcome:
    """One arm on one future."""
    from omsim.analysis.measure import compute_kpis
    from omsim.sim.engine import run_once

    business = job.arms[task.arm]
    records = run_once(business, seed=job.seed, replication=task.replication, engine=job.engine)
    table = compute_kpis(records, business)
    return _Outcome(
        kpis={name: table.get(name) if table.has(name) else float("nan") for name in KPIS},
        sku_cost_cents=_stock_cost(records, business, shortage_cents, units_per_day, highest_units)
        + _purchase_cost(records, business),
    )


def _stock_cost(
    records: RunRecords, business: Business, shortage_cents: Floats, units_per_day: Floats, highest_units: Units
) -> Floats:
    """Holding, owing and losing units, by SKU; float64, shape (n_skus,)."""
    n_skus, skus, stock = len(business["skus"]), business["skus"], records.stock
    sku = business.codes("stock", "sku")
    cost, price = skus.integers("unit_cost_cents"), skus.integers("price_cents")
    holding_cents = cost[sku] * (business.settings.holding_rate_per_year / YEAR_DAYS)
    by_cell = stock.on_hand_unit_s / DAY_S * holding_cents
    by_cell = by_cell + stock.daily_backordered.sum(axis=0, dtype=np.float64) * shortage_cents
    position = stock.closing_units + stock.on_order_units - stock.backordered_units
    excess = np.maximum(position - highest_units, 0)
    days_left = np.minimum(excess / np.maximum(units_per_day, 1e-9), LONGEST_EXCESS_DAYS)
    by_cell = by_cell + excess * days_left / 2 * holding_cents
    short = records.short_lines
    lost = np.bincount(records.lines.sku[short.line], weights=short.cancelled_units, minlength=n_skus)
    return np.asarray(np.bincount(sku, weights=by_cell, minlength=n_skus) + lost * np.maximum(price - cost, 0))


def _purchase_cost(records: RunRecords, business: Business) -> Floats:
    """Costs of purchase orders less what price breaks saved, by SKU; float64, shape (n_skus,)."""
    from omsim.sim.purchase_cost import order_charges_cents

    bought = records.purchases
    n_skus = len(business["skus"])
    if not len(bought.po):
        return np.zeros(n_skus)
    sku = business.codes("stock", "sku")[bought.cell]
    lines = np.bincount(bought.po)[bought.po]
    base = bought.units * business["skus"].integers("unit_cost_cents")[sku]
    by_line = order_charges_cents(bought, business) / lines + (bought.cost_cents - base)
    return np.asarray(np.bincount(sku, weights=by_line, minlength=n_skus))


def horizon_days(wait_days: Floats, review_days: Units, *, least: int = 28, most: int = 91) -> int:
    """Days to play: whole weeks, long enough for tonight's orders to arrive and the next ones after them."""
    longest = float(np.quantile(wait_days + 2 * review_days, 0.9)) if wait_days.size else 0.0
    return int(min(max(-(-longest // WEEK_DAYS) * WEEK_DAYS, least), most))


def tomorrow(as_of: date) -> date:
    """The day a night's orders are sent on."""
    return as_of + timedelta(days=1)
