"""Landing pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Prop,
    anything,
    category,
    choice,
    mapping,
    plain,
    rich,
    same,
    schedule,
    switch,
)

if TYPE_CHECKING:
    from mautic_async.testing.query import Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row


def _code(value: Any, ask: Ask) -> Any:
    return choice("301", "302")(str(value), ask)


class Pages(_parts.Family):
    """Pages; each save is a revision."""

    path = "pages"
    one, many = "page", "pages"
    permission = "page:pages"
    order = ("title",)
    searched = ("title", "alias")
    commands = ("is", "category", "lang")
    audit = ("page", "page")
    props = (
        ID,
        Prop("title", required=_parts.TITLE),
        Prop("alias", plain),
        category(),
        Prop("language", plain, default="en", blank=NOT_NULL, minimal=False),
        *schedule(),
        Prop("hits", default=0, writable=False, minimal=False),
        Prop("uniqueHits", default=0, writable=False, minimal=False),
        Prop("variantHits", default=0, writable=False, minimal=False),
        Prop("revision", default=1, writable=False, minimal=False),
        Prop("metaDescription", plain, minimal=False),
        Prop("redirectType", _code, minimal=False),
        Prop("redirectUrl", plain, minimal=False),
        Prop("isPreferenceCenter", switch, minimal=False),
        Prop("noIndex", switch, minimal=False),
        Prop("variantSettings", mapping, same, default=list, blank=[], minimal=False),
        Prop("variantStartDate", writable=False, minimal=False),
        Prop("variantParent", _parts.reference("pages"), minimal=False),
        Prop("variantChildren", default=list, writable=False, minimal=False),
        Prop("translationParent", _parts.reference("pages"), minimal=False),
        Prop("translationChildren", default=list, writable=False, minimal=False),
        Prop("template", plain, minimal=False),
        Prop("customHtml", rich, minimal=False),
        Prop("headScript", anything, hidden=True),
        Prop("footerScript", anything, hidden=True),
    )

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """Find an alias; a redirect needs where to."""
        del params
        if draft["redirectType"] and not _parts.URL.fullmatch(draft["redirectUrl"] or ""):
            problems["redirectUrl"] = _parts.VALUE
        if not problems:
            alias = _parts.slug(draft["alias"] or draft["title"])
            draft["alias"] = _parts.unique(alias, None if row is None else row["id"], self.table(ask))

    def commit(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """Count the revision."""
        draft["revision"] = 1 if row is None else row["revision"] + 1
        return super().commit(draft, row, params, ask)

    def forced(self, ask: Ask) -> list[Test]:
        """Neither variants nor translations."""
        del ask
        return _parts.alone("variantParent", "translationParent")

    def commanded(self, term: Term, ask: Ask) -> Test | None:
        """Preference centers, too."""
        if (term.command, term.value) == ("is", "prefcenter"):
            return lambda row: bool(row["isPreferenceCenter"])
        return super().commanded(term, ask)
