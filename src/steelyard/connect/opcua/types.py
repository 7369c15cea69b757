"""What a variable's values mean: unit, names of an enumeration, fields of a structure, whether the server keeps history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import unpack_uatype, unpack_uatype_array
from asyncua.ua.uaerrors import UaError

from steelyard.connect.opcua.items import Item, local
from steelyard.connect.opcua.session import Session

BUILT_IN = 25
HISTORY_READ = 4
TOLD = {"EngineeringUnits", "EnumStrings", "EnumValues"}
DEEPEST = 16
STRUCTURE, OPTIONAL_FIELDS, UNION = 0, 1, 2
NAMES = {i: ua.VariantType(i).name for i in range(1, BUILT_IN + 1)}


class Types:
    """The data types of one server, read as they are met. ``base``: built-in type of each; structures by encoding."""

    def __init__(self) -> None:
        self.base: dict[ua.NodeId, int] = {}
        self.label: dict[ua.NodeId, str] = {}
        self.names: dict[ua.NodeId, dict[int, str]] = {}
        self.fields: dict[ua.NodeId, Any] = {}
        self.encodings: dict[ua.NodeId, ua.NodeId] = {}

    async def learn(self, session: Session, types: Sequence[ua.NodeId]) -> None:
        """Read the definitions of types that are not yet known, and of those that their fields have."""
        new = [kind for kind in dict.fromkeys(types) if kind not in self.base and not kind.is_null()]
        for _ in range(DEEPEST):
            if not new:
                return
            await self._bases(session, new)
            fields = await self._definitions(session, [kind for kind in new if not is_built_in(kind)])
            new = [kind for kind in dict.fromkeys(fields) if kind not in self.base]

    async def _bases(self, session: Session, types: Sequence[ua.NodeId]) -> None:
        """The built-in type at the root of each type."""
        at = {kind: kind for kind in types}
        for _ in range(DEEPEST):
            rising = [kind for kind, node in at.items() if not is_built_in(node)]
            above = (
                await session.browse([at[kind] for kind in rising], ObjectIds.HasSubtype, back=True) if rising else []
            )
            moved = {kind: local(up[0].NodeId) for kind, up in zip(rising, above, strict=True) if up}
            if not moved:
                break
            at |= moved
        self.base |= {kind: int(node.Identifier) if is_built_in(node) else 0 for kind, node in at.items()}

    async def _definitions(self, session: Session, types: Sequence[ua.NodeId]) -> list[ua.NodeId]:
        """Keep the names or fields of each type; returns the types of the fields."""
        told = await session.read(types, AttributeIds.DataTypeDefinition)
        labels = await session.read(types, AttributeIds.BrowseName)
        properties = await properties_of(session, types)
        met: list[ua.NodeId] = []
        for kind, value, label, own in zip(types, told, labels, properties, strict=True):
            definition = value.Value.Value if value.Value else None
            self.label[kind] = label.Value.Value.Name if label.Value and label.Value.Value else ""
            if isinstance(definition, ua.EnumDefinition):
                self.names[kind] = {int(each.Value): str(each.Name) for each in definition.Fields}
            if isinstance(definition, ua.StructureDefinition):
                self.fields[kind] = definition
                self.encodings[definition.DefaultEncodingId] = kind
                met += [each.DataType for each in definition.Fields]
            self.names[kind] = names_of(own) or self.names.get(kind, {})
        return met

    def structure(self, encoding: ua.NodeId, body: bytes) -> Any:
        """The fields of a structure by name; None where its definition is unknown or does not fit the bytes."""
        kind = self.encodings.get(encoding)
        try:
            return self._fields(kind, Buffer(body)) if kind is not None else None
        except (UaError, ValueError, KeyError, IndexError):
            return None

    def _fields(self, kind: ua.NodeId, body: Buffer) -> Any:
        definition = self.fields[kind]
        form = int(definition.StructureType)
        if form == UNION:
            chosen = int(unpack_uatype(ua.VariantType.UInt32, body))
            return {f.Name: self._field(f, body) for f in definition.Fields[chosen - 1 : chosen]} if chosen else None
        mask = int(unpack_uatype(ua.VariantType.UInt32, body)) if form == OPTIONAL_FIELDS else 0
        found, bit = {}, 0
        for each in definition.Fields:
            there = not (each.IsOptional and form == OPTIONAL_FIELDS) or bool(mask >> bit & 1)
            bit += bool(each.IsOptional)
            found[each.Name] = self._field(each, body) if there else None
        return found

    def _field(self, each: ua.StructureField, body: Buffer) -> Any:
        if each.ValueRank >= 1:
            if each.DataType in self.fields:
                count = int(unpack_uatype(ua.VariantType.Int32, body))
                return [self._fields(each.DataType, body) for _ in range(count)]
            return [self._named(each.DataType, v) for v in unpack_uatype_array(self._wire(each.DataType), body) or []]
        if each.DataType in self.fields:
            return self._fields(each.DataType, body)
        return self._named(each.DataType, unpack_uatype(self._wire(each.DataType), body))

    def _wire(self, kind: ua.NodeId) -> ua.VariantType:
        """How a type stands on the wire: enumerations as Int32, anything at all as a Variant."""
        base = self.base[kind]
        return ua.VariantType.Int32 if base == ObjectIds.Enumeration else ua.VariantType(base or ObjectIds.BaseDataType)

    def _named(self, kind: ua.NodeId, value: Any) -> Any:
        return self.names.get(kind, {}).get(value, value) if isinstance(value, int) else value


def is_built_in(kind: ua.NodeId) -> bool:
    """Whether a type is one of the 25 of OPC UA, or Enumeration."""
    number = kind.Identifier
    return (
        kind.NamespaceIndex == 0 and isinstance(number, int) and (number <= BUILT_IN or number == ObjectIds.Enumeration)
    )


async def properties_of(session: Session, nodes: Sequence[ua.NodeId]) -> list[dict[str, Any]]:
    """The values of those properties of each node that say what it means."""
    owner, asked = [], []
    for place, references in enumerate(await session.browse(nodes, ObjectIds.HasProperty)):
        for reference in references:
            if reference.BrowseName.NamespaceIndex == 0 and reference.BrowseName.Name in TOLD:
                owner.append((place, reference.BrowseName.Name))
                asked.append(local(reference.NodeId))
    found: list[dict[str, Any]] = [{} for _ in nodes]
    for (place, name), value in zip(owner, await session.read(asked), strict=True):
        found[place][name] = value.Value.Value if value.Value else None
    return found


def names_of(told: dict[str, Any]) -> dict[int, str]:
    """The names of an enumeration's values, from EnumValues or EnumStrings."""
    values = [v for v in told.get("EnumValues") or [] if isinstance(v, ua.EnumValueType)]
    if values:
        return {int(v.Value): str(v.DisplayName.Text) for v in values if v.DisplayName and v.DisplayName.Text}
    texts = told.get("EnumStrings") or []
    return {
        place: str(text.Text) for place, text in enumerate(texts) if isinstance(text, ua.LocalizedText) and text.Text
    }


def unit_of(told: dict[str, Any]) -> str:
    """The unit's sign, such as ``°C``, of the property EngineeringUnits."""
    unit = told.get("EngineeringUnits")
    shown = unit.DisplayName if isinstance(unit, ua.EUInformation) else None
    return str(shown.Text or "") if shown else ""


async def describe(session: Session, items: Sequence[Item], types: Types) -> list[Item]:
    """The items with unit, type, names and whether the server keeps their history."""
    nodes = [item.node for item in items]
    kinds = [_value(v, ua.NodeId()) for v in await session.read(nodes, AttributeIds.DataType)]
    access = [int(_value(v, 0)) for v in await session.read(nodes, AttributeIds.UserAccessLevel)]
    told = await properties_of(session, nodes)
    await types.learn(session, kinds)
    return [
        replace(item, data_type=kind, type_name=NAMES.get(types.base.get(kind, 0), "") if is_built_in(kind) else types.label.get(kind, ""),
                unit=item.unit or unit_of(own), names=names_of(own) or types.names.get(kind, {}),
                history=bool(level & HISTORY_READ))
        for item, kind, level, own in zip(items, kinds, access, told, strict=True)
    ]  # fmt: skip


def _value(value: ua.DataValue, otherwise: Any) -> Any:
    found = value.Value.Value if value.Value else None
    return otherwise if found is None else found
