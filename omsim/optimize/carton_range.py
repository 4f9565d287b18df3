"""Which kinds of carton to keep: the few, of many possible ones, that pack a sample of parcels at the least cost.

Owns what a sample costs in each kind, the choice of the set (a p-median problem), its proof and its check. Possible
cartons come from `omsim.optimize.carton_candidates`; how parcels are packed is the business of `omsim.kernels.packing`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from omsim.errors import FieldError, SolveError
from omsim.kernels.packing.cartons import CartonRange, Goods, pack_parcels
from omsim.kernels.tender import alike_rows
from omsim.optimize.solving import MipModel, solve_mip

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

Price = Callable[["Ints", "Ints", "Ints", "Ints"], "Ints"]
"""Cents a carrier charges for parcels of weight_g, volume_mm3, longest_mm and girth_mm."""

MM3_PER_DM3 = 1_000_000
MOST_COLUMNS = 30_000
"""Beyond so many columns no solver is asked: swaps find the set, prices of parcels bound it."""

_BOUND_STEPS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeChoice:
    """A set of cartons.

    Attributes
    ----------
    kept : int64
        Rows of the candidates, rising.
    candidate : int64, shape (n_parcels,)
        The kept one that packs each parcel at the least cost, the first of equal ones.
    cost_cents : int
        Of all parcels.
    bound_cents : int
        No set of so many kinds costs less.
    gap : float
        (cost - bound) / cost.
    status : str
        ``optimal`` where cost and bound meet, else ``feasible``.
    how : str
        What the bound comes from: ``highs`` (with what failed), ``prices``, or ``each parcel's best``.
    """

    kept: Ints
    candidate: Ints
    cost_cents: int
    bound_cents: int
    gap: float
    status: Literal["optimal", "feasible"]
    how: str


def range_costs(
    candidates: CartonRange,
    items: Goods,
    first_line: ArrayLike,
    sku: ArrayLike,
    units: ArrayLike,
    *,
    parcel_cents: int,
    own_packaging_cents: int,
    dm3_cents: float = 0.0,
    price: Price | None = None,
    most_fill_share: float = 1.0,
) -> Ints:
    """What each parcel costs if it is packed in one kind of carton only.

    Parameters
    ----------
    candidates, items, first_line, sku, units, most_fill_share
        As `omsim.kernels.packing.cartons.pack_parcels` takes them.
    parcel_cents : int
        What every carton sent costs besides: carriage, label, work. Without it several small cartons look cheap.
    own_packaging_cents : int
        What wrapping a unit costs that the carton does not take, in place of a carton's price.
    dm3_cents : float
        Price of outer volume, for each carton rounded to whole cents.
    price : callable, optional
        What else is charged for each carton sent: see `Price`.

    Returns
    -------
    int64, shape (n_parcels, n_candidates)
        Cents. A parcel that does not fit counts all the cartons it takes, and units in their own packaging.

    Raises
    ------
    FieldError
        As `pack_parcels`; a price below 0 or not finite; a charge that is not one whole number >= 0 a carton.
    """
    prices = {"parcel_cents": parcel_cents, "own_packaging_cents": own_packaging_cents, "dm3_cents": dm3_cents}
    for name, value in prices.items():
        if not 0 <= value < 1e9:
            raise FieldError(name, "from 0 to below 1e9", value)
    n_parcels = np.size(first_line) - 1
    costs = np.empty((n_parcels, candidates.cost_cents.size), dtype=np.int64)
    for c in range(candidates.cost_cents.size):
        one = CartonRange(*(column[c : c + 1] for column in candidates))
        packed = pack_parcels(one, items, first_line, sku, units, most_fill_share=most_fill_share)
        cents = np.where(packed.carton >= 0, candidates.cost_cents[c], own_packaging_cents) + parcel_cents
        cents += np.rint(packed.volume_mm3 * (dm3_cents / MM3_PER_DM3)).astype(np.int64)
        if price is not None:
            charged = np.asarray(price(packed.weight_g, packed.volume_mm3, packed.longest_mm, packed.girth_mm))
            if charged.shape != cents.shape or charged.dtype.kind not in "iu" or (charged < 0).any():
                raise FieldError("price", "one whole number >= 0 a carton", f"{charged.dtype} {charged.shape}")
            cents += charged.astype(np.int64)
        total = np.concatenate([[0], np.cumsum(cents)])
        costs[:, c] = np.diff(total[packed.first_carton])
    return costs


def choose_range(
    cost_cents: Ints,
    *,
    most_kinds: int,
    parcels: ArrayLike = 1,
    keep: ArrayLike = (),
    seconds: float = 30.0,
    most_columns: int = MOST_COLUMNS,
) -> RangeChoice:
    """The cartons to keep, at most so many kinds, where every parcel goes into the kept one that costs least.

    Parameters
    ----------
    cost_cents : int64, shape (n_parcels, n_candidates)
        As `range_costs` gives them; >= 0.
    most_kinds : int
        At least 1.
    parcels : int, shape (n_parcels,) or one number
        How many parcels a row stands for, >= 0.
    keep : int
        Candidates that stay whatever they cost.
    seconds : float
        For the solver.
    most_columns : int
        See `MOST_COLUMNS`.

    Returns
    -------
    RangeChoice

    Raises
    ------
    FieldError
        Columns that do not fit together or out of range, more to keep than there may be.
    SolveError
        The answer does not stand up to its check: a defect, never the input.

    Notes
    -----
    Data: cost c[p, j], number n[p]. Variables: y[j] = 1 if kept. A parcel costs its least c[p, .], and every further
    step up to the next higher cost where nothing cheaper is kept: z[S] >= 1 - sum of y over the set S of cheaper
    candidates. Steps with the same set, of whatever parcels, share one z, so the model stays small (Goldengorin and
    Krushinsky 2011). Started from, and never worse than, adding the best candidate in turn and swapping in pairs. For
    large ones the bound comes from prices on parcels (Lagrangian relaxation, subgradient steps).

    References
    ----------
    Goldengorin, B. and Krushinsky, D. (2011). Complexity evaluation of benchmark instances for the p-median problem.
    Mathematical and Computer Modelling 53.

    Examples
    --------
    Two of three kinds:

    >>> chosen = choose_range(np.array([[10, 20, 30], [99, 20, 30], [99, 99, 30]]), most_kinds=2)
    >>> chosen.kept.tolist(), chosen.candidate.tolist(), chosen.cost_cents, chosen.status
    ([0, 2], [0, 2, 2], 70, 'optimal')
    """
    costs, number, fixed = _checked(cost_cents, parcels, keep, most_kinds)
    of_row, first_row = alike_rows(costs)
    rows = costs[first_row]
    weight = np.bincount(of_row, weights=number, minlength=first_row.size).astype(np.int64)
    kept = _swapped(rows, weight, fixed, most_kinds)
    cost = _total(rows, weight, kept)
    bound, how = _total(rows, weight, np.arange(rows.shape[1])), "each parcel's best"
    if bound < cost:
        priced = _priced(rows, weight, fixed, most_kinds, kept)
        kept, cost = priced.kept, _total(rows, weight, priced.kept)
        bound, how = max(bound, priced.bound_cents), "prices"
        steps = _steps(rows, weight, priced, most_columns) if bound < cost else None
        if steps is not None:
            found, solver_bound, how = _solved(rows, weight, most_kinds, priced, steps, seconds)
            if _total(rows, weight, found) < cost:
                kept, cost = found, _total(rows, weight, found)
            bound = max(bound, min(solver_bound, cost))  # whatever prices left out cannot cost less
    candidate = kept[costs[:, kept].argmin(axis=1)] if costs.size else np.zeros(costs.shape[0], dtype=np.int64)
    chosen = RangeChoice(
        kept=kept,
        candidate=candidate,
        cost_cents=cost,
        bound_cents=bound,
        gap=(cost - bound) / cost if cost > bound else 0.0,
        status="optimal" if cost == bound else "feasible",
        how=how,
    )
    wrong = broken_choice(cost_cents, chosen, most_kinds=most_kinds, parcels=parcels, keep=keep)
    if wrong:
        raise SolveError("carton range", wrong, f"{most_kinds} kinds")
    return chosen


def broken_choice(
    cost_cents: Ints, chosen: RangeChoice, *, most_kinds: int, parcels: ArrayLike = 1, keep: ArrayLike = ()
) -> str:
    """The rule a choice breaks, told from the data alone; empty when it keeps all."""
    if not 1 <= chosen.kept.size <= most_kinds or np.unique(chosen.kept).size != chosen.kept.size:
        return f"{chosen.kept.size} kinds kept"
    if not np.isin(np.asarray(keep, dtype=np.int64), chosen.kept).all():
        return "a kind to be kept is not"
    if not np.isin(chosen.candidate, chosen.kept).all():
        return "a parcel in a carton that is not kept"
    cents = np.take_along_axis(cost_cents, chosen.candidate[:, None], axis=1)[:, 0]
    if (cents > cost_cents[:, chosen.kept].min(axis=1)).any():
        return "a parcel not in its cheapest carton"
    total = sum(int(a) * int(b) for a, b in zip(cents, np.broadcast_to(parcels, cents.shape), strict=True))
    if total != chosen.cost_cents:
        return f"costs {total}, not {chosen.cost_cents}"
    return "" if chosen.bound_cents <= total else f"bound {chosen.bound_cents} above {total}"


def _checked(cost_cents: Ints, parcels: ArrayLike, keep: ArrayLike, most_kinds: int) -> tuple[Ints, Ints, Ints]:
    costs = np.ascontiguousarray(cost_cents, dtype=np.int64)
    if costs.ndim != 2 or costs.shape[1] == 0:
        raise FieldError("cost_cents", "a table of parcels by candidates, at least one", f"shape {costs.shape}")
    if (costs < 0).any():
        raise FieldError("cost_cents", "at least 0", int(costs.min()))
    if most_kinds < 1:
        raise FieldError("most_kinds", "at least 1", most_kinds)
    given = np.asarray(parcels)
    if given.ndim > 1 or (given.ndim == 1 and given.shape != costs.shape[:1]):
        raise FieldError("parcels", f"one number, or one for each of {costs.shape[0]}", f"shape {given.shape}")
    number = np.broadcast_to(given, costs.shape[:1]).astype(np.int64)
    if (number < 0).any():
        raise FieldError("parcels", "at least 0", int(number.min()))
    if costs.size and math.fsum(costs.max(axis=1).astype(np.float64) * number) > 2**53:
        raise FieldError("cost_cents", "such that the whole sample costs below 2^53 cents", int(costs.max()))
    fixed = np.unique(np.asarray(keep, dtype=np.int64))
    if fixed.size and not 0 <= fixed[0] <= fixed[-1] < costs.shape[1]:
        raise FieldError("keep", f"from 0 to {costs.shape[1] - 1}", fixed.tolist())
    if fixed.size > most_kinds:
        raise FieldError("keep", f"at most most_kinds ({most_kinds})", fixed.size)
    return costs, number, fixed


def _total(rows: Ints, weight: Ints, kept: Ints) -> int:
    """Cents of all parcels in the cheapest of the kept cartons."""
    return int((rows[:, kept].min(axis=1) * weight).sum()) if rows.shape[0] else 0


def _swapped(rows: Ints, weight: Ints, fixed: Ints, most_kinds: int) -> Ints:
    """A good set: the candidate that saves most is added until there are enough, then one is swapped while it pays."""
    n = rows.shape[1]
    kept = fixed.tolist()
    while len(kept) < min(most_kinds, n):
        best = rows[:, kept].min(axis=1) if kept else np.full(rows.shape[0], np.iinfo(np.int64).max)
        totals = [int((np.minimum(best, rows[:, j]) * weight).sum()) if j not in kept else -1 for j in range(n)]
        j = min((j for j in range(n) if j not in kept), key=lambda j: (totals[j], j))
        if kept and totals[j] >= _total(rows, weight, np.array(kept)):
            break
        kept.append(j)
    cost = _total(rows, weight, np.array(kept))
    improved = True
    while improved:
        improved = False
        for out in [j for j in kept if j not in fixed]:
            others = [j for j in kept if j != out]
            best = rows[:, others].min(axis=1) if others else np.full(rows.shape[0], np.iinfo(np.int64).max)
            for j in range(n):
                if j in kept:
                    continue
                total = int((np.minimum(best, rows[:, j]) * weight).sum())
                if total < cost:
                    kept, cost, improved = [*others, j], total, True
                    break
            if improved:
                break
    return np.sort(np.array(kept, dtype=np.int64))


class _Priced(NamedTuple):
    """What prices on parcels tell: a set, a bound, and which candidates a better set may have or must have."""

    kept: Ints
    bound_cents: int
    may: Ints
    must: Ints


def _priced(rows: Ints, weight: Ints, fixed: Ints, most_kinds: int, kept: Ints) -> _Priced:
    """No set costs less: each parcel pays a price, and the kept candidates refund what they can do cheaper.

    Every step tries the set its refunds point at. At the best prices, a candidate that would lift the bound to the cost
    in hand is in no better set, and one without which the bound would be there is in all of them.
    """
    n = rows.shape[1]
    cost = _total(rows, weight, kept)
    table = rows.astype(np.float64) * weight[:, None]
    price = np.sort(table, axis=1)[:, min(1, n - 1)].copy()
    free = np.setdiff1d(np.arange(n), fixed)
    n_free = min(most_kinds - fixed.size, free.size)
    best, best_saved, scale, since = -math.inf, np.zeros(n), 1.0, 0
    for _ in range(_BOUND_STEPS):
        saved = np.minimum(table - price[:, None], 0.0).sum(axis=0)
        pointed = np.concatenate([fixed, free[np.argsort(saved[free], kind="stable")[:n_free]]])
        total = _total(rows, weight, pointed)
        if total < cost:
            kept, cost = np.sort(pointed), total
        bound = float(price.sum() + saved[pointed].sum())
        since += 1
        if bound > best:
            best, best_saved, since = bound, saved, 0
        elif since >= 10:
            scale, since = scale / 2, 0
        slope = 1.0 - (table[:, pointed] < price[:, None]).sum(axis=1)
        norm = float((slope * slope).sum())
        if norm == 0.0:
            break
        price += scale * max(cost - bound, 1.0) / norm * slope
    in_turn = free[np.argsort(best_saved[free], kind="stable")]
    inside, outside = in_turn[:n_free], in_turn[n_free:]
    better = cost - 1 + max(0.5, 1e-9 * cost)  # a better set costs a cent less, give or take rounding
    may, must = np.arange(n), fixed
    if outside.size:
        gone = best + best_saved[outside] - best_saved[inside].max(initial=-math.inf) > better
        may = np.setdiff1d(may, outside[gone])
        needed = best - best_saved[inside] + best_saved[outside[0]] > better
        must = np.union1d(fixed, inside[needed])
    floor = math.ceil(best - 1e-6 - 1e-9 * abs(best))
    return _Priced(kept, min(cost, floor), may, must)


def _steps(rows: Ints, weight: Ints, priced: _Priced, most_columns: int) -> dict[bytes, int] | None:
    """What it costs in all that none of a set of candidates is kept, by the set's flags; None if there are too many."""
    steps: dict[bytes, int] = {}
    possible = rows[:, priced.may]
    if priced.must.size:
        possible = np.minimum(possible, rows[:, priced.must].min(axis=1)[:, None])
    for row, number in zip(possible, weight.tolist(), strict=True):
        for below, level in pairwise(np.unique(row).tolist()):
            cheaper = np.packbits(row < level).tobytes()
            steps[cheaper] = steps.get(cheaper, 0) + number * (level - below)
        if len(steps) + rows.shape[1] > most_columns:
            return None
    return steps


def _solved(
    rows: Ints, weight: Ints, most_kinds: int, priced: _Priced, steps: dict[bytes, int], seconds: float
) -> tuple[Ints, int, str]:
    """The set a solver finds among those that may be better, its bound, and its name with what went wrong."""
    from scipy.sparse import csr_array, eye_array, hstack, vstack

    n, m = priced.may.size, len(steps)
    packed = np.frombuffer(b"".join(steps), dtype=np.uint8).reshape(m, -1)
    cheaper = np.unpackbits(packed, axis=1, count=n).astype(np.float64)
    limit = csr_array(np.concatenate([np.ones((1, n)), np.zeros((1, m))], axis=1))
    table = csr_array(vstack([hstack([csr_array(cheaper), eye_array(m)]), limit]))
    hint = np.zeros(n + m)
    hint[:n] = np.isin(priced.may, priced.kept)
    hint[n:] = cheaper @ hint[:n] == 0
    model = MipModel(
        name="carton range",
        cost=np.concatenate([np.zeros(n), np.array(list(steps.values()), dtype=np.float64)]),
        rows=table,
        row_lower=np.concatenate([np.ones(m), [1.0]]),
        row_upper=np.concatenate([np.full(m, np.inf), [float(most_kinds)]]),
        lower=np.concatenate([np.isin(priced.may, priced.must).astype(np.float64), np.zeros(m)]),
        upper=np.ones(n + m),
        whole=np.ones(n + m, dtype=np.bool_),
    )
    answer = solve_mip(model, seconds=seconds, hint=hint)
    floor = _total(rows, weight, priced.may)
    bound = floor if math.isinf(answer.bound) else floor + math.ceil(answer.bound - 1e-6 * max(1.0, abs(answer.bound)))
    how = "highs" if not answer.fallback else f"highs ({answer.fallback})"
    if answer.x is None:  # no better set is there, or none was found: the one in hand stands
        return priced.kept, _total(rows, weight, priced.kept) if answer.status == "infeasible" else bound, how
    return priced.may[answer.x[:n] > 0.5], bound, how
