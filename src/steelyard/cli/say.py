"""How commands speak: rows on standard output, complaints on standard error, JSON alone where it was asked for."""

from __future__ import annotations

import json as json_module
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from steelyard.errors import language


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Rows in aligned columns on a terminal; tab-separated when piped, so that other programs can read them."""
    from rich.cells import cell_len

    texts = [[str(cell) for cell in row] for row in ([heads] if heads else [])] + [
        [str(c) for c in row] for row in rows
    ]
    if not sys.stdout.isatty():
        for row in texts:
            print("\t".join(row))
        return
    widths = [max(cell_len(row[i]) for row in texts) for i in range(len(texts[0]))] if texts else []
    for row in texts:
        print(
            "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def as_json(document: Any) -> None:
    """One JSON document on standard output."""
    print(json_module.dumps(document, ensure_ascii=False, indent=2, default=str))


def note(text: str) -> None:
    """Progress and remarks, on standard error."""
    print(text, file=sys.stderr, flush=True)


def complain(code: str, where: str, what: str, remedy: str) -> None:
    """What, where, why and what to do, with the stable code, on standard error."""
    place = f"{where}: " if where else ""
    label = "怎么办" if language() == "zh" else "what to do"
    print(f"{code} {place}{what}\n  {label}: {remedy}", file=sys.stderr)


def share_of(value: float, unit: str) -> str:
    """A value for a terminal: per cent for ratios, else up to six digits."""
    return f"{value:.2%}" if unit == "1" else f"{value:g}"
