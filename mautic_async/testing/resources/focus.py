"""Focus items: bars, modals and notices on a site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing.replies import Reply, UnhandledError
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource, publish_block
from mautic_async.testing.resources._properties import (
    ID,
    Property,
    any_value,
    category,
    html,
    one_of,
    plain_text,
    schedule,
)
from mautic_async.testing.resources._subforms import SubForm, SubFormError, switch

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_FONTS: Final = (
    "Arial, Helvetica, sans-serif",
    "'Arial Black', Gadget, sans-serif",
    "'Arial Narrow', sans-serif",
    "Century Gothic, sans-serif",
    "Copperplate / Copperplate Gothic Light, sans-serif",
    "'Courier New', Courier, monospace",
    "Georgia, Serif",
    "Impact, Charcoal, sans-serif",
    "'Lucida Console', Monaco, monospace",
    "'Lucida Sans Unicode', 'Lucida Grande', sans-serif",
    "'Palatino Linotype', 'Book Antiqua', Palatino, serif",
    "Tahoma, Geneva, sans-serif",
    "'Times New Roman', Times, serif",
    "'Trebuchet MS', Helvetica, sans-serif",
    "Verdana, Geneva, sans-serif",
)
_WHAT: Final = "Use the builder to select what the focus should be."
_STYLE: Final = "Use the builder to select what style should be used."
_PROPERTIES: Final = SubForm(
    {
        "bar": SubForm(
            {
                "allow_hide": switch,
                "push_page": switch,
                "sticky": switch,
                "size": one_of("large", "regular"),
                "placement": one_of("top", "bottom"),
            }
        ),
        "modal": SubForm({"placement": one_of("top", "middle", "bottom")}),
        "notification": SubForm({"placement": one_of("top_left", "top_right", "bottom_left", "bottom_right")}),
        "page": SubForm({}),
        "animate": switch,
        "link_activation": switch,
        "colors": SubForm(dict.fromkeys(("primary", "text", "button", "button_text"), plain_text)),
        "content": SubForm(
            {
                **dict.fromkeys(("headline", "tagline", "link_text", "link_url"), plain_text),
                "link_new_window": switch,
                "font": one_of(*_FONTS),
                "css": plain_text,
            }
        ),
        "when": one_of("immediately", "scroll_slight", "scroll_middle", "scroll_bottom", "leave"),
        "timeout": plain_text,
        "frequency": one_of("everypage", "once", "q2min", "q15min", "hourly", "daily"),
        "stop_after_conversion": switch,
        "stop_after_close": switch,
    }
)


def _website(value: Any, context: RequestContext) -> Any:
    text = plain_text(value, context)
    return text if text is None or re.match(r"[\w+.-]+://", text) else f"http://{text}"


class Focus(FakeResource):
    """Focus items. The form knows ``html_mode``, not the ``htmlMode`` that is shown."""

    path: ClassVar[str] = "focus"
    singular = plural = "focus"
    permission = "focus:items"
    list_is_map = True
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "website")
    set_on_create: ClassVar[tuple[str, ...]] = ("modifiedByUser",)
    audit_name: ClassVar[tuple[str, str]] = ("focus", "focus")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", plain_text, required=_parts.NAME),
        category(),
        Property("description", html),
        Property("type", plain_text, required=_WHAT),
        Property("website", _website),
        Property("style", plain_text, required=_STYLE),
        *schedule(minimal=True),
        Property("properties", any_value, default=list, value_on_put=None),
        _parts.utm_property(),
        Property("form", _parts.id_of("forms")),
        Property("htmlMode", writable=False),
        Property("html", html),
        Property("editor", html),
        Property("cache", writable=False),
        _parts.projects(),
        Property("html_mode", one_of("basic", "editor", "html"), hidden=True),
    )

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the item with the script of its last save; Mautic 5 ignores ``minimal``."""
        if minimal and context.is_7:
            return publish_block(row) | {name: self.known(name, row, context) for name in ("id", "name", "category")}
        entity = super().serialize(row, context, just_created=just_created) | {"htmlMode": row["html_mode"]}
        if context.is_7:
            entity["cache"] = None
        return entity

    def known(self, name: str, row: Row, context: RequestContext) -> Any:
        """Return one property as JSON."""
        return self.properties_by_name[name].serialize(row[name], context)

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Check for missing values in the order of the entity; the font must be one of the form's."""
        _parts.merge_tags(draft, row, context)
        ordered = {name: problems.pop(name) for name in ("type", "style", "name") if name in problems}
        rest = dict(problems)
        problems.clear()
        problems.update(ordered | rest)
        patch = row is not None and context.request.method == "PATCH"
        if patch and "properties" not in params:
            return
        try:
            draft["properties"] = _PROPERTIES.bind(
                "properties", params.get("properties"), context, stored=row and row["properties"], patch=patch
            )
        except SubFormError as why:
            problems |= why.problems

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Render the script."""
        saved = super().save(draft, row, params, context)
        saved["cache"] = _script(saved)
        return self.table(context).save(saved)

    def extra_routes(self, routes: Router) -> None:
        """Add the route of the script that shows it."""
        routes.add("POST", "/api/focus/{id}/js", self.script)

    async def script(self, context: RequestContext) -> Any:
        """Answer with the script."""
        row = self.get(context.path["id"], context)
        if row is None:
            raise UnhandledError
        context.require(self.permission, "view", own=self.is_owned_by(row, context))
        return Reply({"js": _script(row)})


def _script(row: Row) -> str:
    name = f"MauticFocus{row['id']}"
    return f"(function(window){{window.{name}=function(){{return{{style:'{row['style']}'}}}}}})(window);"
