"""An entity of each noun that may be written, and an argument for each parameter of a public method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from mautic_async import models as m
from mautic_async.models import UNSET, Entity
from mautic_async.resources import _namespaces
from mautic_async.resources._base import Namespace, ReadOnlyResource, Resource

CANVAS = m.Canvas(nodes=[m.CanvasNode(id="new_1")], connections=[m.CanvasConnection(source_id="lists")])
SAMPLES: Mapping[type, Entity] = {
    kind: entity
    for entity in (
        m.Asset(title="A", storage_location="remote", file="https://example.com/a.pdf", language="en"),
        m.Campaign(name="C", segments=[1], events=[m.CampaignEvent(id=7, name="E")], canvas_settings=CANVAS),
        m.Category(title="K", bundle="email"),
        m.Company(companyname="Acme"),
        m.CompanySegment(name="S"),
        m.Contact(email="ada@example.com", firstname="Ada"),
        m.CustomField(label="F", type="text"),
        m.CustomItem(name="I", custom_object="/api/v2/custom_objects/1"),
        m.CustomObject(alias="products", name_singular="Product"),
        m.Device(contact=1, device="desktop"),
        m.DynamicContent(name="D", content="x", is_campaign_based=True, language="en"),
        m.Email(name="E", subject="Hi", language="en", dynamic_content=[m.EmailDynamicContent(token_name="T")]),
        m.Field(
            label="F",
            is_index=False,
            char_length_limit=64,
            is_required=False,
            is_listable=True,
            is_visible=True,
            is_short_visible=True,
        ),
        m.FieldGroup(name="G"),
        m.Focus(name="F", type="notice", style="bar"),
        m.Form(name="F", post_action="return"),
        m.Message(name="M", channels=[m.MessageChannel(channel="email", channel_id=1, is_enabled=True)]),
        m.Note(contact=1, text="t"),
        m.Notification(name="N", heading="h", message="m", language="en"),
        m.Page(title="P", language="en"),
        m.Point(name="P", type="page.hit", delta=5, repeatable=False),
        m.PointGroup(name="G"),
        m.Project(name="P"),
        m.Report(name="R", source="leads", columns=["l.id"], system=False),
        m.Role(name="R", is_admin=False),
        m.Segment(name="S"),
        m.Sms(name="S", message="m", language="en"),
        m.Stage(name="S", weight=5),
        m.Tag(tag="t"),
        m.Trigger(
            name="T",
            points=5,
            trigger_existing_contacts=False,
            events=[m.TriggerEvent(id=7, name="e", type="lead.changetags")],
        ),
        m.Tweet(name="T", text="t"),
        m.User(username="u", first_name="U", last_name="V", email="u@example.com", plain_password="Long-strong-1!"),
        m.Webhook(name="H", webhook_url="https://example.com", secret="s"),
    )
    for kind in [type(entity)]
}
"""By its class; all that a creation, an edit and a replacement need."""


def entity(model: type, method: str) -> Any:
    """An entity of *model* for a method."""
    sample = SAMPLES[model]
    if isinstance(sample, m.User) and "create" not in method:
        return evolve(sample, plain_password=UNSET)
    return sample


def namespaces() -> dict[str, type[Namespace]]:
    """All namespaces: the name of the client's property, and its class."""
    from mautic_async import resources

    classes = {}
    for name, namespace_name in vars(_namespaces.Namespaces).items():
        if hasattr(namespace_name, "func"):
            kind = namespace_name.func.__annotations__["return"].removeprefix("resources.").partition("[")[0]
            classes[name] = getattr(resources, kind)
    return classes


RESOURCES: Mapping[str, type[Resource[Any]]] = {
    name: kind for name, kind in namespaces().items() if issubclass(kind, Resource)
}
"""Those with all the standard verbs."""

READ_ONLY_RESOURCES: Mapping[str, type[ReadOnlyResource[Any]]] = {
    name: kind for name, kind in namespaces().items() if issubclass(kind, ReadOnlyResource)
}
"""Those that can be read."""
