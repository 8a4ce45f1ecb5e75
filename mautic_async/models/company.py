"""Companies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from attrs import define, field, setters

from mautic_async.models._base import JSON, UNSET, FieldValue, FromServer, Maybe, Published, Ref
from mautic_async.models._plain import flat_fields
from mautic_async.models.field import ContactField
from mautic_async.models.project import Project, as_projects
from mautic_async.models.user import User, as_user


@define(kw_only=True, on_setattr=setters.NO_OP)  # else the constructor takes three times as long
class Company(Published):
    """Company that contacts belong to.

    Attributes that are not in `PROPERTIES` are aliases of fields, in subclasses too. Answers do not show
    `is_published`.

    Attributes:
        score: Points of the company.
        owner: User who owns it. Mautic stores it, but its answers do not show it.
        projects: Projects that it belongs to. Mautic 7 or newer.
        fields: Custom fields that the class does not name, by alias.
        field_groups: What the answer says of each field, by group and alias. Read only.
        companyname: Required to create. A known name finds that company, and wipes what is not sent.
        companyemail: Address.
        companyphone: Number.
        companyfax: Number.
        companywebsite: URL.
        companyaddress1: First line.
        companyaddress2: Second line.
        companycity: Name.
        companystate: Name; must fit the country.
        companyzipcode: Postal code.
        companycountry: English name.
        companyindustry: One of the field's options.
        companynumber_of_employees: People.
        companyannual_revenue: In the company's currency.
        companydescription: Text.

    Mautic: REST API, Companies.
    """

    PROPERTIES: ClassVar[frozenset[str]] = frozenset(
        {
            *("extra", "id", "is_published", "date_added", "created_by", "created_by_user"),
            *("date_modified", "modified_by", "modified_by_user"),
            *("score", "owner", "projects", "fields", "field_groups"),
        }
    )

    score: Maybe[int] = UNSET
    owner: Maybe[Ref[User]] = field(default=UNSET, converter=as_user)
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)
    fields: Maybe[Mapping[str, FieldValue]] = UNSET
    field_groups: FromServer[Mapping[str, Mapping[str, ContactField]]] = field(default=None, repr=False, eq=False)

    companyname: Maybe[str] = UNSET
    companyemail: Maybe[str] = UNSET
    companyphone: Maybe[str] = UNSET
    companyfax: Maybe[str] = UNSET
    companywebsite: Maybe[str] = UNSET
    companyaddress1: Maybe[str] = UNSET
    companyaddress2: Maybe[str] = UNSET
    companycity: Maybe[str] = UNSET
    companystate: Maybe[str] = UNSET
    companyzipcode: Maybe[str] = UNSET
    companycountry: Maybe[str] = UNSET
    companyindustry: Maybe[str] = UNSET
    companynumber_of_employees: Maybe[float] = UNSET
    companyannual_revenue: Maybe[float] = UNSET
    companydescription: Maybe[str] = UNSET

    def to_dict(self) -> dict[str, JSON]:
        """Return the properties that are set as plain JSON data, custom fields among them by alias."""
        return flat_fields(Published.to_dict(self))
