"""The messages of Sparkplug B 3.0, chapter 6, as a protobuf schema: written here from the field numbers of the specification."""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

__all__ = ["DecodeError", "Payload", "parse"]

_PACKAGE = "steelyard.sparkplug"
_KINDS = {"u32": 13, "u64": 4, "float": 2, "double": 1, "bool": 8, "string": 9, "bytes": 12}
# name:number:kind of each field; * repeats, ? is one of the values of which a message holds one; Other kinds are messages
_MESSAGES = {
    "Payload": "timestamp:1:u64 metrics:2:Metric* seq:3:u64 uuid:4:string body:5:bytes",
    "Metric": "name:1:string alias:2:u64 timestamp:3:u64 datatype:4:u32 is_historical:5:bool is_transient:6:bool"
    " is_null:7:bool metadata:8:MetaData properties:9:PropertySet int_value:10:u32? long_value:11:u64? float_value:12:float?"
    " double_value:13:double? boolean_value:14:bool? string_value:15:string? bytes_value:16:bytes?"
    " dataset_value:17:DataSet? template_value:18:Template?",
    "MetaData": "is_multi_part:1:bool content_type:2:string size:3:u64 seq:4:u64 file_name:5:string file_type:6:string"
    " md5:7:string description:8:string",
    "PropertySet": "keys:1:string* values:2:PropertyValue*",
    "PropertySetList": "propertyset:1:PropertySet*",
    "PropertyValue": "type:1:u32 is_null:2:bool int_value:3:u32? long_value:4:u64? float_value:5:float? double_value:6:double?"
    " boolean_value:7:bool? string_value:8:string? propertyset_value:9:PropertySet? propertysets_value:10:PropertySetList?",
    "DataSet": "num_of_columns:1:u64 columns:2:string* types:3:u32* rows:4:Row*",
    "Row": "elements:1:DataSetValue*",
    "DataSetValue": "int_value:1:u32? long_value:2:u64? float_value:3:float? double_value:4:double? boolean_value:5:bool?"
    " string_value:6:string?",
    "Template": "version:1:string metrics:2:Metric* parameters:3:Parameter* template_ref:4:string is_definition:5:bool",
    "Parameter": "name:1:string type:2:u32 int_value:3:u32? long_value:4:u64? float_value:5:float? double_value:6:double?"
    " boolean_value:7:bool? string_value:8:string?",
}


def _file() -> descriptor_pb2.FileDescriptorProto:
    # edition 2023: presence of each field as in proto2, and texts that are not UTF-8 do not decode
    made = descriptor_pb2.FileDescriptorProto(
        name="steelyard/sparkplug.proto", package=_PACKAGE, syntax="editions", edition=1000
    )
    for name, fields in _MESSAGES.items():
        message = made.message_type.add(name=name)
        if "?" in fields:
            message.oneof_decl.add(name="value")
        for written in fields.split():
            _field(message, written)
    return made


def _field(message: Any, written: str) -> None:
    name, number, kind = written.rstrip("*?").split(":")
    field = message.field.add(name=name, number=int(number), label=3 if written.endswith("*") else 1)
    if kind in _KINDS:
        field.type = _KINDS[kind]
    else:
        field.type, field.type_name = 11, f".{_PACKAGE}.{kind}"
    if written.endswith("?"):
        field.oneof_index = 0


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())
Payload: Any = message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{_PACKAGE}.Payload"))
"""A message of an edge node or to one."""


def parse(raw: bytes) -> Any:
    """A payload, or None where the bytes are none."""
    try:
        return Payload.FromString(raw)
    except DecodeError:
        return None
