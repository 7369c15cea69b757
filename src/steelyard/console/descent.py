"""A figure's descent for reading: the tree of a trace with names, and the same flat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from steelyard.api.reading import Reader

if TYPE_CHECKING:
    from steelyard.store.home import Home


def descent(home: Home, document: dict[str, Any], lang: str) -> dict[str, Any]:
    """A trace's document with each figure described and each leaf's facts in one place; children likewise."""
    reader = Reader(home, lang)
    reader.meet(_subjects(document))
    return _named(reader, document)


def _subjects(node: dict[str, Any]) -> set[str]:
    own = {node["figure"]["subject"]} if node.get("figure") else set()
    return own.union(*map(_subjects, node.get("children") or []))


def _named(reader: Reader, node: dict[str, Any]) -> dict[str, Any]:
    figure, leaf = node.get("figure"), node.get("leaf")
    return {
        "digest": node["digest"],
        "kind": node["kind"],
        "state": node["state"],
        "why": node.get("why") or "",
        "at_home": node.get("at_home") or "",
        "figure": reader.describe(figure) if figure else None,
        "leaf": _leaf(leaf) if leaf else None,
        "method": node.get("method"),
        "seal": node.get("seal"),
        "children": [_named(reader, child) for child in node.get("children") or []],
        "more": node.get("more") or 0,
    }


def _leaf(leaf: dict[str, Any]) -> dict[str, Any]:
    """File, SHA-256, table, rows and grade of a leaf, beside its whole header."""
    header = {**leaf.get("header", {}), **leaf}
    header.pop("header", None)
    source = header.get("source") or {}
    source = source if isinstance(source, dict) else {"file": str(source)}
    return {
        "table": header.get("table") or header.get("kind") or "",
        "file": source.get("file") or source.get("name") or "",
        "sha256": source.get("sha256") or header.get("sha256") or "",
        "rows": str(header.get("rows_used") or header.get("rows") or ""),
        "grade": header.get("grade") or "",
        "synthetic": bool(header.get("synthetic")),
        "header": header,
    }


def flat(tree: dict[str, Any], depth: int = 0) -> list[dict[str, Any]]:
    """Every node on a row of its own, parents before children, with its depth."""
    figure, leaf = tree["figure"] or {}, tree["leaf"] or {}
    row = {"depth": depth, **{name: tree[name] for name in ("kind", "state", "why", "digest")}, **figure, **leaf}
    row |= {"digest": tree["digest"], "synthetic": leaf.get("synthetic") or "synthetic" in figure.get("flags", ())}
    return [row, *(below for child in tree["children"] for below in flat(child, depth + 1))]
