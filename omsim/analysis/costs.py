"""What orders cost: the money ledger by order, and the same sums by channel for the KPIs.

Owns the cost components and how each is counted. Every amount is a whole number of 1/3600 cents (`PER_CENT`), so
components, orders and channels add up exactly; rounding to cents happens once, when an amount is reported.

Money counts when it falls due within the counted time, whichever order it is for, and cost per order divides it by the
orders that left the house whole in that time. So neither orders still open at the end nor returns of orders from
before the counted time bias it.

============= ================================================================================= ===================
component     what                                                                              falls due
============= ================================================================================= ===================
pick, pack    task seconds x the site's wage                                                    end of the task
packaging     the cartons                                                                       tender
parcel        the carrier's price, surcharges and fuel included                                 tender
contract      shortfalls less rebates of contracts with carriers, as holding                    all the period
holding       stock on hand x unit cost x holding rate, in equal shares over orders shipped     all the time
ordering      fixed cost, freight, trucks of purchase orders less price breaks, as holding          order sent
return        label; inspection at the model's mean seconds, handling, value not recovered      request; inspection
contact       cost of answering                                                                 answer
late_penalty  an order late or lost                                                             promise
split_penalty each parcel beyond an order's first                                               tender
lost_margin   price less cost of units cancelled                                                cancellation
lost_goods    cost of the units in lost parcels                                                 tender
============= ================================================================================= ===================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels import order_money
from omsim.kernels import outcome_columns as kernel
from omsim.model import fields
from omsim.sim.purchase_cost import order_charges_cents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.analysis.outcomes import Outcomes
    from omsim.model.business import Business
    from omsim.sim.records import RunRecords

    Units = NDArray[np.int64]

YEAR_S = 365 * kernel.DAY_S
MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OrderCosts:
    """The money ledger by order.

    Attributes
    ----------
    parts : int64, shape (n_orders, n_components)
        What fell due in the counted time, 1/3600 cent, in the order of `outcome_columns.COST_NAMES`.
    counted : bool, shape (n_orders,)
        Orders that left the house whole in the counted time: the base of cost per order, and those that bear the
        shares of holding and ordering.
    """

    parts: Units
    counted: NDArray[np.bool_]

    def cents(self, component: str) -> NDArray[np.float64]:
        """One component in cents, with its fractions; shape (n_orders,)."""
        return self.parts[:, kernel.COST_NAMES.index(component)] / kernel.PER_CENT


def shipped_orders(records: RunRecords, outcomes: Outcomes) -> NDArray[np.bool_]:
    """Orders of which the last parcel was tendered in the counted time; bool, shape (n_orders,)."""
    return outcomes.last_tendered_s >= max(records.warm_up_s, 0)


def order_costs(records: RunRecords, business: Business, outcomes: Outcomes) -> OrderCosts:
    """The money ledger of a run, one row an order."""
    shipped = shipped_orders(records, outcomes)
    slot_of_order = np.arange(len(shipped), dtype=np.int32)
    parts = np.zeros((len(shipped), len(kernel.COST_NAMES)), dtype=np.int64)
    _add_costs(records, business, outcomes, slot_of_order, parts)
    bearers = np.flatnonzero(shipped)
    if len(bearers):
        for component, total in _shared_costs(records, business):
            share, left = divmod(total, len(bearers))
            parts[bearers, component] += share
            parts[bearers[:left], component] += 1
    return OrderCosts(parts=parts, counted=shipped)


def channel_costs(records: RunRecords, business: Business, outcomes: Outcomes) -> tuple[Units, Units]:
    """Costs by channel, equal to the sums of `order_costs` without its memory.

    Returns
    -------
    parts : int64, shape (n_channels, n_components)
        1/3600 cent.
    n_shipped : int64, shape (n_channels,)
        Orders that left the house whole in the counted time.
    """
    n_channels, channel = len(business["channels"]), records.orders.channel
    parts = np.zeros((n_channels, len(kernel.COST_NAMES)), dtype=np.int64)
    _add_costs(records, business, outcomes, channel, parts)
    bearing = channel[shipped_orders(records, outcomes)]
    n_shipped = np.bincount(bearing, minlength=n_channels).astype(np.int64)
    if len(bearing):
        for component, total in _shared_costs(records, business):
            share, left = divmod(total, len(bearing))
            parts[:, component] += share * n_shipped + np.bincount(bearing[:left], minlength=n_channels)
    return parts, n_shipped


def _add_costs(
    records: RunRecords, business: Business, outcomes: Outcomes, slot_of_order: NDArray[np.integer], parts: Units
) -> None:
    settings, shipments, orders = business.settings, records.shipments, records.orders
    wage = business["sites"].integers("labour_cents_per_hour")
    order_money.add_parcel_costs(
        shipments.order,
        shipments.number,
        shipments.site,
        shipments.picked_s,
        shipments.packed_s,
        shipments.tendered_s,
        shipments.pick_s,
        shipments.pack_s,
        shipments.price_cents,
        slot_of_order,
        wage,
        settings.split_penalty_cents,
        records.warm_up_s,
        parts,
    )
    order_money.add_penalties(
        outcomes.flags,
        orders.promise_s,
        orders.n_shipments,
        slot_of_order,
        settings.late_penalty_cents,
        records.horizon_s,
        parts,
    )
    if shipments.packaging_cents.size:
        sent = np.flatnonzero(shipments.tendered_s >= records.warm_up_s)
        cents = shipments.packaging_cents[sent].astype(np.int64)
        _add_at(parts, kernel.C_PACKAGING, slot_of_order[shipments.order[sent]], cents * kernel.PER_CENT)
    _add_goods(records, business, slot_of_order, parts)
    _add_returns(records, business, wage, slot_of_order, parts)
    contacts = records.contacts
    answered = contacts.answered_s >= records.warm_up_s
    cost_of_reason = np.zeros(len(fields.CONTACT_REASONS), dtype=np.int64)
    table = business["contacts"]
    for reason, cents in zip(table.texts("reason"), table.integers("cost_cents").tolist(), strict=True):
        cost_of_reason[fields.CONTACT_REASONS.index(reason)] = cents
    cents = cost_of_reason[contacts.reason[answered]]
    _add_at(parts, kernel.C_CONTACT, slot_of_order[contacts.order[answered]], cents * kernel.PER_CENT)


def _add_at(parts: Units, component: int, slots: NDArray[np.integer], amounts: Units) -> None:
    np.add.at(parts[:, component], slots, amounts)


def _add_goods(records: RunRecords, business: Business, slot_of_order: NDArray[np.integer], parts: Units) -> None:
    """Margin of cancelled units, cost of lost ones."""
    lines, short, pieces, shipments = records.lines, records.short_lines, records.pieces, records.shipments
    skus = business["skus"]
    unit_cost = skus.integers("unit_cost_cents")
    margin = skus.integers("price_cents") - unit_cost
    start_s = records.warm_up_s
    cancelled = np.flatnonzero((short.cancelled_units > 0) & (short.cancelled_s >= start_s))
    line = short.line[cancelled]
    order = np.searchsorted(records.orders.first_line, line, side="right") - 1
    cents = short.cancelled_units[cancelled] * margin[lines.sku[line]]
    _add_at(parts, kernel.C_LOST_MARGIN, slot_of_order[order], cents * kernel.PER_CENT)
    lost = shipments.lost & (shipments.tendered_s >= start_s)
    if not lost.any():
        return
    gone = _lines_of(records, np.flatnonzero(lost))
    units = lines.units[gone].astype(np.int64)
    at = np.searchsorted(short.line, gone)
    is_short = at < len(short.line)
    is_short[is_short] = short.line[at[is_short]] == gone[is_short]
    units[is_short] = short.shipment_units[at[is_short]]
    amounts = units * unit_cost[lines.sku[gone]] * kernel.PER_CENT
    _add_at(parts, kernel.C_LOST_GOODS, slot_of_order[shipments.order[lines.shipment[gone]]], amounts)
    later = np.flatnonzero(lost[pieces.shipment])
    amounts = pieces.units[later] * unit_cost[lines.sku[pieces.line[later]]] * kernel.PER_CENT
    _add_at(parts, kernel.C_LOST_GOODS, slot_of_order[shipments.order[pieces.shipment[later]]], amounts)


def _lines_of(records: RunRecords, shipment: Units) -> Units:
    """Lines whose first piece is in one of a few shipments, looked for among those of their orders only."""
    order, first_line = records.shipments.order[shipment], records.orders.first_line
    n_lines = (first_line[order + 1] - first_line[order]).astype(np.int64)
    before = np.cumsum(n_lines) - n_lines
    line = np.arange(n_lines.sum()) + np.repeat(first_line[order] - before, n_lines)
    found: Units = line[records.lines.shipment[line] == np.repeat(shipment, n_lines)]
    return found


def _add_returns(
    records: RunRecords, business: Business, wage: Units, slot_of_order: NDArray[np.integer], parts: Units
) -> None:
    returns, sites = records.returns, business["sites"]
    handling, lost_ppm = _disposition_costs(business)
    sku = records.lines.sku[returns.line]
    units = returns.units.astype(np.int64)
    label = business.settings.return_label_cents * kernel.PER_CENT
    amounts = np.where(returns.requested_s >= records.warm_up_s, label, 0).astype(np.int64)
    inspected = returns.inspected_s >= records.warm_up_s
    inspect_s = np.rint(units * sites.numbers("inspect_unit_s")[returns.site]).astype(np.int64)
    amounts += np.where(inspected, inspect_s * wage[returns.site], 0)
    kind = np.maximum(returns.disposition, 0)
    decided = inspected & (returns.disposition >= 0)
    amounts += np.where(decided, units * handling[sku, kind] * kernel.PER_CENT, 0)
    value = units * business["skus"].integers("unit_cost_cents")[sku]
    amounts += np.where(decided, value * lost_ppm[sku, kind] * kernel.PER_CENT // MILLION, 0)
    _add_at(parts, kernel.C_RETURN, slot_of_order[records.shipments.order[returns.shipment]], amounts)


def _disposition_costs(business: Business) -> tuple[Units, Units]:
    """Handling cents and millionths of the value not recovered, by SKU and disposition; int64, (n_skus, 4)."""
    table = business["dispositions"]
    category = business["skus"].texts("category")
    n_kinds = len(fields.DISPOSITIONS)
    named: dict[str, Units] = {}
    for row, name in enumerate(table.texts("category")):
        costs = named.setdefault(name, _default_disposition(n_kinds))
        kind = fields.DISPOSITIONS.index(table.texts("disposition")[row])
        costs[0, kind] = table.integers("handling_cents")[row]
        if kind:  # restocked units keep their whole value
            costs[1, kind] = MILLION - round(float(table.numbers("recovered_share")[row]) * MILLION)
    other = named.get("", _default_disposition(n_kinds))
    both = np.array([named.get(name, other) for name in category], dtype=np.int64).reshape(-1, 2, n_kinds)
    return both[:, 0], both[:, 1]


def _default_disposition(n_kinds: int) -> Units:
    costs = np.zeros((2, n_kinds), dtype=np.int64)
    costs[1, 1:] = MILLION
    return costs


def stock_cents_s(records: RunRecords, business: Business, cells: NDArray[np.bool_] | None = None) -> int:
    """Integral of the stock's value over the counted time, cent-seconds, exact; of some `cells`, or of all."""
    unit_s = records.stock.on_hand_unit_s
    cost = business["skus"].integers("unit_cost_cents")[business.codes("stock", "sku")]
    if cells is not None:
        unit_s, cost = unit_s[cells], cost[cells]
    days, rest_s = np.divmod(unit_s, kernel.DAY_S)  # split so that no product leaves 64 bits
    return int(days @ cost) * kernel.DAY_S + int(rest_s @ cost)


def purchase_orders(records: RunRecords) -> NDArray[np.intp]:
    """One row of `purchases` for each purchase order sent in the counted time."""
    purchases = records.purchases
    sent = np.flatnonzero((purchases.ordered_s >= records.warm_up_s) & (purchases.ordered_s < records.horizon_s))
    return sent[np.unique(purchases.po[sent], return_index=True)[1]]


def price_break_cents(records: RunRecords, business: Business) -> int:
    """What price breaks saved on the purchase orders sent in the counted time."""
    bought = records.purchases
    sent = (bought.ordered_s >= records.warm_up_s) & (bought.ordered_s < records.horizon_s)
    unit_cost = business["skus"].integers("unit_cost_cents")[business.codes("stock", "sku")[bought.cell[sent]]]
    return int((bought.units[sent] * unit_cost - bought.cost_cents[sent]).sum())


def contract_parts(records: RunRecords, business: Business) -> tuple[Units, Units]:
    """Rebates and shortfalls of every contract period as far as its days are counted time.

    Returns
    -------
    rebate, shortfall : int64, shape (n_periods,)
        1/3600 cent, rounded half up.
    """
    settled, warm_up = records.contracts, business.settings.warm_up_days
    n_days = settled.last_day - settled.first_day + 1
    counted = np.clip(settled.last_day - np.maximum(settled.first_day, warm_up) + 1, 0, None)
    both = [
        [
            (2 * cents * kernel.PER_CENT * part + whole) // (2 * whole)
            for cents, part, whole in zip(column.tolist(), counted.tolist(), n_days.tolist(), strict=True)
        ]
        for column in (settled.rebate_cents, settled.shortfall_cents)
    ]
    rebate, shortfall = (np.array(column, dtype=np.int64) for column in both)
    return rebate, shortfall


def _shared_costs(records: RunRecords, business: Business) -> tuple[tuple[int, int], ...]:
    """The components that no single order causes, with their totals in 1/3600 cent."""
    rate_ppm = round(business.settings.holding_rate_per_year * MILLION)
    holding = stock_cents_s(records, business) * rate_ppm * kernel.PER_CENT
    holding = (2 * holding + MILLION * YEAR_S) // (2 * MILLION * YEAR_S)  # rounded half up, once
    charges = order_charges_cents(records.purchases, business)
    ordering = (int(charges[purchase_orders(records)].sum()) - price_break_cents(records, business)) * kernel.PER_CENT
    rebate, shortfall = contract_parts(records, business)
    contract = int(shortfall.sum()) - int(rebate.sum())
    return (kernel.C_CONTRACT, contract), (kernel.C_HOLDING, holding), (kernel.C_ORDERING, ordering)
