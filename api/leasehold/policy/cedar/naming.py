"""Types of entities under names that Cedar can read: `code-repo` is `code_2d_repo` in a policy."""

from __future__ import annotations

import re
from functools import lru_cache

from leasehold.model.entities import EntityRef

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:::[A-Za-z_][A-Za-z0-9_]*)*", re.ASCII)
_ESCAPED = re.compile(r"[^A-Za-z0-9_]|_(?=[0-9a-f]+_)|^[0-9]", re.ASCII)
_LOOKS_ESCAPED = re.compile(r"_[0-9a-f]+_", re.ASCII)
_RESERVED = frozenset({"if", "then", "else", "in", "is", "like", "has", "true", "false", "__cedar"})


@lru_cache(maxsize=4096)
def cedar_name(type_: str) -> str:
    """The type's name in policies; two types never share one."""
    if _NAME.fullmatch(type_) and not _LOOKS_ESCAPED.search(type_) and not _RESERVED & set(type_.split("::")):
        return type_
    if type_ in _RESERVED:
        return f"_{ord(type_[0]):x}_{type_[1:]}"
    return _ESCAPED.sub(lambda found: f"_{ord(found.group()):x}_", type_) or "_0_"


def cedar_ref(ref: EntityRef) -> EntityRef:
    """The entity, under the name that its type has in policies."""
    type_ = ref[0]
    name = cedar_name(type_)
    return ref if name == type_ else EntityRef(name, ref[1])
