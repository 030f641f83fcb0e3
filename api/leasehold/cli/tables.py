"""Decision tables: YAML files of cases, and of policies to try them on."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from leasehold.cli.connection import Json
from leasehold.cli.exits import Failure
from leasehold.cli.safe_text import visible

_LIMIT = 8 * 1024 * 1024
_FILES = {"document": ".cedar", "schema": ".cedarschema"}


def read_table(path: Path) -> Json:
    """A table as the registry takes it. Raises `Failure`."""
    table = _read(path)
    if unknown := sorted(map(str, table.keys() - {"cases", "policies"})):
        raise Failure(f"a table has cases and policies, no `{visible(unknown[0])}`", where=visible(str(path)))
    return {"cases": _plain(table.get("cases", [])), "policies": _policies(table, path)}


def read_policies(path: Path) -> Json:
    """The policies of such a file. Raises `Failure`."""
    return _policies(_read(path), path)


def _policies(table: Json, path: Path) -> Json:
    given = table.get("policies") or {}
    if not isinstance(given, dict):
        raise Failure("policies must be an object of policies by name", where=visible(str(path)))
    return {str(name): _policy(policy, path) for name, policy in given.items()}


def _policy(given: Any, path: Path) -> Any:  # Any: whatever stood in the file
    """A policy; a document that ends in `.cedar` names a file beside the table."""
    if not isinstance(given, dict):
        return given
    return {key: _text(value, path) if _is_file(key, value) else value for key, value in given.items()}


def _is_file(key: str, value: object) -> bool:
    return key in _FILES and isinstance(value, str) and value.endswith(_FILES[key]) and "\n" not in value


def _text(name: str, path: Path) -> str:
    try:
        return (path.parent / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot be read ({type(error).__name__})", where=visible(name)) from None


def _read(path: Path) -> Json:
    try:
        if path.stat().st_size > _LIMIT:
            raise Failure(f"a table has at most {_LIMIT} bytes", where=visible(str(path)))
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot be read ({type(error).__name__})", where=visible(str(path))) from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise Failure(f"is no YAML{line}", where=visible(str(path))) from None
    if not isinstance(table, dict):
        raise Failure("must be a mapping", where=visible(str(path)))
    return table


def _plain(value: Any) -> Any:  # Any: whatever stood in the file
    """YAML knows times, where JSON has texts."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, date | datetime) else value
