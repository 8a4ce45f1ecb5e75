"""Themes."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import FromServer, Nested


@define(kw_only=True)
class ThemeConfig(Nested):
    """What a theme says of itself. Read only.

    Attributes:
        name: For people.
        author: Of the theme.
        author_url: Of the author.
        features: ``page``, ``email``, ``form``.
        builder: ``legacy``, ``grapesjsbuilder``.

    Mautic: REST API, Themes.
    """

    name: FromServer[str] = None
    author: FromServer[str] = None
    author_url: FromServer[str] = None
    features: FromServer[list[str]] = None
    builder: FromServer[list[str]] = None


@define(kw_only=True)
class ThemeVisibility(Nested):
    """Whether users can choose a theme. Read only.

    Attributes:
        hidden: They cannot.

    Mautic: REST API, Themes.
    """

    hidden: FromServer[bool] = None


@define(kw_only=True)
class Theme(Nested):
    """The looks of pages, e-mails and forms. Read only.

    Attributes:
        name: For people.
        key: Its folder's name, by which calls name it.
        config: What it says of itself.
        visibility: Whether users can choose it.

    Mautic: REST API, Themes.
    """

    name: FromServer[str] = None
    key: FromServer[str] = None
    config: FromServer[ThemeConfig] = None
    visibility: FromServer[ThemeVisibility] = None
