"""Which documents a cell names: kept ones by digest or name, new ones by the name of a file in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.store.documents import SHORTEST
from steelyard.store.home import Home
from steelyard.store.lake import file_hash
from steelyard.take.documents import KINDS, MOST_BYTES, documents_of

Fault = tuple[str, dict[str, Any]]
MOST_JOINED = 8  # parts of a cell among which names with a + are looked for
_BY_WORD = {word: kind for kind, chinese in KINDS.items() for word in (kind, chinese)}


@dataclass(frozen=True)
class Named:
    """A document that a cell names: its digest in hex, its kind, and its file where it is yet to be kept."""

    document: str
    kind: str
    path: Path | None = None


class Shelf:
    """The documents of one subject, and a folder with those to come.

    A file in the folder ``invoice`` (or 发票) is an invoice; one that lies in no folder named as a kind is ``other``.
    """

    def __init__(self, home: Home, subject: str, folder: Path | None) -> None:
        self.folder = folder.resolve() if folder else None
        self.kept = documents_of(home, subject)

    def ids(self, cell: str) -> frozenset[str]:
        """What a cell names, as far as it is known: digests of kept documents, the words as they stand for the rest."""
        found = ((word, self._one(word)) for word in self._words(cell))
        return frozenset(one.document if isinstance(one, Named) else word for word, one in found)

    def find(self, cell: str) -> tuple[list[Named], list[Fault]]:
        """The documents that a cell names, several joined by +, and what is wrong with the rest."""
        named: list[Named] = []
        faults: list[Fault] = []
        for word in self._words(cell):
            found = self._one(word)
            if isinstance(found, Named):
                named.append(found)
            else:
                faults.append((found[0], {"value": word, **found[1]}))
        return named, faults

    def wanted(self, rows: Iterable[Any]) -> list[tuple[Path, str]]:
        """The files that rows to be kept name, each once, with its kind."""
        return list({one.path: (one.path, one.kind) for row in rows for one in row.documents if one.path}.values())

    def _words(self, cell: str) -> list[str]:
        """The names in a cell. A file's name may itself hold a +, so the longest that is found is taken."""
        parts, words = cell.split("+"), []
        while parts:
            longest = range(len(parts), 1, -1) if len(parts) <= MOST_JOINED else ()
            joined = ((n, "+".join(parts[:n]).strip()) for n in longest)
            count, word = next(
                ((n, word) for n, word in joined if isinstance(self._one(word), Named)), (1, parts[0].strip())
            )
            words += [word] if word else []
            parts = parts[count:]
        return words

    def _one(self, word: str) -> Named | Fault:
        """The document that a word names, or what is wrong with the word."""
        digest = len(word) >= SHORTEST and set(word.lower()) <= set("0123456789abcdef")
        found = [one for one in self.kept if one.name == word or (digest and one.document.startswith(word.lower()))]
        if len(found) == 1:
            return Named(found[0].document, found[0].kind)
        if found:
            return "SY723", {"count": len(found), "ids": ", ".join(one.short for one in found)}
        return self._file(self.folder, word) if self.folder else ("SY723", {"count": 0, "ids": "–"})

    def _file(self, folder: Path, word: str) -> Named | Fault:
        try:
            return self._inside(folder, word)
        except (
            OSError,
            ValueError,
        ) as error:  # longer than names of files are, a zero within it, a folder not to be read
            return "SY790", {"why": getattr(error, "strerror", None) or str(error)}

    def _inside(self, folder: Path, word: str) -> Named | Fault:
        direct = (folder / word).resolve()
        if not direct.is_relative_to(folder):
            return "SY724", {"folder": folder.name}
        files = [direct] if direct.is_file() else self._called(folder, word)
        inside = [path for path in files if path.resolve().is_relative_to(folder)]
        if len(inside) != 1:
            places = ", ".join(path.relative_to(folder).as_posix() for path in inside[:5])
            return "SY723", {"count": len(inside), "ids": places or "–"}
        if (size := inside[0].stat().st_size) > MOST_BYTES or not size:
            return ("SY714", {"bytes": size, "most": MOST_BYTES}) if size else ("SY207", {})
        folders = inside[0].relative_to(folder).parts[:-1]
        kind = next((_BY_WORD[name] for name in folders if name in _BY_WORD), "other")
        return Named(file_hash(inside[0]).hex(), kind, inside[0])

    @staticmethod
    def _called(folder: Path, name: str) -> list[Path]:
        return [path for path in sorted(folder.rglob("*")) if path.name == name and path.is_file()]
