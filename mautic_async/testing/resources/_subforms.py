"""Forms inside forms: the maps that Symfony binds field by field, where an unknown key is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import frozen

from mautic_async.testing import php
from mautic_async.testing.resources._properties import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mautic_async.testing.request_context import RequestContext

EXTRA_FIELDS: Final = "This form should not contain extra fields."
Parser: TypeAlias = "Callable[[Any, RequestContext], Any]"


class SubFormError(InvalidValue):
    """A nested form refuses a value.

    Attributes:
        problems: Messages by the name of the innermost field, as Mautic lists them.
    """

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__(", ".join(problems.values()))
        self.problems = problems


@frozen
class Leaf:
    """One field of a nested form.

    Attributes:
        parse: Return the stored value of what was sent, or raise `InvalidValue`.
        empty: Value of a field that is sent empty, or not at all.
        required: Message where the field is empty, or None if it may be.
    """

    parse: Parser
    empty: Any = None
    required: str | None = None

    def bind(self, name: str, value: Any, context: RequestContext) -> Any:
        """Return the value of the field *name*; raise `SubFormError` if the form refuses it."""
        if value is None or value in ("", []):
            if self.required:
                raise SubFormError({name: self.required})
            return list(self.empty) if isinstance(self.empty, list) else self.empty
        try:
            return self.parse(value, context)
        except SubFormError:
            raise
        except InvalidValue as why:
            raise SubFormError({name: str(why)}) from None


class SubForm:
    """A form with named fields, each a parser, a `Leaf`, or a form itself.

    Args:
        fields: Fields by name, in the order in which the answer shows them.
        ignores_extra: Drop unknown keys without an error.
    """

    def __init__(self, fields: Mapping[str, Parser | Leaf | SubForm], *, ignores_extra: bool = False) -> None:
        self._fields = {
            name: field if isinstance(field, (Leaf, SubForm)) else Leaf(field) for name, field in fields.items()
        }
        self._ignores_extra = ignores_extra

    def bind(self, name: str, value: Any, context: RequestContext, *, stored: Any = None, patch: bool = False) -> Any:
        """Return what the form makes of *value*: a map, or an empty list for an empty map.

        Args:
            name: Name of the form in the form around it, for messages.
            value: What was sent; a scalar cannot be bound.
            context: The request.
            stored: The present values.
            patch: Keep the present values of the fields that are not sent; otherwise they are blanked.

        Raises:
            SubFormError: A field refuses its part, or there are extra fields.
        """
        if value is not None and value != "" and not isinstance(value, (dict, list)):
            raise SubFormError({name: "This value is not valid."})
        sent = php.from_json_array(value or {})
        problems: dict[str, str] = {}
        if not self._ignores_extra and any(key not in self._fields for key in sent):
            problems[name] = EXTRA_FIELDS
        bound: dict[str, Any] = dict(stored) if patch and isinstance(stored, dict) else {}
        for key, field in self._fields.items():
            if patch and key not in sent:
                continue
            try:
                if isinstance(field, SubForm):
                    bound[key] = field.bind(key, sent.get(key), context, stored=bound.get(key), patch=patch)
                else:
                    bound[key] = field.bind(key, sent.get(key), context)
            except SubFormError as why:
                problems |= why.problems
        if problems:
            raise SubFormError(problems)
        return bound or []


def list_of(parse: Parser) -> Leaf:
    """Return a field that takes a list of values and is an empty list without any."""

    def parse_all(value: Any, context: RequestContext) -> list[Any]:
        if not isinstance(value, (list, dict)):
            raise InvalidValue
        return [parse(one, context) for one in php.array_values(value)]

    return Leaf(parse_all, empty=[])


def switch(value: Any, context: RequestContext) -> Any:
    """Return 1 or 0 for the value of a yes-no button inside a nested form, which takes no other words."""
    del context
    if value is False:
        return None
    if value in (1, 0, "1", "0"):
        return int(value)
    raise InvalidValue
