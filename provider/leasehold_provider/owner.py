"""`leasehold_owner`: a named person who answers for agents."""

from __future__ import annotations

from .names import check_email, check_name, check_text, one_of
from .protocol import Attribute, String
from .registry_resource import RegistryResource, named


def check_person(value: str) -> str | None:
    """Complain unless the text names somebody."""
    return check_text(value) or (None if value.strip() else "must name a person")


class Owner(RegistryResource):
    """Disabling an owner stops every agent of theirs."""

    type_name = "leasehold_owner"
    kind = "owners"
    schema = named(
        {
            "display_name": Attribute(
                String, required=True, validators=(check_person,), description="The person's name, for reports."
            ),
            "email": Attribute(
                String, required=True, validators=(check_email,), description="Where the person is reached."
            ),
            "team": Attribute(
                String,
                required=True,
                validators=(check_name,),
                description="The team the person answers to; team ceilings and developers' rights follow it.",
            ),
            "state": Attribute(
                String,
                default="active",
                validators=(one_of("active", "disabled"),),
                description="`active` or `disabled`; disabling stops every agent of this owner at once.",
            ),
        },
        description="A named person, with the team they answer to. Every agent has exactly one owner.",
        name="Short name that agents refer to.",
    )
