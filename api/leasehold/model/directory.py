"""The world that policies speak of: people, what is acted on, and how they are related.

Registry names obey the rules for names; ids are foreign (a subject at an identity provider, a row's key) and are free
text. Nothing here grants anything: a policy may ask for it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias
from urllib.parse import quote

from leasehold.model.entities import ACTS_ON_BEHALF_OF, AGENT, GATHERINGS, USER
from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_email
from leasehold.model.plain import plain

_STRICT = {"extra": "forbid", "strict": False, "str_max_length": 65_536}
_TYPE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_RELATION = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_DECIMAL = re.compile(r"-?\d{1,14}\.\d{1,4}", re.ASCII)  # what 64 bits hold of Cedar's four digits
_ID_LIMIT = 256
_VALUE_LIMIT = 1024
_MANY = 64
_I64 = 2**63
_NAME_LIMIT = 400
_DIGEST = 16


@dataclass(frozen=True, slots=True)
class Decimal:
    """An exact number with one to four digits behind the point, as text: `50.25`."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    decimal: str

    def __post_init__(self) -> None:
        if not _DECIMAL.fullmatch(self.decimal):
            raise InvalidValue("a decimal reads `50.25`: up to 14 digits, a point, and one to four digits")


AttributeValue: TypeAlias = bool | int | str | frozenset[str] | Decimal
Attributes: TypeAlias = Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True, order=True)
class ForeignId:
    """A thing by its type and its foreign id."""

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


class _Typed:
    """Equality by the plain form: Python alone takes `true` for `1`, and a change from one to the other for none."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and _text(self) == _text(other)

    def __hash__(self) -> int:
        return hash(_text(self))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class User(_Typed):
    """Somebody agents act for, known to the outside by any of `ids`; `roles` add to those that a login brings."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    type: str = "user"
    ids: frozenset[str]
    email: str | None = None
    roles: frozenset[str] = frozenset()
    attributes: Attributes = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_entity_type(self.type)
        if not 0 < len(self.ids) <= _MANY:
            raise InvalidValue(f"ids must name 1 to {_MANY} foreign identifiers")
        for one in self.ids:
            check_foreign_id(one, "an id")
        if self.email is not None:
            check_email(self.email)
        if len(self.roles) > _MANY:
            raise InvalidValue(f"roles must be at most {_MANY}")
        for role in self.roles:
            check_foreign_id(role, "a role")
        check_attributes(self.attributes)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resource(_Typed):
    """A thing that tools act on, with the attributes that policies ask for; it lies in each of `parents`."""

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    type: str
    foreign_id: str
    attributes: Attributes = field(default_factory=dict)
    parents: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        check_entity_type(self.type)
        check_foreign_id(self.foreign_id, "foreign_id")
        check_attributes(self.attributes)
        if len(self.parents) > _MANY:
            raise InvalidValue(f"parents must be at most {_MANY}")
        if ForeignId(self.type, self.foreign_id) in {entity_id(parent, "a parent") for parent in self.parents}:
            raise InvalidValue("nothing is its own parent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One durable tuple: `user:alice` is `owner` of `document:42`. Its registry name is `relation_id(…)`.

    With `through`, whoever has that relation to the subject: the `member`s of `group:eng` are `reader`s.
    `acts_on_behalf_of` is an agent's to a person, or to a group of people.
    """

    __pydantic_config__: ClassVar[dict[str, object]] = _STRICT
    subject: str
    relation: str
    object: str
    through: str | None = None

    def __post_init__(self) -> None:
        entity_id(self.subject, "subject")
        entity_id(self.object, "object")
        check_relation(self.relation, "relation")
        if self.through is not None:
            check_relation(self.through, "through")
        if self.relation == ACTS_ON_BEHALF_OF:
            _check_ends(self.subject, self.object)

    @property
    def id(self) -> str:
        """The registry name of this tuple."""
        return relation_id(self.subject, self.relation, self.object, self.through)


def relation_id(subject: str, relation: str, target: str, through: str | None = None) -> str:
    """The readable name of a tuple: `document:42#owner@user:alice`, or `document:42#reader@group:eng#member`.

    What is not a letter, a digit or one of `_.-~/:` in an id is percent-encoded (RFC 3986 §2.1), so that two tuples
    never share a name. Past 400 characters the tail gives way to `~` and 16 hex digits of the SHA-256 of the whole.
    """
    text = f"{_encoded(target)}#{relation}@{_encoded(subject)}" + (f"#{through}" if through is not None else "")
    if len(text) <= _NAME_LIMIT:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return f"{text[: _NAME_LIMIT - _DIGEST - 1]}~{digest}"


def entity_id(text: str, what: str) -> ForeignId:
    """The type and id of `type:id`; the id may hold colons. Raises `InvalidValue`."""
    kind, separator, foreign = text.partition(":")
    if not separator or not _TYPE.fullmatch(kind):
        raise InvalidValue(f"{what} must read `type:id`, such as `user:alice`")
    check_foreign_id(foreign, f"the id of {what}")
    return ForeignId(kind, foreign)


def identities(spec: object) -> Iterator[ForeignId]:
    """The foreign identities that an object bears, and that no other object of its kind may."""
    if isinstance(spec, User):
        yield from (ForeignId(spec.type, one) for one in sorted(spec.ids))
    elif isinstance(spec, Resource):
        yield ForeignId(spec.type, spec.foreign_id)


def check_relation(value: str, what: str) -> None:
    """Raise `InvalidValue` unless `value` can name a relation."""
    if not _RELATION.fullmatch(value):
        raise InvalidValue(f"{what} must be 1-63 characters of a-z, 0-9, `_` and `-`, starting with a letter")


def check_entity_type(value: str) -> None:
    """Raise `InvalidValue` unless `value` can be the type of an entity."""
    if not _TYPE.fullmatch(value):
        raise InvalidValue("type must be 1-64 letters, digits, `_`, `.` and `-`, starting with a letter or `_`")


def check_foreign_id(value: str, what: str) -> None:
    """Raise `InvalidValue` unless `value` is 1-256 printable characters: no control or invisible ones."""
    if not 0 < len(value) <= _ID_LIMIT or not value.isprintable():
        raise InvalidValue(f"{what} must be 1-{_ID_LIMIT} printable characters")


def check_attributes(attributes: Attributes) -> None:
    """Raise `InvalidValue` unless every attribute has a name and a value that policies can take."""
    if len(attributes) > _MANY:
        raise InvalidValue(f"attributes must be at most {_MANY}")
    for name, value in attributes.items():
        # A leading `__` is Cedar's escape for entities and extension values: never a name of ours.
        if not 0 < len(name) <= _MANY or not name.isprintable() or name.startswith("__"):
            raise InvalidValue("an attribute is named by 1-64 printable characters that do not start with `__`")
        _check_value(value, name)


def _check_ends(subject: str, target: str) -> None:
    """Raise `InvalidValue` unless agents act for people. What nobody could ask about would look like a rule."""
    if entity_id(subject, "subject").type not in {AGENT, *GATHERINGS}:
        raise InvalidValue(f"subject of `{ACTS_ON_BEHALF_OF}` is `{AGENT}:<name>`, or a group, role or team of agents")
    if entity_id(target, "object").type not in {USER, *GATHERINGS}:
        raise InvalidValue(f"object of `{ACTS_ON_BEHALF_OF}` is `{USER}:<name>`, or a group, role or team of people")


def _check_value(value: AttributeValue, name: str) -> None:
    if isinstance(value, int) and not -_I64 <= value < _I64:
        raise InvalidValue(f"attribute `{name}`: an integer must fit 64 bits")
    texts = {value} if isinstance(value, str) else value if isinstance(value, frozenset) else ()
    if any(len(text) > _VALUE_LIMIT or not text.isprintable() for text in texts):
        raise InvalidValue(f"attribute `{name}` must hold at most {_VALUE_LIMIT} printable characters")
    if len(texts) > _VALUE_LIMIT:
        raise InvalidValue(f"attribute `{name}` must hold at most {_VALUE_LIMIT} values")


def _text(noun: object) -> str:
    return json.dumps(plain(noun), sort_keys=True)


def _encoded(entity: str) -> str:
    kind, _, foreign = entity.partition(":")
    return f"{kind}:{quote(foreign, safe='/:')}"
