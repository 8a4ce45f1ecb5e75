"""The HTTP protocol of Mautic's API without input and output: calls to requests, responses to payloads or errors.

Mautic reports errors in a dozen shapes, with statuses that do not always fit. This package knows them all, so that no
other package has to. Nothing here awaits. Mautic: REST API, Getting started (error handling).
"""

from mautic_async.protocol.batch import RowAnswer, parse_batch, php_array_to_dict
from mautic_async.protocol.call import ByteSink, Call, Effect, FilePart, Payload, QueryParams, Request, Response
from mautic_async.protocol.error_bodies import (
    NO_TOKENS,
    body_excerpt,
    build_error,
    error_class,
    format_problems,
    parse_problems,
    parse_row_problems,
    redact,
    refuses_all_tokens,
)
from mautic_async.protocol.headers import (
    MAX_WAIT,
    RateLimitHeaders,
    parse_date,
    parse_rate_limit,
    parse_retry_after,
    parse_version,
)
from mautic_async.protocol.json import MAX_DEPTH, STDLIB, JsonLibrary, orjson_library, parse_json
from mautic_async.protocol.multipart import encode_multipart
from mautic_async.protocol.paths import build_path, encode_query, query_string, validate_id
from mautic_async.protocol.requests import build_request, sign_request
from mautic_async.protocol.responses import parse_response

__all__ = [
    "MAX_DEPTH",
    "MAX_WAIT",
    "NO_TOKENS",
    "STDLIB",
    "ByteSink",
    "Call",
    "Effect",
    "FilePart",
    "JsonLibrary",
    "Payload",
    "QueryParams",
    "RateLimitHeaders",
    "Request",
    "Response",
    "RowAnswer",
    "body_excerpt",
    "build_error",
    "build_path",
    "build_request",
    "encode_multipart",
    "encode_query",
    "error_class",
    "format_problems",
    "orjson_library",
    "parse_batch",
    "parse_date",
    "parse_json",
    "parse_problems",
    "parse_rate_limit",
    "parse_response",
    "parse_retry_after",
    "parse_row_problems",
    "parse_version",
    "php_array_to_dict",
    "query_string",
    "redact",
    "refuses_all_tokens",
    "sign_request",
    "validate_id",
]
