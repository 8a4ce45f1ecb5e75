"""Whether the server's certificate is checked, as far as that can be told from outside.

A client or a transport that is handed in keeps its TLS settings somewhere inside. They are looked for where httpx,
httpx2, httpx-aiohttp, aiohttp and our own transports keep them, and in transports that wrap others. What has another
shape cannot be judged, and its owner is believed.
"""

from __future__ import annotations

import inspect
import ssl
import warnings
from typing import TYPE_CHECKING, Any, Final

from mautic_async.errors import ConfigurationError, InsecureWarning

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTINGS: Final = ("_ssl_context", "ssl_context", "_context", "_ssl")
_AIOHTTP: Final = frozenset({"ClientSession", "BaseConnector"})
_DEEPEST: Final = 8


def check(base: str, carrier: object, *, insecure: bool) -> None:
    """Refuse a *carrier* that takes any certificate, or warn of it where that is wanted.

    Args:
        base: The base URL; there is nothing to check where it is not https.
        carrier: The client or transport that was handed in, or None.
        insecure: Whether the user wants it so.

    Raises:
        ConfigurationError: It takes any certificate, and *insecure* is not said.
    """
    if not base.startswith("https://") or not takes_any_certificate(carrier, base):
        return
    if not insecure:
        raise ConfigurationError(
            "the HTTP client that was handed in does not check the server's certificate, so anybody on the way could"
            " read the credentials; give it an ssl.SSLContext that knows your authority, or say insecure=True if you"
            " must"
        )
    level, frame = 1, inspect.currentframe()
    while frame is not None and f"{frame.f_globals.get('__name__')}.".startswith("mautic_async."):
        level, frame = level + 1, frame.f_back
    warnings.warn(
        "the server's certificate is not checked: anybody on the way can read the credentials and the contacts",
        InsecureWarning,
        stacklevel=level,
    )


def takes_any_certificate(carrier: object, base: str) -> bool:
    """Whether *carrier* surely does not check who answers for *base*. Total: what is odd cannot be told."""
    try:
        return _is_open(_for_url(carrier, base), set())
    except Exception:  # noqa: BLE001 - strangers' objects may do anything when they are looked at
        return False


def _for_url(carrier: Any, base: str) -> object:
    """The transport that a client has for *base*: it may have others, which are none of our concern."""
    choose = getattr(carrier, "_transport_for_url", None)
    return carrier if choose is None else choose(type(carrier.base_url)(base))


def _is_open(thing: object, seen: set[int]) -> bool:
    inside = getattr(thing, "__dict__", None)
    if not isinstance(inside, dict) or id(thing) in seen or len(seen) > _DEEPEST:
        return False
    seen.add(id(thing))
    if any(_takes_any(inside.get(name)) for name in _SETTINGS):
        return True
    return any(_is_open(inner, seen) for value in inside.values() for inner in _each(value) if _carries(inner))


def _takes_any(setting: object) -> bool:
    """A context without checks, or the False that aiohttp takes instead of one."""
    if isinstance(setting, ssl.SSLContext):
        return setting.verify_mode == ssl.VerifyMode.CERT_NONE or not setting.check_hostname
    return setting is False


def _each(value: object) -> Iterator[object]:
    if isinstance(value, (list, tuple)):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()
    else:
        yield value


def _carries(thing: object) -> bool:
    """Whether *thing* is a transport, a pool, or what aiohttp has for them."""
    kinds = type(thing).__mro__
    return hasattr(type(thing), "handle_async_request") or any(kind.__name__ in _AIOHTTP for kind in kinds)
