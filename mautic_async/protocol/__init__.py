"""Calls, and what answers mean: envelopes, batches, refusals. Nothing here awaits.

Mautic answers errors in a dozen shapes, with statuses that do not always say what happened; this room knows them all,
so that no room above has to. Mautic: REST API, Getting started (error handling).
"""

from mautic_async.protocol.batch import Row, indexed, read_rows
from mautic_async.protocol.call import Answer, Call, Effect, Pairs, Part, Payload, Request, Sink
from mautic_async.protocol.error_bodies import blotted, class_of, excerpt, problems_of, reasons, refusal, row_problems
from mautic_async.protocol.headers import MAX_WAIT, Rate, date_of, rate_of, retry_after, version_of
from mautic_async.protocol.json import MAX_DEPTH, STDLIB, Json, orjson, parse
from mautic_async.protocol.multipart import multipart
from mautic_async.protocol.paths import id_of, pairs, path, query_string
from mautic_async.protocol.requests import build_request, check_authorization
from mautic_async.protocol.responses import read

__all__ = [
    "MAX_DEPTH",
    "MAX_WAIT",
    "STDLIB",
    "Answer",
    "Call",
    "Effect",
    "Json",
    "Pairs",
    "Part",
    "Payload",
    "Rate",
    "Request",
    "Row",
    "Sink",
    "blotted",
    "build_request",
    "check_authorization",
    "class_of",
    "date_of",
    "excerpt",
    "id_of",
    "indexed",
    "multipart",
    "orjson",
    "pairs",
    "parse",
    "path",
    "problems_of",
    "query_string",
    "rate_of",
    "read",
    "read_rows",
    "reasons",
    "refusal",
    "retry_after",
    "row_problems",
    "version_of",
]
