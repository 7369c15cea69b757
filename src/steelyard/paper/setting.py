"""Sets pages with typst: numbered parts, each of texts and tables, from JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, cast

from steelyard.errors import InputError, UsageError


def set_pdf(content: Mapping[str, Any], now: int) -> bytes:
    """Set the pages as PDF/A-2u: fonts embedded, text searchable, and no character that could not be set.

    ``content``: lang, title, subtitle, footer, home, synthetic, words (unknown, synthetic) and parts, each with number, title, state,
    missing, texts, tables (head, widths, rows) and after; a cell is a text, None (unknown) or a digest. ``now`` in µs UTC.
    Raises UsageError where the extra is not installed, InputError where a character has no glyph or there is no Chinese font.
    """
    try:
        import typst  # noqa: PLC0415  - an extra
    except ImportError as error:
        raise UsageError("SY711", missing=error.name or "typst") from error
    source = files("steelyard").joinpath("paper/pages.typ").read_bytes()
    try:
        compiler = typst.Compiler(input=source, sys_inputs={"data": json.dumps(content, ensure_ascii=False)})
        pdf, _ = compiler.compile_with_warnings(format="pdf", pdf_standards=["a-2u"], timestamp=now // 1_000_000)
    except typst.TypstError as error:
        raise InputError("SY710", why=str(error)) from error
    return cast("bytes", pdf)
