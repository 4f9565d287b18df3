"""Parcel numbers and labels: SSCC-18, carriers' tracking numbers, and the label a printer takes, as ZPL text.

Owns what is printed and how names are kept from being read as printer commands. Check digits are those of
`kernels.rating.check_digits`; which parcels there are is told by `manifest`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from omsim.errors import FieldError
from omsim.kernels.rating.check_digits import check_digits, is_valid, numbers_with_check

if TYPE_CHECKING:
    from omsim.kernels.rating.check_digits import Scheme

Ints = NDArray[np.int64]

SSCC_DIGITS = 18
EXAMPLE_PREFIX = "9521234"
"""A company prefix in the range GS1 keeps for examples: never given out, so no real parcel has it."""

MOST_SIGNS = 36
"""Signs of a line of text that fit the label; what is longer ends in an ellipsis."""

_COMMANDS = frozenset("^~_\\")
_BODY_DIGITS = {"ups_1z": 15, "fedex_12": 11, "s10": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """How a carrier numbers parcels.

    Attributes
    ----------
    scheme : {"gs1", "ups_1z", "fedex_12", "s10"}
        Whose check digit, and what a number looks like.
    head : str
        What all numbers of the shipper begin with, under the check digit: for UPS the account and service (8 signs
        after 1Z), for USPS the application identifier, service and mailer.
    serial_digits : int
        Digits of the parcel's own number.
    letters : tuple of str
        Of S10, the letters before and behind: service and country.
    """

    scheme: Scheme
    head: str = ""
    serial_digits: int = 8
    letters: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        body = _BODY_DIGITS.get(self.scheme)
        if not 1 <= self.serial_digits <= SSCC_DIGITS:
            raise FieldError("serial_digits", f"1 to {SSCC_DIGITS}", self.serial_digits)
        if body and len(self.head) + self.serial_digits != body:
            raise FieldError("head", f"{body - self.serial_digits} signs, to make {body} with the serial", self.head)
        if self.scheme == "s10":
            if [len(part) for part in self.letters] != [2, 2]:
                raise FieldError("letters", "two letters before and two behind", self.letters)
        elif any(self.letters):
            raise FieldError("letters", "empty but for s10", self.letters)
        first = str(self.of(_column(0))[0])
        if not is_valid(self.scheme, first):
            raise FieldError("head", f"such that numbers have the form of {self.scheme}", first)

    def of(self, serials: Ints) -> NDArray[np.str_]:
        """Numbers of many parcels at once; str, shape (n,).

        Raises
        ------
        FieldError
            A serial that does not fit.
        """
        before = "1Z" if self.scheme == "ups_1z" else self.letters[0]
        return numbers_with_check(
            self.scheme, serials, self.serial_digits, before=before, head=self.head, tail=self.letters[1]
        )


def tracking_number(numbering: Numbering, serial: int) -> str:
    """The number of one parcel.

    >>> tracking_number(Numbering(scheme="s10", letters=("RB", "GB")), 12345678)
    'RB123456785GB'
    >>> tracking_number(Numbering(scheme="ups_1z", head="999AA101", serial_digits=7), 2345678)
    '1Z999AA10123456784'
    """
    return str(numbering.of(_column(serial))[0])


def sscc_numbers(extension: int, company_prefix: str, serials: Ints) -> Ints:
    """SSCC-18 of many parcels, as whole numbers (below 10^18).

    Parameters
    ----------
    extension : int
        The digit in front, 0 to 9, the shipper's to choose.
    company_prefix : str
        GS1 company prefix, 4 to 12 digits.
    serials : int64, shape (n,)
        Each fills the 16 digits that the prefix leaves.

    Raises
    ------
    FieldError
        Extension, prefix or a serial does not fit.
    """
    if not 0 <= extension <= 9:
        raise FieldError("extension", "0 to 9", extension)
    if not (company_prefix.isascii() and company_prefix.isdigit() and 4 <= len(company_prefix) <= 12):
        raise FieldError("company_prefix", "4 to 12 digits", company_prefix)
    digits = SSCC_DIGITS - 2 - len(company_prefix)
    head = f"{extension}{company_prefix}"
    found: Ints = (int(head) * 10**digits + serials) * 10 + check_digits("gs1", serials, digits, head)
    return found


def sscc18(extension: int, company_prefix: str, serial: int) -> str:
    """The SSCC-18 of one parcel.

    >>> sscc18(3, "4012345", 678901234)
    '340123456789012340'
    """
    return f"{sscc_numbers(extension, company_prefix, _column(serial))[0]:018d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a logistic label says.

    Attributes
    ----------
    ship_from, ship_to : tuple of str
        Lines of the addresses, at most four.
    carrier, service : str
    sscc : str
        18 digits.
    tracking : str
        The carrier's number: digits and capital letters.
    weight_g : int
        Of the whole shipment.
    carton, of_cartons : int
        This is carton x of y of the shipment.
    """

    ship_from: tuple[str, ...]
    ship_to: tuple[str, ...]
    carrier: str
    service: str
    sscc: str
    tracking: str
    weight_g: int
    carton: int = 1
    of_cartons: int = 1

    def __post_init__(self) -> None:
        if len(self.sscc) != SSCC_DIGITS or not is_valid("gs1", self.sscc):
            raise FieldError("sscc", "18 digits, the last the check digit of the others", self.sscc)
        if not (self.tracking.isascii() and self.tracking.isalnum() and self.tracking == self.tracking.upper()):
            raise FieldError("tracking", "digits and capital letters", self.tracking)
        if not 1 <= self.carton <= self.of_cartons:
            raise FieldError("carton", f"1 to of_cartons ({self.of_cartons})", self.carton)
        if self.weight_g < 0:
            raise FieldError("weight_g", "at least 0", self.weight_g)
        for name in ("ship_from", "ship_to"):
            if len(getattr(self, name)) > 4:
                raise FieldError(name, "at most 4 lines", getattr(self, name))


def zpl_label(label: Label) -> str:
    """A GS1 logistic label as ZPL II text, 4 x 6 inches at 203 dots an inch.

    Parties and service on top, the carrier's number as a bar code, and at the bottom the SSCC as GS1-128: Code 128 in
    subset C, FNC1 and application identifier 00 in front, told below in brackets.

    Notes
    -----
    Text comes as hexadecimal field data (``^FH``): signs that would begin a command, and all beyond ASCII, are written
    as the bytes of their UTF-8 (``^CI28``), so that no name can end its field.
    """
    kilograms = f"{label.weight_g // 1000}.{label.weight_g % 1000:03d} kg"
    parts = ["^XA", "^CI28", "^PW812", "^LL1218", "^LH0,0"]
    parts += [_text(40, 40 + 34 * row, 28, line) for row, line in enumerate(("FROM", *label.ship_from))]
    parts += ["^FO40,220^GB732,3,3^FS"]
    parts += [_text(40, 240 + 46 * row, 34, line) for row, line in enumerate(("TO", *label.ship_to))]
    parts += ["^FO40,480^GB732,3,3^FS", _text(40, 500, 34, f"{label.carrier} {label.service}")]
    parts += [_text(40, 552, 34, f"shipment {kilograms}, carton {label.carton} of {label.of_cartons}")]
    parts += [f"^FO40,610^BY2^BCN,140,N,N,N,A^FD{label.tracking}^FS", _text(40, 762, 34, label.tracking)]
    parts += ["^FO40,815^GB732,3,3^FS", _text(40, 835, 28, "SSCC")]
    parts += [f"^FO40,875^BY3^BCN,250,N,N,N,N^FD>;>800{label.sscc}^FS", _text(40, 1140, 40, f"(00) {label.sscc}")]
    return "\n".join([*parts, "^XZ", ""])


def field_data(text: str) -> str:
    r"""Text as the data of a ``^FH^FD`` field, at most `MOST_SIGNS` signs of it, on one line.

    >>> field_data("50 % off^XZ~JA_now")
    '50 % off_5EXZ_7EJA_5Fnow'
    >>> field_data("Café\tSüd")
    'Caf_C3_A9 S_C3_BCd'
    """
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if len(line) > MOST_SIGNS:
        line = line[: MOST_SIGNS - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return "".join(
        sign if sign.isascii() and sign not in _COMMANDS else "".join(f"_{byte:02X}" for byte in sign.encode())
        for sign in line
    )


def _text(x: int, y: int, height: int, text: str) -> str:
    """One line of text at a place, in dots."""
    return f"^FO{x},{y}^A0N,{height},{height}^FH_^FD{field_data(text)}^FS"


def _column(serial: int) -> Ints:
    return np.array([serial], dtype=np.int64)
