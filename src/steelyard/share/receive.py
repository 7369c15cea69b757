"""Take bundles: each verified by itself under the home's policy, then all that hold kept together; Figures are kept, not leaves.

One bundle is a batch of one. A batch is one transaction, one document (a tar of the bundles as they came), and one seal and one
segment a measure, in which each Figure says which home told it. A bundle that is refused refuses only itself.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from steelyard.errors import InputError
from steelyard.evidence import merkle
from steelyard.evidence.crew import Came, lots
from steelyard.evidence.lots import NAMED, Head, Lot, refused
from steelyard.evidence.policy import Distrust
from steelyard.model.leaf import Leaf
from steelyard.share import unkept
from steelyard.share.news import KEY, Mask, copies, told_later
from steelyard.share.trust import peers_of, policy_of
from steelyard.store import figures as at_rest
from steelyard.store.home import FOREVER, Home
from steelyard.store.lake import engine
from steelyard.store.lake import keep as keep_file
from steelyard.store.ledger import bundles, methods

BATCH_BYTES, BATCH = 64 << 20, 2048
"""A batch ends when it holds so many bytes or so many bundles: memory is bounded however many come."""


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
    (outcome,) = receive_many(home, [(where, data)])
    if isinstance(outcome, InputError):
        raise outcome
    return outcome


def receive_many(home: Home, found: Iterable[tuple[str, bytes]]) -> list[Received | InputError]:
    """Verify bundles, given with where they came from, and keep those that hold; what each came to, in the same order.

    Batches are kept one after the other: when this raises (a full disk), whole batches were kept and the rest were not.
    """
    out: list[Received | InputError] = []
    measures: set[str] = set()
    peers = {peer.key: peer for peer in peers_of(home)}
    for came, found_out in _verified(home, _batches(found)):
        batch = _Batch(home, came, found_out, peers)
        out += batch.take()
        measures |= batch.measures
    for measure in sorted(measures):
        at_rest.compact(home, measure)
    return out


def _verified(home: Home, batches: Iterator[Came]) -> Iterator[tuple[Came, list[Lot]]]:
    try:
        policy = policy_of(home)
    except Distrust as why:
        for came in batches:
            yield came, [refused(len(came), why)]
        return
    yield from lots(batches, policy, home.id, home.now())


def _batches(found: Iterable[tuple[str, bytes]]) -> Iterator[Came]:
    batch: Came = []
    size = 0
    for where, data in found:
        batch.append((where, data))
        size += len(data)
        if size >= BATCH_BYTES or len(batch) >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _Batch:
    """Bundles that were verified, on their way into a home."""

    def __init__(self, home: Home, came: Came, lots: Sequence[Lot], peers: dict[bytes, Any]) -> None:
        self.home = home
        self.came = came
        self.lots = lots
        self.peers = peers
        self.outcomes: dict[int, Received | Distrust] = {place: why for lot in lots for place, why in lot.wrong.items()}
        self.measures: set[str] = set()

    def take(self) -> list[Received | InputError]:
        """Keep what holds and is new, note what was not kept."""
        heads = sorted((head for lot in self.lots for head in lot.heads), key=lambda head: (head.number, head.place))
        with self.home.ledger.write() as connection:
            fresh = self._fresh(connection, heads)
            if fresh:
                self._keep(connection, fresh)
            self._note(connection, heads)
        out: list[Received | InputError] = []
        for place, (where, _) in enumerate(self.came):
            outcome = self.outcomes[place]
            out.append(outcome if isinstance(outcome, Received) else InputError(outcome.code, where, **outcome.facts))
        return out

    def _fresh(self, connection: sa.Connection, heads: Sequence[Head]) -> list[Head]:
        """Those that are new: neither here already, nor older than what came under the same offer."""
        here = unkept.digests_here(connection, [head.digest for head in heads])
        last = _last_numbers(connection, {head.provider for head in heads})
        fresh = []
        for head in heads:
            before = last.get((head.provider, head.offer), 0)
            if head.digest in here:
                self.outcomes[head.place] = Received(head.provider, head.name, head.number, 0, already=True)
            elif before >= head.number:
                self.outcomes[head.place] = Distrust("SY417", number=head.number, last=before)
            else:
                here.add(head.digest)
                last[head.provider, head.offer] = head.number
                self.outcomes[head.place] = Received(head.provider, head.name, head.number, head.figures)
                fresh.append(head)
        return fresh

    def _note(self, connection: sa.Connection, heads: Sequence[Head]) -> None:
        """Remember what was repeated or refused, so that it can be said by name."""
        now, rows = self.home.now(), []
        for head in heads:
            outcome = self.outcomes[head.place]
            code, facts = (outcome.code, outcome.facts) if isinstance(outcome, Distrust) else ("", {})
            if code or (isinstance(outcome, Received) and outcome.already):
                rows.append(unkept.row_of(head.digest, code, facts, self.came[head.place][0], now, provider=head.provider, name=head.name,
                                          offer=head.offer, number=head.number, signer=head.signer))  # fmt: skip
        for place, why in ((place, why) for lot in self.lots for place, why in lot.wrong.items()):
            where, data = self.came[place]
            rows.append(unkept.said(data, why.code, why.facts, where, now))
        unkept.note(connection, rows)

    # keeping

    def _keep(self, connection: sa.Connection, fresh: Sequence[Head]) -> None:
        document = self._leaves(connection, fresh)
        self._methods(connection)
        self._figures(connection, self._in_time(connection, fresh))
        now = self.home.now()
        connection.execute(bundles.insert(), [
            {"digest": head.digest, "provider": head.provider, "offer": head.offer, "number": head.number,
             "subject": self.peers[head.signer].subject, "made": head.made, "taken": now, "figures": head.figures,
             "leaf": document.id} for head in fresh])  # fmt: skip

    def _leaves(self, connection: sa.Connection, fresh: Sequence[Head]) -> Leaf:
        """The bundles as they came, who was heard, and the subjects that nobody had named here before; returns the first."""
        home = self.home
        path = Path("bundles") / f"{merkle.root(head.digest for head in fresh).hex()}.tar"
        seen = _write_tar(home.path / path, [(head.digest, self.came[head.place][1]) for head in fresh])
        made = [head.made for head in fresh]
        makers = {head.provider for head in fresh}
        source = {"file": path.name, "sha256": seen.hex(), "sheet": "", "read": len(fresh)}
        document = home.keep_document(connection, "bundle", path, seen, (min(made), max(made) + 1),
                                      makers.pop() if len(makers) == 1 else "*", "frame", source)  # fmt: skip
        below = source | {"parents": [document.digest.hex()]}
        now = home.now()
        who = sorted({self.peers[head.signer].subject or head.provider for head in fresh})
        rows = pa.table({"subject": who, "at": pa.array([now] * len(who), pa.int64()),
                         "row": pa.array(range(1, len(who) + 1), pa.int64())})  # fmt: skip
        leaves = [
            document,
            home.keep_leaf(
                connection, "bundles", rows, (now, now + 1), (who[0], who[-1]), "frame", below, synthetic=False
            ),
        ]
        for synthetic, part in _unknown(home, self._named(fresh)):
            ends = (part["id"][0].as_py(), part["id"][-1].as_py())
            leaves.append(
                home.keep_leaf(connection, "subjects", part, FOREVER, ends, "frame", below, synthetic=synthetic)
            )
        home.seal_leaves(connection, leaves)
        return document

    def _methods(self, connection: sa.Connection) -> None:
        """Keep the texts that are not here yet."""
        told = {digest: text for lot in self.lots for digest, text in lot.methods.items()}
        here = {row.digest for row in connection.execute(sa.select(methods.c.digest))}
        for digest in told.keys() - here:
            self.home.keep_method(connection, told[digest])

    def _in_time(self, connection: sa.Connection, fresh: Sequence[Head]) -> pa.Table:
        """The Figures of some bundles as they were made, the latest last; without those that the same home has told later already, and
        without copies of what others told themselves.
        """
        at = _last_made(connection, {head.provider for head in fresh})
        latest: dict[str, int] = {}
        for (home, _), made in at.items():
            latest[home] = max(made, latest.get(home, made))
        when: dict[int, int] = {}
        for head in fresh:  # under one offer the number counts, whatever a clock said
            key = (head.provider, head.offer)
            when[head.place] = at[key] = max(head.made, at.get(key, head.made))
        ordered = sorted(fresh, key=lambda head: when[head.place])
        told = self._told(ordered)
        news = np.ones(told.num_rows, np.bool_)
        first = 0
        for head in ordered:
            rows = slice(first, first + head.figures)
            if when[head.place] < latest.get(head.provider, when[head.place]):
                news[rows] = ~told_later(self.home, connection, told[rows], head.provider, when[head.place])
            first = rows.stop
        handed = self._handed(ordered, told)
        if handed.any():
            news[handed] &= ~copies(self.home, told.filter(pa.array(handed)), told["replaces"])
        return told if news.all() else told.filter(pa.array(news))

    def _handed(self, ordered: Sequence[Head], told: pa.Table) -> Mask:
        """Which Figures are of another subject than the home that tells them: it may have them from elsewhere."""
        own = np.repeat([self.peers[head.signer].subject for head in ordered], [head.figures for head in ordered])
        return np.asarray(told["subject"].to_numpy(zero_copy_only=False) != own)

    def _told(self, fresh: Sequence[Head]) -> pa.Table:
        """The Figures of some bundles, in the order of those bundles, each with the home that tells it."""
        rows, which = self._rows(fresh, [head.figures for lot in self.lots for head in lot.heads])
        homes = pa.array([head.provider for head in fresh], pa.string()).take(which)
        return pa.concat_tables([lot.figures for lot in self.lots]).take(rows).append_column("told", homes)

    def _named(self, fresh: Sequence[Head]) -> pa.Table:
        """The subjects of some bundles, in the order of those bundles, each with whether synthetic Figures came with it."""
        rows, which = self._rows(fresh, [head.subjects for lot in self.lots for head in lot.heads])
        synthetic = pa.array([head.synthetic for head in fresh], pa.bool_()).take(which)
        return pa.concat_tables([lot.subjects for lot in self.lots]).take(rows).append_column("synthetic", synthetic)

    def _rows(self, fresh: Sequence[Head], counts: Sequence[int]) -> tuple[pa.Array, pa.Array]:
        """Of all bundles that hold, with so many rows each, the rows of the fresh ones; and to which of these each row belongs."""
        place = {head.place: i for i, head in enumerate(head for lot in self.lots for head in lot.heads)}
        chosen = np.array([place[head.place] for head in fresh], np.int64)
        sizes = np.array(counts, np.int64)
        first, taken = np.cumsum(sizes) - sizes, sizes[chosen]
        which = np.repeat(np.arange(len(chosen)), taken)
        within = np.arange(int(taken.sum())) - np.repeat(np.cumsum(taken) - taken, taken)
        return pa.array(np.repeat(first[chosen], taken) + within), pa.array(which)

    def _figures(self, connection: sa.Connection, told: pa.Table) -> None:
        """One seal and one segment a measure; a Figure told again in the same batch for the same key comes under a later seal."""
        for part in _turns(told):
            measures = part["measure"].combine_chunks().dictionary_encode()
            for number, measure in enumerate(measures.dictionary.to_pylist()):
                rows = part.filter(pc.equal(measures.indices, number))
                digests = rows["digest"].to_numpy().tolist()
                roots = merkle.block_roots(sorted(digests))
                seal = self.home.seal(connection, "taken", digests, merkle.root_of_blocks(roots))
                at_rest.keep(self.home, connection, rows, seal, at_rest.TOLD, roots)
                self.measures.add(measure)


def _turns(told: pa.Table) -> Iterator[pa.Table]:
    """Figures without those that are the very same, split so that no part holds two of one subject, measure and period."""
    if told.group_by(KEY).aggregate([([], "count_all")]).num_rows == told.num_rows:
        yield told
        return
    seen: set[bytes] = set()
    turns: dict[tuple[Any, ...], int] = {}
    turn = []
    columns = (told[name].to_numpy(zero_copy_only=False).tolist() for name in ("digest", *KEY))
    for digest, *key in zip(*columns, strict=True):
        if digest in seen:
            turn.append(-1)
            continue
        seen.add(digest)
        turn.append(turns.get(tuple(key), 0))
        turns[tuple(key)] = turn[-1] + 1
    numbers = np.array(turn, np.int64)
    yield from (told.filter(pa.array(numbers == number)) for number in range(max(turn, default=-1) + 1))


def _last_made(connection: sa.Connection, providers: set[str]) -> dict[tuple[str, str], int]:
    """When the bundle made last that came under each offer of some homes was made (µs UTC)."""
    return _last(connection, providers, bundles.c.made)


def _last_numbers(connection: sa.Connection, providers: set[str]) -> dict[tuple[str, str], int]:
    """The greatest number that came under each offer of some homes."""
    return _last(connection, providers, bundles.c.number)


def _last(connection: sa.Connection, providers: set[str], column: sa.Column[Any]) -> dict[tuple[str, str], int]:
    out = {}
    names = sorted(providers)
    for i in range(0, len(names), 500):
        some = bundles.c.provider.in_(names[i : i + 500])
        query = sa.select(bundles.c.provider, bundles.c.offer, sa.func.max(column).label("last"))
        for row in connection.execute(query.where(some).group_by(bundles.c.provider, bundles.c.offer)):
            out[row.provider, row.offer] = int(row.last)
    return out


def _write_tar(path: Path, files: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Bundles side by side in one durable file, each as it came, under its digest; returns the file's SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    plain = tarfile.TarInfo("0" * 64 + ".steelyard").tobuf(tarfile.USTAR_FORMAT)
    with partial.open("wb") as out:
        for digest, data in files:
            out.write(_entry(plain, digest, len(data)))
            out.write(data)
            out.write(bytes(-len(data) % tarfile.BLOCKSIZE))
        out.write(bytes(2 * tarfile.BLOCKSIZE))
    return keep_file(partial, path)


def _entry(plain: bytes, digest: bytes, size: int) -> bytes:
    """The header of an entry (POSIX ustar): another one's with name, size and checksum written anew."""
    head = digest.hex().encode() + plain[64:124] + b"%011o" % size + plain[135:148] + b" " * 8 + plain[156:]
    return head[:148] + b"%06o\0 " % sum(head) + head[156:]


def _unknown(home: Home, told: pa.Table) -> Iterator[tuple[bool, pa.Table]]:
    """The subjects that this home does not name itself, apart by whether synthetic Figures speak of them: what a peer says of the
    others changes nothing here.
    """
    with engine(home.path) as opened:
        home.table_view(opened, "subjects")
        opened.register("told", told.append_column("row", pa.array(np.arange(told.num_rows))))
        columns = ", ".join(f"arg_min({name}, row) AS {name}" for name in NAMED[1:])
        new = opened.arrow(f"""
            SELECT id, {columns}, bool_or(synthetic) AS synthetic FROM told ANTI JOIN subjects USING (id) GROUP BY id ORDER BY id""")  # fmt: skip
    for synthetic in (False, True):
        part = new.filter(pc.equal(new["synthetic"], synthetic)).select(NAMED)
        if part.num_rows:
            yield synthetic, part.append_column("row", pa.array(range(1, part.num_rows + 1), pa.int64()))
