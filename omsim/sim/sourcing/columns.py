"""What sourcing in batches leaves behind: substitutions, and a row for every cycle. Part of `sim.records`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int = NDArray[np.integer]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubstitutionColumns:
    """One row a line that became a line of a substitute; sorted by line.

    `LineColumns.sku` is the substitute, `asked_sku` what the customer ordered.
    """

    line: Int
    asked_sku: Int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcingColumns:
    """One row an allocation cycle of a run that sources in batches, in order of time; no rows otherwise.

    `orders` and `lines` were tried. `cost_cents` is what was decided by the costs the rule was shown, `bound_cents`
    what no decision could have gone below (-1 = not known), `status` how it was found ("trivial", "in_turn",
    "optimal", "feasible") and `fallback` why, when not as asked. `moved` counts the pieces on hold that changed sites.
    """

    at_s: Int
    orders: Int
    lines: Int
    cost_cents: Int
    bound_cents: Int
    status: tuple[str, ...]
    fallback: tuple[str, ...]
    moved: Int


def no_sourcing() -> tuple[SubstitutionColumns, SourcingColumns]:
    """What a run that does not source in batches has of both: no rows."""
    nothing, none = np.zeros(0, dtype=np.int32), np.zeros(0, dtype=np.int64)
    return (
        SubstitutionColumns(line=nothing, asked_sku=nothing),
        SourcingColumns(
            at_s=nothing,
            orders=nothing,
            lines=nothing,
            cost_cents=none,
            bound_cents=none,
            status=(),
            fallback=(),
            moved=nothing,
        ),
    )
