"""Categories of everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import ID, Prop, plain, rich

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row

_USERS = ("assets", "campaigns", "dynamiccontents", "emails", "focus", "forms", "hooks", "messages", "notifications")
_MORE = ("pages", "points", "points/triggers", "segments", "smses", "stages", "tweets")


class Categories(Noun):
    """Categories; an alias is made of the title, and made anew by a PUT that does not send it."""

    path = "categories"
    one, many = "category", "categories"
    permission = "category:categories"
    block = False
    order = ("title",)
    searched = ("title", "description")
    commands = ("is",)
    audit = ("category", "category")
    props = (
        ID,
        Prop("title", required=_parts.TITLE),
        Prop("alias", plain),
        Prop("description", rich),
        Prop("color", plain),
        Prop("bundle", plain, required=_parts.VALUE),
    )

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """Look at the bundle first; find an alias."""
        del params
        for name in ("bundle", "title"):
            if name in problems:
                problems[name] = problems.pop(name)
        if not problems:
            alias = _parts.slug(draft["alias"] or draft["title"])
            others = self.table(ask).where(bundle=draft["bundle"])
            draft["alias"] = _parts.unique(alias, None if row is None else row["id"], list(others))

    def delete(self, row: Row, ask: Ask) -> None:
        """What was in the category is in none."""
        super().delete(row, ask)
        for name in _USERS + _MORE:
            for one in ask.table(name):
                if one.get("category") == row["id"]:
                    one["category"] = None
                    ask.table(name).save(one)
