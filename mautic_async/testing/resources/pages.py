"""Landing pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import stamp
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Property,
    any_value,
    boolean,
    category,
    html,
    identity,
    list_or_map,
    one_of,
    plain_text,
    schedule,
)

if TYPE_CHECKING:
    from mautic_async.testing.query import Predicate
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row


def _code(value: Any, context: RequestContext) -> Any:
    return one_of("301", "302")(str(value), context)


def _redirect_url(value: Any, context: RequestContext) -> Any:
    text = (plain_text(value, context) or "").replace(" ", "")
    return (text if "://" in text else f"http://{text}") if text else None


class Pages(_parts.VariantFamily):
    """Pages; each save is a revision."""

    path: ClassVar[str] = "pages"
    singular: ClassVar[str] = "page"
    plural: ClassVar[str] = "pages"
    permission = "page:pages"
    default_order: ClassVar[tuple[str, ...]] = ("title",)
    searched_columns: ClassVar[tuple[str, ...]] = ("title", "alias")
    search_commands: ClassVar[tuple[str, ...]] = ("is", "category", "lang")
    audit_name: ClassVar[tuple[str, str]] = ("page", "page")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("title", required=_parts.TITLE),
        Property("alias", plain_text),
        category(),
        Property("language", plain_text, default="en", value_on_put=NOT_NULL, minimal=False),
        *schedule(),
        Property("hits", default=0, writable=False, minimal=False),
        Property("uniqueHits", default=0, writable=False, minimal=False),
        Property("variantHits", default=0, writable=False, minimal=False),
        Property("revision", default=1, writable=False, minimal=False),
        Property("metaDescription", plain_text, minimal=False),
        Property("redirectType", _code, minimal=False),
        Property("redirectUrl", _redirect_url, minimal=False),
        Property("isPreferenceCenter", boolean, minimal=False),
        Property("noIndex", boolean, minimal=False),
        Property("variantSettings", list_or_map, identity, default=list, value_on_put=[], minimal=False),
        Property("variantStartDate", writable=False, minimal=False),
        Property("variantParent", _parts.id_of("pages"), minimal=False),
        Property("variantChildren", default=list, writable=False, minimal=False),
        Property("translationParent", _parts.id_of("pages"), minimal=False),
        Property("translationChildren", default=list, writable=False, minimal=False),
        Property("template", plain_text, minimal=False),
        Property("customHtml", html, minimal=False),
        _parts.projects(),
        Property("headScript", any_value, hidden=True),
        Property("footerScript", any_value, hidden=True),
    )

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Find an alias."""
        del params
        if not problems:
            alias = _parts.slugify(draft["alias"] or draft["title"])
            draft["alias"] = _parts.unique_alias(alias, None if row is None else row["id"], self.table(context))

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Count the revision."""
        if row is not None:
            stamp(draft, row, context)
        draft["revision"] = 1 if row is None else row["revision"] + 1
        date = draft["dateModified"]
        saved = super().save(draft, row, params, context)
        if row is not None:
            saved["dateModified"] = date  # the revision alone is no change
        return self.table(context).save(saved)

    def default_filters(self, context: RequestContext) -> list[Predicate]:
        """Neither variants nor translations."""
        del context
        return _parts.without_parents("variantParent", "translationParent")

    def search_command(self, term: Term, context: RequestContext) -> Predicate | None:
        """Preference centers, too."""
        if (term.command, term.value) == ("is", "prefcenter"):
            return lambda row: bool(row["isPreferenceCenter"])
        return super().search_command(term, context)
