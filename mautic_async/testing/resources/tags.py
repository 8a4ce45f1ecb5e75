"""Tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import php
from mautic_async.testing.replies import Crash
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import ID, NOT_NULL, Prop

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row


class Tags(Noun):
    """Tags; a create finds one by its name, and 5.1.1 has no way to write the description."""

    path = "tags"
    one, many = "tag", "tags"
    permission = "tagManager:tagManager"
    mapped = True
    block = kept_block = False
    props = (ID, Prop("tag", blank=NOT_NULL), Prop("description", writable=False))

    def existing(self, params: dict[str, Any], ask: Ask) -> Row | None:
        """The tag of this name; without a name nothing can be looked for."""
        name = php.clean(php.text(params.get("tag")))
        if not name:
            raise Crash
        return find_tag(name, ask)

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """A tag made by PUT needs its name too."""
        del row, params, problems, ask
        if not draft["tag"]:
            raise Crash


def find_tag(name: str, ask: Ask) -> Row | None:
    """The first tag that the database finds equal to *name*."""
    found = ask.table("tags").find("name", php.collate(name))
    return found[0] if found else None
