"""Small random batches, and their optimum by enumeration: every way to serve every order, all combined."""

import itertools

import numpy as np

from omsim.kernels.allocation.batch import NO_SITE, Batch, Choice, Classes, Lanes, Stock, nothing_kept


def columns(*values):
    """Columns of whole numbers."""
    return tuple(np.array(value, dtype=np.int64) for value in values)


def random_case(seed, *, n_orders=4, n_lines=2, n_sites=3, n_skus=3, most_units=2, cover=1.0, plain=False):
    """A batch with two classes and two lanes; `plain` leaves out kept units, room and rules beyond partial lines."""
    rng = np.random.default_rng(seed)
    lines = rng.integers(1, n_lines + 1, n_orders)
    first = np.concatenate([[0], np.cumsum(lines)]).astype(np.int64)
    total = int(first[-1])
    batch = Batch(
        first,
        rng.integers(0, n_skus, total),
        rng.integers(1, most_units + 1, total),
        rng.integers(0, 2, n_orders),
        rng.integers(0, 2, n_orders),
    )
    carried = rng.random((n_sites, n_skus)) < 0.8
    cell_of = np.full((n_sites, n_skus), -1, dtype=np.int32)
    cell_of[carried] = np.arange(int(carried.sum()))
    mean = cover * batch.units.sum() / max(int(carried.sum()), 1)
    n_cells = int(carried.sum())
    stock = Stock(
        cell_of,
        rng.poisson(mean, n_cells).astype(np.int64),
        np.full(n_sites, n_orders, dtype=np.int64) if plain else rng.integers(1, n_orders + 1, n_sites),
        rng.integers(100, 5000, n_skus),
    )
    rules = rng.integers(0, 2, (2, 2)).astype(bool)
    classes = Classes(
        np.ones((2, n_sites), dtype=bool) if plain else rng.random((2, n_sites)) < 0.9,
        np.full(2, n_sites, dtype=np.int64) if plain else rng.integers(1, n_sites + 1, 2),
        np.ones(2, dtype=bool) if plain else rules[0],
        np.zeros(2, dtype=bool) if plain else rules[1],
        nothing_kept(2) if plain or seed % 2 else rng.integers(0, 2, (2, n_cells)),
    )
    ranking = np.array([rng.permutation(n_sites) for _ in range(2)], dtype=np.int64)
    if not plain:
        ranking[1, -1] = NO_SITE
    lanes = Lanes(
        ranking,
        rng.integers(300, 900, (2, n_sites)),
        rng.integers(0, 200, (2, n_sites)),
        rng.integers(0, 60, (2, n_sites)),
    )
    return batch, classes, lanes, stock


def copied(stock):
    """The same stock, apart."""
    return stock._replace(free_units=stock.free_units.copy(), room=stock.room.copy())


def least_cost(batch, classes, lanes, stock, unserved_cents):
    """The optimum by enumeration, and a choice that has it."""
    orders = [_ways(batch, classes, lanes, stock, unserved_cents, order) for order in range(batch.lane.size)]
    cheapest_rest = [0]
    for ways in reversed(orders):
        cheapest_rest.append(cheapest_rest[-1] + min(way[0] for way in ways))
    cheapest_rest.reverse()
    best = [float("inf"), ()]
    room = stock.room.tolist()

    def look(order, cost, taken, used, pieces):
        if cost + cheapest_rest[order] >= best[0]:
            return
        if order == len(orders):
            best[:] = [cost, pieces]
            return
        row = int(batch.order_class[order])
        for price, way in sorted(orders[order], key=lambda one: one[0]):
            sites = {site for _, site, _ in way}
            now_used = [n + (site in sites) for site, n in enumerate(used)]
            if any(n > most for n, most in zip(now_used, room, strict=True)):
                continue
            now = dict(taken)
            for line, site, units in way:
                key = (int(stock.cell_of[site, batch.sku[line]]), row)
                now[key] = now.get(key, 0) + units
            if _fits(now, classes, stock):
                look(order + 1, cost + price, now, now_used, pieces + way)

    look(0, 0, {}, [0] * len(room), ())
    line, site, units = columns(*zip(*sorted(best[1]), strict=True)) if best[1] else columns([], [], [])
    return best[0], Choice(line, site, units)


def _fits(taken, classes, stock):
    """Whether the units taken by cell and class can be taken one after the other: those who leave most come first."""
    kept = classes.kept_units
    for cell in {cell for cell, _ in taken}:
        left = int(stock.free_units[cell])
        turn = sorted(
            (row for at, row in taken if at == cell), key=lambda row: -int(kept[row, cell]) if kept.shape[1] else 0
        )
        for row in turn:
            left -= taken[cell, row]
            if left < (int(kept[row, cell]) if kept.shape[1] else 0):
                return False
    return True


def _ways(batch, classes, lanes, stock, unserved_cents, order):
    """Every way to serve one order by itself: its cost, and its pieces."""
    row, lane = int(batch.order_class[order]), int(batch.lane[order])
    ranked = [int(site) for site in lanes.ranking[lane] if site != NO_SITE and classes.allowed[row, site]]
    lines = range(int(batch.first_line[order]), int(batch.first_line[order + 1]))
    of_line = []
    for line in lines:
        need = int(batch.units[line])
        sites = [site for site in ranked if stock.cell_of[site, batch.sku[line]] >= 0]
        amounts = range(need + 1) if classes.partial[row] else (0, need)
        splits = [split for split in itertools.product(amounts, repeat=len(sites)) if sum(split) <= need]
        of_line.append([tuple((line, site, n) for site, n in zip(sites, split, strict=True) if n) for split in splits])
    ways = []
    for parts in itertools.product(*of_line):
        way = tuple(itertools.chain(*parts))
        sites = {site for _, site, _ in way}
        served = sum(units for _, _, units in way)
        asked = int(batch.units[lines.start : lines.stop].sum())
        if len(sites) > classes.split_limit[row] or (classes.complete[row] and served not in (0, asked)):
            continue
        cost = sum(int(lanes.shipment_cents[lane, site]) for site in sites) + (asked - served) * unserved_cents
        for line, site, units in way:
            weight = int(stock.weight_g[batch.sku[line]])
            cost += units * (int(lanes.unit_cents[lane, site]) + int(lanes.kg_cents[lane, site]) * weight // 1000)
        ways.append((cost, way))
    return ways


def can_be_taken_in_turn(batch, classes, stock, choice):
    """Whether some order of the pieces lets each leave what its class must leave; all are tried, cell by cell."""
    by_cell = {}
    for line, site, units in zip(*(column.tolist() for column in choice), strict=True):
        row = int(batch.order_class[np.searchsorted(batch.first_line, line, side="right") - 1])
        by_cell.setdefault(int(stock.cell_of[site, batch.sku[line]]), []).append((row, units))
    for cell, pieces in by_cell.items():
        for turn in itertools.permutations(pieces):
            left = int(stock.free_units[cell])
            for row, units in turn:
                left -= units
                if left < (int(classes.kept_units[row, cell]) if classes.kept_units.shape[1] else 0):
                    break
            else:
                break
        else:
            return False
    return True
