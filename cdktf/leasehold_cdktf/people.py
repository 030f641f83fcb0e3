"""Owners: the named people who answer for agents."""

from __future__ import annotations

from typing import Literal

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.collector import Declared
from leasehold_cdktf.names import check_name


class Owner(Declared):
    """A named person with the team they answer to. Disabling an owner stops every agent of theirs.

    Args:
        display_name: The person's name, as reports show it.
        email: The person's own address, not a list's.
        team: The team whose developers may change this owner's agents.
        state: `disabled` when the person leaves.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: a value breaks the registry's grammar.
    """

    KIND = "leasehold_owner"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        display_name: str,
        email: str,
        team: str,
        state: Literal["active", "disabled"] = "active",
        name: str | None = None,
    ) -> None:
        if not display_name.strip():
            raise ValueError("display_name is empty: an agent answers to a person with a name")
        if "@" not in email and "${" not in email:
            raise ValueError(f"email `{email}` must be the person's address")
        super().__init__(scope, id_, name)
        self.declare(
            {
                "display_name": display_name,
                "email": email,
                "team": check_name(team, "team"),
                "state": None if state == "active" else state,
            }
        )
