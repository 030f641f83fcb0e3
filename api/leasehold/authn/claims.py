"""Verified claims read with distrust: a claim that is not of its documented type is as good as missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import get_args

from leasehold.model.subjects import Subject
from leasehold.model.tokens import Flaw, TokenRefused

# A pin that is a flag admits more when it is set: its kind looks at it.
_PINS: Mapping[type, tuple[str, ...]] = {
    kind: tuple(one.name for one in fields(kind) if one.type != "bool") for kind in get_args(Subject)
}
_MANDATORY: Mapping[type, tuple[str, ...]] = {
    kind: tuple(one.name for one in fields(kind) if one.default is MISSING) for kind in get_args(Subject)
}


def text(claims: Mapping[str, object], name: str) -> str:
    """A printable, non-empty string. Raises `TokenRefused`."""
    value = claims.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise TokenRefused(Flaw.BAD_CLAIM)
    return value


def optional_text(claims: Mapping[str, object], name: str) -> str | None:
    """The same, or None where the issuer leaves the claim out or null."""
    return None if claims.get(name) is None else text(claims, name)


def digits(claims: Mapping[str, object], name: str) -> str:
    """A number written as a string. Raises `TokenRefused`."""
    value = text(claims, name)
    if not (value.isascii() and value.isdecimal()):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return value


def members(claims: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A JSON object. Raises `TokenRefused`."""
    value = claims.get(name)
    if not isinstance(value, dict):
        raise TokenRefused(Flaw.BAD_CLAIM)
    return value


def unmet(pins: Subject, identity: object, without: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The pins that do not hold: each that is given is compared to the letter with the identity's field of its name."""
    return tuple(
        name
        for name in _PINS[type(pins)]
        if name not in without and (pinned := getattr(pins, name)) is not None and pinned != getattr(identity, name)
    )


def mandatory(kind: type, named: object) -> tuple[object, ...]:
    """The values of the pins that every binding of this kind gives, in `named`: such pins, or an identity.

    Each kind compares these to the letter. Where they differ between pins and identity, some pin is unmet.
    """
    return tuple([getattr(named, name) for name in _MANDATORY[kind]])
