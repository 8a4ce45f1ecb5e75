"""attrs <-> JSON. `decode` reads an answer as a model, `encode` gives what of a model is to be sent."""

from mautic_async.codec.changes import as_read, encode_changes
from mautic_async.codec.containers import converter
from mautic_async.codec.decoding import decode
from mautic_async.codec.encoding import text_of, to_json
from mautic_async.codec.fields import camel_case
from mautic_async.codec.records import CUSTOM_OBJECTS, encode, require_entity
from mautic_async.codec.request_bodies import decode_request

__all__ = [
    "CUSTOM_OBJECTS",
    "as_read",
    "camel_case",
    "converter",
    "decode",
    "decode_request",
    "encode",
    "encode_changes",
    "require_entity",
    "text_of",
    "to_json",
]
