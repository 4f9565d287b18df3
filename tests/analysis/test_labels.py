"""Parcel numbers and labels: the printed examples, and names that try to command the printer."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omsim.analysis.labels import (
    EXAMPLE_PREFIX,
    MOST_SIGNS,
    Label,
    Numbering,
    field_data,
    sscc18,
    sscc_numbers,
    tracking_number,
    zpl_label,
)
from omsim.errors import FieldError
from omsim.kernels.rating.check_digits import is_valid

PLAIN = {
    "ship_from": ("North", "1 Dock Road"),
    "ship_to": ("A. Buyer", "2 High Street"),
    "carrier": "swift",
    "service": "standard",
    "sscc": "340123456789012340",
    "tracking": "1Z999AA10123456784",
    "weight_g": 12_345,
    "carton": 2,
    "of_cartons": 3,
}
HEXED = re.compile(r"_([0-9A-F]{2})")


def read_back(data):
    """What a printer makes of hexadecimal field data in UTF-8."""
    return HEXED.sub(lambda code: chr(int(code[1], 16)), data).encode("latin-1").decode("utf-8")


def commands(zpl):
    """The commands of a label, without the data of its text fields."""
    return [part[:2] if part.startswith("FD") else part for part in zpl.split("^")]


def test_the_standard_s_own_numbers():
    """SSCC, UPS, FedEx, S10 and a USPS label number with its check digit, each as printed."""
    assert sscc18(3, "4012345", 678_901_234) == "340123456789012340"
    ups = Numbering(scheme="ups_1z", head="999AA101", serial_digits=7)
    assert tracking_number(ups, 2_345_678) == "1Z999AA10123456784"
    assert tracking_number(Numbering(scheme="fedex_12", head="012", serial_digits=8), 34_567_898) == "012345678983"
    assert tracking_number(Numbering(scheme="s10", letters=("RB", "GB")), 12_345_678) == "RB123456785GB"
    usps = Numbering(scheme="gs1", head="94001112010", serial_digits=10)
    assert tracking_number(usps, 8_080_548_301) == "9400111201080805483016"


@given(
    st.integers(0, 9),
    st.text("0123456789", min_size=4, max_size=12),
    st.lists(st.integers(0, 9999), min_size=1, max_size=9),
)
def test_ssccs_are_valid_and_tell_serials_apart(extension, prefix, serials):
    """18 digits, extension and prefix in front, check digit right, as many as serials."""
    numbers = [f"{number:018d}" for number in sscc_numbers(extension, prefix, np.array(serials)).tolist()]
    assert all(is_valid("gs1", number) and number.startswith(f"{extension}{prefix}") for number in numbers)
    assert [int(number[1 + len(prefix) : -1]) for number in numbers] == serials


def test_a_label_by_eye():
    """Starts and ends as a format; SSCC as GS1-128 with FNC1 and 00, told in brackets; weight and carton in words."""
    zpl = zpl_label(Label(**PLAIN))
    assert zpl.startswith("^XA\n")
    assert zpl.endswith("^XZ\n")
    assert "^BCN,250,N,N,N,N^FD>;>800340123456789012340^FS" in zpl
    assert "^FD(00) 340123456789012340^FS" in zpl
    assert "^BCN,140,N,N,N,A^FD1Z999AA10123456784^FS" in zpl
    for words in (
        "swift standard",
        "shipment 12.345 kg, carton 2 of 3",
        "North",
        "1 Dock Road",
        "A. Buyer",
        "2 High Street",
    ):
        assert f"^FH_^FD{words}^FS" in zpl


@given(st.text(max_size=60), st.text("^~_\\FSXZJA \n\r\x00\x7f", max_size=20))
def test_no_name_breaks_out_of_its_field(name, nasty):
    """Whatever parties and services are called, the printer meets the same commands, and nothing that begins one."""
    harmless = zpl_label(Label(**PLAIN))
    zpl = zpl_label(Label(**{**PLAIN, "ship_to": (name + nasty, nasty), "ship_from": (nasty, name), "service": nasty}))
    assert commands(zpl) == commands(harmless)
    assert "~" not in zpl
    assert zpl.isascii()
    assert zpl.count("\n") == harmless.count("\n")


@given(st.text(max_size=60))
def test_text_is_printed_as_it_was(text):
    """Decoded, a field shows the text with blanks for what cannot be printed, cut with an ellipsis if long."""
    shown = read_back(field_data(text))
    clean = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    assert shown == (clean if len(clean) <= MOST_SIGNS else clean[: MOST_SIGNS - 1] + "…")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sscc": "340123456789012341"}, "sscc must be 18 digits, the last the check digit of the others, got '3401"),
        ({"sscc": "0"}, "sscc must be 18 digits, the last the check digit of the others, got '0'"),
        ({"tracking": "1Z^XZ"}, "tracking must be digits and capital letters, got '1Z^XZ'"),
        ({"tracking": ""}, "tracking must be digits and capital letters, got ''"),
        ({"carton": 4}, "carton must be 1 to of_cartons (3), got 4"),
        ({"weight_g": -1}, "weight_g must be at least 0, got -1"),
        ({"ship_to": ("",) * 5}, "ship_to must be at most 4 lines, got ('', '', '', '', '')"),
    ],
)
def test_a_wrong_label_is_refused(change, message):
    """What goes into bar codes is checked before it is printed."""
    with pytest.raises(FieldError) as told:
        Label(**{**PLAIN, **change})
    assert str(told.value).startswith(message)


@pytest.mark.parametrize(
    ("numbering", "message"),
    [
        ({"scheme": "ups_1z"}, "head must be 7 signs, to make 15 with the serial, got ''"),
        ({"scheme": "ups_1z", "head": "99^AA10"}, "ups_1z number must be digits and capital letters, got '99^AA10'"),
        ({"scheme": "s10"}, "letters must be two letters before and two behind, got ('', '')"),
        ({"scheme": "s10", "letters": ("r1", "GB")}, "head must be such that numbers have the form of s10, got 'r1"),
        ({"scheme": "gs1", "letters": ("A", "")}, "letters must be empty but for s10, got ('A', '')"),
        ({"scheme": "gs1", "serial_digits": 19}, "serial_digits must be 1 to 18, got 19"),
        ({"scheme": "ean"}, "scheme must be one of gs1, ups_1z, fedex_12, s10, got 'ean'"),
    ],
)
def test_a_wrong_numbering_is_refused(numbering, message):
    """Each names field, rule and value, before any parcel is numbered."""
    with pytest.raises(FieldError) as told:
        Numbering(**numbering)
    assert str(told.value).startswith(message)


def test_wrong_sscc_parts_are_refused():
    """Extension, prefix, and serials the prefix leaves no room for."""
    for parts, message in (
        ((10, EXAMPLE_PREFIX, 1), "extension must be 0 to 9, got 10"),
        ((0, "952", 1), "company_prefix must be 4 to 12 digits, got '952'"),
        ((0, "95212३4", 1), "company_prefix must be 4 to 12 digits"),
        ((0, "952123456789", 10_000), "serial number must be 0 to 9999, got 10000"),
    ):
        with pytest.raises(FieldError) as told:
            sscc18(*parts)
        assert str(told.value).startswith(message)
