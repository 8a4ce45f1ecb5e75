"""Users, who log in to Mautic and own contacts."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Nested, Published, Ref, ToServer, Unset, as_entity
from mautic_async.models._discreet import mask_text
from mautic_async.models.role import Role, as_role


@define
class PlainPassword(Nested):
    """A password, typed twice.

    Attributes:
        password: At least six characters, and not a weak one.
        confirm: The same again; taken from `password` if not given.

    Mautic: REST API, Users.
    """

    password: str = field(repr=False, converter=mask_text)
    confirm: str = field(repr=False, converter=mask_text)

    @confirm.default
    def _confirm_default(self) -> str:
        return self.password


def as_password(value: PlainPassword | str | Unset | None) -> PlainPassword | Unset | None:
    """Take the text for the password itself."""
    return PlainPassword(value) if isinstance(value, str) else value


@define(kw_only=True)
class User(Published):
    """Somebody who logs in. Nested in other entities, only the names are filled.

    Attributes:
        username: Required to create.
        first_name: Required to create.
        last_name: Required to create.
        email: Required to create.
        position: In the company.
        role: What the user may do; required to create.
        timezone: Name of a zone, or empty for the server's own.
        locale: Language code, or empty for the server's own.
        last_login: Read only.
        last_active: Read only.
        signature: HTML, for e-mails.
        plain_password: Text will do. Only on creation: the API cannot change passwords. Write only.

    Mautic: REST API, Users.
    """

    username: Maybe[str] = UNSET
    first_name: Maybe[str] = UNSET
    last_name: Maybe[str] = UNSET
    email: Maybe[str] = field(default=UNSET, repr=False)
    position: Maybe[str] = UNSET
    role: Maybe[Ref[Role]] = field(default=UNSET, converter=as_role)
    timezone: Maybe[str] = UNSET
    locale: Maybe[str] = UNSET
    last_login: FromServer[datetime] = None
    last_active: FromServer[datetime] = None
    signature: Maybe[str] = UNSET
    plain_password: ToServer[PlainPassword] = field(default=UNSET, repr=False, converter=as_password)


def as_user(value: User | int | Unset | None) -> User | Unset | None:
    """Take an id for the user itself."""
    return as_entity(User, value)
