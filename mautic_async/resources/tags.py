"""Tags."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Tag
from mautic_async.protocol import Effect
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources.contacts import validation


class Tags(Resource[Tag]):
    """Tags. Creating a tag that exists returns that tag. Mautic ignores ``search`` in this list: use `find`.

    No version of the API v1 stores a tag's description.

    Mautic: REST API, Tags.
    """

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        *("tags", "tag", "tags", Tag),
        Effect.IDEMPOTENT,
        filters_published=False,
        create_requires=("tag",),
        replace_requires=("tag",),
    )

    async def find(self, tag: str) -> Tag | None:
        """Return the tag with this name, or None; names are compared without case and accents, as the database does.

        Mautic: REST API, Tags, List (GET /tags with ``where``).
        """
        wanted = validation.collation_key(tag)
        return await self._find_first("tag", tag, lambda found: validation.collation_key(found.tag) == wanted)
