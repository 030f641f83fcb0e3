"""`leasehold_resource`: a thing that tools act on, as policies see it."""

from __future__ import annotations

from .names import check_entity, check_entity_type, check_foreign_id, each
from .protocol import Attribute, Set, String
from .registry_resource import RegistryResource, named
from .typed_attributes import attributes_attribute


class Resource(RegistryResource):
    """One type and foreign identifier is one resource's alone."""

    type_name = "leasehold_resource"
    kind = "resources"
    typed = ("attributes",)
    schema = named(
        {
            "type": Attribute(
                String, required=True, validators=(check_entity_type,), description="Type, such as `document`."
            ),
            "foreign_id": Attribute(
                String, required=True, validators=(check_foreign_id,), description="Identifier that tools know it by."
            ),
            "attributes": attributes_attribute(),
            "parents": Attribute(
                Set(String),
                default=[],
                validators=(each(check_entity),),
                description="What it lies in, each as `type:id`, such as `folder:public`.",
            ),
        },
        description="A thing that tools act on, with the attributes and parents that policies ask about.",
        name="Name of the resource in the registry.",
    )
