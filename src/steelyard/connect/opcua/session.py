"""One session with a server: opened, kept alive, closed; bulk reads and browses within the server's own limits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_session import UaSession
from asyncua.common.utils import Buffer
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from steelyard.connect.base import Lost
from steelyard.connect.opcua.secure import check_password, client_of
from steelyard.connect.opcua.settings import Settings
from steelyard.connect.opcua.values import micros_of
from steelyard.errors import InputError

DENIED = {StatusCodes.BadUserAccessDenied, StatusCodes.BadIdentityTokenInvalid,
          StatusCodes.BadIdentityTokenRejected}  # fmt: skip
LIMITS = {
    "read": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "browse": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "monitor": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
    "history": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData,
}
SEEN = ua.NodeClass.Object | ua.NodeClass.Variable
PULSE = 1.2  # seconds between two looks at the server


def numbered(number: int) -> ua.NodeId:
    """A node of OPC UA's own namespace."""
    return ua.NodeId(ua.Int32(number))


def chunks(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """A sequence in pieces of at most ``size``."""
    return [items[start : start + size] for start in range(0, len(items), max(1, size))]


class Session:
    """An activated session. ``namespaces``: URIs by index; ``skew``: the server's clock less ours, µs."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self.services: UaSession = client.uaclient.session
        self.namespaces: list[str] = []
        self.limits = dict.fromkeys(LIMITS, settings.batch)
        self.skew = 0

    async def learn(self) -> None:
        """Read the server's namespaces, clock and limits."""
        await self.look()
        told = await self.services.read_attributes([numbered(i) for i in LIMITS.values()], AttributeIds.Value)
        for name, value in zip(LIMITS, told, strict=True):
            most = value.Value.Value if value.Value else None
            if isinstance(most, int) and most > 0:
                self.limits[name] = min(most, self.settings.batch)

    async def look(self) -> None:
        """One sign of life; raises Lost where namespaces changed: indices in node ids mean something else from now on."""
        ids = [ObjectIds.Server_NamespaceArray, ObjectIds.Server_ServerStatus_CurrentTime]
        array, clock = await self.services.read_attributes([numbered(i) for i in ids], AttributeIds.Value)
        namespaces = [str(uri) for uri in (array.Value.Value if array.Value else None) or []]
        if self.namespaces and namespaces != self.namespaces:
            raise Lost("the server's namespaces changed")
        self.namespaces = namespaces
        moment = clock.Value.Value if clock.Value else None
        self.skew = micros_of(moment) - time.time_ns() // 1000 if moment else 0

    def server_time(self) -> int:
        """Now by the server's clock, µs UTC."""
        return time.time_ns() // 1000 + self.skew

    async def watch(self) -> None:
        """Look at the server until it no longer answers; raises what says so, within about five seconds."""
        while True:
            await asyncio.sleep(PULSE)
            await self.look()

    async def renew(self) -> None:
        """Renew the channel's keys before they end, for ever."""
        while True:
            await asyncio.sleep(self.client.secure_channel_timeout * 0.75 / 1000)
            await self.client.open_secure_channel(renew=True)
            self.client.uaclient.revolve_security_token()

    async def send(self, request: Any, *, forever: bool = False) -> Buffer:
        """One request of any service, answered in time or, as a publish request, some day. Raises ConnectionError when the channel is gone."""
        protocol = self.client.uaclient.protocol
        if protocol is None:
            raise ConnectionError("not connected")
        return await protocol.send_request(request, 0 if forever else None)

    async def read(
        self, nodes: Sequence[ua.NodeId], attribute: AttributeIds = AttributeIds.Value
    ) -> list[ua.DataValue]:
        """One attribute of many nodes; with it, each server's and source's time."""
        found: list[ua.DataValue] = []
        for some in chunks(nodes, self.limits["read"]):
            ids = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node in some]
            found += await self.services.read(
                ua.ReadParameters(MaxAge=0, TimestampsToReturn=ua.TimestampsToReturn.Both, NodesToRead=ids)
            )
        return found

    async def browse(self, nodes: Sequence[ua.NodeId], kind: int = ObjectIds.HierarchicalReferences, *,
                     back: bool = False) -> list[list[ua.ReferenceDescription]]:  # fmt: skip
        """The references of many nodes, of one kind and its subkinds; ``back``: those that point to them."""
        found: list[list[ua.ReferenceDescription]] = []
        for some in chunks(nodes, self.limits["browse"]):
            asked = [_browse(node, kind, back=back) for node in some]
            results = await self.services.browse(
                ua.BrowseParameters(NodesToBrowse=asked, RequestedMaxReferencesPerNode=0)
            )
            found += [await self._whole(result) for result in results]
        return found

    async def _whole(self, result: ua.BrowseResult) -> list[ua.ReferenceDescription]:
        """All references of a node, also those that the server gives in further pages."""
        references = list(result.References or [])
        while result.ContinuationPoint:
            more = ua.BrowseNextParameters(
                ReleaseContinuationPoints=False, ContinuationPoints=[result.ContinuationPoint]
            )
            (result,) = await self.services.browse_next(more)
            references += result.References or []
        return references

    def uri(self, index: int) -> str:
        """The URI of a namespace index; empty where the server lists none."""
        return self.namespaces[index] if index < len(self.namespaces) else ""


def _browse(node: ua.NodeId, kind: int, *, back: bool) -> ua.BrowseDescription:
    direction = ua.BrowseDirection.Inverse if back else ua.BrowseDirection.Forward
    return ua.BrowseDescription(NodeId=node, BrowseDirection=direction, ReferenceTypeId=numbered(kind), IncludeSubtypes=True,
                                NodeClassMask=0 if kind == ObjectIds.HasSubtype else SEEN, ResultMask=ua.BrowseResultMask.All)  # fmt: skip


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Session]:
    """A session from its opening to its close.

    Raises Lost or OSError where the server cannot be reached, InputError where it does not let us in.
    """
    client = await client_of(settings)
    renewing: asyncio.Task[None] | None = None
    try:
        await client.connect_socket()
        await client.send_hello()
        await client.open_secure_channel()
        await client.create_session()
        check_password(client, settings)
        await _activate(client, settings)
        session = Session(client, settings)
        renewing = asyncio.create_task(session.renew())
        await session.learn()
        yield session
    finally:
        if renewing:
            renewing.cancel()
        await _close(client)


async def _activate(client: Client, settings: Settings) -> None:
    try:
        await client.activate_session(settings.security.user or None, settings.security.password or None)
    except UaStatusCodeError as error:
        if error.code in DENIED:
            raise InputError("SY632", settings.url, file=settings.security.user or "-", why=str(error)) from error
        raise


async def _close(client: Client) -> None:
    """Take leave of a server that may no longer be there."""
    uaclient = client.uaclient
    uaclient.request_disconnect()
    uaclient.pre_request_hook = None
    with suppress(Exception):
        if uaclient.protocol and not uaclient.protocol.is_closed:
            await asyncio.wait_for(uaclient.close_session(True), 1)
    with suppress(Exception):
        await asyncio.wait_for(client.close_secure_channel(), 1)
    with suppress(Exception):
        client.disconnect_socket()
