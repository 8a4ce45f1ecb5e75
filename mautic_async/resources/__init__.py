"""Namespaces: one class each, on the bases of `_base`."""

from mautic_async.resources.companies import Companies
from mautic_async.resources.contacts import Contacts
from mautic_async.resources.fields import CompanyFields, ContactFields
from mautic_async.resources.segments import Segments
from mautic_async.resources.stages import Stages
from mautic_async.resources.tags import Tags

__all__ = ["Companies", "CompanyFields", "ContactFields", "Contacts", "Segments", "Stages", "Tags"]
