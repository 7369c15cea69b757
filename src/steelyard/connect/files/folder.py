"""What lies in a watched folder: regular files that fit the pattern; links that lead out of it are told, not followed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

ENDINGS = (
    ".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".jsonl", ".ndjson", ".json", ".parquet",
    ".shdr", ".log",
)  # fmt: skip
_PASSING = (".", "~$")  # hidden files, and the locks of office programs


@dataclass(frozen=True)
class Seen:
    """One file as it lay there: ``name`` relative to the folder, its real path, bytes, time of change (ns).

    ``named`` is false where the name is no UTF-8: its odd bytes stand in ``name`` in hexadecimal.
    """

    name: str
    path: Path
    size: int
    changed: int
    named: bool = True

    @property
    def state(self) -> tuple[int, int]:
        """What differs once the file was written to, as far as the file system says."""
        return self.size, self.changed


def seen(folder: Path, patterns: Sequence[str], *, recursive: bool, leads_out: Callable[[str], None]) -> Iterator[Seen]:
    """The files of a folder, by name; raises OSError where the folder itself cannot be read."""
    root = folder.resolve(strict=True)
    yield from _within(root, root, patterns, recursive=recursive, leads_out=leads_out)


def _within(
    here: Path, root: Path, patterns: Sequence[str], *, recursive: bool, leads_out: Callable[[str], None]
) -> Iterator[Seen]:
    with os.scandir(here) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.name.startswith(_PASSING):
            continue
        if entry.is_dir(follow_symlinks=False):
            if recursive:
                yield from _below(Path(entry.path), root, patterns, leads_out)
        elif _fits(name := Path(entry.path).relative_to(root).as_posix(), patterns) and (
            path := _real(entry, root, name, leads_out)
        ):
            yield from _one(name, path)


def _below(here: Path, root: Path, patterns: Sequence[str], leads_out: Callable[[str], None]) -> Iterator[Seen]:
    """A subfolder; one that went away, or that may not be read, does not stop the others."""
    try:
        yield from _within(here, root, patterns, recursive=True, leads_out=leads_out)
    except OSError:
        return


def _fits(name: str, patterns: Sequence[str]) -> bool:
    """Patterns are of the file's name, or, where they have a slash, of its whole path in the folder."""
    bare = name.rpartition("/")[2]
    if not patterns:
        return bare.lower().endswith(ENDINGS)
    return any(fnmatch(name if "/" in pattern else bare, pattern) for pattern in patterns)


def _real(entry: os.DirEntry[str], root: Path, name: str, leads_out: Callable[[str], None]) -> Path | None:
    """The path of a file, a link within the folder followed; None for links that lead out, and for what is no file."""
    path = Path(entry.path)
    if entry.is_symlink():
        path = path.resolve()
        if not path.is_relative_to(root):
            leads_out(_shown(name))
            return None
    return path if path.is_file() else None


def _one(name: str, path: Path) -> Iterator[Seen]:
    try:
        stat = path.stat()
    except OSError:  # gone between the listing and the question
        return
    shown = _shown(name)
    yield Seen(shown, path, stat.st_size, stat.st_mtime_ns, named=shown == name)


def _shown(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")
