"""Check digits of parcel numbers: computed, proved, and put on whole columns of serial numbers.

Owns four schemes: a cycle of weights from the right, and the digit that stands for each remainder of the weighted sum.

============ ============================= =========== ==========================================================
scheme       numbers                       modulus     misses, of all slips of its kind (rest is caught)
============ ============================= =========== ==========================================================
``gs1``      SSCC-18, USPS 20 to 26 long   10          swaps of neighbours 5 apart (1 in 9)
``ups_1z``   UPS 1Z and 16 more            10          in every other place, a digit 5 off (1 in 19); and letters
                                                       that stand for the same digit (A, K and U are 2)
``fedex_12`` FedEx Express, 12 digits      11          what moves the remainder from 0 to 10 or back, which are
                                                       both written 0 (2 in 110)
``s10``      UPU S10, e.g. RB123456785GB   11          what moves the remainder from 0 to 6 or back, both written
                                                       5 (2 in 110); the four letters are not protected at all
============ ============================= =========== ==========================================================

One wrong digit is always caught by ``gs1``; a swap of unlike neighbours always by ``ups_1z`` (unlike by its own letter
values). A wrong check digit itself is caught by all. None of them tells a number that was never given out.

References
----------
GS1 General Specifications, section 7.9; Universal Postal Union, standard S10.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError

Ints = NDArray[np.int64]
Scheme = Literal["gs1", "ups_1z", "fedex_12", "s10"]

TEN = (0, 9, 8, 7, 6, 5, 4, 3, 2, 1)


class _Rule(NamedTuple):
    """Weights from the right, the digit for each remainder, and what the number looks like."""

    weights: tuple[int, ...]
    digit_of_remainder: tuple[int, ...]
    head: int  # letters or signs before the body, not counted
    body: int  # length of the body; 0 = any
    tail: int  # letters behind the check digit, not counted


_RULES: dict[str, _Rule] = {
    "gs1": _Rule((3, 1), TEN, 0, 0, 0),
    "ups_1z": _Rule((1, 2), TEN, 2, 15, 0),
    "fedex_12": _Rule((1, 3, 7), (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0), 0, 11, 0),
    "s10": _Rule((7, 9, 5, 3, 2, 4, 6, 8), (5, 0, 9, 8, 7, 6, 5, 4, 3, 2, 1), 2, 8, 2),
}


def check_digit(scheme: Scheme, body: str) -> int:
    """The check digit of a number without it: of all its digits, of the 15 characters after 1Z, of the 8 of S10.

    Raises
    ------
    FieldError
        A character the scheme has no value for, or not as many as it has.

    >>> check_digit("gs1", "34012345678901234"), check_digit("ups_1z", "999AA1012345678")
    (0, 4)
    >>> check_digit("fedex_12", "01234567898"), check_digit("s10", "12345678")
    (3, 5)
    """
    rule = _rule(scheme)
    if not body or (rule.body and len(body) != rule.body):
        raise FieldError(f"{scheme} number", f"{rule.body or 'some'} characters before the check digit", body)
    return rule.digit_of_remainder[_weighted(scheme, body, rule) % len(rule.digit_of_remainder)]


def is_valid(scheme: Scheme, number: str) -> bool:
    """Whether a whole number (as printed, without blanks) has the form of its scheme and the right check digit.

    >>> is_valid("s10", "RB123456785GB"), is_valid("ups_1z", "1Z999AA10123456785")
    (True, False)
    """
    rule = _rule(scheme)
    end = len(number) - rule.tail
    head, body, digit, tail = number[: rule.head], number[rule.head : end - 1], number[end - 1 : end], number[end:]
    if not number.isascii() or not digit.isdigit() or not body or (rule.body and len(body) != rule.body):
        return False
    if scheme == "ups_1z":
        formed = head == "1Z" and body.isalnum() and body == body.upper()
    else:
        formed = body.isdigit() and all(sign.isupper() for sign in head + tail)
    return formed and check_digit(scheme, body) == int(digit)


def check_digits(scheme: Scheme, numbers: Ints, n_digits: int, head: str = "") -> Ints:
    """Check digits of many numbers at once.

    Parameters
    ----------
    scheme : {"gs1", "ups_1z", "fedex_12", "s10"}
    numbers : int64, shape (n,)
        What follows `head`, written with `n_digits` digits (zeros in front).
    n_digits : int
        1 to 18.
    head : str
        What all numbers begin with, as far as the check digit covers it.

    Returns
    -------
    int64, shape (n,)

    Raises
    ------
    FieldError
        A number that does not fit, or a head the scheme cannot read.
    """
    rule = _rule(scheme)
    if not 1 <= n_digits <= 18:
        raise FieldError("n_digits", "1 to 18", n_digits)
    if rule.body and len(head) + n_digits != rule.body:
        raise FieldError(f"{scheme} number", f"{rule.body} characters before the check digit", len(head) + n_digits)
    wrong = np.flatnonzero((numbers < 0) | (numbers >= 10**n_digits))
    if wrong.size:
        raise FieldError("serial number", f"0 to {10**n_digits - 1}", int(numbers[wrong[0]]))
    total = np.full(numbers.shape, _weighted(scheme, head, rule, n_digits), dtype=np.int64)
    left = numbers.astype(np.int64)
    for place in range(n_digits):
        left, digit = np.divmod(left, 10)
        total += rule.weights[place % len(rule.weights)] * digit
    modulus = len(rule.digit_of_remainder)
    return np.array(rule.digit_of_remainder, dtype=np.int64)[total % modulus]


def numbers_with_check(
    scheme: Scheme, numbers: Ints, n_digits: int, *, before: str = "", head: str = "", tail: str = ""
) -> NDArray[np.str_]:
    """Whole numbers as text: `before`, `head`, the number in `n_digits` digits, its check digit, `tail`.

    The check digit covers `head` and the number (of UPS, `before` is "1Z"; of S10, `before` and `tail` are letters).

    >>> import numpy as np
    >>> numbers_with_check("s10", np.array([12345678]), 8, before="RB", tail="GB").tolist()
    ['RB123456785GB']

    Notes
    -----
    4 bytes a character while at it.
    """
    digit = check_digits(scheme, numbers, n_digits, head)
    start = before + head
    text = np.empty((numbers.size, len(start) + n_digits + 1 + len(tail)), dtype=np.uint32)
    text[:, : len(start)] = [ord(sign) for sign in start]
    left = numbers.astype(np.int64)
    for place in range(len(start) + n_digits - 1, len(start) - 1, -1):
        left, units = np.divmod(left, 10)
        text[:, place] = units + ord("0")
    text[:, len(start) + n_digits] = digit + ord("0")
    text[:, len(start) + n_digits + 1 :] = [ord(sign) for sign in tail]
    return text.view(f"<U{text.shape[1]}").reshape(-1) if numbers.size else np.zeros(0, dtype="<U1")


def _rule(scheme: str) -> _Rule:
    if scheme not in _RULES:
        raise FieldError("scheme", f"one of {', '.join(_RULES)}", scheme)
    return _RULES[scheme]


def _weighted(scheme: str, text: str, rule: _Rule, places_behind: int = 0) -> int:
    """Weighted sum of characters that are followed by `places_behind` others."""
    return sum(
        rule.weights[(places_behind + place) % len(rule.weights)] * _value(scheme, sign, text)
        for place, sign in enumerate(reversed(text))
    )


def _value(scheme: str, sign: str, text: str) -> int:
    """What a character counts; UPS lets letters stand for digits."""
    if "0" <= sign <= "9":
        return ord(sign) - ord("0")
    if scheme == "ups_1z" and "A" <= sign <= "Z":
        return (ord(sign) - 63) % 10
    raise FieldError(f"{scheme} number", "digits" + (" and capital letters" if scheme == "ups_1z" else ""), text)
