"""Terraform's value types: how each is named on the wire, read into plain Python and written back.

`read` takes what MessagePack or JSON decoding gave; `write` appends MessagePack and is canonical, so that two values
are equal exactly when their bytes are: `1` and `1.0`, a set in any order, a dict in any order.
Bounds: a wrong shape raises CtyError naming the path and what was expected, never the value.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from . import msgpack
from .numbers import read_number, write_number
from .unknown import Unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from .diagnostics import Step


class CtyError(ValueError):
    """A value does not have the shape its type asks for; `path` leads to it."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.path: tuple[Step, ...] = ()

    def __str__(self) -> str:
        where = ".".join(str(step) for step in self.path)
        return f"{where}: expected {self.expected}" if where else f"expected {self.expected}"

    def under(self, step: Step) -> CtyError:
        """Note one more step of the path, on the way out."""
        self.path = (step, *self.path)
        return self


class Type(ABC):
    """One type; null and unknown are values of every type."""

    __slots__ = ("has_dynamic",)

    def __init__(self, *, has_dynamic: bool = False) -> None:
        self.has_dynamic = has_dynamic

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and self.json() == other.json()

    def __hash__(self) -> int:
        return hash(self.json())

    def __repr__(self) -> str:
        return self.json()

    @abstractmethod
    def json(self) -> str:
        """Return the type in Terraform's own JSON notation, e.g. `["list","string"]`."""

    def read(self, raw: Any) -> Any:
        """Turn decoded MessagePack or JSON into the value a provider works with. Raises CtyError."""
        if raw is None or raw.__class__ is Unknown:
            return raw
        return self._read(raw)

    def write(self, value: Any, out: bytearray) -> None:
        """Append the canonical MessagePack of a value. Raises CtyError."""
        if value is None:
            out.append(0xC0)
        elif value.__class__ is Unknown:
            msgpack.write_unknown(out)
        else:
            self._write(value, out)

    def pack(self, value: Any) -> bytes:
        """Return the canonical MessagePack of a value. Raises CtyError."""
        out = bytearray()
        self.write(value, out)
        return bytes(out)

    def unpack(self, buffer: bytes) -> Any:
        """Read MessagePack. Raises MsgpackError or CtyError."""
        return self.read(msgpack.unpack(buffer))

    @abstractmethod
    def _read(self, raw: Any) -> Any: ...

    @abstractmethod
    def _write(self, value: Any, out: bytearray) -> None: ...


class _String(Type):
    __slots__ = ()

    def json(self) -> str:
        return '"string"'

    def _read(self, raw: Any) -> Any:
        if not isinstance(raw, str):
            raise CtyError("a string")
        return raw

    def _write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, str):
            raise CtyError("a string")
        msgpack.write_str(value, out)


class _Number(Type):
    __slots__ = ()

    def json(self) -> str:
        return '"number"'

    def _read(self, raw: Any) -> Any:
        try:
            return read_number(raw)
        except ValueError:
            raise CtyError("a number") from None

    def _write(self, value: Any, out: bytearray) -> None:
        try:
            write_number(value, out)
        except ValueError:
            raise CtyError("a number") from None


class _Bool(Type):
    __slots__ = ()

    def json(self) -> str:
        return '"bool"'

    def _read(self, raw: Any) -> Any:
        if not isinstance(raw, bool):
            raise CtyError("a bool")
        return raw

    def _write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, bool):
            raise CtyError("a bool")
        msgpack.write_bool(value, out)


class _Collection(Type):
    __slots__ = ("element",)

    word = ""

    def __init__(self, element: Type) -> None:
        super().__init__(has_dynamic=element.has_dynamic)
        self.element = element

    def json(self) -> str:
        return f'["{self.word}",{self.element.json()}]'

    def _read_items(self, raw: Any) -> list[Any]:
        if not isinstance(raw, list):
            raise CtyError(f"a {self.word}")
        return _read_each([self.element] * len(raw), raw)


class List(_Collection):
    """A list whose elements are all of one type."""

    __slots__ = ()
    word = "list"

    def _read(self, raw: Any) -> Any:
        return self._read_items(raw)

    def _write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, (list, tuple)):
            raise CtyError("a list")
        _write_each([self.element] * len(value), value, out)


class Set(_Collection):
    """A set: a list without duplicates, in a canonical order. Any iterable but text and dict may be returned."""

    __slots__ = ()
    word = "set"

    def _read(self, raw: Any) -> Any:
        items = self._read_items(raw)
        if len(items) < 2:  # noqa: PLR2004 -- nothing to order
            return items
        if self.element is String and Unknown not in map(type, items):
            return sorted(items)
        return sorted(items, key=self.element.pack)

    def _write(self, value: Any, out: bytearray) -> None:
        packed = sorted(self._packed(value))
        msgpack.write_array_head(len(packed), out)
        for item in packed:
            out += item

    def _packed(self, value: Any) -> Iterable[bytes]:
        if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
            raise CtyError("a set")
        plain: dict[bytes, None] = {}
        with_unknown: list[bytes] = []
        for index, item in enumerate(value):
            try:
                packed = self.element.pack(item)
            except CtyError as fault:
                raise fault.under(index) from None
            # Two unknowns may turn out to be two values: only what is known can be a duplicate.
            if contains_unknown(item):
                with_unknown.append(packed)
            else:
                plain[packed] = None
        return [*plain, *with_unknown]


class Map(_Collection):
    """A map from strings to values of one type."""

    __slots__ = ()
    word = "map"

    def _read(self, raw: Any) -> Any:
        if not isinstance(raw, dict):
            raise CtyError("a map")
        read = self.element.read
        values = {}
        for key, item in raw.items():
            try:
                values[key] = read(item)
            except CtyError as fault:
                raise fault.under(key) from None
        return values

    def _write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, dict):
            raise CtyError("a map")
        msgpack.write_map_head(len(value), out)
        for key in sorted(value):
            msgpack.write_str(key, out)
            try:
                self.element.write(value[key], out)
            except CtyError as fault:
                raise fault.under(key) from None


class Object(Type):
    """An object with exactly these attributes; one that is left out is null, one too many is an error."""

    __slots__ = ("_heads", "attributes")

    def __init__(self, attributes: Mapping[str, Type]) -> None:
        super().__init__(has_dynamic=any(item.has_dynamic for item in attributes.values()))
        self.attributes = dict(attributes)
        self._heads = [(name, _key_bytes(name), self.attributes[name]) for name in sorted(self.attributes)]

    def json(self) -> str:
        inner = ",".join(f'"{name}":{item.json()}' for name, _, item in self._heads)
        return '["object",{' + inner + "}]"

    def _read(self, raw: Any) -> Any:
        """Read an object; attributes that the type does not have are dropped (a state older than the schema)."""
        if not isinstance(raw, dict):
            raise CtyError("an object")
        values = {}
        for name, _, item in self._heads:
            try:
                values[name] = item.read(raw.get(name))
            except CtyError as fault:
                raise fault.under(name) from None
        return values

    def _write(self, value: Any, out: bytearray) -> None:
        if not isinstance(value, dict):
            raise CtyError("an object")
        if not value.keys() <= self.attributes.keys():
            raise CtyError(f"no attribute {', '.join(sorted(map(str, value.keys() - self.attributes.keys())))}")
        msgpack.write_map_head(len(self._heads), out)
        for name, head, item in self._heads:
            out += head
            try:
                item.write(value.get(name), out)
            except CtyError as fault:
                raise fault.under(name) from None


class Tuple(Type):
    """A list of fixed length with a type for each element."""

    __slots__ = ("elements",)

    def __init__(self, elements: Sequence[Type]) -> None:
        super().__init__(has_dynamic=any(item.has_dynamic for item in elements))
        self.elements = tuple(elements)

    def json(self) -> str:
        return '["tuple",[' + ",".join(item.json() for item in self.elements) + "]]"

    def _read(self, raw: Any) -> Any:
        self._check(raw)
        return _read_each(self.elements, raw)

    def _write(self, value: Any, out: bytearray) -> None:
        self._check(value)
        _write_each(self.elements, value, out)

    def _check(self, value: Any) -> None:
        if not isinstance(value, (list, tuple)) or len(value) != len(self.elements):
            raise CtyError(f"a tuple of {len(self.elements)}")


class DynamicValue:
    """A value that brings its own type."""

    __slots__ = ("type", "value")

    def __init__(self, type: Type, value: Any) -> None:  # noqa: A002 -- HCL's word for it
        self.type = type
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DynamicValue) and self.type == other.type and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.type)

    def __repr__(self) -> str:
        return f"DynamicValue({self.type!r}, …)"  # the value may be a secret


class _Dynamic(Type):
    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(has_dynamic=True)

    def json(self) -> str:
        return '"dynamic"'

    def _read(self, raw: Any) -> Any:
        from .dynamic import parse_type, split_dynamic  # noqa: PLC0415 -- needs JSON, and is rare

        type_notation, inner = split_dynamic(raw)
        kind = parse_type(type_notation)
        return DynamicValue(kind, kind.read(inner))

    def _write(self, value: Any, out: bytearray) -> None:
        from .dynamic import infer_type  # noqa: PLC0415 -- rare

        if not isinstance(value, DynamicValue):
            value = DynamicValue(infer_type(value), value)
        msgpack.write_array_head(2, out)
        msgpack.write_bytes(value.type.json().encode(), out)
        value.type.write(value.value, out)


String: Type = _String()
Number: Type = _Number()
Bool: Type = _Bool()
Dynamic: Type = _Dynamic()


def contains_unknown(value: Any) -> bool:
    """Tell whether a value is unknown or has an unknown anywhere inside."""
    if isinstance(value, dict):
        return any(map(contains_unknown, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(contains_unknown, value))
    if isinstance(value, DynamicValue):
        return contains_unknown(value.value)
    return isinstance(value, Unknown)


def _key_bytes(name: str) -> bytes:
    out = bytearray()
    msgpack.write_str(name, out)
    return bytes(out)


def _read_each(kinds: Sequence[Type], raw: list[Any]) -> list[Any]:
    values = []
    for index, item in enumerate(raw):
        try:
            values.append(kinds[index].read(item))
        except CtyError as fault:
            raise fault.under(index) from None
    return values


def _write_each(kinds: Sequence[Type], values: Sequence[Any], out: bytearray) -> None:
    msgpack.write_array_head(len(values), out)
    for index, item in enumerate(values):
        try:
            kinds[index].write(item, out)
        except CtyError as fault:
            raise fault.under(index) from None
