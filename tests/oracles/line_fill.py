"""Lines and orders served by a clerk with a pencil: one after the other, every rule as it is worded."""

from __future__ import annotations


def in_turn(lines, rank):
    """Line numbers by rank, those of equal rank as they stand."""
    return sorted(range(len(lines)), key=lambda i: (rank[i] if rank else 0, i))


def serve_running_total(lines, free, rank=None):
    """Serve (cell, units) while all that was asked of the cell so far fits, refused lines included."""
    asked, served = [0] * len(free), [False] * len(lines)
    for i in in_turn(lines, rank):
        cell, units = lines[i]
        if cell >= 0:
            asked[cell] += units
            served[i] = asked[cell] <= free[cell]
    return served


def serve_skip_misfits(lines, free, rank=None):
    """Serve (cell, units) if it fits into what is left, else try the next."""
    left, served = list(free), [False] * len(lines)
    for i in in_turn(lines, rank):
        cell, units = lines[i]
        if cell >= 0 and units <= left[cell]:
            left[cell] -= units
            served[i] = True
    return served


def serve_queue(lines, free, partial, rank=None):
    """Units for each (cell, units): the queue of a cell ends with the first that does not get all it asked for."""
    left, ended, granted = list(free), [False] * len(free), [0] * len(lines)
    for i in in_turn(lines, rank):
        cell, units = lines[i]
        if cell < 0 or ended[cell]:
            continue
        if units <= left[cell]:
            granted[i] = units
        else:
            granted[i] = left[cell] if partial[i] else 0
            ended[cell] = True
        left[cell] -= granted[i]
    return granted


def walk_order(lines, sites, free, room, terms, rule, planned=None):
    """Pieces (line, site, units) of one order, taken from `free` (by (site, SKU)) and `room` (by site).

    Parameters
    ----------
    lines : list of (sku, units)
    sites : list of int
        As ranked.
    terms : dict
        allowed (set of sites), split_limit, partial, complete, kept (by (site, SKU)).
    rule : str
        "ranked", "first_complete" or "most_stock".
    planned : list of int
        Site each line asks first, -1 = none.
    """

    def usable(site, sku):
        return max(0, free.get((site, sku), 0) - terms["kept"].get((site, sku), 0))

    if not lines:
        return []
    open_sites = [s for s in sites if s in terms["allowed"]]
    if rule == "first_complete":
        wanted = {}
        for sku, units in lines:
            wanted[sku] = wanted.get(sku, 0) + units
        for site in open_sites:
            if room[site] > 0 and all(usable(site, sku) >= units for sku, units in wanted.items()):
                room[site] -= 1
                for sku, units in lines:
                    free[site, sku] -= units
                return [(i, site, units) for i, (_, units) in enumerate(lines)]
    free_before, room_before = dict(free), list(room)
    pieces, used = [], []
    for i, (sku, units) in enumerate(lines):
        left = units
        asked = open_sites
        if rule == "most_stock":
            asked = sorted(asked, key=lambda site: -usable(site, sku))
        if planned and planned[i] in terms["allowed"]:
            asked = [planned[i]] + [site for site in asked if site != planned[i]]
        for site in asked:
            if site not in used and (len(used) == terms["split_limit"] or room[site] == 0):
                continue
            granted = min(usable(site, sku), left)
            if granted == 0 or (granted < left and not terms["partial"]):
                continue
            if site not in used:
                used.append(site)
                room[site] -= 1
            free[site, sku] -= granted
            left -= granted
            pieces.append((i, site, granted))
        if left and terms["complete"]:
            free.clear()
            free.update(free_before)
            room[:] = room_before
            return []
    return pieces
