"""The exact core of a tender with caps on kilograms: what prices could not settle, as a mixed-integer model.

Owns which choices are still open between a bound and an answer, and the model of those; `omsim.optimize.solving` runs
and checks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omsim.kernels.tender import NOT_OFFERED
from omsim.kernels.weighted_tender import SCALE
from omsim.optimize.mip_solvers import MipModel
from omsim.optimize.solving import solve_mip

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from omsim.optimize.mip_solvers import MipSolver

    Cents = NDArray[np.int64]
    Units = NDArray[np.int64]

MOST_OPEN = 200_000
"""Choices beyond which no model is built."""


def close_gap(
    prices: Cents,
    slots: Units,
    weights: Units,
    caps: Units,
    slot_toll: Cents,
    gram_toll: Cents,
    bound_cents: int,
    chosen: Units,
    *,
    seconds: float,
    solver: MipSolver | None = None,
) -> tuple[Units, int, str]:
    """Improve an assignment, or prove it, by a mixed-integer solver on the choices that are still open.

    Data       as `assign_within_weight`, weights with one column or one for each service; d[p,o] what option o costs
               parcel p, tolls counted, above its cheapest; U the cost of the assignment in hand, L its bound
    Variables  x[p,o] in {0, 1} where d[p,o] < U - L: any other choice alone would cost at least U
    Model      min  sum c[p,o] x[p,o]
               s.t. sum_o x[p,o] = 1;  sum_p x[p,s] <= K[s];  sum_p g[p,s] x[p,s] <= G[s]

    Returns
    -------
    chosen : int64, shape (n_parcels,)
    bound_cents : int
    reason : str
        Why the model was not solved to the end; empty when it was.
    """
    n_parcels, n_options = prices.shape
    n_services = n_options - 1
    rows = np.arange(n_parcels)
    cost = int(prices[rows, chosen].sum())
    is_open = prices != NOT_OFFERED
    tolled = np.where(is_open, prices, 0) * SCALE
    tolled[:, :-1] += slot_toll + gram_toll * weights
    least = np.where(is_open, tolled, NOT_OFFERED).min(axis=1)
    kept = is_open & ((tolled - least[:, None]) // SCALE <= cost - bound_cents)
    kept[rows, chosen] = True
    parcel, option = np.nonzero(kept)
    if parcel.size > MOST_OPEN:
        return chosen, bound_cents, f"{parcel.size} open choices, limit {MOST_OPEN}"
    from scipy.sparse import csr_array

    at = np.arange(parcel.size)
    sent = option < n_services
    grams = weights[parcel[sent], option[sent] if weights.shape[1] > 1 else 0]
    n_rows = n_parcels + 2 * n_services
    entries = np.concatenate([np.ones(parcel.size), np.ones(int(sent.sum())), grams])
    row = np.concatenate([parcel, n_parcels + option[sent], n_parcels + n_services + option[sent]])
    column = np.concatenate([at, at[sent], at[sent]])
    model = MipModel(
        cost=(prices[parcel, option] - prices[rows, chosen][parcel]).astype(np.float64),
        rows=csr_array((entries.astype(np.float64), (row, column)), shape=(n_rows, parcel.size)),
        row_lower=np.append(np.ones(n_parcels), np.full(2 * n_services, -np.inf)),
        row_upper=np.concatenate([np.ones(n_parcels), slots, caps]).astype(np.float64),
        lower=np.zeros(parcel.size),
        upper=np.ones(parcel.size),
        whole=np.ones(parcel.size, dtype=np.bool_),
        name="carrier weights",
    )
    answer = solve_mip(model, seconds=seconds, hint=(option == chosen[parcel]), solver=solver or "highs")
    better = chosen.copy()
    if answer.x is not None:
        taken = answer.x > 0.5
        better[parcel[taken]] = option[taken]
    reached = int(prices[rows, better].sum())
    if answer.status == "optimal":
        return better, reached, ""
    proved = cost + int(np.ceil(answer.bound - 1e-6)) if np.isfinite(answer.bound) else bound_cents
    ends = "; ".join(f"{one.solver} {one.outcome}: {one.detail}" for one in answer.attempts)
    return better, max(bound_cents, min(proved, reached)), answer.fallback or ends
