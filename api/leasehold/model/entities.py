"""Entities that decisions speak of: who, what, and how they belong together; and relations between them, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class EntityRef(NamedTuple):
    """Which entity. A tuple, because every decision looks several of them up, and tuples hash in C."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


AGENT, USER, TOOL_SERVER = "agent", "user", "tool_server"
TEAM, ROLE, GROUP = "team", "role", "group"
GATHERINGS = frozenset({TEAM, ROLE, GROUP})
RELATION, ACTION = "Relation", "Action"
ACTS_ON_BEHALF_OF = "acts_on_behalf_of"
"""The relation of an agent to a person. That to a group, role or team is one to whoever is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """An entity with what is known of it. `parents` are its groups, roles, teams, folders.

    An attribute is a text, a boolean, an integer, a `Decimal`, an aware `datetime`, an `EntityRef`, an IP address or
    network of `ipaddress`, a list or set of those, or a mapping of texts to those.
    """

    ref: EntityRef
    attributes: Mapping[str, object] = field(default_factory=dict)
    parents: frozenset[EntityRef] = frozenset()


@dataclass(frozen=True, slots=True)
class Relationship:
    """`subject` has `relation` to `object`: `user:ana` is `owner` of `document:42`.

    With `through`, everybody who has that relation to the subject does: the `viewer`s of `folder:1` are viewers of
    `document:42`.
    """

    object: EntityRef
    relation: str
    subject: EntityRef
    through: str | None = None


class Relations(Protocol):
    """Who is related to what. The registry's own stand behind it, and so may a relationship service."""

    def types(self) -> frozenset[str]:
        """Every type of object that has relations."""
        ...

    def names(self, object_type: str) -> frozenset[str]:
        """Every relation that objects of this type can have."""
        ...

    def held(self, subjects: frozenset[EntityRef], target: EntityRef) -> frozenset[str]:
        """The relations to `target` that at least one of `subjects` has: somebody, and the groups above them."""
        ...

    def targets(self, subjects: frozenset[EntityRef], relation: str) -> frozenset[EntityRef]:
        """Everything that at least one of `subjects` has this relation to."""
        ...
