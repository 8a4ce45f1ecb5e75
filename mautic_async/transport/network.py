"""The way to the server: trusted certificate authorities and a proxy, from arguments or from the environment.

As with httpx, ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name the trusted authorities, and ``HTTPS_PROXY``, ``ALL_PROXY``
and ``NO_PROXY`` (also in lower case) choose the proxy. The environment cannot change what credentials are sent, nor
where: the proxy only passes on an encrypted connection to the host of the base URL.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from attrs import frozen

from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from os import PathLike


@frozen(kw_only=True)
class Network:
    """The user's settings of TLS and proxy.

    Attributes:
        ca: PEM file, or folder, of the certificate authorities to trust instead of the public ones; None: the
            environment's, or else the public ones of ``certifi``.
        proxy: URL of an HTTP proxy, such as ``http://user:password@proxy.example.com:3128``; an empty text: none; None:
            the environment's.
    """

    ca: str | PathLike[str] | None = None
    proxy: str | None = None

    def ssl_context(self) -> ssl.SSLContext:
        """Return a context that verifies certificates and host names, with TLS 1.2 or newer; it takes about 20 ms.

        Raises:
            ConfigurationError: The authorities cannot be read.
        """
        place = self.ca or os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        try:
            if place:
                source = {"capath" if Path(place).is_dir() else "cafile": os.fspath(place)}
                context = ssl.create_default_context(**source)  # type: ignore[arg-type]  # one of two texts
            else:
                import httpx

                # The same public authorities as httpx; the environment was asked above.
                context = httpx.create_ssl_context(trust_env=False)
        except (OSError, ValueError) as error:  # an ssl.SSLError is an OSError
            origin = "ca" if self.ca else "SSL_CERT_FILE or SSL_CERT_DIR"
            raise ConfigurationError(
                f"{origin}: {os.fspath(place or '')} holds no certificate authorities that can be read"
                f" ({error.strerror if isinstance(error, OSError) else error}); it must be a PEM file or a folder"
            ) from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def proxy_for(self, base: str) -> str | None:
        """Return the URL of the proxy for requests below *base*, or None if there is none.

        Raises:
            ConfigurationError: The proxy is not an HTTP one, or a proxy was given for an ``http://`` base: it would
                read the credentials.
        """
        parts = urlsplit(base)
        chosen = self.proxy
        # A proxy of the environment is ignored for ``http://``, since it would read the credentials.
        if chosen is None and parts.scheme == "https":
            found = getproxies()
            chosen = found.get("https") or found.get("all")
            if chosen and proxy_bypass(parts.netloc):
                return None
        if not chosen:
            return None
        if parts.scheme != "https":
            raise ConfigurationError("a proxy would read the credentials of an http:// base URL; use https://")
        proxy = chosen if "://" in chosen else f"http://{chosen}"
        if urlsplit(proxy).scheme not in {"http", "https"} or not urlsplit(proxy).hostname:
            raise ConfigurationError("the proxy must be an HTTP proxy, such as http://proxy.example.com:3128")
        return proxy
