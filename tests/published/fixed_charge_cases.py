"""Fixed-charge instances with published optima, as numbers, and what of them a batch of orders says exactly.

Fixed-charge transport: sources with a supply, customers with a demand, and on every arc a fixed charge and a price a
unit. It is a batch as it stands: sources are sites, the one SKU's stock their supply, a customer is an order of one
line in a lane of its own, the arc's charge the shipment, its price the unit.

Covering by triples: each element must lie in a chosen set, every set costs the same. It is one order: elements are
lines, sets are sites that carry them in plenty, a set's cost is the shipment.

Not said by a batch: a charge paid once for all customers of a source (facility location), unless the price of a unit
depends on the source alone, for then all customers may be lines of one order.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Transport(NamedTuple):
    """Hundredths of money: unit and charge of shape (n_sources, n_customers); supply and demand in units."""

    supply: Ints
    demand: Ints
    unit: Ints
    charge: Ints
    optimum: int


def transport(name: str) -> Transport:
    """An instance by its name."""
    supply, demand = (np.array(text.split(), dtype=np.int64) for text in _TRANSPORT[name][:2])
    unit, charge = (_cents(text, supply.size, demand.size) for text in _TRANSPORT[name][2:])
    return Transport(supply, demand, unit, charge, OPTIMA[name])


def _cents(text: str, n_sources: int, n_customers: int) -> Ints:
    """A table in hundredths; one row stands for all sources."""
    table = np.array(text.split(), dtype=np.float64).reshape(-1, n_customers)
    return np.broadcast_to(np.rint(table * 100).astype(np.int64), (n_sources, n_customers))


# in hundredths; bk4x3, gr4x6 and bal8x12 as listed with the fixed-charge instances of Gottlieb & Paulmann (1998)
OPTIMA = {"bk4x3": 350_00, "gr4x6": 202_35, "bal8x12": 471_55}

# supply; demand; price of a unit, source by source; charge, source by source (one row where all sources charge alike)
_TRANSPORT = {
    "bk4x3": ("10 30 40 20", "20 50 30", "2 3 4  3 2 1  1 4 3  4 5 2", "10 30 20"),
    "gr4x6": (
        "45 35 20 15",
        "35 30 25 15 5 5",
        """
        0.69 0.64 0.71 0.79 1.70 2.83
        1.01 0.75 0.88 0.59 1.50 2.63
        1.05 1.06 1.08 0.64 1.22 2.37
        1.94 1.50 1.56 1.22 1.98 1.98
        """,
        "11 16 18 17 10 20  14 17 17 13 15 13  12 13 20 17 13 15  16 19 15 11 15 12",
    ),
    "bal8x12": (
        "15 20 45 35 25 35 10 25",
        "20 15 20 15 5 20 30 10 35 25 10 5",
        """
        0.69 0.64 0.71 0.79 1.70 2.83 2.02 5.64 5.94 5.94 5.94 7.68
        1.01 0.75 0.88 0.59 1.50 2.63 2.26 5.64 5.85 5.62 5.85 4.94
        1.05 1.06 1.08 0.64 1.22 2.37 1.66 5.64 5.91 5.62 5.91 4.94
        1.94 1.50 1.56 1.22 1.98 1.98 1.36 6.99 6.99 6.99 6.99 3.68
        1.61 1.40 1.61 1.33 1.68 2.83 1.54 4.26 4.26 4.26 4.26 2.99
        5.29 5.94 6.08 5.29 5.96 6.77 5.08 0.31 0.21 0.17 0.31 1.53
        5.29 5.94 6.08 5.29 5.96 6.77 5.08 0.55 0.35 0.40 0.19 1.53
        5.29 6.08 6.08 5.29 5.96 6.45 5.08 2.43 2.30 2.33 1.81 2.50
        """,
        """
        11 16 18 17 10 20 17 13 15 12 14 14
        14 17 17 13 15 13 16 11 20 11 15 10
        12 13 20 17 13 15 16 13 12 13 10 18
        16 19 16 11 15 12 18 12 18 13 13 14
        19 18 15 16 12 14 20 19 11 17 16 18
        13 20 20 17 15 12 14 11 12 19 15 16
        11 12 15 10 17 11 11 16 10 18 17 12
        17 10 20 12 17 20 16 15 10 12 16 18
        """,
    ),
}


# fewest points that meet every line of the affine space over three elements: 9 points (plane) and 27 (space). These are
# the Steiner triple covers A9 and A27 of Fulkerson, Nemhauser & Trotter (1974), known as stein9 and stein27.
COVERS = {2: 5, 3: 18}


def triples(dimension: int) -> Ints:
    """Lines of the affine space over three elements, shape (n_lines, 3): three points whose coordinates add up to 0."""
    points = list(itertools.product(range(3), repeat=dimension))
    number = {point: at for at, point in enumerate(points)}
    lines = set()
    for one, other in itertools.combinations(points, 2):
        third = tuple((-a - b) % 3 for a, b in zip(one, other, strict=True))
        lines.add(tuple(sorted((number[one], number[other], number[third]))))
    return np.array(sorted(lines), dtype=np.int64)
