"""Take a bundle: verified as bytes and under the home's policy before anything is kept; then Figures are kept, not leaves."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from steelyard.errors import InputError, UsageError
from steelyard.evidence import bundle as sealed
from steelyard.evidence import merkle
from steelyard.evidence.canonical import digest as digest_of
from steelyard.evidence.canonical import figure_digests, plain
from steelyard.evidence.policy import Distrust
from steelyard.model.offer import Offer
from steelyard.share.offers import covers, offer_of
from steelyard.share.trust import peers_of, policy_of
from steelyard.store import figures as at_rest
from steelyard.store.home import FOREVER, Home
from steelyard.store.lake import engine, write_bytes
from steelyard.store.ledger import bundles

MOST_FETCHED = sealed.MOST_BYTES


@dataclass(frozen=True)
class Received:
    """What taking a bundle came to: from whom, its number, Figures kept, and whether it was here already."""

    provider: str
    name: str
    number: int
    figures: int
    already: bool = False


def receive(home: Home, data: bytes, where: str = "") -> Received:
    """Verify a bundle's bytes and keep its Figures. Raises InputError with the reason; then nothing at all is kept."""
    try:
        opened = sealed.unpack(data, policy_of(home), home.now())
        return _keep(home, opened, data)
    except Distrust as why:
        raise InputError(why.code, where, **why.facts) from why


def fetch(address: str) -> bytes:
    """The bytes at an http or https address that a person gave; no redirects, bounded size. Raises InputError."""
    if urlsplit(address).scheme not in ("http", "https"):
        raise InputError("SY421", address, why="only http and https")
    try:
        with build_opener(_NoRedirect).open(Request(address), timeout=30) as answer:  # noqa: S310  - scheme checked above
            data: bytes = answer.read(MOST_FETCHED + 1)
    except HTTPError as error:
        error.close()
        raise InputError("SY421", address, why=str(error)) from error
    except (OSError, ValueError) as error:
        raise InputError("SY421", address, why=str(error)) from error
    if len(data) > MOST_FETCHED:
        raise InputError("SY402", address, bytes=len(data), most=MOST_FETCHED)
    return data


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _keep(home: Home, opened: sealed.Bundle, data: bytes) -> Received:
    header = opened.header
    offer = _offer(header, home)
    provider = str(header["provider"].get("id", ""))
    name = str(header["provider"].get("name", ""))
    query = sa.select(bundles).where(bundles.c.provider == provider, bundles.c.offer == offer.id)
    known = home.ledger.all(query.order_by(bundles.c.number.desc()))
    if any(row.digest == opened.digest for row in known):
        return Received(provider, name, header["number"], 0, already=True)
    if known and known[0].number >= header["number"]:
        raise Distrust("SY417", number=header["number"], last=known[0].number)
    figures, subjects, methods = _parts(opened, offer)
    subjects = _unknown(home, subjects)
    peer = next(peer for peer in peers_of(home) if peer.key == opened.signer)
    with home.ledger.write() as connection:
        leaf_rows = pa.table(
            {"subject": [peer.subject or provider], "at": pa.array([home.now()], pa.int64()), "row": pa.array([1])}
        )
        path = Path("bundles") / f"{opened.digest.hex()}.steelyard"
        seen = write_bytes(home.path / path, data)
        source = {"file": path.name, "sha256": opened.digest.hex(), "sheet": "", "read": 1, "provider": provider,
                  "signer": opened.signer.hex()}  # fmt: skip
        document = home.keep_document(
            connection, "bundle", path, seen, (header["made"], header["made"] + 1), provider, "frame", source
        )
        heard = home.keep_leaf(connection, "bundles", leaf_rows, (home.now(), home.now() + 1), (peer.subject or provider,) * 2,
                               "frame", source | {"parents": [document.digest.hex()]}, synthetic=False)  # fmt: skip
        leaves = [document, heard]
        if subjects.num_rows:
            ends = pc.min_max(subjects["id"]).as_py()
            leaves.append(home.keep_leaf(connection, "subjects", subjects, FOREVER, (ends["min"], ends["max"]), "frame",
                                         source | {"parents": [document.digest.hex()]}, synthetic=_synthetic(figures)))  # fmt: skip
        home.seal_leaves(connection, leaves)
        for text in methods:
            home.keep_method(connection, text)
        for measure in pc.unique(figures["measure"]).to_pylist():
            part = figures.filter(pc.equal(figures["measure"], measure))
            seal = home.seal(connection, "taken", part["digest"].to_pylist())
            at_rest.keep(home, connection, part, seal, provider)
        connection.execute(bundles.insert().values(
            digest=opened.digest, provider=provider, offer=offer.id, number=header["number"], subject=peer.subject,
            made=header["made"], taken=home.now(), figures=figures.num_rows, leaf=document.id,
        ))  # fmt: skip
    return Received(provider, name, header["number"], figures.num_rows)


def _offer(header: dict[str, Any], home: Home) -> Offer:
    try:
        offer = offer_of(header["offer"])
    except (KeyError, TypeError, ValueError, UsageError) as error:
        raise Distrust("SY405", why=f"offer: {error}") from error
    if offer.consumer not in ("*", home.id):
        raise Distrust("SY416", consumer=offer.consumer)
    return offer


def _parts(opened: sealed.Bundle, offer: Offer) -> tuple[pa.Table, pa.Table, list[dict[str, Any]]]:
    """Parse what was verified, and check every Figure against its own digest, the root, the offer, and a text of its method."""
    try:
        figures = pq.read_table(io.BytesIO(opened.parts["figures.parquet"])).cast(at_rest.SCHEMA)
        subjects = pq.read_table(io.BytesIO(opened.parts["subjects.parquet"]))
        methods = plain(opened.parts["methods.json"], 64 << 20)
        texts = [text for name, text in methods.items() if digest_of(text).hex() == name]
    except (KeyError, ValueError, TypeError, AttributeError, OSError, pa.ArrowException) as error:
        raise Distrust("SY408", why=" ".join(str(error).split())[:200]) from error
    columns = {name: figures[name].to_pylist() for name in at_rest.SCHEMA.names}
    anew = list(figure_digests(columns | {"flags": [tuple(flags) for flags in columns["flags"]]}))
    wrong = sum(a != b for a, b in zip(anew, columns["digest"], strict=True)) + sum(
        n - 1 for n in Counter(anew).values()
    )
    if wrong or merkle.root(anew).hex() != opened.header["root"] or len(anew) != opened.header["figures"]:
        raise Distrust("SY409", count=wrong or len(anew))
    told = {digest_of(text) for text in texts}
    if missing := set(columns["method"]) - told:
        raise Distrust("SY408", why=f"the text of {len(missing)} methods is missing")
    beyond = sum(
        not _within(offer, *row)
        for row in zip(*(columns[k] for k in ("measure", "subject", "start", "end")), strict=True)
    )
    if beyond:
        raise Distrust("SY418", count=beyond)
    return figures, _numbered(subjects), texts


def _within(offer: Offer, measure: str, subject: str, start: int, end: int) -> bool:
    return (
        covers(offer.measures, measure)
        and covers(offer.subjects, subject)
        and offer.start <= start
        and end <= offer.end
    )


def _numbered(subjects: pa.Table) -> pa.Table:
    columns = ("id", "kind", "name_zh", "name_en", "uscc", "gbt2260", "gbt4754")
    try:
        named = subjects.select(columns).cast(pa.schema([(name, pa.string()) for name in columns]))
    except (KeyError, pa.ArrowException) as error:
        raise Distrust("SY408", why=f"subjects: {error}") from error
    return named.append_column("row", pa.array(range(1, named.num_rows + 1), pa.int64()))


def _unknown(home: Home, subjects: pa.Table) -> pa.Table:
    """The subjects that this home does not name itself: what a peer says of the others changes nothing here."""
    with engine(home.path) as opened:
        home.table_view(opened, "subjects")
        opened.register("told", subjects)
        return opened.arrow("SELECT * FROM told ANTI JOIN subjects USING (id)")


def _synthetic(figures: pa.Table) -> bool:
    return any("synthetic" in flags for flags in figures["flags"].to_pylist())
