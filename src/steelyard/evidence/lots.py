"""Bundles verified one by one, before anything of them is kept: bytes, policy, parts, then every Figure's digest in one go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from steelyard.evidence import bundle as sealed
from steelyard.evidence import merkle
from steelyard.evidence.parts import read_methods, read_table
from steelyard.evidence.policy import AllOf, Distrust, Rule, SignedBy
from steelyard.evidence.record import SCHEMA, figure_digests
from steelyard.evidence.seal import fingerprint
from steelyard.model.figure import GRADES
from steelyard.model.offer import Offer, covers, offer_of

NAMED = ("id", "kind", "name_zh", "name_en", "uscc", "gbt2260", "gbt4754")
"""What a bundle says of a subject."""
SUBJECTS = pa.schema([(name, pa.string()) for name in NAMED])
_REACH = ("measure", "subject", "start", "end")
_JUDGED = ("digest", "method", "heard", "among", "grade", *_REACH)
_BREAK = "\x00"  # stands in no honest flag


@dataclass(frozen=True)
class Head:
    """A bundle that holds: its place among those that came, its digest, who signed it, the home that this is, its number under an
    offer, when it was made (µs UTC), how many Figures and subjects it holds, and whether any Figure is synthetic.
    """

    place: int
    digest: bytes
    signer: bytes
    provider: str
    name: str
    offer: str
    number: int
    made: int
    figures: int
    subjects: int
    synthetic: bool


@dataclass(frozen=True)
class Lot:
    """Bundles that were verified: those that hold, with all that they say one after the other in the order of ``heads`` (``figures``
    with the columns of ``evidence.record.SCHEMA``, ``subjects`` with those of ``NAMED``), and what is wrong with the others, by place.
    """

    heads: list[Head]
    figures: pa.Table
    subjects: pa.Table
    methods: dict[bytes, dict[str, Any]]
    wrong: dict[int, Distrust]


@dataclass(frozen=True)
class _Opened:
    place: int
    bundle: sealed.Bundle
    offer: Offer
    figures: pa.Table
    subjects: pa.Table
    methods: dict[bytes, dict[str, Any]]


def verify(found: Iterable[tuple[int, bytes]], policy: Rule, consumer: str, now: int) -> Lot:
    """Verify bundles, given with their places, for a home (its id) at a time (µs UTC)."""
    every = list(found)
    try:
        return _lot(every, policy, consumer, now)
    except Exception as error:  # noqa: BLE001  - whatever stands in one bundle, it refuses only itself: which one, halves find out
        if len(every) < 2:
            return replace(_lot((), policy, consumer, now), wrong={place: _unread(error) for place, _ in every})
        half = len(every) // 2
        one, two = (verify(part, policy, consumer, now) for part in (every[:half], every[half:]))
        figures, subjects = (
            pa.concat_tables(pair) for pair in ((one.figures, two.figures), (one.subjects, two.subjects))
        )
        return Lot(one.heads + two.heads, figures, subjects, one.methods | two.methods, one.wrong | two.wrong)


def _lot(found: Iterable[tuple[int, bytes]], policy: Rule, consumer: str, now: int) -> Lot:
    opened, wrong = [], {}
    for place, data in found:
        try:
            opened.append(_open(place, data, policy, consumer, now))
        except Distrust as why:
            wrong[place] = why
        except Exception as error:  # noqa: BLE001  - as above
            wrong[place] = _unread(error)
    figures = _joined([one.figures for one in opened], SCHEMA)
    wrong |= _judge(opened, figures)
    held = [one for one in opened if one.place not in wrong]
    if len(held) < len(opened):
        figures = _joined([one.figures for one in held], SCHEMA)
    methods = {digest: text for one in held for digest, text in one.methods.items()}
    subjects = _joined([one.subjects for one in held], SUBJECTS)
    return Lot(list(_heads(held, figures["flags"])), figures, subjects, methods, wrong)


def _heads(held: Sequence[_Opened], flags: pa.ChunkedArray) -> Iterator[Head]:
    """Their heads; ``flags`` are those of all their Figures, one after the other."""
    words, rows = pc.list_flatten(flags), pc.list_parent_indices(flags)
    made_up = np.unique(rows.to_numpy()[pc.equal(words, "synthetic").to_numpy(zero_copy_only=False)])
    first = 0
    for one in held:
        last = first + one.figures.num_rows
        synthetic = bool(np.searchsorted(made_up, first) < np.searchsorted(made_up, last))
        header = one.bundle.header
        name = str(header["provider"].get("name", ""))
        yield Head(one.place, one.bundle.digest, one.bundle.signer, one.offer.provider, name, one.offer.id, header["number"], header["made"],
                   last - first, one.subjects.num_rows, synthetic)  # fmt: skip
        first = last


def _joined(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()


def refused(count: int, why: Distrust) -> Lot:
    """So many bundles that are all refused for one reason."""
    nothing = verify((), AllOf((SignedBy(frozenset()),)), "", 0)
    return replace(nothing, wrong=dict.fromkeys(range(count), why))


def _open(place: int, data: bytes, policy: Rule, consumer: str, now: int) -> _Opened:
    """Verify all of a bundle but its Figures. Raises Distrust."""
    found = sealed.unpack(data, policy, now)
    offer = _offer(found.header, consumer)
    _same_home(found, offer)
    figures, subjects, methods = _parts(found)
    return _Opened(place, found, offer, figures, subjects, methods)


def _offer(header: dict[str, Any], consumer: str) -> Offer:
    try:
        offer = offer_of(header["offer"])
    except (KeyError, TypeError, ValueError) as error:
        raise Distrust("SY405", why=f"offer: {error}") from error
    if offer.consumer not in ("*", consumer):
        raise Distrust("SY416", consumer=offer.consumer)
    return offer


def _same_home(found: sealed.Bundle, offer: Offer) -> None:
    """A trusted home speaks for itself alone."""
    own = fingerprint(found.signer)
    for said in (found.header["provider"].get("id"), offer.provider):
        if said != own:
            raise Distrust("SY800", said=str(said)[:40], own=own)


def _parts(found: sealed.Bundle) -> tuple[pa.Table, pa.Table, dict[bytes, dict[str, Any]]]:
    """Parse what was verified as bytes. Raises Distrust SY408 on what cannot be read, SY409 where Figures were left out."""
    count = found.header["figures"]
    try:
        figures = read_table(found.parts["figures.arrow"], SCHEMA)
        subjects = read_table(found.parts["subjects.arrow"], SUBJECTS)
        told = _methods(found)
    except (KeyError, ValueError, TypeError, AttributeError, OSError, pa.ArrowException) as error:
        raise _unread(error) from error
    if figures.num_rows != count:
        raise Distrust("SY409", count=abs(figures.num_rows - count))
    if any(figures.column(i).null_count for i in range(figures.num_columns - 1)):
        raise Distrust("SY408", why="a Figure without a value")
    if pc.list_flatten(figures["flags"]).null_count:
        raise Distrust("SY408", why="a flag without a word")
    if subjects["id"].null_count:
        raise Distrust("SY408", why="a subject without an id")
    if subjects.num_rows > figures.num_rows:
        raise Distrust("SY408", why="subjects of which no Figure speaks")
    methods = {name: told[name] for name in pc.unique(figures["method"]).to_pylist() if name in told}
    return figures, subjects, methods


def _unread(error: Exception) -> Distrust:
    return Distrust("SY408", why=" ".join((str(error) or type(error).__name__).split())[:200])


@dataclass(frozen=True)
class _Sent:
    """The documents of methods as they came: the same where their SHA-256 is."""

    sha256: str
    data: bytes = field(compare=False)


def _methods(found: sealed.Bundle) -> dict[bytes, dict[str, Any]]:
    sent = _Sent(found.header["parts"]["methods.arrow"]["sha256"], found.parts["methods.arrow"])
    return _methods_of(sent) if len(sent.data) < 1 << 16 else read_methods(sent.data)


@lru_cache(maxsize=64)
def _methods_of(sent: _Sent) -> dict[bytes, dict[str, Any]]:
    """Thousands of homes send the very same ones."""
    return read_methods(sent.data)


def _judge(opened: Sequence[_Opened], figures: pa.Table) -> dict[int, Distrust]:
    """Look at all Figures of some bundles; by their place, what is wrong with those that do not hold."""
    columns = _columns(figures)
    anew = _digests(columns, opened)
    wrong: dict[int, Distrust] = {}
    first = 0
    for one in opened:
        rows = slice(first, first + one.figures.num_rows)
        try:
            _holds(one, {name: columns[name][rows] for name in _JUDGED}, anew[rows])
        except Distrust as why:
            wrong[one.place] = why
        except Exception as error:  # noqa: BLE001  - as above
            wrong[one.place] = _unread(error)
        first = rows.stop
    return wrong


def _digests(columns: dict[str, list[Any]], opened: Sequence[_Opened]) -> list[bytes]:
    """The digest of every Figure as it should be; empty for all of a bundle that says what no digest can be made of."""
    try:
        return list(figure_digests(columns))
    except (ValueError, TypeError):
        pass
    out: list[bytes] = []
    for one in opened:
        rows = slice(len(out), len(out) + one.figures.num_rows)
        try:
            out += list(figure_digests({name: values[rows] for name, values in columns.items()}))
        except (ValueError, TypeError):
            out += [b""] * one.figures.num_rows
    return out


def _holds(one: _Opened, columns: dict[str, list[Any]], anew: list[bytes]) -> None:
    """Raises Distrust where a Figure is not what its digest, the root, the texts of methods or the offer say."""
    if anew != columns["digest"] or len(set(anew)) < len(anew) or merkle.root(anew).hex() != one.bundle.header["root"]:
        wrong = sum(a != b for a, b in zip(anew, columns["digest"], strict=True)) + len(anew) - len(set(anew))
        raise Distrust("SY409", count=wrong or len(anew))
    if missing := set(columns["method"]) - one.methods.keys():
        raise Distrust("SY408", why=f"the text of {len(missing)} methods is missing")
    if not all(map(_can_be, *(columns[name] for name in ("start", "end", "heard", "among", "grade")))):
        raise Distrust("SY408", why="a Figure that cannot be")
    if beyond := _beyond(one.offer, columns):
        raise Distrust("SY418", count=beyond)


def _can_be(start: int, end: int, heard: float, among: float, grade: str) -> bool:
    """Whether a home could have weighed a Figure with these fields; estimated values may lie outside their range."""
    return -(2**53) < start < end < 2**53 and heard >= 0 and among >= 0 and grade in GRADES


def _beyond(offer: Offer, columns: dict[str, list[Any]]) -> int:
    """How many Figures lie beyond an offer; few measures and subjects occur, so that each is compared once."""
    if not columns["measure"]:
        return 0
    measures = {name: covers(offer.measures, name) for name in set(columns["measure"])}
    subjects = {name: covers(offer.subjects, name) for name in set(columns["subject"])}
    inside = min(columns["start"]) >= offer.start and max(columns["end"]) <= offer.end
    if inside and all(measures.values()) and all(subjects.values()):
        return 0
    rows = zip(*(columns[name] for name in _REACH), strict=True)
    return sum(
        not (measures[m] and subjects[s] and offer.start <= start and end <= offer.end) for m, s, start, end in rows
    )


def _columns(figures: pa.Table) -> dict[str, list[Any]]:
    """Columns as ``figure_digests`` takes them."""
    plainly = [name for name in SCHEMA.names if name not in ("flags", "start", "end")]
    return {
        **{name: figures[name].to_numpy(zero_copy_only=False).tolist() for name in plainly},
        **{name: figures[name].to_numpy().tolist() for name in ("start", "end")},
        "flags": _flags(figures["flags"]),
    }


def _flags(column: pa.ChunkedArray) -> list[tuple[str, ...]]:
    """Lists of words as tuples; few occur, so that each is read once."""
    flat = pc.list_flatten(column)
    if pc.any(pc.match_substring(flat, _BREAK)).as_py():
        return [tuple(flags) for flags in column.to_pylist()]
    joined = pc.binary_join(column, _BREAK).to_numpy(zero_copy_only=False).tolist()
    lengths = pc.list_value_length(column).to_numpy().tolist()
    known = {
        (text, count): tuple(text.split(_BREAK)) if count else ()
        for text, count in set(zip(joined, lengths, strict=True))
    }
    return [known[key] for key in zip(joined, lengths, strict=True)]
