"""Parcels in cartons: what is said to fit lies there without overlap, and no unit is ever lost."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.errors import FieldError
from omsim.kernels.packing.cartons import OWN_PACKAGING, carton_range, goods, pack_parcels, placements
from omsim.kernels.rating.billable import girth_mm


def overlaps(where):
    """Pairs of units of a parcel that overlap."""
    low = np.stack([where.x_mm, where.y_mm, where.z_mm], axis=1)
    high = low + np.stack([where.length_mm, where.width_mm, where.height_mm], axis=1)
    together = where.carton[:, None] == where.carton[None, :]
    crossing = (low[:, None] < high[None]).all(axis=2) & (low[None] < high[:, None]).all(axis=2) & together
    return int(np.triu(crossing, 1).sum())


def sticking_out(where, cartons, of_parcel):
    """Units that lie outside their carton."""
    inside = np.stack(cartons[:3], axis=1)[of_parcel[where.carton]]
    low = np.stack([where.x_mm, where.y_mm, where.z_mm], axis=1)
    high = low + np.stack([where.length_mm, where.width_mm, where.height_mm], axis=1)
    return int(((low < 0) | (high > inside)).any(axis=1).sum())


def placed_counts(where, n_cartons, n_lines):
    """Units of each line placed in each carton of a parcel."""
    return np.bincount(where.carton * n_lines + where.line, minlength=n_cartons * n_lines).reshape(n_cartons, n_lines)


SIDES = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 6))
LINES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12)), max_size=7)
BOXES = st.lists(
    st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.integers(1, 40), st.integers(0, 3)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(BOXES, st.lists(SIDES, min_size=5, max_size=5), st.lists(LINES, max_size=4), st.sampled_from([1.0, 0.8]))
def test_every_unit_is_in_exactly_one_carton(boxes, skus, parcels, most_fill_share):
    """Units, weights, volumes and limits add up for every parcel; units said to be in a carton have a place there."""
    *sides, most_g, cost = np.array(boxes).T
    cartons = carton_range(*sides, wall_mm=1, tare_g=5, max_weight_g=most_g, cost_cents=cost)
    items = goods(*np.array(skus).T)
    volume = items.length_mm * items.width_mm * items.height_mm
    inner = cartons.length_mm * cartons.width_mm * cartons.height_mm
    first = np.cumsum([0, *map(len, parcels)])
    sku, units = np.array([line for lines in parcels for line in lines], dtype=np.int64).reshape(-1, 2).T
    packed = pack_parcels(cartons, items, first, sku, units, most_fill_share=most_fill_share)
    assert packed.first_carton[0] == 0
    assert packed.first_carton[-1] == packed.carton.size == packed.first_content.size - 1
    assert np.bincount(packed.content_line, weights=packed.content_units, minlength=sku.size).tolist() == units.tolist()
    assert (packed.content_units > 0).all()
    for parcel in range(len(parcels)):
        lines = slice(first[parcel], first[parcel + 1])
        where = placements(cartons, items, sku[lines], units[lines], most_fill_share=most_fill_share)
        used = range(packed.first_carton[parcel], packed.first_carton[parcel + 1])
        of_parcel = packed.carton[used.start : used.stop]
        counts = placed_counts(where, len(used), lines.stop - lines.start)
        assert overlaps(where) == 0
        assert sticking_out(where, cartons, of_parcel) == 0
        for number, j in enumerate(used):
            contents = slice(packed.first_content[j], packed.first_content[j + 1])
            line, count = packed.content_line[contents], packed.content_units[contents]
            assert ((line >= lines.start) & (line < lines.stop)).all()
            weight = int((items.weight_g[sku[line]] * count).sum())
            if packed.carton[j] == OWN_PACKAGING:
                (one,) = sku[line]
                assert count.tolist() == [1]
                assert packed.weight_g[j] == weight
                assert packed.volume_mm3[j] == volume[one]
                takes = (volume[one] == 0) | (
                    (cartons.length_mm >= items.length_mm[one])
                    & (cartons.width_mm >= items.width_mm[one])
                    & (cartons.height_mm >= items.height_mm[one])
                    & (volume[one] <= inner * most_fill_share)
                )
                assert not (takes & (items.weight_g[one] <= most_g)).any()
                continue
            c = packed.carton[j]
            room = volume[sku[line]] > 0
            assert counts[number][line[room] - lines.start].tolist() == count[room].tolist()
            assert weight <= most_g[c]
            assert packed.weight_g[j] == weight + 5
            filled = int((volume[sku[line]] * count).sum())
            assert packed.fill_share[j] == pytest.approx(filled / inner[c])
            assert filled <= inner[c] * most_fill_share
            outer = np.stack(cartons[:3], axis=1)[c] + 2
            assert packed.volume_mm3[j] == outer.prod()
            assert packed.longest_mm[j] == outer[0]
            assert packed.girth_mm[j] == girth_mm(*outer)
        if packed.certified[parcel]:
            n_boxed = int((of_parcel >= 0).sum())
            assert n_boxed == (1 if packed.least_carton[parcel] >= 0 else 0)


def test_three_alike_side_by_side():
    """Three boxes of 40 x 30 x 30 fill 90 x 40 x 30, where py3dbp 1.1.2 places two of them."""
    packed = pack_parcels(carton_range([90], [40], [30]), goods([40], [30], [30], [1]), [0, 1], [0], [3])
    assert packed.carton.tolist() == [0]
    assert packed.fill_share.tolist() == [1.0]
    assert packed.certified.tolist() == [True]


def test_turning_the_carton_changes_nothing():
    """However the sides of cartons and goods are written down, the same is packed in the same way."""
    rng = np.random.default_rng(3)
    cartons, skus = rng.integers(5, 40, (3, 6)), rng.integers(1, 20, (3, 50))
    first, sku = np.arange(0, 301, 5), rng.integers(0, 50, 300)
    answers = []
    for order in ([0, 1, 2], [2, 0, 1], [1, 0, 2]):
        packed = pack_parcels(
            carton_range(*cartons[order], cost_cents=np.arange(6)),
            goods(*skus[order[::-1]], 1),
            *(first, sku, np.ones(300, dtype=np.int64)),
        )
        answers.append([column.tolist() for column in packed])
    assert answers[0] == answers[1] == answers[2]


def test_cheapest_then_smallest_then_first():
    """Of cartons that take all the cheapest is taken, of equally cheap ones the smallest, of equal ones the first."""
    items = goods([10], [10], [10], [100])
    for cost, chosen in (([5, 3, 3, 3], 2), ([5, 3, 4, 4], 1), ([1, 1, 1, 1], 2), ([0, 9, 9, 9], 0)):
        cartons = carton_range([30, 20, 10, 10], [30, 20, 10, 10], [30, 20, 10, 10], cost_cents=cost)
        packed = pack_parcels(cartons, items, [0, 1], [0], [1])
        assert packed.carton.tolist() == [chosen], cost
        assert packed.least_carton.tolist() == [chosen]


def test_weight_limits_a_carton():
    """What would fit by size but is too heavy takes the carton that carries it, or several."""
    items = goods([10], [10], [10], [400])
    cartons = carton_range([20, 40], [20, 40], [20, 40], tare_g=[10, 20], max_weight_g=[1000, 1600])
    packed = pack_parcels(cartons, items, [0, 1, 2, 3], [0, 0, 0], [2, 4, 7])
    assert np.diff(packed.first_carton).tolist() == [1, 1, 2]
    assert packed.carton.tolist() == [0, 1, 1, 1]
    assert packed.weight_g.tolist() == [810, 1620, 1620, 1220]
    assert packed.certified.tolist() == [True, True, False]


def test_units_no_carton_takes_travel_by_themselves():
    """Too long, or too heavy: each unit apart, behind the carton of the rest, which is still proved the smallest."""
    items = goods([10, 90, 10], [10, 10, 10], [10, 5, 0], [100, 700, 5000])
    cartons = carton_range([20, 40], [20, 40], [20, 40], tare_g=50, max_weight_g=2000)
    packed = pack_parcels(cartons, items, [0, 3], [1, 0, 2], [2, 3, 1])
    assert packed.carton.tolist() == [0, OWN_PACKAGING, OWN_PACKAGING, OWN_PACKAGING]
    assert packed.content_line.tolist() == [1, 0, 0, 2]
    assert packed.weight_g.tolist() == [350, 700, 700, 5000]
    assert packed.volume_mm3.tolist() == [8000, 4500, 4500, 0]
    assert packed.longest_mm.tolist() == [20, 90, 90, 10]
    assert packed.fill_share[1:].tolist() == [1.0, 1.0, 1.0]
    assert packed.certified.tolist() == [True]


def test_goods_without_size_take_no_room():
    """A side of 0 makes a SKU weigh but not fill, in any number; parcels of nothing take no carton."""
    items = goods([100, 10], [0, 10], [100, 10], [3, 1])
    cartons = carton_range([10], [10], [10], max_weight_g=1000)
    packed = pack_parcels(cartons, items, [0, 2, 3, 3, 4], [0, 1, 0, 0], [5, 1, 400, 0])
    assert np.diff(packed.first_carton).tolist() == [1, 2, 0, 0]
    assert packed.content_units.tolist() == [5, 1, 333, 67]
    assert packed.weight_g.tolist() == [16, 999, 201]
    assert packed.fill_share.tolist() == [1.0, 0.0, 0.0]
    assert packed.certified.tolist() == [True, False, True, True]
    assert packed.least_carton.tolist() == [0, -1, -1, -1]


def test_no_cartons_at_all():
    """An empty range packs nothing: every unit travels by itself."""
    packed = pack_parcels(carton_range([], [], []), goods([10], [10], [10], [7]), [0, 1], [0], [2])
    assert packed.carton.tolist() == [OWN_PACKAGING, OWN_PACKAGING]
    assert packed.weight_g.tolist() == [7, 7]


def test_fill_share_is_kept():
    """At most so much of a carton is filled: eight cubes fit into one carton, but not at 80 percent."""
    cartons, items = carton_range([20, 21], [20, 24], [20, 20]), goods([10], [10], [10], [1])
    assert pack_parcels(cartons, items, [0, 1], [0], [8]).carton.tolist() == [0]
    assert pack_parcels(cartons, items, [0, 1], [0], [8], most_fill_share=0.8).carton.tolist() == [1]
    assert pack_parcels(cartons, items, [0, 1], [0], [8], most_fill_share=0.5).content_units.tolist() == [5, 3]


def test_many_equal_units_fill_a_carton_to_the_last():
    """A thousand cubes go into a carton ten times as wide, and the next one into a carton of its own."""
    cartons, items = carton_range([100, 10], [100, 10], [100, 10]), goods([10], [10], [10], [1])
    packed = pack_parcels(cartons, items, [0, 1, 2, 3], [0, 0, 0], [1000, 1001, 5000])
    assert packed.carton.tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert packed.content_units.tolist() == [1000, 1000, 1, 1000, 1000, 1000, 1000, 1000]


@pytest.mark.parametrize(("n_lines", "most_units"), [(1, 20_000), (200, 2), (600, 40)])
def test_huge_parcels_are_split(n_lines, most_units):
    """Parcels of hundreds of lines or thousands of units fill many cartons well, and lose nothing."""
    rng = np.random.default_rng(n_lines)
    items = goods(*rng.integers(20, 150, (3, n_lines)), rng.integers(1, 500, n_lines))
    cartons = carton_range([200, 400, 600], [150, 300, 400], [100, 200, 400])
    units = rng.integers(1, most_units + 1, n_lines)
    packed = pack_parcels(cartons, items, [0, n_lines], np.arange(n_lines), units)
    assert np.bincount(packed.content_line, weights=packed.content_units).tolist() == units.tolist()
    volume = items.length_mm * items.width_mm * items.height_mm
    assert (volume * units).sum() / packed.volume_mm3.sum() > 0.6


def test_numbers_beyond_counting_are_held():
    """Units whose volume and weight would overflow are still told from what fits, and not packed in one."""
    cartons, items = carton_range([200_000], [200_000], [200_000]), goods([150_000], [150_000], [150_000], [10**12])
    packed = pack_parcels(cartons, items, [0, 1], [0], [3])
    assert packed.carton.tolist() == [OWN_PACKAGING] * 3
    items = goods([150_000], [150_000], [150_000], [1])
    huge = 20_000  # of 3.4e15 mm3: more than a 64-bit number holds
    assert pack_parcels(cartons, items, [0, 1], [0], [huge]).carton.tolist() == [0] * huge


def test_a_parcel_is_packed_as_it_is_alone():
    """What is packed before it, and how often it is run, changes nothing."""
    rng = np.random.default_rng(8)
    items = goods(*rng.integers(1, 60, (3, 40)), rng.integers(1, 90, 40))
    cartons = carton_range(*rng.integers(30, 90, (3, 5)), max_weight_g=500, cost_cents=rng.integers(1, 4, 5))
    first, sku, units = np.arange(0, 241, 4), rng.integers(0, 40, 240), rng.integers(1, 4, 240)
    together = pack_parcels(cartons, items, first, sku, units)
    for parcel in range(60):
        lines = slice(first[parcel], first[parcel + 1])
        alone = pack_parcels(cartons, items, [0, 4], sku[lines], units[lines])
        used = slice(together.first_carton[parcel], together.first_carton[parcel + 1])
        contents = slice(together.first_content[used.start], together.first_content[used.stop])
        assert alone.carton.tolist() == together.carton[used].tolist()
        assert alone.content_units.tolist() == together.content_units[contents].tolist()
        assert alone.certified[0] == together.certified[parcel]


DIGEST = """
import numpy as np
from omsim.kernels.packing.cartons import carton_range, goods, pack_parcels, placements
rng = np.random.default_rng(4)
items = goods(*rng.integers(0, 60, (3, 30)), rng.integers(1, 90, 30))
cartons = carton_range(*rng.integers(25, 75, (3, 4)), max_weight_g=900, cost_cents=rng.integers(1, 4, 4))
sku, units = rng.integers(0, 30, 120), rng.integers(1, 4, 120)
units[:8] = 11
packed = pack_parcels(cartons, items, np.arange(0, 121, 4), sku, units, most_fill_share=0.95)
where = placements(cartons, items, sku[:20], units[:20])
print([column.tolist() for column in (*packed, *where)])
"""


def test_uncompiled_is_compiled():
    """The same source run by the interpreter packs the same, place by place."""
    said = [
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "NUMBA_DISABLE_JIT": without},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for without in ("0", "1")
    ]
    assert len(said[0]) > 1000
    assert said[0] == said[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sku": [0, 2]}, "sku must be from 0 to 1, got 2"),
        ({"units": [1, -1]}, "units must be at least 0, got -1"),
        ({"units": [1]}, "units must be one number for each of the 2 lines"),
        ({"first_line": [0, 1]}, "first_line must be rising from 0 to the number of lines (2)"),
        ({"first_line": [0, 2, 1, 2]}, "first_line must be rising"),
        ({"most_fill_share": 0.0}, "most_fill_share must be above 0, at most 1, got 0.0"),
        ({"most_fill_share": float("nan")}, "most_fill_share must be above 0"),
    ],
)
def test_lines_that_make_no_sense_are_named(change, words):
    """Lines of other lengths, SKUs that are not there and shares out of range are refused in one line."""
    given = {"first_line": [0, 2], "sku": [0, 1], "units": [1, 1], "most_fill_share": 1.0, **change}
    cartons, items = carton_range([10], [10], [10]), goods([1, 2], [1, 2], [1, 2], [5, 5])
    with pytest.raises(FieldError) as error:
        pack_parcels(cartons, items, **given)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: carton_range([10, 0], [5, 5], [5, 5]), "length_mm must be from 1 to 200000, got 0"),
        (lambda: carton_range([10], [5], [5, 5]), "height_mm must be one number, or one for each of 1"),
        (lambda: carton_range([10], [5], [5], tare_g=-1), "tare_g must be from 0"),
        (lambda: carton_range([10.5], [5], [5]), "length_mm must be whole numbers"),
        (lambda: goods([10], [5], [300_000], [1]), "height_mm must be from 0 to 200000, got 300000"),
        (lambda: goods([10], [5], [float("nan")], [1]), "height_mm must be whole numbers"),
    ],
)
def test_cartons_and_goods_out_of_range_are_named(make, words):
    """A side of a carton below 1, a size beyond counting or a part of a millimetre is refused, naming it."""
    with pytest.raises(FieldError) as error:
        make()
    assert words in str(error.value)
