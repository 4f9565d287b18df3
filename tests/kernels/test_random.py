"""The keyed generator against NumPy's Philox, and what is made of its words."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omsim.kernels.random import (
    EXPONENTIAL,
    FIXED,
    TABLE,
    fill_uniforms,
    keyed_uniforms,
    keyed_words,
    open_unit,
    task_factor,
    task_seconds,
)

WORD = st.integers(0, 2**64 - 1)
NUMBER = st.integers(0, 2**62)
NO_TABLE = np.ones(1)


def numpy_words(seed: int, stream: int, entity: int, part: int) -> list[int]:
    """The block of NumPy's Philox at counter (entity, part, 0, 0): it steps its counter before each block."""
    counter = ((part << 64 | entity) - 1) % 2**256
    words = [counter >> 64 * i & (2**64 - 1) for i in range(4)]
    generator = np.random.Philox(counter=np.array(words, np.uint64), key=np.array([seed, stream], np.uint64))
    return generator.random_raw(4).tolist()


@settings(deadline=None)
@given(WORD, WORD, WORD, WORD)
def test_words_are_numpys(seed: int, stream: int, entity: int, part: int):
    """Every key and counter gives the four words of `numpy.random.Philox`."""
    words = keyed_words(np.uint64(seed), np.uint64(stream), np.uint64(entity), np.uint64(part))
    assert [int(word) for word in words] == numpy_words(seed, stream, entity, part)


@settings(deadline=None)
@given(NUMBER, NUMBER, NUMBER, NUMBER)
def test_uniforms_are_the_words_top_bits(seed: int, stream: int, entity: int, part: int):
    """A uniform is the middle of the 52-bit cell its word falls in."""
    expected = [((word >> 12) + 0.5) / 2**52 for word in numpy_words(seed, stream, entity, part)]
    assert list(keyed_uniforms(seed, stream, entity, part)) == expected


@pytest.mark.parametrize("word", [0, 1, 2**12 - 1, 2**63, 2**64 - 2**12 - 1, 2**64 - 1])
def test_uniforms_are_open(word: int):
    """The least word gives more than 0 and the greatest less than 1."""
    assert 0 < open_unit(np.uint64(word)) < 1


def test_inverse_cdfs_are_finite_at_the_ends():
    """The last cell's middle is not rounded up to 1, where an exponential is infinite and a table has no cell."""
    greatest = open_unit(np.uint64(2**64 - 1))
    assert math.isfinite(task_factor(EXPONENTIAL, greatest, NO_TABLE))
    assert int(greatest * 4096) == 4095


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBER, NUMBER), min_size=1, max_size=20), st.randoms())
def test_draws_do_not_depend_on_company(keys: list[tuple[int, int]], order):
    """A column drawn at once, shuffled or one by one is the same."""
    shuffled = keys.copy()
    order.shuffle(shuffled)
    drawn = []
    for rows in (keys, shuffled):
        entity, part = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
        out = np.empty((len(rows), 4))
        fill_uniforms(9, 3 << 16 | 2, entity, part, out)
        drawn.append(dict(zip(rows, map(tuple, out.tolist()), strict=True)))
    assert drawn[0] == drawn[1]
    assert drawn[0] == {key: keyed_uniforms(9, 3 << 16 | 2, *key) for key in keys}


def test_uniforms_are_uniform_and_unrelated():
    """A hundred thousand neighbours: flat in each of a hundred cells, no correlation along or across."""
    n = 100_000
    out = np.empty((n, 4))
    fill_uniforms(1, 2, np.arange(n), np.zeros(n, dtype=np.int64), out)
    for column in out.T:
        counts = np.bincount((column * 100).astype(int), minlength=100)
        chi_square = ((counts - n / 100) ** 2 / (n / 100)).sum()
        assert 50 < chi_square < 160  # 99 degrees of freedom: beyond either end by chance once in 10,000
        assert abs(np.corrcoef(column[:-1], column[1:])[0, 1]) < 4 / math.sqrt(n)
    assert np.abs(np.corrcoef(out.T) - np.eye(4)).max() < 4 / math.sqrt(n)


@settings(deadline=None)
@given(st.floats(1e-16, 1 - 1e-16))
def test_factors_are_inverse_cdfs(uniform: float):
    """Fixed is 1; exponential is -log(1 - u); a table is the cell u falls in."""
    table = np.array([0.1, 0.5, 1.0, 2.4])
    assert task_factor(FIXED, uniform, table) == 1
    assert task_factor(EXPONENTIAL, uniform, table) == pytest.approx(-math.log1p(-uniform), rel=1e-14)
    assert task_factor(TABLE, uniform, table) == table[int(4 * uniform)]


@pytest.mark.parametrize(
    ("mean_s", "factor", "seconds"), [(0, 1, 1), (0.4, 1, 1), (1.49, 1, 1), (1.5, 1, 2), (90, 0.25, 23), (60, 0, 1)]
)
def test_seconds_are_rounded_half_up(mean_s: float, factor: float, seconds: int):
    """Whole seconds, halves upwards, at least one."""
    assert task_seconds(mean_s, factor) == seconds
