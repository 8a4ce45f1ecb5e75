"""The client of a command, from the environment and the options of the connection."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from mautic_async import AuthorizationCode, ConfigurationError, FileTokens, Limits, Mautic

REDIRECT_URI = "http://127.0.0.1:8765/callback"
"""Where `mautic-async login` listens unless told otherwise."""


@frozen(kw_only=True)
class Connection:
    """The way to a Mautic.

    Attributes:
        token_file: Token file of ``mautic-async login``; None for the credentials of the environment.
        insecure: Whether ``http://`` to another host is allowed.
    """

    token_file: Path | None = None
    insecure: bool = False

    def client(self, *, concurrency: int = 8) -> Mautic:
        """Return the client; the address and credentials come from the variables ``MAUTIC_*``.

        Raises:
            ConfigurationError: A variable or the token file is missing; the message names it.
        """
        limits = Limits(concurrency=concurrency)
        if self.token_file is None:
            return Mautic.from_env(limits=limits, insecure=self.insecure)
        if not self.token_file.exists():
            raise ConfigurationError(f"--token-file {self.token_file}: no such file; log in first: mautic-async login")
        return Mautic(base_url(), auth=self.credentials(), limits=limits, insecure=self.insecure)

    def credentials(self, redirect_uri: str = REDIRECT_URI) -> AuthorizationCode:
        """Return the credentials of a person, whose token is in the token file.

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
