"""What happened while we were away: the server's own history of the gap, page by page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from steelyard.connect.opcua.columns import Part, Rows
from steelyard.connect.opcua.items import Item
from steelyard.connect.opcua.session import Session, chunks
from steelyard.connect.opcua.values import BEGIN, time_of
from steelyard.connect.opcua.wire import Odd

PAGE = 1000
TOGETHER = 10

Keep = Callable[[Part], Awaitable[None]]


async def read_gap(session: Session, items: Sequence[tuple[int, Item]], start: int, end: int, odd: Odd, keep: Keep,
                   most: int) -> set[int]:  # fmt: skip
    """The raw history of items from ``start`` to ``end`` (µs UTC, the server's clock), handed to ``keep`` by pages.

    Returns which items were read to the end; no more than ``most`` values are read altogether.
    """
    whole: set[int] = set()
    asked = [pair for pair in items if pair[1].history]
    to_do = [(list(some), start) for some in chunks(asked, min(TOGETHER, session.limits["history"]))]
    while to_do and most > 0:
        some, since = to_do.pop()
        pages = Pages(session, _details(since, end), odd, keep, most)
        await pages.read(some)
        whole |= pages.whole
        most -= pages.count
        to_do += [([pair], last) for pair, last in pages.cut if last > since]
    return whole


def _details(start: int, end: int) -> ua.ReadRawModifiedDetails:
    moments = [(BEGIN + timedelta(microseconds=at)) for at in (start, end)]
    return ua.ReadRawModifiedDetails(
        IsReadModified=False, StartTime=moments[0], EndTime=moments[1], NumValuesPerNode=PAGE, ReturnBounds=False
    )


class Pages:
    """Reads page after page. ``whole``: items that are at their end; ``cut``: those whose server stopped at a full page
    without saying how to go on, with the time of their last value; in neither: those that it refused.
    """

    def __init__(self, session: Session, details: ua.ReadRawModifiedDetails, odd: Odd, keep: Keep, most: int) -> None:
        self.session = session
        self.details = details
        self.odd = odd
        self.keep = keep
        self.most = most
        self.count = 0
        self.whole: set[int] = set()
        self.cut: list[tuple[tuple[int, Item], int]] = []

    async def read(self, some: Sequence[tuple[int, Item]]) -> None:
        """All pages of some items, as far as ``most`` values reach."""
        going: list[tuple[int, Item, bytes | None]] = [(handle, item, None) for handle, item in some]
        while going and self.count < self.most:
            rows, more = Rows(), []
            for asked, result in zip(going, await _read(self.session, going, self.details), strict=True):
                if result.StatusCode.is_good():
                    more += self._page(asked, result, rows)
            if rows.handle:
                await self.keep(rows.part())
            going = more

    def _page(self, asked: tuple[int, Item, bytes | None], result: ua.HistoryReadResult,
              rows: Rows) -> list[tuple[int, Item, bytes | None]]:  # fmt: skip
        """Take one page of an item; returns how to go on with it, if it goes on."""
        handle, item, _ = asked
        values = _values(result)
        self.count += len(values)
        for value in values:
            self.odd(handle, value, rows)
        if result.ContinuationPoint:
            return [(handle, item, result.ContinuationPoint)]
        if len(values) >= PAGE:
            self.cut.append(((handle, item), max(time_of(value) for value in values)))
        else:
            self.whole.add(handle)
        return []


async def _read(session: Session, going: Sequence[tuple[int, Item, bytes | None]],
                details: ua.ReadRawModifiedDetails) -> list[ua.HistoryReadResult]:  # fmt: skip
    nodes = [ua.HistoryReadValueId(NodeId=item.node, ContinuationPoint=point) for _, item, point in going]
    try:
        return await session.services.history_read(ua.HistoryReadParameters(
            HistoryReadDetails=details, TimestampsToReturn=ua.TimestampsToReturn.Both,
            ReleaseContinuationPoints=False, NodesToRead=nodes))  # fmt: skip
    except (UaStatusCodeError, TimeoutError) as error:  # a server that is slow or bad at history is still read live
        code = error.code if isinstance(error, UaStatusCodeError) else StatusCodes.BadTimeout
        return [ua.HistoryReadResult(StatusCode=ua.StatusCode(ua.UInt32(code))) for _ in nodes]


def _values(result: ua.HistoryReadResult) -> list[ua.DataValue]:
    data = result.HistoryData
    return list(data.DataValues or []) if isinstance(data, ua.HistoryData) else []
