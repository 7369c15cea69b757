"""Subscription and monitored items: what the server is asked to watch, in batches that it allows."""

from __future__ import annotations

from collections.abc import Sequence

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.ua_binary import struct_from_binary

from steelyard.connect.opcua.items import Item
from steelyard.connect.opcua.session import Session, chunks
from steelyard.connect.opcua.settings import Settings

KEEPALIVE_SECONDS = 2.0
LIFETIME_SECONDS = 120.0


async def subscribe(session: Session, settings: Settings) -> int:
    """Create the subscription; returns its number."""
    request = ua.CreateSubscriptionRequest()
    request.Parameters = ua.CreateSubscriptionParameters(
        RequestedPublishingInterval=settings.publishing_ms,
        RequestedLifetimeCount=_count(LIFETIME_SECONDS, settings),
        RequestedMaxKeepAliveCount=_count(KEEPALIVE_SECONDS, settings),
        MaxNotificationsPerPublish=0,
        PublishingEnabled=True,
        Priority=0,
    )
    response = struct_from_binary(ua.CreateSubscriptionResponse, await session.send(request))
    response.ResponseHeader.ServiceResult.check()
    return int(response.Parameters.SubscriptionId)


def _count(seconds: float, settings: Settings) -> ua.UInt32:
    return ua.UInt32(max(3, round(seconds * 1000 / settings.publishing_ms)))


async def monitor(
    session: Session, subscription: int, settings: Settings, items: Sequence[Item], first: int
) -> list[tuple[int, float]]:
    """Have items watched under the handles from ``first`` on; returns of each the status code and at how many ms it is sampled."""
    found: list[tuple[int, float]] = []
    for place, some in enumerate(chunks(items, session.limits["monitor"])):
        base = first + place * session.limits["monitor"]
        asked = ua.CreateMonitoredItemsParameters(
            SubscriptionId=ua.UInt32(subscription), TimestampsToReturn=ua.TimestampsToReturn.Both,
            ItemsToCreate=[_request(item, base + each, settings) for each, item in enumerate(some)])  # fmt: skip
        found += [
            (int(result.StatusCode.value), float(result.RevisedSamplingInterval))
            for result in await session.services.create_monitored_items(asked)
        ]
    return found


def _request(item: Item, handle: int, settings: Settings) -> ua.MonitoredItemCreateRequest:
    return ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(NodeId=item.node, AttributeId=AttributeIds.Value),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=ua.UInt32(handle), SamplingInterval=settings.sampling_ms, QueueSize=settings.queue_size,
            DiscardOldest=True, Filter=_every_time() if settings.every_time else None))  # fmt: skip


def _every_time() -> ua.DataChangeFilter:
    """Report also values that differ from the last by their time alone."""
    return ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValueTimestamp)
