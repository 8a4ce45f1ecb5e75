"""The client of a command, from the environment and the options of the connection."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from attrs import frozen

from mautic_async import AuthorizationCode, ConfigurationError, FileTokens, Limits, Mautic


@frozen(kw_only=True)
class Connection:
    """The way to a Mautic.

    Attributes:
        token_file: Token file of ``mautic-async login``; None for the credentials of the environment.
        ca: File with the certificates of an authority; None for those of the environment or the public ones.
        proxy: URL of a proxy; None for that of the environment.
        insecure: Whether ``http://`` to another host is allowed.
    """

    token_file: Path | None = None
    ca: Path | None = None
    proxy: str | None = None
    insecure: bool = False

    def client(
        self, *, auth: AuthorizationCode | None = None, concurrency: int = 8, patience: float | None = None
    ) -> Mautic:
        """Return the client; the address and credentials come from the variables ``MAUTIC_*``.

        Args:
            auth: Credentials to use instead.
            concurrency: The most requests at once.
            patience: Seconds for which a call waits for the rate limit.

        Raises:
            ConfigurationError: A variable or the token file is missing; the message names it.
        """
        settings: dict[str, Any] = {
            "limits": Limits(concurrency=concurrency, patience=patience),
            "ca": self.ca,
            "proxy": self.proxy,
            "insecure": self.insecure,
        }
        if auth is not None:
            return Mautic(base_url(), auth=auth, **settings)
        if self.token_file is None:
            return Mautic.from_env(**settings)
        if not self.token_file.exists():
            raise ConfigurationError(f"--token-file {self.token_file}: no such file; log in first: mautic-async login")
        return Mautic(base_url(), auth=self.credentials(), **settings)

    def credentials(self, redirect_uri: str = "http://127.0.0.1") -> AuthorizationCode:
        """Return the credentials of a person, whose token is in the token file.

        Args:
            redirect_uri: Where the browser comes back to; only a login needs it.

        Raises:
            ConfigurationError: A variable is missing; the message names it.
        """
        assert self.token_file is not None  # noqa: S101 - the callers have asked
        client_id, secret = _variable("MAUTIC_CLIENT_ID"), _variable("MAUTIC_CLIENT_SECRET")
        return AuthorizationCode(client_id, secret, redirect_uri=redirect_uri, tokens=FileTokens(self.token_file))


def base_url() -> str:
    """Return the base URL of the environment.

    Raises:
        ConfigurationError: It is not set.
    """
    return _variable("MAUTIC_BASE_URL")


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ConfigurationError(f"{name} is not set")
    return value
