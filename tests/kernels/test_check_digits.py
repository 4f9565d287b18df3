"""Check digits: printed numbers, whole columns against one at a time, and what each scheme lets through."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsim.errors import FieldError
from omsim.kernels.rating.check_digits import check_digit, check_digits, is_valid, numbers_with_check

PRINTED = [  # numbers that carriers and standards print as examples
    ("gs1", "340123456789012340"),
    ("gs1", "000123450000000027"),
    ("gs1", "03071790000523483741"),
    ("gs1", "9171969010756003077385"),
    ("gs1", "9400111201080805483016"),
    ("gs1", "9361289878700317633795"),
    ("gs1", "92748931507708513018050063"),
    ("ups_1z", "1Z999AA10123456784"),
    ("ups_1z", "1Z5R89390357567127"),
    ("ups_1z", "1Z879E930346834440"),
    ("ups_1z", "1Z410E7W0392751591"),
    ("fedex_12", "012345678983"),
    ("fedex_12", "986578788855"),
    ("fedex_12", "477179081230"),
    ("fedex_12", "790535312317"),
    ("s10", "RB123456785GB"),
]
BODY = {"gs1": 17, "ups_1z": 15, "fedex_12": 11, "s10": 8}
AROUND = {"gs1": ("", ""), "ups_1z": ("1Z", ""), "fedex_12": ("", ""), "s10": ("RB", "GB")}


def written(scheme, body):
    """A whole number with its check digit."""
    before, tail = AROUND[scheme]
    return f"{before}{body}{check_digit(scheme, body)}{tail}"


@pytest.mark.parametrize(("scheme", "number"), PRINTED)
def test_printed_numbers_hold_and_their_neighbours_do_not(scheme, number):
    """Any other check digit is wrong."""
    at = len(number) - 1 - len(AROUND[scheme][1])
    held = [is_valid(scheme, number[:at] + str(digit) + number[at + 1 :]) for digit in range(10)]
    assert held.count(True) == 1
    assert held[int(number[at])]


@pytest.mark.parametrize(
    ("scheme", "number"),
    [
        ("gs1", ""),
        ("gs1", "0"),
        ("gs1", "34012345678901234O"),
        ("gs1", "٣40123456789012340"),
        ("gs1", "34012345678901234٠"),
        ("ups_1z", "2Z999AA10123456784"),
        ("ups_1z", "1Z999aa10123456784"),
        ("ups_1z", "1Z999AA1012345678"),
        ("ups_1z", "1Z999A-10123456784"),
        ("fedex_12", "12345678983"),
        ("s10", "rb123456785GB"),
        ("s10", "RB123456785G"),
        ("s10", "123456785"),
    ],
)
def test_what_is_not_of_the_form_is_not_valid(scheme, number):
    """Too short, foreign digits, small letters, other heads: no error, just not valid."""
    assert not is_valid(scheme, number)


@given(st.text("0123456789", min_size=1, max_size=30), st.data())
def test_gs1_catches_any_one_wrong_digit(body, data):
    """At every place, with every other digit."""
    number = written("gs1", body)
    at = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from([digit for digit in "0123456789" if digit != number[at]]))
    assert not is_valid("gs1", number[:at] + wrong + number[at + 1 :])


def missed(scheme, slips):
    """Share of slips in random numbers that the check digit lets through."""
    rng = np.random.default_rng(0)
    through = made = 0
    for _ in range(300):
        body = "".join(map(str, rng.integers(0, 10, BODY[scheme])))
        digit = check_digit(scheme, body)
        for other in slips(body):
            through += check_digit(scheme, other) == digit
            made += 1
    return through / made


def one_wrong(body):
    """Every body with one digit changed."""
    return [body[:i] + digit + body[i + 1 :] for i in range(len(body)) for digit in "0123456789" if digit != body[i]]


def swapped(body):
    """Every body with two unlike neighbours swapped."""
    return [body[:i] + body[i + 1] + body[i] + body[i + 2 :] for i in range(len(body) - 1) if body[i] != body[i + 1]]


@pytest.mark.parametrize(
    ("scheme", "wrong", "swap"),
    [("gs1", 0, 1 / 9), ("ups_1z", 7 / 15 / 9, 0), ("fedex_12", 2 / 110, 2 / 110), ("s10", 2 / 110, 2 / 110)],
)
def test_what_each_scheme_lets_through(scheme, wrong, swap):
    """As its table says: a nought where all are caught, else the share counted on all slips of 300 numbers."""
    assert missed(scheme, one_wrong) == pytest.approx(wrong, rel=0.25)
    assert missed(scheme, swapped) == pytest.approx(swap, rel=0.35)


def test_letters_that_ups_takes_for_the_same_digit():
    """A, K and U all count 2; the scheme cannot tell them apart."""
    assert {check_digit("ups_1z", f"999{sign}A1012345678") for sign in "AKU2"} == {4}


@given(
    st.sampled_from(["gs1", "ups_1z", "fedex_12", "s10"]),
    st.integers(1, 8),
    st.lists(st.integers(0, 10**8 - 1), max_size=8),
    st.text("0123456789", min_size=17, max_size=17),
)
def test_columns_are_numbered_as_single_numbers(scheme, n_digits, serials, digits):
    """Head, zeros in front, check digit and tail: each as if written alone."""
    serials = [serial % 10**n_digits for serial in serials]
    head = digits[: BODY[scheme] - n_digits]
    before, tail = AROUND[scheme]
    numbers = numbers_with_check(
        scheme, np.array(serials, dtype=np.int64), n_digits, before=before, head=head, tail=tail
    )
    assert numbers.tolist() == [written(scheme, f"{head}{serial:0{n_digits}d}") for serial in serials]
    assert all(is_valid(scheme, number) for number in numbers.tolist())


def test_wrong_questions_are_refused():
    """Each names field, rule and value."""
    serial = np.array([7, 100])
    for ask, message in (
        (lambda: check_digit("gs1", "12a"), "gs1 number must be digits, got '12a'"),
        (
            lambda: check_digit("s10", "1234567"),
            "s10 number must be 8 characters before the check digit, got '1234567'",
        ),
        (lambda: check_digit("ean", "1"), "scheme must be one of gs1, ups_1z, fedex_12, s10, got 'ean'"),
        (lambda: check_digits("gs1", serial, 2), "serial number must be 0 to 99, got 100"),
        (lambda: check_digits("gs1", -serial, 3), "serial number must be 0 to 999, got -7"),
        (lambda: check_digits("gs1", serial, 19), "n_digits must be 1 to 18, got 19"),
        (lambda: check_digits("fedex_12", serial, 3, "1"), "fedex_12 number must be 11 characters before"),
    ):
        with pytest.raises(FieldError) as told:
            ask()
        assert str(told.value).startswith(message)
