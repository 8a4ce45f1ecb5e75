"""Tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mautic_async.testing import php
from mautic_async.testing.replies import UnhandledError
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import ID, NOT_NULL, Property

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row


class Tags(FakeResource):
    """Tags; a create finds one by its name, and 5.1.1 has no way to write the description."""

    path: ClassVar[str] = "tags"
    singular: ClassVar[str] = "tag"
    plural: ClassVar[str] = "tags"
    permission = "tagManager:tagManager"
    list_is_map = True
    shows_publish_block = has_publish_block = False
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("tag", value_on_put=NOT_NULL),
        Property("description", writable=False),
    )

    def find_existing(self, params: dict[str, Any], context: RequestContext) -> Row | None:
        """Return the tag of this name, or None; without a name the look-up fails."""
        name = php.strip_text(php.to_string(params.get("tag")))
        if not name:
            raise UnhandledError
        return find_tag(name, context)

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Require a name, also of a tag that a PUT creates."""
        del row, params, problems, context
        if not draft["tag"]:
            raise UnhandledError


def find_tag(name: str, context: RequestContext) -> Row | None:
    """Return the first tag that the database finds equal to *name*."""
    tag = context.table("tags").find("name", php.collate(name))
    return tag[0] if tag else None
