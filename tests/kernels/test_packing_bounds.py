"""Proofs that goods do not fit, against goods cut from the carton itself and against a complete search."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles.packing import fits

from omsim.kernels.packing.bounds import (
    MOST_TURNED,
    MOST_WEIGHED,
    N_SCALES,
    pair_rules_out,
    turning_rules_out,
    weighing_rules_out,
)
from omsim.kernels.packing.cartons import carton_range, goods, pack_parcels


def proofs(size, boxes):
    """What each proof says of boxes in a carton, those of equal size as one kind."""
    size = sorted(size, reverse=True)
    kinds, count = np.unique(-np.sort(-np.array(boxes), axis=1), axis=0, return_counts=True)
    if (kinds > size).any():
        return True, True, True
    side = np.ascontiguousarray(kinds, dtype=np.int64)
    turn = np.argsort(-side.prod(axis=1), kind="stable")
    given = (*map(int, size), side, count.astype(np.int64), turn)
    scaled = np.empty((MOST_WEIGHED, 3, N_SCALES, 3), dtype=np.int64)
    return (
        bool(pair_rules_out(*given, np.empty((len(side), 3), dtype=np.int64))),
        bool(weighing_rules_out(*given, scaled)),
        bool(turning_rules_out(*given, np.empty((MOST_TURNED, 5), dtype=np.int64))),
    )


@settings(max_examples=400, deadline=None)
@given(
    st.tuples(*[st.integers(1, 60)] * 3),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2), st.integers(1, 59)), max_size=14),
    st.randoms(use_true_random=False),
)
def test_what_was_cut_from_the_carton_is_never_ruled_out(size, cuts, random):
    """Pieces sawn from a block of the carton's size fit, so no proof may say otherwise, however they are turned."""
    pieces = [list(size)]
    for which, axis, part in cuts:
        piece = pieces[which % len(pieces)]
        if piece[axis] > 1:
            at = 1 + part % (piece[axis] - 1)
            rest = list(piece)
            piece[axis], rest[axis] = at, piece[axis] - at
            pieces.append(rest)
    for piece in pieces:
        random.shuffle(piece)
    assert proofs(size, pieces) == (False, False, False)


@settings(max_examples=120, deadline=None)
@given(
    st.tuples(*[st.integers(4, 12)] * 3),
    st.lists(st.tuples(*[st.integers(1, 9)] * 3), min_size=2, max_size=5),
)
def test_no_proof_contradicts_a_complete_search(size, boxes):
    """What CP-SAT packs is not ruled out; of two units pairs decide, of up to three turning does."""
    pair, weighing, turning = proofs(size, boxes)
    packable = fits(sorted(size, reverse=True), boxes)
    assert packable is not None
    if packable:
        assert (pair, weighing, turning) == (False, False, False)
    if len(boxes) == 2:
        assert turning == (not packable)
    if len(boxes) == 3:
        volume = sum(a * b * c for a, b, c in boxes)
        assert turning == (not packable) or volume > np.prod(size)


def test_bars_along_three_axes_are_not_ruled_out():
    """Three bars crossing without touching fill a cube no straight cut divides."""
    assert proofs((2, 2, 2), [(2, 1, 1)] * 3) == (False, False, False)
    assert fits((2, 2, 2), [(2, 1, 1)] * 3)


def test_three_in_a_row_too_long():
    """Three units that can lie apart only lengthwise, and are too long together: only turning sees it."""
    pair, _, turning = proofs((10, 5, 5), [(4, 4, 4)] * 3)
    assert (pair, turning) == (False, True)
    assert fits((10, 5, 5), [(4, 4, 4)] * 3) is False


def test_weighing_sees_what_volume_does_not():
    """Nine cubes a little thicker than a third do not fit, though their volume would."""
    assert proofs((100, 100, 100), [(34, 34, 34)] * 9)[1]
    assert 9 * 34**3 < 100**3
    assert not proofs((100, 100, 100), [(34, 34, 34)] * 8)[1]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(3, 12)] * 3, st.integers(0, 2)), min_size=2, max_size=4),
    st.lists(st.tuples(*[st.integers(1, 8)] * 3), min_size=2, max_size=6),
)
def test_certified_is_the_smallest(boxes, units):
    """Where a choice is certified, a complete search packs the goods into no carton before it; nor before the bound."""
    *sides, cost = np.array(boxes).T
    cartons = carton_range(*sides, cost_cents=cost)
    items = goods(*np.array(units).T, 1)
    n = len(units)
    packed = pack_parcels(cartons, items, [0, n], np.arange(n), np.ones(n, dtype=np.int64))
    volume = cartons.length_mm * cartons.width_mm * cartons.height_mm
    turn = np.lexsort((volume, cost)).tolist()
    size = np.stack(cartons[:3], axis=1).tolist()
    taken = [u for u in units if any((np.sort(u) <= np.sort(s)).all() for s in size)]
    least = int(packed.least_carton[0])
    before = turn[: turn.index(least)] if least >= 0 else turn
    if taken:
        assert not any(fits(size[c], taken) for c in before)
    if packed.certified[0] and taken:
        assert fits(size[int(packed.carton[0])], taken)
        assert packed.carton[0] == least


def test_packer_finds_most_of_what_fits():
    """Of four or five units of middling size that fit by a complete search, the packer places nearly all sets."""
    rng = np.random.default_rng(1)
    possible = found = 0
    for _ in range(120):
        size = np.sort(rng.integers(8, 14, 3))[::-1]
        boxes = rng.integers(2, 10, (int(rng.integers(4, 6)), 3))
        if boxes.prod(axis=1).sum() < 0.4 * size.prod() or proofs(size.tolist(), boxes.tolist()) != (False,) * 3:
            continue
        if fits(size.tolist(), boxes.tolist(), 5.0):
            possible += 1
            one = np.ones(len(boxes), dtype=np.int64)
            packed = pack_parcels(
                carton_range(*size[:, None]), goods(*boxes.T, 1), [0, len(boxes)], np.arange(len(boxes)), one
            )
            found += packed.carton.tolist() == [0]
    assert possible >= 20
    assert found >= 0.9 * possible
