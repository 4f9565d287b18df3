"""Prices of highest dual value, by cutting planes in a box.

Owns the search for prices of a few shared limits. What a price makes of the items or purchase orders is the caller's:
it evaluates, this module proposes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_HELD_PLANES = 60


def best_prices(
    evaluate: Callable[[Floats], tuple[Floats, Floats]],
    start: Floats,
    scale: Floats,
    *,
    reach: float,
    closest: float,
    most_tries: int,
    enough: float = np.inf,
) -> tuple[Floats, float]:
    """Prices >= 0 of (nearly) highest dual value.

    Every evaluation gives the dual's value and slope at some prices, hence planes above it; the next prices are where
    the lowest planes are highest (Kelley 1960), within a box that shrinks when that disappoints and widens when it
    does not.

    Parameters
    ----------
    evaluate : callable
        From prices, float64 (n_prices,), to the dual's parts, float64 (n_parts,), and the slope of each,
        float64 (n_parts, n_prices). The dual is the sum of its parts; parts with planes of their own converge sooner.
    start : float64, shape (n_prices,)
        Where to begin.
    scale : float64, shape (n_prices,)
        A price of the size to expect where `start` is 0.
    reach : float
        First size of the box, as a share of the prices.
    closest : float
        Stop when no plane allows the value to rise by this much.
    most_tries : int
        Evaluations at most.
    enough : float
        Stop beyond this value: above what the dearest answer costs, there is none.

    Returns
    -------
    price : float64, shape (n_prices,)
        The best evaluated.
    value : float
        The dual there.
    """
    best = start.copy()
    parts, slopes = evaluate(best)
    highest = float(parts.sum())
    planes = [(slopes, parts - slopes @ best)]
    size = np.where(best > 0, best, scale) * reach
    tries = 1
    for _ in range(4 * most_tries):
        if tries >= most_tries or highest > enough:
            break
        trial, ceiling = _highest_under(planes[-_HELD_PLANES:], np.maximum(best - size, 0.0), best + size)
        hopeless = ceiling - highest <= closest
        inside = (np.abs(trial - best) < size * 0.999).all() or (size >= 1e6 * np.where(best > 0, best, scale)).all()
        if hopeless and inside:
            break
        if hopeless:
            size = size * 4.0
            continue
        parts, slopes = evaluate(trial)
        tries += 1
        value = float(parts.sum())
        planes.append((slopes, parts - slopes @ trial))
        if value > highest:
            if value - highest > 0.5 * (ceiling - highest):
                size = size * 2.0
            highest, best = value, trial
        else:
            size = size * 0.5
    return best, highest


def _highest_under(planes: list[tuple[Floats, Floats]], low: Floats, high: Floats) -> tuple[Floats, float]:
    """Where the sum over parts of the lowest plane is highest within a box, and how high."""
    if low.size == 1:
        return _highest_on_line(planes, float(low[0]), float(high[0]))
    from scipy.optimize import linprog  # loaded only where several prices are sought
    from scipy.sparse import csr_array, hstack, vstack

    n_parts = planes[0][0].shape[0]
    width = np.maximum(high - low, 1e-300)
    tilt = np.stack([slopes * width for slopes, _ in planes])  # (planes, parts, prices)
    offset = np.stack([heights + slopes @ low for slopes, heights in planes])
    floor = offset.min(axis=0)
    top = float(max(np.abs(tilt).max(), (offset - floor).max())) or 1.0
    eye = csr_array(np.eye(n_parts))
    rows: Any = vstack([hstack([csr_array(-one / top), eye]) for one in tilt])
    aim = np.concatenate([np.zeros(low.size), -np.ones(n_parts)])
    answer = linprog(
        aim,
        A_ub=rows,
        b_ub=((offset - floor) / top).ravel(),
        bounds=[(0, 1)] * low.size + [(None, None)] * n_parts,
        method="highs",
    )
    if answer.x is None or not np.isfinite(answer.x).all():
        return (low + high) / 2.0, np.inf
    at = np.clip(answer.x[: low.size], 0.0, 1.0)
    return low + at * width, float((offset + tilt @ at).min(axis=0).sum())


def _highest_on_line(planes: list[tuple[Floats, Floats]], low: float, high: float) -> tuple[Floats, float]:
    """The same for a single price, without a solver: the best crossing of two lines, or an end of the interval."""
    slope = np.array([float(slopes.sum()) for slopes, _ in planes])
    height = np.array([float(heights.sum()) for _, heights in planes])
    tilt = slope[:, None] - slope
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = ((height - height[:, None]) / tilt)[np.abs(tilt) > 0]
    at = np.concatenate([[low, high], crossing[(crossing > low) & (crossing < high)]])
    values = (height + slope * at[:, None]).min(axis=1)
    best = int(values.argmax())
    return at[best : best + 1].copy(), float(values[best])
