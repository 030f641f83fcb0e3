"""The readable name of a relation, computed here so that a plan can show it; the registry computes the same."""

from __future__ import annotations

_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/:")
_LIMIT = 400
_DIGEST = 16


def relation_id(subject: str, relation: str, target: str, through: str | None) -> str:
    """Name a relation: `document:42#owner@user:alice`, or `document:42#reader@group:eng#member`.

    Other characters of an id are percent-encoded (RFC 3986 §2.1). Past 400 characters the tail gives way to `~` and 16
    hex digits of the SHA-256 of the whole.
    """
    text = f"{_encoded(target)}#{relation}@{_encoded(subject)}"
    if through is not None:
        text += f"#{through}"
    if len(text) <= _LIMIT:
        return text
    import hashlib  # noqa: PLC0415 -- OpenSSL takes milliseconds to load, and few ids are this long

    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST]
    return f"{text[: _LIMIT - _DIGEST - 1]}~{digest}"


def _encoded(text: str) -> str:
    if _PLAIN.issuperset(text):
        return text
    return "".join(char if char in _PLAIN else "".join(f"%{byte:02X}" for byte in char.encode()) for char in text)
