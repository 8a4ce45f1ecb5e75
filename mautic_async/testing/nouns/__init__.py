"""The resources: each a declaration of its properties, with what is special about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing.contacts.noun import Contacts
from mautic_async.testing.nouns.companies import Companies
from mautic_async.testing.nouns.fields import Fields
from mautic_async.testing.nouns.segments import Segments
from mautic_async.testing.nouns.stages import Stages
from mautic_async.testing.nouns.tags import Tags

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.testing.nouns._base import Noun
    from mautic_async.testing.routes import Routes

NOUNS: tuple[Callable[[], Noun], ...] = (
    Contacts,
    Companies,
    Segments,
    Fields,
    Stages,
    Tags,
)
"""Everything with the ten standard routes."""

SPECIALS: tuple[Callable[[Routes], None], ...] = ()
"""Adders of routes that belong to no noun."""

SEEDS: tuple[Callable[[Any], None], ...] = ()
"""Called with a new `FakeMautic`, to put into its tables what Mautic installs."""
