"""Rules of the gate out of a file: YAML or JSON, read so that nothing in it can be meant in two ways.

No anchors, aliases, tags, merges or second documents; no key twice; a word is a word (`yes` is not `true`, `1:30` is
not 90). Whatever is wrong is said with its line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import yaml

from leasehold.review.gate.rules import USUAL, Rules, UnclearRule, plain_rules, rules_of

LIMIT = 256 * 1024  # bytes
_DEPTH = 8
_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_TAG = "tag:yaml.org,2002:"


class RulesRefused(ValueError):
    """A file of rules that cannot be used. `line`, from 1, is None where there is none to name."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {what}" if line is not None else what)
        self.line = line


def read_rules(path: Path) -> Rules:
    """The rules in a file. Raises `RulesRefused`."""
    try:
        with path.open("rb") as file:
            raw = file.read(LIMIT + 1)
    except OSError as error:
        raise RulesRefused(f"cannot be read ({error.strerror})") from None
    return rules_in(raw, path.name)


def rules_in(raw: bytes, name: str) -> Rules:
    """The rules in the bytes of a file of this name. Raises `RulesRefused`."""
    if len(raw) > LIMIT:
        raise RulesRefused(f"rules have at most {LIMIT} bytes")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RulesRefused("is not UTF-8") from None
    is_json = name.endswith(".json") or (text.lstrip().startswith("{") and _is_json(text))
    plain, lines = _of_json(text) if is_json else _of_yaml(text)
    try:
        return rules_of(plain)
    except UnclearRule as unclear:
        raise RulesRefused(str(unclear), lines.get(unclear.path)) from None


def effective(rules: Rules) -> dict[str, object]:
    """All rules, the usual ones too, with the digest that reports name them by."""
    return {"digest": rules.digest, "rules": plain_rules(rules)}


def unlike_usual(rules: Rules) -> Iterator[str]:
    """`checks.wildcard: deny (usually needs_approval)`: what these rules make other than usual, one line each."""
    usual = dict(_flat(plain_rules(USUAL)))
    for name, value in _flat(plain_rules(rules)):
        if value != usual.get(name):
            yield f"{name}: {value} (usually {usual[name]})" if usual.get(name) else f"{name}: {value}"


def _flat(plain: dict[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in plain.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{under}", _text(one)) for under, one in value.items())
        else:
            yield name, _text(value)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value) if value != [] else ""


def _is_json(text: str) -> bool:
    """A flow mapping is YAML and may be JSON too: then JSON's reading holds, which knows tabs."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _of_json(text: str) -> tuple[object, dict[str, int]]:
    try:
        plain = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RulesRefused:
        raise
    except ValueError as error:
        raise RulesRefused("is no JSON", getattr(error, "lineno", None)) from None
    except RecursionError:
        raise RulesRefused("is no JSON: too deep") from None
    try:
        return plain, _of_yaml(text)[1]  # for the lines alone
    except RulesRefused:
        return plain, {}


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise RulesRefused(f"`{name[:60]}` is there twice")
        found[name] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise RulesRefused(f"is no JSON: `{name}`")


def _of_yaml(text: str) -> tuple[object, dict[str, int]]:
    """Plain values, and the line of each by its dotted path."""
    lines: dict[str, int] = {}
    try:
        _check_events(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise RulesRefused(f"is no YAML: {error.problem}", mark.line + 1 if mark is not None else None) from None
    except (yaml.YAMLError, RecursionError):
        raise RulesRefused("is no YAML") from None
    if root is None:
        raise RulesRefused("says nothing: `{}` stands for the usual rules")
    return _plain(root, "", lines), lines


def _check_events(text: str) -> None:
    """Refuse what a file of rules has no use for, before anything is built of it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark is not None else None
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise RulesRefused("anchors and aliases are not used here", line)
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) not in {None, "!"}:
            raise RulesRefused("tags are not used here", line)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEPTH:
            raise RulesRefused("too deep for rules", line)


def _plain(node: yaml.Node, path: str, lines: dict[str, int]) -> object:
    lines.setdefault(path, _line(node))
    if isinstance(node, yaml.MappingNode):
        return {name: _plain(value, _under(path, name), lines) for name, value in _pairs(node, path, lines)}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(one, _under(path, str(at)), lines) for at, one in enumerate(node.value)]
    return _scalar(node)


def _pairs(node: yaml.MappingNode, path: str, lines: dict[str, int]) -> Iterator[tuple[str, yaml.Node]]:
    seen: dict[str, int] = {}
    for key, value in node.value:
        line = _line(key)
        if not isinstance(key, yaml.ScalarNode):
            raise RulesRefused("keys must be plain texts", line)
        if key.value in seen:
            raise RulesRefused(f"`{key.value[:60]}` stands in line {seen[key.value]} already", line)
        seen[key.value] = line
        lines[_under(path, key.value)] = line if isinstance(value, yaml.MappingNode) else _line(value)
        yield key.value, value


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _scalar(node: yaml.Node) -> object:
    """Numbers and truths as JSON has them, nothing, and for all else the text that stands there."""
    text, kind = str(node.value), node.tag.removeprefix(_TAG)
    if kind == "int" and _NUMBER.fullmatch(text):
        return int(text)
    if kind == "bool" and text in {"true", "false"}:
        return text == "true"
    return None if kind == "null" else text


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
