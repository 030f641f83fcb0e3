"""`leasehold_user`: somebody agents act for, as policies see them."""

from __future__ import annotations

from .names import at_least_one, check_email, check_entity_type, check_foreign_id, each
from .protocol import Attribute, Set, String
from .registry_resource import RegistryResource, named
from .typed_attributes import attributes_attribute


class User(RegistryResource):
    """Known to the outside by foreign identifiers, each of which is one user's alone."""

    type_name = "leasehold_user"
    kind = "users"
    typed = ("attributes",)
    schema = named(
        {
            "type": Attribute(
                String, default="user", validators=(check_entity_type,), description="Type of the entity in policies."
            ),
            "ids": Attribute(
                Set(String),
                required=True,
                validators=(at_least_one, each(check_foreign_id)),
                description="Identifiers that others know them by, such as the subject at an identity provider.",
            ),
            "email": Attribute(String, optional=True, validators=(check_email,), description="Their address."),
            "roles": Attribute(
                Set(String),
                default=[],
                validators=(each(check_foreign_id),),
                description="Roles that they have beside those that a login brings.",
            ),
            "attributes": attributes_attribute(),
        },
        description="Somebody agents act for, as user policies see them. A policy says what that allows.",
        name="Name of the user in the registry.",
    )
