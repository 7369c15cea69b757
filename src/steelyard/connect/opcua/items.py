"""What is read: each variable with the name it has with us, found by namespace URI or by browse path on every connect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from steelyard.connect.opcua.session import Session, numbered
from steelyard.connect.opcua.settings import NODE_ID, Settings, Wanted

OBJECTS = numbered(ObjectIds.ObjectsFolder)
LEAVE_OUT = {
    numbered(ObjectIds.Server),
    numbered(23470),
}  # the server's own diagnostics; aliases, which name others again
META = {"EURange", "InstrumentRange", "EngineeringUnits", "EnumStrings", "EnumValues", "TrueState", "FalseState", "InputArguments",
        "OutputArguments", "ValuePrecision", "Definition", "NodeVersion", "DefaultInstanceBrowseName", "NamingRule", "HA Configuration"}  # fmt: skip
HIGHEST = 16


@dataclass(frozen=True)
class Item:
    """One variable. ``path``: namespace URI and name of each step under Objects; ``types``: of the objects on it, from the top."""

    node: ua.NodeId
    subject: str
    signal: str
    unit: str = ""
    path: tuple[tuple[str, str], ...] = ()
    types: tuple[str, ...] = ()
    data_type: ua.NodeId = field(default_factory=ua.NodeId)
    type_name: str = ""
    names: dict[int, str] = field(default_factory=dict)
    history: bool = False


@dataclass
class Place:
    """A node on the way down from Objects. ``above``: how many steps of its path are objects."""

    node: ua.NodeId
    path: tuple[tuple[str, str], ...]
    types: tuple[str, ...]
    above: int = 0
    variable: bool = False


def subject_of(objects: Sequence[tuple[str, str]], settings: Settings) -> str:
    """The device of a variable: names of the objects above it; the server's address where it lies right under Objects."""
    return "/".join(name for _, name in objects) or settings.url.removeprefix("opc.tcp://").rstrip("/")


def item_of(place: Place, settings: Settings) -> Item:
    """A variable that was found by browsing."""
    signal = "/".join(name for _, name in place.path[place.above :])
    return Item(place.node, subject_of(place.path[: place.above], settings), signal, path=place.path, types=place.types)


async def browse_all(session: Session, settings: Settings) -> tuple[list[Item], bool]:
    """All variables under Objects, breadth first; and whether there are more than ``max_nodes``."""
    found: list[Place] = []
    level, seen = [Place(OBJECTS, (), ())], {OBJECTS, *LEAVE_OUT}
    for _ in range(settings.depth):
        children = await _below(session, level, seen)
        found += [place for place in children if place.variable]
        level = children
        if not level or len(found) > settings.max_nodes:
            break
    items = [item_of(place, settings) for place in found[: settings.max_nodes]]
    return items, len(found) > settings.max_nodes


async def _below(session: Session, level: list[Place], seen: set[ua.NodeId]) -> list[Place]:
    """The nodes one step down that were not seen before."""
    below: list[Place] = []
    for parent, references in zip(level, await session.browse([place.node for place in level]), strict=True):
        for reference in references:
            node = local(reference.NodeId)
            if node in seen or (reference.BrowseName.NamespaceIndex == 0 and reference.BrowseName.Name in META):
                continue
            if parent.variable and reference.ReferenceTypeId == numbered(ObjectIds.HasProperty):
                continue
            seen.add(node)
            below.append(_placed(session, parent, reference, node))
    return below


def _placed(session: Session, parent: Place, reference: ua.ReferenceDescription, node: ua.NodeId) -> Place:
    step = (session.uri(reference.BrowseName.NamespaceIndex), reference.BrowseName.Name or "")
    kind = session.uri(reference.TypeDefinition.NamespaceIndex) if reference.TypeDefinition else ""
    variable = reference.NodeClass == ua.NodeClass.Variable
    above = parent.above if variable else parent.above + 1
    return Place(node, (*parent.path, step), parent.types if variable else (*parent.types, kind), above, variable)


def local(node: ua.NodeId) -> ua.NodeId:
    """An ExpandedNodeId of a reference, as a NodeId of this server."""
    return ua.NodeId(node.Identifier, node.NamespaceIndex, node.NodeIdType)


def node_id(text: str, namespaces: Sequence[str]) -> ua.NodeId | None:
    """A node id by the server's present namespaces; None where it has not that namespace."""
    found = NODE_ID.match(text)
    if not found or (found["uri"] and found["uri"] not in namespaces):
        return None
    index = namespaces.index(found["uri"]) if found["uri"] else int(found["index"] or 0)
    return ua.NodeId.from_string(f"ns={index};{found['kind']}={found['name']}")


class Finder:
    """Finds wanted nodes. ``known`` remembers the browse path of each node id, by which it is found when ids have changed."""

    def __init__(self, settings: Settings, known: dict[str, Any]) -> None:
        self.settings = settings
        self.known = known

    async def find(self, session: Session, wanted: Iterable[Wanted]) -> tuple[list[Item], list[Wanted]]:
        """The items of wanted nodes, and those that the server does not have at present."""
        by_path = [(each, each.steps()) for each in wanted if each.is_path]
        by_id = [(each, node_id(each.node, session.namespaces)) for each in wanted if not each.is_path]
        there = await self._existing(session, [(each, node) for each, node in by_id if node is not None])
        found = await self._named(session, there)
        by_path += [(each, [tuple(step) for step in self.known[each.node]]) for each, _ in by_id
                    if each.node not in found and each.node in self.known]  # fmt: skip
        found |= await self._walked(session, by_path)
        items = [self._item(each, found[each.node]) for each in wanted if each.node in found]
        return items, [each for each in wanted if each.node not in found]

    def _item(self, wanted: Wanted, place: Place) -> Item:
        if not wanted.is_path and place.path:
            self.known[wanted.node] = [list(step) for step in place.path]
        item = item_of(place, self.settings) if place.path else Item(place.node, "", wanted.node)
        item = item if item.subject else replace(item, subject=subject_of((), self.settings))
        return replace(
            item, subject=wanted.subject or item.subject, signal=wanted.signal or item.signal, unit=wanted.unit
        )

    async def _existing(
        self, session: Session, asked: list[tuple[Wanted, ua.NodeId]]
    ) -> list[tuple[Wanted, ua.NodeId]]:
        """Those of the nodes that are variables of the server."""
        classes = await session.read([node for _, node in asked], AttributeIds.NodeClass)
        return [pair for pair, value in zip(asked, classes, strict=True)
                if value.Value and value.Value.Value == ua.NodeClass.Variable]  # fmt: skip

    async def _named(self, session: Session, there: list[tuple[Wanted, ua.NodeId]]) -> dict[str, Place]:
        """The browse path of each node. One whose path is another than before is another node under an old number: left out."""
        paths = await paths_of(session, [node for _, node in there])
        found = {}
        for (wanted, node), path in zip(there, paths, strict=True):
            before = self.known.get(wanted.node)
            if before is None or not path or [tuple(step) for step in before] == list(path):
                found[wanted.node] = Place(node, path, (), len(path) - 1, variable=True)
        return found

    async def _walked(self, session: Session, asked: list[tuple[Wanted, list[tuple[str, str]]]]) -> dict[str, Place]:
        """Down from Objects by names, all paths at once, each parent browsed once."""
        found: dict[str, Place] = {}
        walking = [(wanted, steps, Place(OBJECTS, (), ())) for wanted, steps in asked]
        while walking:
            parents = list({place.node: place for _, _, place in walking}.values())
            references = dict(
                zip([p.node for p in parents], await session.browse([p.node for p in parents]), strict=True)
            )
            going = []
            for wanted, steps, place in walking:
                below = _step(session, place, references[place.node], steps[0])
                if below and len(steps) > 1:
                    going.append((wanted, steps[1:], below))
                elif below and below.variable:
                    found[wanted.node] = below
            walking = going
        return found


def _step(
    session: Session, place: Place, references: list[ua.ReferenceDescription], step: tuple[str, str]
) -> Place | None:
    uri, name = step
    for reference in references:
        if reference.BrowseName.Name == name and uri in ("", session.uri(reference.BrowseName.NamespaceIndex)):
            return _placed(session, place, reference, local(reference.NodeId))
    return None


async def paths_of(session: Session, nodes: Sequence[ua.NodeId]) -> list[tuple[tuple[str, str], ...]]:
    """The browse path under Objects of each node, going up; empty where it hangs nowhere under Objects."""
    names = await session.read(nodes, AttributeIds.BrowseName)
    steps: dict[ua.NodeId, tuple[str, str]] = {n: _name(session, v) for n, v in zip(nodes, names, strict=True)}
    parents: dict[ua.NodeId, ua.NodeId] = {}
    level = list(dict.fromkeys(nodes))
    for _ in range(HIGHEST):
        level = await _above(session, level, parents, steps)
        if not level:
            break
    return [_path(node, parents, steps) for node in nodes]


def _name(session: Session, value: ua.DataValue) -> tuple[str, str]:
    name = value.Value.Value if value.Value else None
    return (session.uri(name.NamespaceIndex), name.Name or "") if isinstance(name, ua.QualifiedName) else ("", "")


async def _above(session: Session, level: list[ua.NodeId], parents: dict[ua.NodeId, ua.NodeId],
                 steps: dict[ua.NodeId, tuple[str, str]]) -> list[ua.NodeId]:  # fmt: skip
    """Go one step up from each node; returns the parents that were not yet known."""
    above: list[ua.NodeId] = []
    for node, references in zip(level, await session.browse(level, back=True), strict=True):
        if not references:
            continue
        parent = local(references[0].NodeId)
        parents[node] = parent
        if parent not in steps and parent != OBJECTS:
            name = references[0].BrowseName
            steps[parent] = (session.uri(name.NamespaceIndex), name.Name or "")
            above.append(parent)
    return above


def _path(
    node: ua.NodeId, parents: dict[ua.NodeId, ua.NodeId], steps: dict[ua.NodeId, tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    path: list[tuple[str, str]] = []
    while node != OBJECTS:
        if node not in parents or len(path) > HIGHEST:
            return ()
        path.append(steps[node])
        node = parents[node]
    return tuple(reversed(path))
