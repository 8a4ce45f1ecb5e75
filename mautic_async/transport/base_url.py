"""The base URL of a Mautic site: checked once, since every request and every credential goes below it."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from mautic_async.errors import ConfigurationError

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def parse_base_url(url: str, *, insecure: bool = False) -> str:
    """Return the base of all requests, without a trailing slash.

    Args:
        url: The Mautic site: ``https://host``, also with a subfolder or ``/index.php``; a trailing ``/api`` is cut off.
        insecure: Allow ``http://`` to a host that is not this machine.

    Raises:
        ConfigurationError: *url* is no such URL.
    """
    if not isinstance(url, str) or any(ord(char) <= 32 or ord(char) >= 127 for char in url):
        raise ConfigurationError("the base URL must be a text of visible ASCII, such as https://mautic.example.com")
    try:
        parts = urlsplit(url)
        # Parsers disagree on hosts with other characters, and a token could go to the wrong one.
        host_is_fine = _HOST.fullmatch(parts.netloc.rpartition("@")[2]) is not None and parts.port != 0
    except ValueError as error:
        raise ConfigurationError(f"the base URL is not a URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not host_is_fine or "\\" in url:
        raise ConfigurationError("the base URL must look like https://mautic.example.com")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError("the base URL must hold no user or password; hand them to BasicAuth")
    # A bare ? or # leaves no part behind, but would cut off the path of every request.
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ConfigurationError("the base URL must hold no ? and no #")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK and not insecure:
        raise ConfigurationError(
            "http:// would send the credentials in the clear; use https://, or say insecure=True if you must"
        )
    # Users copy the address of the API, but paths of requests begin with ``api/`` already.
    path = parts.path.rstrip("/").removesuffix("/api")
    if any(part in {".", ".."} for part in path.split("/")) or "//" in path:
        raise ConfigurationError("the base URL's path must hold no . or .. or empty part")
    return f"{parts.scheme}://{parts.netloc}{path}"


def host_and_port(base: str) -> str:
    """Return host and port of a base URL, such as ``crm.example.com:443``."""
    parts = urlsplit(base)
    default = 443 if parts.scheme == "https" else 80
    return f"{parts.netloc.rpartition('@')[2].removesuffix(f':{parts.port}')}:{parts.port or default}"
