"""Min-cost flow from many classes of parcels over few options: exact, quick to solve again after a small change.

Owns the two loops: prices of options by dual ascent, and shortest augmenting paths on the small graph of options,
contracts and free room that make the ascent's answer exact. The general solver behind
`omsim.optimize.carriers.parcel_flow` needs no start, and takes any graph; this one wins where prices are roughly known.

Nodes of the small graph: options 0 .. n_options - 1, then further nodes, the last where everything ends. A parcel moves
between options at the difference of its costs; links join options and further nodes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.compiled import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]

FAR = 2**62


@compiled
def price_options(
    first: Units,
    option: Units,
    cost: Cents,
    parcels: Units,
    up: Units,
    link_first: Units,
    width: Units,
    slope: Cents,
    toll: Cents,
    step: Cents,
    must: int,
    n_passes: int,
) -> Cents:
    """Prices at which parcels that choose freely nearly fit the links: sign-adaptive dual ascent.

    Parameters
    ----------
    first : int64, shape (n_classes + 1,)
        Class c owns arcs first[c] to first[c + 1] - 1.
    option, cost : int64, shape (n_arcs,)
        Costs of a class's options.
    parcels : int64, shape (n_classes,)
    up : int64, shape (n_nodes - 1,)
        Where each node's links lead: a node of a higher number.
    link_first : int64, shape (n_nodes,)
        Node v owns links link_first[v] to link_first[v + 1] - 1, slopes never falling.
    width, slope : int64, shape (n_links,)
        Parcels a link takes, and what each pays.
    toll : int64, shape (n_nodes - 1,)
        What a parcel pays beyond each node's own way up: where to start. Modified: the answer.
    step : int64, shape (n_nodes - 1,)
        First step of each toll, >= 1.
    must : int
        Links of this slope have to be filled: no toll is set to it.
    n_passes : int
        At least 1; the last one takes back tolls on links that are far from full.

    Returns
    -------
    int64, shape (n_nodes,)
        Price of the way from each node to the last one.
    """
    n_nodes = up.size + 1
    price = np.zeros(n_nodes, dtype=np.int64)
    through = np.zeros(n_nodes, dtype=np.int64)
    last_sign = np.zeros(n_nodes, dtype=np.int64)
    turn = 0
    while True:
        price[n_nodes - 1] = 0
        for v in range(n_nodes - 2, -1, -1):
            price[v] = price[up[v]] + toll[v]
        if turn >= n_passes:
            return price
        through[:] = 0
        for c in range(parcels.size):
            best = FAR
            at = 0
            for i in range(first[c], first[c + 1]):
                asked = cost[i] + price[option[i]]
                if asked < best:
                    best = asked
                    at = option[i]
            through[at] += parcels[c]
        settled = True
        for v in range(n_nodes - 1):
            low = np.int64(0)  # what the links take at this toll, from .. to
            high = np.int64(0)
            ahead = np.int64(0)
            below = -FAR  # slopes just below and above what arrives, give or take a fiftieth
            above = FAR
            near = through[v] // 50 + 1
            for k in range(link_first[v], link_first[v + 1]):
                if slope[k] < toll[v]:
                    low += width[k]
                if slope[k] <= toll[v]:
                    high += width[k]
                if ahead < through[v] - near:
                    below = slope[k]
                if above == FAR and ahead + width[k] > through[v] + near:
                    above = slope[k]
                ahead += width[k]
            slack = through[v] // 500
            sign = 1 if through[v] - slack > high else -1 if through[v] + slack < low else 0
            through[up[v]] += through[v]
            if above <= must:
                above = FAR
            if turn >= n_passes - 1:
                toll[v] = min(max(toll[v], below), above)
                continue
            if sign == 0:
                last_sign[v] = 0
                continue
            settled = False
            if sign == last_sign[v]:
                step[v] += step[v] // 4 + 1
            elif last_sign[v] != 0:
                step[v] = max(1, step[v] // 2)
            last_sign[v] = sign
            toll[v] += sign * step[v]
            if sign > 0 and toll[v] > above and above != FAR and toll[v] - step[v] < above:
                toll[v] = above  # do not jump over a slope that may hold
            if sign < 0 and toll[v] < below and toll[v] + step[v] > below:
                toll[v] = below
        turn = max(turn + 1, n_passes - 1) if settled else turn + 1


@compiled
def flow_to_few(
    first: Units,
    option: Units,
    cost: Cents,
    parcels: Units,
    n_options: int,
    tail: Units,
    head: Units,
    width: Units,
    slope: Cents,
    price: Cents,
    most_paths: int,
) -> tuple[int, Units, Units]:
    """Exact min-cost flow, from prices that may be off: successive shortest paths on the small graph.

    Parameters
    ----------
    first, option, cost, parcels
        As in `price_options`; every class has an option from which room never runs out.
    n_options : int
    tail, head, width, slope : int64, shape (n_links,)
        Links, those of a node before those it leads to.
    price : int64, shape (n_nodes,)
        Of the way from each node to the last one. Modified: exact afterwards.
    most_paths : int
        Give up after so many.

    Returns
    -------
    n_paths : int
        -1 = given up.
    flow : int64, shape (n_arcs,)
    used : int64, shape (n_links,)

    Notes
    -----
    Parcels begin at their cheapest option at the prices, links full or empty as the prices say: optimal at these
    prices, but with nodes that receive more or less than they pass on. Every path mends one such pair and keeps the
    rest optimal (Ahuja, Magnanti & Orlin 1993, section 9.7). A path costs O(n_nodes^2), and a scan of one option's
    parcels where the cheapest one to move has left.
    """
    n_classes, n_links, n_nodes = parcels.size, tail.size, price.size
    flow = np.zeros(option.size, dtype=np.int64)
    used = np.zeros(n_links, dtype=np.int64)
    excess = np.zeros(n_nodes, dtype=np.int64)
    owner = np.empty(option.size, dtype=np.int64)
    at_option = np.zeros(n_options + 1, dtype=np.int64)
    for c in range(n_classes):
        best = FAR
        chosen = first[c]
        for i in range(first[c], first[c + 1]):
            owner[i] = c
            at_option[option[i] + 1] += 1
            asked = cost[i] + price[option[i]]
            if asked < best:
                best = asked
                chosen = i
        if first[c] < first[c + 1]:
            flow[chosen] = parcels[c]
            excess[option[chosen]] += parcels[c]
            excess[n_nodes - 1] -= parcels[c]
    for a in range(n_options):
        at_option[a + 1] += at_option[a]
    members = np.empty(option.size, dtype=np.int64)
    place = at_option[:-1].copy()
    for i in range(option.size):
        members[place[option[i]]] = i
        place[option[i]] += 1
    for k in range(n_links):
        reduced = slope[k] + price[head[k]] - price[tail[k]]
        if reduced < 0:
            used[k] = width[k]
        elif reduced == 0:
            used[k] = min(width[k], max(0, excess[tail[k]]))
        excess[tail[k]] -= used[k]
        excess[head[k]] += used[k]
    move = np.full((n_options, n_options), FAR, dtype=np.int64)
    mover = np.full((n_options, n_options, 2), -1, dtype=np.int64)
    for a in range(n_options):
        _scan(a, -1, first, option, cost, owner, members[at_option[a] : at_option[a + 1]], flow, move, mover)
    distance = np.empty(n_nodes, dtype=np.int64)
    done = np.empty(n_nodes, dtype=np.bool_)
    from_node = np.empty(n_nodes, dtype=np.int64)
    by_link = np.empty(n_nodes, dtype=np.int64)  # link k forward = k, backward = -k - 1; a move = n_links
    for n_paths in range(most_paths):
        some = False
        for v in range(n_nodes):
            distance[v] = FAR
            done[v] = False
            from_node[v] = -1
            if excess[v] > 0:
                distance[v] = 0
                some = True
        if not some:
            return n_paths, flow, used
        goal = -1
        while True:
            u = -1
            nearest = FAR
            for v in range(n_nodes):
                if not done[v] and distance[v] < nearest:
                    nearest = distance[v]
                    u = v
            if u < 0:
                break
            done[u] = True
            if excess[u] < 0:
                goal = u
                break
            if u < n_options:
                for b in range(n_options):
                    if move[u, b] != FAR and not done[b]:
                        way = nearest + move[u, b] + price[b] - price[u]
                        if way < distance[b]:
                            distance[b] = way
                            from_node[b] = u
                            by_link[b] = n_links
            for k in range(n_links):
                if tail[k] == u and used[k] < width[k] and not done[head[k]]:
                    way = nearest + slope[k] + price[head[k]] - price[u]
                    if way < distance[head[k]]:
                        distance[head[k]] = way
                        from_node[head[k]] = u
                        by_link[head[k]] = k
                elif head[k] == u and used[k] > 0 and not done[tail[k]]:
                    way = nearest - slope[k] + price[tail[k]] - price[u]
                    if way < distance[tail[k]]:
                        distance[tail[k]] = way
                        from_node[tail[k]] = u
                        by_link[tail[k]] = -k - 1
        if goal < 0:
            return -1, flow, used
        reach = distance[goal]
        for v in range(n_nodes):
            price[v] -= min(distance[v], reach)
        amount = -excess[goal]
        v = goal
        while from_node[v] >= 0:
            u = from_node[v]
            k = by_link[v]
            if k == n_links:
                amount = min(amount, flow[mover[u, v, 0]])
            elif k >= 0:
                amount = min(amount, width[k] - used[k])
            else:
                amount = min(amount, used[-k - 1])
            v = u
        amount = min(amount, excess[v])
        excess[v] -= amount
        excess[goal] += amount
        v = goal
        while from_node[v] >= 0:
            u = from_node[v]
            k = by_link[v]
            if k == n_links:
                leaving, entering = mover[u, v, 0], mover[u, v, 1]
                fresh = flow[entering] == 0
                flow[leaving] -= amount
                flow[entering] += amount
                if fresh:
                    c = owner[entering]
                    for i in range(first[c], first[c + 1]):
                        extra = cost[i] - cost[entering]
                        if i != entering and extra < move[v, option[i]]:
                            move[v, option[i]] = extra
                            mover[v, option[i], 0] = entering
                            mover[v, option[i], 1] = i
                if flow[leaving] == 0:
                    here = members[at_option[u] : at_option[u + 1]]
                    _scan(u, leaving, first, option, cost, owner, here, flow, move, mover)
            elif k >= 0:
                used[k] += amount
            else:
                used[-k - 1] -= amount
            v = u
    return -1, flow, used


@compiled
def _scan(
    a: int,
    gone: int,
    first: Units,
    option: Units,
    cost: Cents,
    owner: Units,
    members: Units,
    flow: Units,
    move: Cents,
    mover: Units,
) -> None:
    """Find the cheapest moves out of option a again where arc `gone` made them (-1: all)."""
    n_options = move.shape[0]
    stale = np.zeros(n_options, dtype=np.bool_)
    some = False
    for b in range(n_options):
        if gone < 0 or mover[a, b, 0] == gone:
            stale[b] = True
            some = True
            move[a, b] = FAR
            mover[a, b, 0] = -1
    if not some:
        return
    for i in members:
        if flow[i] > 0:
            c = owner[i]
            here = cost[i]
            for k in range(first[c], first[c + 1]):
                b = option[k]
                if stale[b] and b != a and cost[k] - here < move[a, b]:
                    move[a, b] = cost[k] - here
                    mover[a, b, 0] = i
                    mover[a, b, 1] = k
