"""Focus items: bars, modals and notices on a site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing.replies import Said, missing
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import ID, Invalid, Prop, category, choice, plain, rich, schedule

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
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
_SHAPE: Final[dict[str, Any]] = {
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


def _take_properties(value: Any, ask: Ask) -> Any:
    del ask
    if not isinstance(value, (dict, list)):
        raise Invalid
    given = value if isinstance(value, dict) else {}
    made: dict[str, Any] = {}
    for name, shape in _SHAPE.items():
        sent = given.get(name)
        if isinstance(shape, dict):
            inner = sent if isinstance(sent, dict) else {}
            made[name] = {key: inner.get(key) for key in shape}
        else:
            made[name] = shape if sent is None else sent
    return made


class Focus(Noun):
    """Focus items. The form knows ``html_mode``, not the ``htmlMode`` that is shown."""

    path = "focus"
    one = many = "focus"
    permission = "focus:items"
    mapped = True
    order = ("name",)
    searched = ("name", "website")
    born = ("modifiedByUser",)
    audit = ("focus", "focus")
    props = (
        ID,
        Prop("name", plain, required=_parts.NAME),
        category(),
        Prop("description", rich),
        Prop("type", plain, required=_WHAT),
        Prop("website", _parts.address("This value is not a valid URL.")),
        Prop("style", plain, required=_STYLE),
        *schedule(minimal=True),
        Prop("properties", _take_properties, default=list, blank=None),
        _parts.utm(),
        Prop("form", _parts.reference("forms")),
        Prop("htmlMode", writable=False),
        Prop("html", rich),
        Prop("editor", rich),
        Prop("cache", writable=False),
        Prop("html_mode", choice("basic", "editor", "html"), hidden=True),
    )

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """As a whole, ``minimal`` or not; the script is that of the last save."""
        del minimal
        return super().show(row, ask, fresh=fresh) | {"htmlMode": row["html_mode"]}

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """What is missing, in the order of the entity; the font must be one of the form's."""
        del params
        _parts.merge_tags(draft, row, ask)
        ordered = {name: problems.pop(name) for name in ("type", "style", "name") if name in problems}
        rest = dict(problems)
        problems.clear()
        problems.update(ordered | rest)
        draft["properties"] = draft["properties"] or _take_properties({}, ask)
        font = draft["properties"]["content"]["font"]
        if font is not None and font not in _FONTS:
            problems["font"] = "This value is not valid."

    def commit(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """Render the script."""
        saved = super().commit(draft, row, params, ask)
        saved["cache"] = _script(saved)
        return self.table(ask).save(saved)

    def special(self, routes: Routes) -> None:
        """The script that shows it."""
        routes.add("POST", "/api/focus/{id}/js", self.script)

    async def script(self, ask: Ask) -> Any:
        """The script."""
        row = self.get(ask.path["id"], ask)
        if row is None:
            raise missing()
        ask.need(self.permission, "view", own=self.own(row, ask))
        return Said({"js": _script(row)})


def _script(row: Row) -> str:
    name = f"MauticFocus{row['id']}"
    return f"(function(window){{window.{name}=function(){{return{{style:'{row['style']}'}}}}}})(window);"
