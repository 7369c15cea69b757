"""Which message is of which stream: the topics of edge nodes and their devices."""

from __future__ import annotations

from steelyard.connect.sparkplug import conformance
from steelyard.connect.sparkplug.nodes import Node, Stream
from steelyard.connect.sparkplug.reading import Reader

VERBS = {b"NBIRTH", b"DBIRTH", b"NDATA", b"DDATA", b"NDEATH", b"DDEATH"}
Route = tuple[str, Stream]


class Topics:
    """Topics that were seen, and the nodes that they made known."""

    def __init__(self, reader: Reader) -> None:
        self.nodes: dict[tuple[str, str], Node] = {}
        self.routes: dict[bytes, Route] = {}
        self._reader = reader

    def node(self, group: str, edge: str) -> Node:
        """An edge node, made where it is new."""
        return self.nodes.setdefault((group, edge), Node(group, edge))

    def route(self, topic: bytes) -> Route | None:
        """Verb and stream of a topic of an edge node; None for any other, commands among them."""
        levels = topic.split(b"/")
        if len(levels) < 4 or levels[0] != b"spBv1.0" or levels[2] not in VERBS:
            return None
        try:
            _, group, verb, edge, *rest = topic.decode().split("/")
        except UnicodeDecodeError:
            return None
        device = "" if verb[0] == "N" else "/".join(rest)
        node = self.node(group, edge)
        subject = f"{group}/{edge}/{device}" if device else f"{group}/{edge}"
        stream = node.streams.setdefault(device, Stream(node, device, subject))
        self._reader.find(subject, conformance.of_topic(verb, len(levels)))
        self.routes[topic] = found = (verb, stream)
        return found
