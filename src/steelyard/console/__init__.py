"""Floor 6: the console. Pages rendered on the server over one home; no arithmetic in pages, no script to read them."""

from steelyard.console.site import app, serve

__all__ = ["app", "serve"]
