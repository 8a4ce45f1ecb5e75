"""Focus items: bars, modals and notices on a site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing.replies import Reply, not_found
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import (
    ID,
    InvalidValue,
    Property,
    category,
    html,
    one_of,
    plain_text,
    schedule,
)

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_FONTS: Final = (
    "Arial, Helvetica, sans-serif",
    "Arial Black, Gadget, sans-serif",
    "Arial Narrow, sans-serif",
    "Century Gothic, sans-serif",
    "Copperplate Gothic Light, sans-serif",
    "Courier New, Courier, monospace",
    "Georgia, serif",
    "Impact, Charcoal, sans-serif",
    "Lucida Console, Monaco, monospace",
    "Lucida Sans Unicode, Lucida Grande, sans-serif",
    "Palatino Linotype, Book Antiqua, Palatino, serif",
    "Tahoma, Geneva, sans-serif",
    "Times New Roman, Times, serif",
    "Trebuchet MS, Helvetica, sans-serif",
    "Verdana, Geneva, sans-serif",
)
_WHAT: Final = "Use the builder to select what the focus should be."
_STYLE: Final = "Use the builder to select what style should be used."
_PROPERTY_SHAPES: Final[dict[str, Any]] = {
    "bar": {"allow_hide": None, "push_page": None, "sticky": None, "size": None, "placement": None},
    "modal": {"placement": None},
    "notification": {"placement": None},
    "page": [],
    "animate": None,
    "link_activation": None,
    "colors": {"primary": None, "text": None, "button": None, "button_text": None},
    "content": {
        "headline": None,
        "tagline": None,
        "link_text": None,
        "link_url": None,
        "link_new_window": None,
        "font": None,
        "css": None,
    },
    "when": None,
    "timeout": None,
    "frequency": None,
    "stop_after_conversion": None,
    "stop_after_close": None,
}


def _parse_properties(value: Any, context: RequestContext) -> Any:
    del context
    if not isinstance(value, (dict, list)):
        raise InvalidValue
    sent_properties = value if isinstance(value, dict) else {}
    properties: dict[str, Any] = {}
    for name, shape in _PROPERTY_SHAPES.items():
        sent = sent_properties.get(name)
        if isinstance(shape, dict):
            inner = sent if isinstance(sent, dict) else {}
            properties[name] = {key: inner.get(key) for key in shape}
        else:
            properties[name] = shape if sent is None else sent
    return properties


class Focus(FakeResource):
    """Focus items. The form knows ``html_mode``, not the ``htmlMode`` that is shown."""

    path = "focus"
    singular = plural = "focus"
    permission = "focus:items"
    list_is_map = True
    default_order = ("name",)
    searched_columns = ("name", "website")
    set_on_create = ("modifiedByUser",)
    audit_name = ("focus", "focus")
    properties = (
        ID,
        Property("name", plain_text, required=_parts.NAME),
        category(),
        Property("description", html),
        Property("type", plain_text, required=_WHAT),
        Property("website", _parts.url_or("This value is not a valid URL.")),
        Property("style", plain_text, required=_STYLE),
        *schedule(minimal=True),
        Property("properties", _parse_properties, default=list, value_on_put=None),
        _parts.utm_property(),
        Property("form", _parts.id_of("forms")),
        Property("htmlMode", writable=False),
        Property("html", html),
        Property("editor", html),
        Property("cache", writable=False),
        Property("html_mode", one_of("basic", "editor", "html"), hidden=True),
    )

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """As a whole, ``minimal`` or not; the script is that of the last save."""
        del minimal
        return super().serialize(row, context, just_created=just_created) | {"htmlMode": row["html_mode"]}

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """What is missing, in the order of the entity; the font must be one of the form's."""
        del params
        _parts.merge_tags(draft, row, context)
        ordered = {name: problems.pop(name) for name in ("type", "style", "name") if name in problems}
        rest = dict(problems)
        problems.clear()
        problems.update(ordered | rest)
        draft["properties"] = draft["properties"] or _parse_properties({}, context)
        font = draft["properties"]["content"]["font"]
        if font is not None and font not in _FONTS:
            problems["font"] = "This value is not valid."

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Render the script."""
        saved = super().save(draft, row, params, context)
        saved["cache"] = _script(saved)
        return self.table(context).save(saved)

    def extra_routes(self, routes: Router) -> None:
        """The script that shows it."""
        routes.add("POST", "/api/focus/{id}/js", self.script)

    async def script(self, context: RequestContext) -> Any:
        """The script."""
        row = self.get(context.path["id"], context)
        if row is None:
            raise not_found()
        context.require(self.permission, "view", own=self.is_owned_by(row, context))
        return Reply({"js": _script(row)})


def _script(row: Row) -> str:
    name = f"MauticFocus{row['id']}"
    return f"(function(window){{window.{name}=function(){{return{{style:'{row['style']}'}}}}}})(window);"
