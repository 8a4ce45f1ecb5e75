"""Users of Mautic."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Nested, Published, Ref, ToServer, Unset, as_entity
from mautic_async.models._masking import mask_text
from mautic_async.models.role import Role, as_role


@define
class PlainPassword(Nested):
    """Password with its confirmation.

    Attributes:
        password: At least six characters; Mautic refuses weak ones.
        confirm: Same as `password`, which is its default.

    Mautic: REST API, Users.
    """

    password: str = field(converter=mask_text)
    confirm: str = field(converter=mask_text)

    @confirm.default
    def _confirm_default(self) -> str:
        return self.password


def as_password(value: PlainPassword | str | Unset | None) -> PlainPassword | Unset | None:
    """Return the password object for a string."""
    return PlainPassword(value) if isinstance(value, str) else value


@define(kw_only=True)
class User(Published):
    """User who can log in. Users nested in other entities have only an id and names.

    Attributes:
        username: Required to create.
        first_name: Required to create.
        last_name: Required to create.
        email: Required to create.
        position: Position in the company.
        role: Role, which holds the permissions. Required to create.
        timezone: Name of a time zone; the server's default if empty.
        locale: Language code; the server's default if empty.
        last_login: Time of the last login. Read only.
        last_active: Time of the last activity. Read only.
        signature: HTML signature for e-mails.
        plain_password: Password of a new user, also as a string: the API cannot change passwords. Write only.

    Mautic: REST API, Users.
    """

    username: Maybe[str] = UNSET
    first_name: Maybe[str] = UNSET
    last_name: Maybe[str] = UNSET
    email: Maybe[str] = UNSET
    position: Maybe[str] = UNSET
    role: Maybe[Ref[Role]] = field(default=UNSET, converter=as_role)
    timezone: Maybe[str] = UNSET
    locale: Maybe[str] = UNSET
    last_login: FromServer[datetime] = None
    last_active: FromServer[datetime] = None
    signature: Maybe[str] = UNSET
    plain_password: ToServer[PlainPassword] = field(default=UNSET, converter=as_password)


def as_user(value: User | int | Unset | None) -> User | Unset | None:
    """Return the user itself for an id."""
    return as_entity(User, value)
