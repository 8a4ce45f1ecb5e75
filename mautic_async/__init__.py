"""mautic_async: the asyncio client for the Mautic REST API.

The package itself has the client, its settings, its exceptions and the most used entities. All other entities are in
`mautic_async.models`, and the rest is in `mautic_async.bulk`, `mautic_async.webhooks` and `mautic_async.testing`. Names
load when they are first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mautic_async import where
    from mautic_async._blocking import blocking
    from mautic_async.auth.authorization_code import Auth, AuthorizationCode, BasicAuth, ClientCredentials
    from mautic_async.auth.token_store import FileTokens, MemoryTokens, Token, TokenStore
    from mautic_async.bulk import BulkJob, BulkOptions, BulkReport, Outcome, Progress, read_dead_letters
    from mautic_async.client import Mautic
    from mautic_async.clock import Clock
    from mautic_async.errors import (
        APIError,
        AuthenticationError,
        ConfigurationError,
        DeadlineExceeded,
        MauticError,
        NotFound,
        OutcomeUnknown,
        PermissionDenied,
        Problem,
        RateLimited,
        ReauthorizationNeeded,
        Rejected,
        Secret,
        ServerError,
        TransportError,
        Unavailable,
        UnexpectedResponse,
        ValueNotKept,
    )
    from mautic_async.events import Event
    from mautic_async.journal.sqlite import Journal
    from mautic_async.models import UNSET, Company, Contact, CustomItem, Maybe, Segment, Tag
    from mautic_async.ratelimit.file_store import FileRateLimitStore
    from mautic_async.ratelimit.settings import Limits
    from mautic_async.ratelimit.store import RateLimitState, RateLimitStore
    from mautic_async.resources._base import ResultPage
    from mautic_async.resources._changes import EntityIterator
    from mautic_async.resources._set_sync import SetReport
    from mautic_async.resources.contacts.item_identity import LookupField, LookupName, UniqueField
    from mautic_async.resources.contacts.merge import merge_rows
    from mautic_async.sync import SyncState
    from mautic_async.transport.client import Timeouts, fast_transport

__version__ = "0.1.0"

_EXPORTS = {
    "_blocking": ("blocking",),
    "auth.authorization_code": ("Auth", "AuthorizationCode", "BasicAuth", "ClientCredentials"),
    "ratelimit.file_store": ("FileRateLimitStore",),
    "ratelimit.settings": ("Limits",),
    "ratelimit.store": ("RateLimitState", "RateLimitStore"),
    "bulk": ("Outcome", "BulkOptions", "Progress", "BulkReport", "BulkJob", "read_dead_letters"),
    "client": ("Mautic",),
    "clock": ("Clock",),
    "errors": (
        *("APIError", "AuthenticationError", "ConfigurationError", "DeadlineExceeded"),
        *("MauticError", "NotFound", "OutcomeUnknown", "PermissionDenied", "Problem", "RateLimited"),
        *("ReauthorizationNeeded", "Rejected", "Secret", "ServerError", "TransportError", "Unavailable"),
        *("UnexpectedResponse", "ValueNotKept"),
    ),
    "journal.sqlite": ("Journal",),
    "models": ("UNSET", "Company", "Contact", "CustomItem", "Maybe", "Segment", "Tag"),
    "events": ("Event",),
    "resources._base": ("ResultPage",),
    "resources._changes": ("EntityIterator",),
    "resources._set_sync": ("SetReport",),
    "resources.contacts.item_identity": ("LookupField", "LookupName", "UniqueField"),
    "resources.contacts.merge": ("merge_rows",),
    "auth.token_store": ("FileTokens", "MemoryTokens", "Token", "TokenStore"),
    "sync": ("SyncState",),
    "transport.client": ("Timeouts", "fast_transport"),
}
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names}
_MODULES = frozenset({"bulk", "models", "otel", "testing", "webhooks", "where"})
"""Public modules, which load as attributes of the package."""


if not TYPE_CHECKING:  # else type checkers would take any name

    def __getattr__(name: str) -> Any:
        """Load the public name *name*."""
        if name in _MODULES:
            return import_module(f"mautic_async.{name}")
        if name not in _MODULE_OF:
            place = " (it is in mautic_async.models)" if name in _model_names() else ""
            raise AttributeError(f"module 'mautic_async' has no attribute {name!r}{place}")
        return getattr(import_module(f"mautic_async.{_MODULE_OF[name]}"), name)


def _model_names() -> frozenset[str]:
    return frozenset(import_module("mautic_async.models").__all__)


def __dir__() -> list[str]:
    """Return every public name."""
    return sorted({*__all__, "__version__"})


__all__ = [
    "UNSET",
    "APIError",
    "Auth",
    "AuthenticationError",
    "AuthorizationCode",
    "BasicAuth",
    "BulkJob",
    "BulkOptions",
    "BulkReport",
    "ClientCredentials",
    "Clock",
    "Company",
    "ConfigurationError",
    "Contact",
    "CustomItem",
    "DeadlineExceeded",
    "EntityIterator",
    "Event",
    "FileRateLimitStore",
    "FileTokens",
    "Journal",
    "Limits",
    "LookupField",
    "LookupName",
    "Mautic",
    "MauticError",
    "Maybe",
    "MemoryTokens",
    "NotFound",
    "Outcome",
    "OutcomeUnknown",
    "PermissionDenied",
    "Problem",
    "Progress",
    "RateLimitState",
    "RateLimitStore",
    "RateLimited",
    "ReauthorizationNeeded",
    "Rejected",
    "ResultPage",
    "Secret",
    "Segment",
    "ServerError",
    "SetReport",
    "SyncState",
    "Tag",
    "Timeouts",
    "Token",
    "TokenStore",
    "TransportError",
    "Unavailable",
    "UnexpectedResponse",
    "UniqueField",
    "ValueNotKept",
    "blocking",
    "fast_transport",
    "merge_rows",
    "read_dead_letters",
    "where",
]
