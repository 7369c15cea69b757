"""What happened while we were away: the server's own history of the gap, page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from asyncua import ua
from asyncua.ua.uaerrors import UaStatusCodeError

from steelyard.connect.opcua.columns import Part, Rows
from steelyard.connect.opcua.items import Item
from steelyard.connect.opcua.session import Session, chunks
from steelyard.connect.opcua.values import BEGIN
from steelyard.connect.opcua.wire import Odd

PAGE = 1000
TOGETHER = 50

Keep = Callable[[Part], Awaitable[None]]


async def read_gap(session: Session, items: Sequence[tuple[int, Item]], start: int, end: int, odd: Odd, keep: Keep,
                   most: int) -> set[int]:  # fmt: skip
    """The raw history of items from ``start`` to ``end`` (µs UTC, the server's clock), handed to ``keep`` by pages.

    Returns which items were read to the end; no more than ``most`` values are read altogether.
    """
    whole: set[int] = set()
    asked = [pair for pair in items if pair[1].history]
    for some in chunks(asked, min(TOGETHER, session.limits["history"])):
        if most <= 0:
            break
        done, count = await _pages(session, some, _details(start, end), odd, keep, most)
        whole |= done
        most -= count
    return whole


def _details(start: int, end: int) -> ua.ReadRawModifiedDetails:
    moments = [(BEGIN + timedelta(microseconds=at)) for at in (start, end)]
    return ua.ReadRawModifiedDetails(IsReadModified=False, StartTime=moments[0], EndTime=moments[1], NumValuesPerNode=PAGE, ReturnBounds=False)


async def _pages(session: Session, some: Sequence[tuple[int, Item]], details: ua.ReadRawModifiedDetails, odd: Odd, keep: Keep,
                 most: int) -> tuple[set[int], int]:  # fmt: skip
    """All pages of some items; those that the server refuses are left out of what is returned."""
    whole: set[int] = set()
    count = 0
    going: list[tuple[int, Item, bytes | None]] = [(handle, item, None) for handle, item in some]
    while going and count < most:
        results = await _read(session, going, details)
        rows, more = Rows(), []
        for (handle, item, _), result in zip(going, results, strict=True):
            if not result.StatusCode.is_good():
                continue
            count += _values(handle, result, odd, rows)
            if result.ContinuationPoint:
                more.append((handle, item, result.ContinuationPoint))
            else:
                whole.add(handle)
        if rows.handle:
            await keep(rows.part())
        going = more
    return whole, count


async def _read(session: Session, going: Sequence[tuple[int, Item, bytes | None]],
                details: ua.ReadRawModifiedDetails) -> list[ua.HistoryReadResult]:  # fmt: skip
    nodes = [ua.HistoryReadValueId(NodeId=item.node, ContinuationPoint=point) for _, item, point in going]
    try:
        return await session.services.history_read(ua.HistoryReadParameters(
            HistoryReadDetails=details, TimestampsToReturn=ua.TimestampsToReturn.Both,
            ReleaseContinuationPoints=False, NodesToRead=nodes))  # fmt: skip
    except UaStatusCodeError as error:
        return [ua.HistoryReadResult(StatusCode=ua.StatusCode(error.code)) for _ in nodes]


def _values(handle: int, result: ua.HistoryReadResult, odd: Odd, rows: Rows) -> int:
    data = result.HistoryData
    values = (data.DataValues or []) if isinstance(data, ua.HistoryData) else []
    for value in values:
        odd(handle, value, rows)
    return len(values)
