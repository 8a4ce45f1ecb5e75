"""Categories of everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import ID, Property, html, one_of, plain_text

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

_TABLES = ("assets", "campaigns", "dynamiccontents", "emails", "focus", "forms", "hooks", "messages", "notifications")
_MORE_TABLES = ("pages", "points", "points/triggers", "segments", "smses", "stages", "tweets")


_BUNDLES: Final = (
    *("asset", "campaign", "email", "form", "global", "messages"),
    *("page", "plugin:focus", "point", "segment", "stage"),
)


class Categories(FakeResource):
    """Categories; an alias is made of the title, and made anew by a PUT that does not send it."""

    path: ClassVar[str] = "categories"
    singular: ClassVar[str] = "category"
    plural: ClassVar[str] = "categories"
    permission = "category:categories"
    shows_publish_block = False
    default_order: ClassVar[tuple[str, ...]] = ("title",)
    searched_columns: ClassVar[tuple[str, ...]] = ("title", "description")
    search_commands: ClassVar[tuple[str, ...]] = ("is",)
    audit_name: ClassVar[tuple[str, str]] = ("category", "category")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("title", required=_parts.TITLE),
        Property("alias", plain_text),
        Property("description", html),
        Property("color", plain_text),
        Property("bundle", one_of(*_BUNDLES), required=_parts.VALUE),
    )

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Look at the bundle first; find an alias."""
        del params
        for name in ("bundle", "title"):
            if name in problems:
                problems[name] = problems.pop(name)
        if not problems:
            alias = _parts.slugify(draft["alias"] or draft["title"])
            others = self.table(context).where(bundle=draft["bundle"])
            draft["alias"] = _parts.unique_alias(alias, None if row is None else row["id"], list(others))

    def delete(self, row: Row, context: RequestContext) -> None:
        """Delete the category; its entities then have none."""
        super().delete(row, context)
        for name in _TABLES + _MORE_TABLES:
            for one in context.table(name):
                if one.get("category") == row["id"]:
                    one["category"] = None
                    context.table(name).save(one)
