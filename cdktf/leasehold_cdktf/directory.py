"""The world that policies speak of: users, resources, and how they are related."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from leasehold_cdktf._cdk import Construct
from leasehold_cdktf.agents import Agent
from leasehold_cdktf.collector import Collector, Declared, collector_of
from leasehold_cdktf.names import check_entity, check_entity_type, check_relation, grant_local_name, relation_id

Value = bool | int | str | Decimal | Collection[str]
Attributes = Mapping[str, Value]
ACTS_ON_BEHALF_OF = "acts_on_behalf_of"
_GATHERINGS = frozenset({"group", "role", "team"})


class User(Declared):
    """Somebody agents act for, as user policies see them.

    Args:
        ids: Identifiers that others know them by, such as the subject at an identity provider.
        type: Type of the entity in policies; `user` if left out.
        email: Their address.
        roles: Roles that they have beside those that a login brings.
        attributes: What policies may ask: bools, integers, strings, sets of strings, and `Decimal`s.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: there is no id, or a value has no type in policies.
    """

    KIND = "leasehold_user"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        ids: Collection[str],
        type: str = "user",  # noqa: A002  the attribute's name
        email: str | None = None,
        roles: Collection[str] = (),
        attributes: Attributes | None = None,
        name: str | None = None,
    ) -> None:
        if not ids or isinstance(ids, str):
            raise ValueError("ids must name at least one foreign identifier, in a list or set")
        self.type = check_entity_type(type)
        super().__init__(scope, id_, name)
        self.declare(
            {
                "type": None if type == "user" else type,
                "ids": sorted(ids),
                "email": email,
                "roles": sorted(roles) or None,
                "attributes": _attributes(attributes),
            }
        )


class Resource(Declared):
    """A thing that tools act on, as policies see it.

    Args:
        type: Its type, such as `document`.
        foreign_id: The identifier that tools know it by.
        attributes: What policies may ask: bools, integers, strings, sets of strings, and `Decimal`s.
        parents: What it lies in: `Resource`s, or `type:id`.
        name: The name in the registry; the construct's id if left out.

    Raises:
        ValueError: a type is malformed, or a value has no type in policies.
    """

    KIND = "leasehold_resource"

    def __init__(  # noqa: PLR0913  one keyword per attribute
        self,
        scope: Construct,
        id_: str,
        *,
        type: str,  # noqa: A002  the attribute's name
        foreign_id: str,
        attributes: Attributes | None = None,
        parents: Collection[Resource | str] = (),
        name: str | None = None,
    ) -> None:
        self.entity = f"{check_entity_type(type)}:{foreign_id}"
        super().__init__(scope, id_, name)
        above = [one.entity if isinstance(one, Resource) else check_entity(one, "a parent") for one in parents]
        self.declare(
            {
                "type": type,
                "foreign_id": foreign_id,
                "attributes": _attributes(attributes),
                "parents": sorted(above) or None,
            }
        )


class Relation(Construct):
    """A durable relation that policies can ask about: `user:alice` is `owner` of `document:42`.

    `acts_on_behalf_of` is an agent's to a user, or to a group of users. It lets no agent act for anybody: a token and
    consent do; policies can demand that it holds besides.

    Args:
        subject: Who has it: a `User`, an `Agent`, a `Resource`, or `type:id`.
        relation: The word for it, such as `owner`.
        object: To what: a `Resource`, a `User`, or `type:id`.
        through: Whoever has this relation to the subject has it too, such as every `member` of a group.

    Raises:
        ValueError: an end is no `type:id`, the relation is no word, or the ends are none that it can have.
    """

    KIND = "leasehold_relation"

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        subject: User | Agent | Resource | str,
        relation: str,
        object: User | Resource | str,  # noqa: A002  the attribute's name
        through: str | None = None,
    ) -> None:
        check_relation(relation, "relation")
        if through is not None:
            check_relation(through, "through")
        super().__init__(scope, id_)
        collector = collector_of(self)
        ends = [_end(subject, "subject", collector), _end(object, "object", collector)]
        if relation == ACTS_ON_BEHALF_OF:
            _check_ends(*(end[0].partition(":")[0] for end in ends))
        self.name = relation_id(ends[0][0], relation, ends[1][0], through)
        """The name in the registry."""
        attributes = {"subject": ends[0][1], "relation": relation, "object": ends[1][1], "through": through}
        things = [thing for thing in (subject, object) if isinstance(thing, Resource)]
        after = [thing.fqn for thing in things if thing.collector is collector]
        collector.add(self.KIND, grant_local_name(self.name), attributes, after)


def _check_ends(subject: str, target: str) -> None:
    if subject not in {"agent", *_GATHERINGS}:
        raise ValueError(f"an agent, or a group of agents, {ACTS_ON_BEHALF_OF} people: not a `{subject}`")
    if target not in {"user", *_GATHERINGS}:
        raise ValueError(f"an agent {ACTS_ON_BEHALF_OF} a user, or a group of users: not a `{target}`")


def _end(thing: User | Agent | Resource | str, what: str, user: Collector) -> tuple[str, str]:
    """One end as it is named, and as Terraform refers to it."""
    if isinstance(thing, str):
        return check_entity(thing, what), thing
    if thing.collector is not user:
        user.follow(thing.collector)
    if isinstance(thing, Resource):
        return thing.entity, thing.entity
    type_ = "agent" if isinstance(thing, Agent) else thing.type
    text = f"{type_}:{thing.name}"
    return text, f"{type_}:${{{thing.fqn}.name}}" if thing.collector is user else text


def _attributes(given: Attributes | None) -> dict[str, Any] | None:
    return {name: _value(name, given[name]) for name in sorted(given)} if given else None


def _value(name: str, value: object) -> object:
    if isinstance(value, Decimal):
        text = format(value, "f")
        return {"decimal": text if "." in text else f"{text}.0"}
    if isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(one, str) for one in value):
        return sorted(value)
    if isinstance(value, (bool, int, str)):
        return value
    raise ValueError(f"attribute `{name}` must be a bool, an integer, a string, a set of strings or a Decimal")
