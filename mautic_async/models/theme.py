"""Themes."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import FromServer, Nested


@define(kw_only=True)
class ThemeConfig(Nested):
    """Configuration of a theme. Read only.

    Attributes:
        name: Display name.
        author: Author of the theme.
        author_url: Website of the author.
        features: Uses: ``page``, ``email``, ``form``.
        builder: Builders: ``legacy``, ``grapesjsbuilder``.

    Mautic: REST API, Themes.
    """

    name: FromServer[str] = None
    author: FromServer[str] = None
    author_url: FromServer[str] = None
    features: FromServer[list[str]] = None
    builder: FromServer[list[str]] = None


@define(kw_only=True)
class ThemeVisibility(Nested):
    """Visibility of a theme. Read only.

    Attributes:
        hidden: Users cannot choose the theme.

    Mautic: REST API, Themes.
    """

    hidden: FromServer[bool] = None


@define(kw_only=True)
class Theme(Nested):
    """Theme of pages, e-mails and forms. Read only.

    Attributes:
        name: Display name.
        key: Name of its folder, which calls take.
        config: Configuration.
        visibility: Visibility for users.

    Mautic: REST API, Themes.
    """

    name: FromServer[str] = None
    key: FromServer[str] = None
    config: FromServer[ThemeConfig] = None
    visibility: FromServer[ThemeVisibility] = None
