"""Checks of single cells, by the type of their column. Each judges the distinct values, most of them all at once."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.model.table import Column
from steelyard.tabular.codes import CREDIT, credit_digits, industry_division, organisation_digits, region_known
from steelyard.tabular.judged import Context, FaultError, Judge, Judged, only, settle
from steelyard.tabular.times import judge_time

_NUMBER = r"^-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$"
_INTEGER = r"^-?\d{1,18}$"
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(?:[,，' \u00a0\u2009]\d{3})+(?:\.\d+)?")
_ID = r"^[^\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]{1,200}$"
_CREDIT = f"^[{CREDIT}]{{18}}$"
_URL = r"^https?://[^\s]+$"
NOT_FINITE = {"nan", "inf", "-inf", "+inf", "infinity", "-infinity", "+infinity", "1.#inf", "1.#qnan"}


def judge_text(values: pa.Array, column: Column, context: Context) -> Judged:
    """Any text."""
    return Judged(values)


def judge_number(values: pa.Array, column: Column, context: Context) -> Judged:
    """float64 within the column's bounds; neither NaN nor infinity, no thousands separators, no full-width digits."""
    plain = only(values, pc.match_substring_regex(values, _NUMBER))
    typed = plain.cast(pa.float64())
    return settle(values, only(typed, _fits(typed, column)), lambda v: _number(v, column))


def judge_integer(values: pa.Array, column: Column, context: Context) -> Judged:
    """int64 within the column's bounds; 3.0 counts as 3."""
    plain = only(values, pc.match_substring_regex(values, _INTEGER))
    typed = plain.cast(pa.int64())
    return settle(values, only(typed, _fits(typed.cast(pa.float64(), safe=False), column)), lambda v: _whole(v, column))


def _fits(typed: pa.Array, column: Column) -> pa.Array:
    fits = pc.is_finite(typed)
    if column.least is not None:
        fits = pc.and_(fits, pc.greater_equal(typed, column.least))
    if column.most is not None:
        fits = pc.and_(fits, pc.less_equal(typed, column.most))
    return pc.fill_null(fits, fill_value=False)


def _number(value: str, column: Column) -> float:
    """One number that the quick way left; raises FaultError with the most telling reason."""
    if value.lower() in NOT_FINITE:
        raise FaultError("SY314")
    if _THOUSANDS.fullmatch(value):
        raise FaultError("SY312", suggestion=re.sub(r"[^\d.+-]", "", value))
    if not value.isascii() and _plain(folded := unicodedata.normalize("NFKC", value)):
        raise FaultError("SY313", suggestion=folded)
    if not _plain(value):
        raise FaultError("SY311")
    number = float(value)
    if not math.isfinite(number):
        raise FaultError("SY314")
    if column.least is not None and number < column.least:
        raise FaultError("SY315", least=column.least)
    if column.most is not None and number > column.most:
        raise FaultError("SY316", most=column.most)
    return number


def _plain(value: str) -> bool:
    return value.isascii() and re.match(_NUMBER, value.removeprefix("+")) is not None


def _whole(value: str, column: Column) -> int:
    number = _number(value, column)
    if not number.is_integer() or abs(number) >= 2**53:
        raise FaultError("SY334")
    return int(number)


def judge_choice(values: pa.Array, column: Column, context: Context) -> Judged:
    """One of the column's choices, spelled as there."""

    def one(value: str) -> str:
        raise FaultError("SY317", choices=", ".join(column.choices), **near(value, column.choices))

    return settle(values, only(values, pc.is_in(values, pa.array(column.choices, pa.string()))), one)


def near(value: str, known: tuple[str, ...]) -> dict[str, object]:
    """``suggestion``: the known word most like a value, for a "did you mean"; a question mark where there is none."""
    exact = [word for word in known if word.lower() == value.lower()]
    return {"suggestion": (exact or difflib.get_close_matches(value[:60], known, 1, 0.6) or ["?"])[0]}


def judge_subject(values: pa.Array, column: Column, context: Context) -> Judged:
    """1 to 200 printable characters: no control or invisible ones, which make two names look like one."""

    def one(value: str) -> str:
        odd = next((f"U+{ord(c):04X}" for c in value if unicodedata.category(c) in _INVISIBLE), "")
        raise FaultError("SY318", length=len(value), odd=odd or "-")

    return settle(values, only(values, pc.match_substring_regex(values, _ID)), one)


_INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")


def judge_credit(values: pa.Array, column: Column, context: Context) -> Judged:
    """Unified social credit codes: 18 of 31 letters, the check letter of GB 32100 and within it that of GB 11714."""
    formed = pc.match_substring_regex(values, _CREDIT)
    codes = values.filter(formed).to_pylist()
    right = np.zeros(len(values), dtype=bool)
    if codes:
        pairs = zip(codes, credit_digits(codes), organisation_digits(codes), strict=True)
        right[formed.to_numpy(zero_copy_only=False)] = [c[17] == d and c[16] == o for c, d, o in pairs]
    return settle(values, only(values, pa.array(right)), _credit)


def _credit(value: str) -> str:
    odd = sorted({letter for letter in value if letter not in CREDIT})
    if len(value) != 18 or odd:
        raise FaultError("SY325", length=len(value), odd=" ".join(odd) or "-")
    if value[16] != organisation_digits([value])[0]:
        raise FaultError("SY327", found=value[16], expected=organisation_digits([value])[0])
    raise FaultError("SY326", found=value[17], expected=credit_digits([value])[0])


def judge_region(values: pa.Array, column: Column, context: Context) -> Judged:
    """GB/T 2260: six digits, known down to the prefecture, now or before a change; membership is not asked of an empty list."""
    known = context.codes.get("gbt2260", frozenset())
    former = context.codes.get("gbt2260_changes", frozenset())

    def one(value: str) -> str:
        if not (len(value) == 6 and value.isascii() and value.isdigit()):
            raise FaultError("SY328")
        if known and not region_known(value, known) and former.isdisjoint((value, value[:4] + "00")):
            raise FaultError("SY336")
        return value

    return settle(values, pa.nulls(len(values), pa.string()), one)


def judge_industry(values: pa.Array, column: Column, context: Context) -> Judged:
    """GB/T 4754: a section letter, or 2 to 4 digits with or without it, in a known division."""
    known = context.codes.get("gbt4754", frozenset())

    def one(value: str) -> str:
        division = industry_division(value)
        if not division:
            raise FaultError("SY329")
        if known and division not in known:
            raise FaultError("SY337", division=division)
        return value

    return settle(values, pa.nulls(len(values), pa.string()), one)


def judge_url(values: pa.Array, column: Column, context: Context) -> Judged:
    """An http or https address."""

    def one(value: str) -> str:
        raise FaultError("SY335")

    return settle(values, only(values, pc.match_substring_regex(values, _URL)), one)


JUDGES: dict[str, Judge] = {
    "text": judge_text,
    "number": judge_number,
    "integer": judge_integer,
    "time": judge_time,
    "choice": judge_choice,
    "subject": judge_subject,
    "uscc": judge_credit,
    "gbt2260": judge_region,
    "gbt4754": judge_industry,
    "url": judge_url,
}
TYPES: dict[str, Callable[[], pa.DataType]] = {"number": pa.float64, "integer": pa.int64, "time": pa.int64}


def arrow_type(kind: str) -> pa.DataType:
    """int64 for time (µs UTC) and integer, float64 for number, string for the rest."""
    return TYPES.get(kind, pa.string)()
