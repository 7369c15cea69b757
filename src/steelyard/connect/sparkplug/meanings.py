"""Names of metrics whose meaning is standardised: PackML tags, MTConnect data items, and names in common use."""

from __future__ import annotations

_MEANINGS = {
    "status/statecurrent": ("state", "packml"), "statecurrent": ("state", "packml"),
    "execution": ("state", "packml"), "state": ("state", "packml"), "status/state": ("state", "packml"),
    "status/unitmodecurrent": ("mode", "packml"), "unitmodecurrent": ("mode", "packml"), "mode": ("mode", "packml"),
    "admin/prodprocessedcount": ("produced", "counter"), "prodprocessedcount": ("produced", "counter"),
    "partcount": ("produced", "counter"), "producedcount": ("produced", "counter"),
    "goodcount": ("good", "counter"), "scrapcount": ("scrap", "counter"), "rejectcount": ("scrap", "counter"),
    "admin/proddefectivecount": ("scrap", "counter"), "proddefectivecount": ("scrap", "counter"),
}  # fmt: skip


def meaning(name: str) -> tuple[str, str]:
    """Column and rule that a metric's name proposes; both empty where it proposes none."""
    plain = name.lower().replace(" ", "").replace("_", "")
    for known, found in _MEANINGS.items():
        if plain == known or plain.endswith(f"/{known}"):
            return found
    return "", ""
