"""The one file that speaks to pymodbus as a client: a block in, the bytes of its answer out."""

from __future__ import annotations

import logging
from typing import Self

from pymodbus.client import ModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
)

from steelyard.connect.base import Lost
from steelyard.connect.modbus.blocks import Block

logging.getLogger("pymodbus").addHandler(logging.NullHandler())  # what is lost is told by Lost, not on stderr

EXCEPTIONS = {
    1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "device failure", 5: "acknowledge",
    6: "device busy", 7: "negative acknowledge", 8: "memory parity error", 10: "gateway path unavailable",
    11: "gateway target does not answer",
}  # fmt: skip


class Answered(Exception):  # noqa: N818  - it is an answer, though not the one asked for
    """A device answered with an exception; ``code`` as in the standard."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exception {code} ({EXCEPTIONS.get(code, 'unknown')})")
        self.code = code


class Silent(Exception):  # noqa: N818
    """A unit did not answer in time, or not with what was asked for."""


class _Raw:
    """A response of which the bytes are kept: numbers are made of them by numpy, many at a time."""

    raw = b""

    def decode(self, data: bytes) -> None:
        if not data or data[0] != len(data) - 1:
            raise ValueError("byte count and length differ")
        self.raw = data[1:]

    def __str__(self) -> str:  # pymodbus writes each response as text, even if nobody logs it
        return "raw"


class _Holding(_Raw, ReadHoldingRegistersResponse):
    pass


class _Input(_Raw, ReadInputRegistersResponse):
    pass


class _Coils(_Raw, ReadCoilsResponse):
    pass


class _Discrete(_Raw, ReadDiscreteInputsResponse):
    pass


_REQUESTS: dict[str, type[ModbusPDU]] = {
    "holding": ReadHoldingRegistersRequest, "input": ReadInputRegistersRequest,
    "coil": ReadCoilsRequest, "discrete": ReadDiscreteInputsRequest,
}  # fmt: skip


class Wire:
    """A connection to a device or gateway; one request at a time, as most devices want it."""

    def __init__(self, host: str, port: int, timeout: float, retries: int) -> None:
        self._client = ModbusTcpClient(host, port=port, timeout=timeout, retries=retries)
        for response in (_Holding, _Input, _Coils, _Discrete):
            self._client.register(response)
        self.where = f"{host}:{port}"
        self.requests = 0

    def __enter__(self) -> Self:
        """Connect; raises Lost."""
        if not self._client.connect():  # type: ignore[no-untyped-call]
            raise Lost(f"{self.where} cannot be reached")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()  # type: ignore[no-untyped-call]

    def read(self, block: Block) -> bytes:
        """The bytes of a block. Raises Answered, Silent, or Lost where the connection is gone."""
        self.requests += 1
        request = _REQUESTS[block.kind](address=block.address, count=block.count, dev_id=block.unit_id)
        try:
            response = self._client.execute(False, request)
        except (ConnectionException, OSError) as error:
            raise Lost(f"{self.where}: {error}") from error
        except ModbusException as error:
            self._client.close()  # type: ignore[no-untyped-call]  # what still comes belongs to nobody
            raise Silent(str(error)) from error
        if response.isError():
            raise Answered(response.exception_code)
        raw = bytes(getattr(response, "raw", b""))
        if len(raw) != block.payload:
            raise Silent(f"{len(raw)} bytes in answer to {block.count} of {block.kind} from {block.address}")
        return raw
