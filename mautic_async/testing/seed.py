"""Initial data: Mautic's own, and the users, clients and custom objects of the recorded server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing.nouns import SEEDERS
from mautic_async.testing.resources._base import PUBLISH_BLOCK

if TYPE_CHECKING:
    from mautic_async.testing.state import ServerState
    from mautic_async.testing.store import Row

_UNOWNED: Final = {"isPublished": True, "dateAdded": None, "dateModified": None, **dict.fromkeys(PUBLISH_BLOCK[3:])}

_CORE: Final = (
    "title:lookup firstname:text lastname:text company:text position:text email:email mobile:tel phone:tel"
    " points:number fax:tel! address1:text address2:text city:text state:region zipcode:text country:country"
    " preferred_locale:locale timezone:timezone last_active:datetime attribution_date:datetime attribution:number"
    " website:url!"
)
_SOCIAL: Final = "facebook foursquare instagram linkedin skype twitter"
_COMPANY: Final = (
    "address1:text address2:text email:email phone:tel city:text state:region zipcode:text country:country name:text"
    " website:url number_of_employees:number! fax:tel! annual_revenue:number! industry:select description:text"
)
_LABELS: Final = {
    "firstname": "First Name",
    "lastname": "Last Name",
    "company": "Primary company",
    "address1": "Address Line 1",
    "address2": "Address Line 2",
    "zipcode": "Zip Code",
    "preferred_locale": "Preferred Locale",
    "timezone": "Preferred Timezone",
    "last_active": "Date Last Active",
    "attribution_date": "Attribution Date",
    "linkedin": "mautic.lead.field.linkedin",
    "companyaddress1": "Address 1",
    "companyaddress2": "Address 2",
    "companyemail": "Company Email",
    "companyzipcode": "Zip Code",
    "companyname": "Company Name",
    "companynumber_of_employees": "Number of Employees",
    "companyannual_revenue": "Annual Revenue",
}
_INDUSTRIES: Final = (
    "Aerospace & Defense|Agriculture|Apparel|Automotive & Assembly|Banking|Biotechnology|Chemicals|Communications|"
    "Construction|Consumer Packaged Goods|Education|Electronics|Energy|Engineering|Entertainment|Environmental|Finance|"
    "Food & Beverage|Government|Healthcare|Hospitality|Insurance|Machinery|Manufacturing|Media|Metals & Mining|"
    "Not for Profit|Oil & Gas|Packaging & Paper|Private Equity & Principal Investors|Recreation|Real Estate|Retail|"
    "Semiconductors|Social Sector|Technology|Telecommunications|Transportation|Utilities|Other"
).replace("Semiconductors|", "Semiconductors|Shipping|")
_PROPERTIES: Final[dict[str, Any]] = {
    "title": {"list": ["Mr", "Mrs", "Miss"]},
    "attribution": {"roundmode": 4, "scale": 2},
    "companynumber_of_employees": {"roundmode": 4, "scale": 0},
    "companyannual_revenue": {"roundmode": 4, "scale": 2},
    "companyindustry": {"list": [{"label": one, "value": one} for one in _INDUSTRIES.split("|")]},
}
_PROFESSIONAL: Final = ("number_of_employees", "fax", "annual_revenue", "industry", "description")


def install(state: ServerState, *, lab: bool) -> None:
    """Fill the tables of a new server.

    Args:
        state: The server.
        lab: Whether with the second user and client and the custom objects of the recordings.
    """
    _fields(state)
    _users(state, lab=lab)
    for seeder in SEEDERS:
        seeder(state)
    if lab:
        _objects(state)
        left_over = "6cd77398ca886e54797b1f32013aee2a.txt"  # from an earlier day of the recorded server
        state.store["files"].save({"id": None, "dir": "images", "name": left_over, "size": 9})
        state.store["folders"].save({"id": None, "path": "images/test_api_dir"})


def _fields(state: ServerState) -> None:
    for order, word in enumerate(_CORE.split(), 1):
        _field(state, word, group="core", order=order, object="lead")
    for order, alias in enumerate(_SOCIAL.split(), 23):
        _field(state, f"{alias}:text!", group="social", order=order, object="lead")
    for order, word in enumerate(_COMPANY.split(), 1):
        alias = word.partition(":")[0]
        group = "professional" if alias in _PROFESSIONAL else "core"
        place = 15 if alias == "description" else order
        _field(state, f"company{word}", group=group, order=place, object="company")


def _field(state: ServerState, word: str, *, group: str, order: int, object: str) -> None:
    alias, _, type = word.rstrip("!").partition(":")
    unique = alias in ("email", "companyname")
    state.store["fields"].save(
        field_row(
            label=_LABELS.get(alias, alias.removeprefix("company").replace("_", " ").title()),
            alias=alias,
            type=type,
            group=group,
            order=order,
            object=object,
            defaultValue="0" if alias == "points" else None,
            isRequired=alias == "companyname",
            isFixed=not word.endswith("!"),
            isShortVisible=alias in ("firstname", "lastname", "email"),
            isUniqueIdentifier=unique,
            properties=_PROPERTIES.get(alias, {}),
            isIndex=unique,
            charLengthLimit=64,
        )
    )


def field_row(**columns: Any) -> Row:
    """Return a row of the fields table."""
    row: Row = {
        **_UNOWNED,
        "id": None,
        "label": "",
        "alias": "",
        "type": "text",
        "group": "core",
        "order": 1,
        "object": "lead",
        "defaultValue": None,
        "isRequired": False,
        "isFixed": False,
        "isListable": True,
        "isVisible": True,
        "isShortVisible": False,
        "isUniqueIdentifier": False,
        "isPubliclyUpdatable": False,
        "properties": {},
    }
    return row | columns


def _users(state: ServerState, *, lab: bool) -> None:
    store, now = state.store, int(state.now())
    creator = {**_UNOWNED, "dateAdded": now, "createdByUser": "lab-cc [1]"}
    if state.settings.is_7:
        creator |= {"dateModified": now, "modifiedByUser": "lab-cc [1]"}
    admin = {"name": "Administrator", "description": "Full system access", "isAdmin": True, "rawPermissions": None}
    store["roles"].save({**_UNOWNED, "id": None, **admin})
    name = {"position": None, "lastLogin": None, "lastActive": None, "signature": None}
    store["users"].save(
        {
            **_UNOWNED,
            **name,
            "id": None,
            "username": state.settings.username,
            "firstName": "Admin",
            "lastName": "Lab",
            "email": "admin@example.com",
            "role": 1,
            "timezone": "",
            "locale": "",
            "password": state.settings.password,
        }
    )
    grants = ["client_credentials", "authorization_code", "refresh_token"]
    back = ["http://127.0.0.1:8099/callback", "http://localhost/callback", "https://app.test/callback"]
    first = {"name": "lab-cc", "public": state.settings.client_id, "secret": state.settings.client_secret, "role": 1}
    store["clients"].save({"id": None, **first, "grants": grants, "redirects": back})
    if not lab:
        return
    limited = {"name": "Limited", "description": "lab: API access, own contacts only", "isAdmin": False}
    rights = {"api:access": ["full"], "lead:leads": ["viewown"]}
    store["roles"].save({**creator, "id": None, **limited, "rawPermissions": rights})
    store["users"].save(
        {
            **creator,
            **name,
            "id": None,
            "username": "limited",
            "firstName": "Lim",
            "lastName": "Ited",
            "email": "limited@example.com",
            "role": 2,
            "timezone": None,
            "locale": None,
            "password": "limited",
        }
    )
    second = {"name": "lab-code-only", "public": "2_fake-code-client", "secret": "fake-code-secret", "role": 1}
    store["clients"].save({"id": None, **second, "grants": grants[1:], "redirects": back})


def add_field(state: ServerState, settings: dict[str, Any]) -> Row:
    """Add a contact or company field; see `FakeMautic.add_field`."""
    fields = state.store["fields"]
    order = 1 + max((row["order"] for row in fields.where(object=settings["object"])), default=0)
    saved = fields.save(field_row(**({"order": order} | settings)))
    state.store["contacts"].reindex()
    return saved


def _objects(state: ServerState) -> None:
    add_custom_object(
        state,
        "products",
        {
            "website": "url",
            "in-stock": "int",
            "multi": {"type": "multiselect", "options": ["yellow", "blue", "red"]},
            "sku": "text",
            "color": {"type": "select", "options": ["brown", "black", "white"]},
        },
        "Products",
    )
    add_custom_object(
        state,
        "orders",
        {"order-number": {"type": "text", "required": True, "unique": True}, "amount": "int"},
        "Orders",
    )
    add_custom_object(
        state,
        "samples",
        {
            "a-text": {"type": "text", "required": True},
            "a-textarea": "textarea",
            "a-date": "date",
            "a-datetime": "datetime",
            "an-email": "email",
            "a-phone": "phone",
            "a-country": "country",
        },
        "Samples",
    )


def add_custom_object(state: ServerState, alias: str, fields: dict[str, Any], name: str | None) -> Row:
    """Add a custom object; see `FakeMautic.add_custom_object`."""
    if any(row["alias"] == alias for row in state.store["custom_objects"]):
        raise ValueError(f"FakeMautic has a custom object {alias!r} already; give another alias")
    label = name or alias.replace("-", " ").replace("_", " ").title()
    object_row = state.store["custom_objects"].save(
        {**_UNOWNED, "id": None, "alias": alias, "nameSingular": label.removesuffix("s"), "namePlural": label}
    )
    for order, (key, settings) in enumerate(fields.items()):
        values = {"type": settings} if isinstance(settings, str) else dict(settings)
        options = [one if isinstance(one, dict) else {"label": one, "value": one} for one in values.get("options", ())]
        state.store["custom_fields"].save(
            {
                "id": None,
                "object": object_row["id"],
                "alias": key,
                "label": values.get("label", key.replace("-", " ").title()),
                "type": values["type"],
                "required": bool(values.get("required")),
                "unique": bool(values.get("unique")),
                "default": values.get("default"),
                "options": options,
                "order": order,
                "isPublished": True,
            }
        )
    return object_row
