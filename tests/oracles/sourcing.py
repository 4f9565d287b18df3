"""Sourcing as one would do it with a pencil: every assignment of a tiny order or batch, costs summed piece by piece."""

from functools import cache
from itertools import product

import numpy as np

from omsim.kernels.allocation.batch import Batch, Classes, Lanes, Stock


def unit_cost(lanes, stock, lane, site, sku):
    """Cents for one unit of a SKU from a site, without the shipment."""
    return int(lanes.unit_cents[lane, site] + lanes.kg_cents[lane, site] * stock.weight_g[sku] // 1000)


def order_of_line(batch, line):
    """The order a line belongs to."""
    return int(np.searchsorted(batch.first_line, line, side="right")) - 1


def choice_cost_cents(batch, lanes, stock, choice, unserved_cents):
    """What a choice costs: shipments, units, and units not served."""
    cost = unserved_cents * int(batch.units.sum())
    shipments = set()
    for line, site, units in zip(*(column.tolist() for column in choice), strict=True):
        order = order_of_line(batch, line)
        lane = batch.lane[order]
        cost += units * (unit_cost(lanes, stock, lane, site, batch.sku[line]) - unserved_cents)
        shipments.add((order, site))
    return cost + sum(int(lanes.shipment_cents[batch.lane[order], site]) for order, site in shipments)


def broken_rules(batch, classes, lanes, stock, choice):
    """What a choice breaks of the classes' rules and of the stock there was before it, in words; empty if nothing."""
    broken = []
    free, room = stock.free_units.copy(), stock.room.copy()
    served = np.zeros(batch.sku.size, dtype=np.int64)
    seen_pieces, sites_of = set(), {}
    for line, site, units in zip(*(column.tolist() for column in choice), strict=True):
        order = order_of_line(batch, line)
        k, lane = batch.order_class[order], batch.lane[order]
        cell = stock.cell_of[site, batch.sku[line]]
        ranked = lanes.ranking[lane].tolist()
        ranked = ranked[: ranked.index(-1)] if -1 in ranked else ranked
        if cell < 0 or site not in ranked or not classes.allowed[k, site]:
            broken.append(f"line {line} from site {site}, which may not serve it")
            continue
        if units < 1 or (not classes.partial[k] and units != batch.units[line]):
            broken.append(f"line {line}: {units} units from site {site}")
        if (line, site) in seen_pieces:
            broken.append(f"line {line}: site {site} twice")
        seen_pieces.add((line, site))
        sites_of.setdefault(order, set()).add(site)
        served[line] += units
        free[cell] -= units
        kept = classes.kept_units[k, cell] if classes.kept_units.shape[1] else 0
        if stock.free_units[cell] - units < kept:
            broken.append(f"line {line} takes kept units of cell {cell}")
    for order, sites in sites_of.items():
        k = batch.order_class[order]
        lines = slice(batch.first_line[order], batch.first_line[order + 1])
        if len(sites) > classes.split_limit[k]:
            broken.append(f"order {order}: {len(sites)} sites")
        if classes.complete[k] and (served[lines] < batch.units[lines]).any():
            broken.append(f"order {order} is not complete")
        for site in sites:
            room[site] -= 1
    if (served > batch.units).any():
        broken.append("more than was asked for")
    if not (np.diff(choice.line) >= 0).all():
        broken.append("pieces are not sorted by line")
    if (free < 0).any():
        broken.append("oversold")
    if (room < 0).any():
        broken.append("more shipments than room")
    return broken


def order_options(batch, classes, lanes, stock, order, unserved_cents, price_cents=None):
    """Every way to serve an order from full stock: (cost, units served, (cell, units) taken, sites)."""
    k, lane = batch.order_class[order], batch.lane[order]
    ranked = lanes.ranking[lane].tolist()
    ranked = ranked[: ranked.index(-1)] if -1 in ranked else ranked
    lines = range(batch.first_line[order], batch.first_line[order + 1])
    total = sum(int(batch.units[line]) for line in lines)
    grains = []  # (sku, units) that go to one site or nowhere
    for line in lines:
        sku, units = int(batch.sku[line]), int(batch.units[line])
        grains += [(sku, 1)] * units if classes.partial[k] else [(sku, units)]
    options = {((), ()): (unserved_cents * total, 0)}
    places = [[s for s in ranked if classes.allowed[k, s] and stock.cell_of[s, sku] >= 0] for sku, _ in grains]
    for where in product(*([-1, *sites] for sites in places)):
        sites = tuple(sorted(set(where) - {-1}))
        served = sum(units for (_, units), site in zip(grains, where, strict=True) if site >= 0)
        if len(sites) > classes.split_limit[k] or any(stock.room[site] < 1 for site in sites):
            continue
        if served == 0 or (classes.complete[k] and served < total):
            continue
        taken, cost = {}, unserved_cents * (total - served)
        for (sku, units), site in zip(grains, where, strict=True):
            if site >= 0:
                cell = int(stock.cell_of[site, sku])
                taken[cell] = taken.get(cell, 0) + units
                cost += units * unit_cost(lanes, stock, lane, site, sku)
                cost += units * int(price_cents[cell]) if price_cents is not None else 0
        kept = classes.kept_units[k] if classes.kept_units.shape[1] else np.zeros(stock.free_units.size, dtype=np.int64)
        if any(units > stock.free_units[cell] - kept[cell] for cell, units in taken.items()):
            continue
        cost += sum(int(lanes.shipment_cents[lane, site]) for site in sites)
        key = (tuple(sorted(taken.items())), sites)
        if key not in options or cost < options[key][0]:
            options[key] = (cost, served)
    return [(cost, served, taken, sites) for (taken, sites), (cost, served) in options.items()]


def best_batch_cost(batch, classes, lanes, stock, unserved_cents):
    """Least cost of a tiny batch whose classes keep nothing, over all assignments."""
    options = [order_options(batch, classes, lanes, stock, order, unserved_cents) for order in range(batch.lane.size)]

    @cache
    def best_from(order, free, room):
        if order == len(options):
            return 0
        best = None
        for cost, _, taken, sites in options[order]:
            left, places = list(free), list(room)
            for cell, units in taken:
                left[cell] -= units
            for site in sites:
                places[site] -= 1
            if min(left, default=0) >= 0 and min(places, default=0) >= 0:
                whole = cost + best_from(order + 1, tuple(left), tuple(places))
                best = whole if best is None else min(best, whole)
        return best

    return best_from(0, tuple(stock.free_units.tolist()), tuple(stock.room.tolist()))


def tiny_case(seed, n_orders, *, most_lines=3, most_units=2, keeping=True, tight_room=True):
    """A random tiny instance with every rule in it: (batch, classes, lanes, stock, unserved cents, price cents)."""
    rng = np.random.default_rng(seed)
    n_sites, n_skus, n_lanes, n_classes = rng.integers(1, 5), rng.integers(1, 4), 2, 2
    n_lines = rng.integers(1, most_lines + 1, n_orders)
    first = np.concatenate(([0], np.cumsum(n_lines)))
    carried = rng.random((n_sites, n_skus)) < 0.8
    cell_of = np.full((n_sites, n_skus), -1, dtype=np.int32)
    cell_of[carried] = np.arange(carried.sum())
    n_cells = int(carried.sum())
    ranking = np.full((n_lanes, n_sites), -1, dtype=np.int64)
    for lane in range(n_lanes):
        n_ranked = rng.integers(max(n_sites - 1, 1), n_sites + 1)
        ranking[lane, :n_ranked] = rng.permutation(n_sites)[:n_ranked]
    ship = int(rng.choice([0, 3, 12, 30]))
    batch = Batch(
        first,
        rng.integers(0, n_skus, first[-1]),
        rng.integers(1, most_units + 1, first[-1]),
        rng.integers(0, n_lanes, n_orders),
        rng.integers(0, n_classes, n_orders),
    )
    classes = Classes(
        rng.random((n_classes, n_sites)) < 0.9,
        rng.integers(1, 5, n_classes),
        rng.random(n_classes) < 0.5,
        rng.random(n_classes) < 0.3,
        rng.integers(0, 2, (n_classes, n_cells if keeping and rng.random() < 0.3 else 0)),
    )
    lanes = Lanes(
        ranking,
        rng.integers(0, ship + 1, (n_lanes, n_sites)),
        rng.integers(0, 12, (n_lanes, n_sites)),
        rng.integers(0, 3, (n_lanes, n_sites)),
    )
    stock = Stock(
        cell_of,
        rng.integers(0, 4, n_cells),
        rng.integers(0, 3, n_sites) if tight_room and rng.random() < 0.4 else np.full(n_sites, 1_000),
        rng.integers(0, 3_000, n_skus),
    )
    return batch, classes, lanes, stock, int(rng.choice([0, 8, 30, 60])), rng.integers(0, 8, n_cells)
