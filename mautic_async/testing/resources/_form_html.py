"""The HTML of a form, simplified: its wrapper, its inputs, its action."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mautic_async.testing.store import Row

CONTACT: Final = [
    "title", "firstname", "lastname", "company", "position", "email", "phone", "mobile", "address1", "address2",
    "city", "state", "zipcode", "timezone", "country",
]  # fmt: skip
"""What a submission shows of its contact."""
TYPES_WITHOUT_INPUT: Final = frozenset("button captcha freehtml freetext pagebreak".split())  # noqa: SIM905 - names


def render(form: Row, action: str) -> str:
    """Return the form as a page would include it.

    Args:
        form: With its fields.
        action: URL that takes what is submitted.
    """
    name = "".join(c for c in form["name"].lower() if c.isalnum())
    lines = [
        f'<div id="mauticform_wrapper_{name}" class="mauticform_wrapper">',
        f'<form method="post" action="{action}?formId={form["id"]}" id="mauticform_{name}" data-mautic-form="{name}">',
        *(_row(field, name) for field in form["fields"]),
        f'<input type="hidden" name="mauticform[formId]" id="mauticform_{name}_id" value="{form["id"]}"/>',
        f'<input type="hidden" name="mauticform[formName]" id="mauticform_{name}_name" value="{name}"/>',
        "</form>",
        "</div>",
    ]
    return "\n".join(lines) + "\n"


def _row(field: Row, form: str) -> str:
    alias, kind = field["alias"], field["type"]
    label = html.escape(str(field["label"]))
    if kind in TYPES_WITHOUT_INPUT:
        return f'<div id="mauticform_{form}_{alias}" class="mauticform-row mauticform-{kind}">{label}</div>'
    return (
        f'<div id="mauticform_{form}_{alias}" class="mauticform-row mauticform-{kind}">'
        f'<label for="mauticform_input_{form}_{alias}">{label}</label>'
        f'<input type="{kind}" name="mauticform[{alias}]" id="mauticform_input_{form}_{alias}"/></div>'
    )
