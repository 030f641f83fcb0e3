"""Names, sizes and what must not stand in a file."""

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.house_rules.source import PACKAGES, Source

LONGEST_FILE = 400
_DRAWERS = frozenset(["utils", "util", "common", "misc", "core", "manager", "managers", "helpers", "helper", "stuff"])
_BANNED_VERBS = re.compile(r"_*(handle|process|manage|do)(_|$)")
_BANNED_NOUNS = re.compile(r"(^|_)(data|info)$")
_BANNED_CLASSES = re.compile(r"(Manager|Handler|Processor|Data|Info|Util|Utils|Helper)$|^I[A-Z][a-z]")
# The words of others, which we take as they are.
_FOREIGN_WORDS = {
    "handle_exit": "uvicorn calls what it does at a signal so",
    "data_dir": "LEASEHOLD_DATA_DIR, every server's word for its folder",
    "_data": "HTTP/2 calls a frame so, PyYAML a parameter that is not used",
    "process_bind_param": "SQLAlchemy calls a column type by these names",
    "process_result_value": "SQLAlchemy calls a column type by these names",
}
_MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|root|farm|Users)/")
_REGISTRY_HOSTS = re.compile(r"://([a-z.]+[.])?(pypi|pythonhosted|npmjs|debian)[.]")
_UNFINISHED = re.compile(r"\b(TO(DO)|FIX(ME)|X{3})\b(?!\(#\d+\))")
_BARE_COVER = re.compile(r"#\s*pragma:\s*no (cover|branch)\s*$")
_BARE_NOQA = re.compile(r"#\s*noqa(?!:\s*[A-Z]+\d+)|#\s*type:\s*ignore(?!\[)")


def no_drawer_rooms(source: Source) -> Iterator[str]:
    """A homeless line is a missing noun."""
    for part in PurePosixPath(source.path).with_suffix("").parts:
        if part.lower() in _DRAWERS:
            yield f"{source.path}: `{part}` names no noun: anything could lie in it"


def files_have_one_reason_to_exist(source: Source) -> Iterator[str]:
    """A newcomer finds things sooner in short files."""
    lines = source.text.count("\n")
    if source.path.endswith(".py") and lines > LONGEST_FILE:
        yield f"{source.path}: {lines} lines, more than {LONGEST_FILE}"


def plain_names(source: Source) -> Iterator[str]:
    """No name that says nothing: verbs without an object, `data`, `info`, interfaces marked by a letter."""
    if not source.within(*PACKAGES.values(), "toolchain/"):
        return
    for node in source.nodes:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bad = _BANNED_VERBS.match(name) or _BANNED_NOUNS.search(name)
            case ast.ClassDef(name=name):
                bad = _BANNED_CLASSES.search(name)
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                bad = _BANNED_NOUNS.search(name)
            case _:
                continue
        if bad and name not in _FOREIGN_WORDS:
            yield f"{source.path}:{node.lineno}: `{name}` is a banned name"


def rows_stay_in_the_store(source: Source) -> Iterator[str]:
    """`*Row` means a table, and tables are the store's."""
    for node in source.nodes if source.within(PACKAGES["leasehold"]) else ():
        if isinstance(node, ast.ClassDef) and node.name.endswith("Row") and not source.within("api/leasehold/store/"):
            yield f"{source.path}:{node.lineno}: `{node.name}` belongs to the store"


def no_place_of_one_machine(source: Source) -> Iterator[str]:
    """The repository means the same everywhere."""
    for line, text in source.lines_with_numbers():
        if _MACHINE_PATHS.search(text) or _REGISTRY_HOSTS.search(text):
            yield f"{source.path}:{line}: a path of one machine or the host of a registry"


def nothing_unfinished(source: Source) -> Iterator[str]:
    """No note to oneself, no silenced check without its reason or code."""
    for line, text in source.lines_with_numbers() if source.path.endswith(".py") else ():
        if _UNFINISHED.search(text):
            yield f"{source.path}:{line}: unfinished: open an issue and name its number, (#1)"
        if _BARE_COVER.search(text) or _BARE_NOQA.search(text):
            yield f"{source.path}:{line}: a silenced check says which and why"


def skips_have_a_reason(source: Source) -> Iterator[str]:
    """A test that does not run says why, where everyone reads it."""
    for node in source.nodes:
        marked = node.func if isinstance(node, ast.Call) else node
        if not isinstance(marked, ast.Attribute) or marked.attr not in {"skip", "skipif", "xfail"}:
            continue
        if ast.unparse(marked.value) not in {"pytest", "pytest.mark"}:
            continue
        reasons = [word for word in node.keywords if word.arg == "reason"] if isinstance(node, ast.Call) else []
        said = reasons or (isinstance(node, ast.Call) and node.args and marked.attr != "skipif")
        if not said and not _is_called(source, node):
            yield f"{source.path}:{node.lineno}: `{marked.attr}` without a reason"


def _is_called(source: Source, node: ast.AST) -> bool:
    """Tell whether the node is the function of a call, which is then judged with its arguments."""
    return any(isinstance(other, ast.Call) and other.func is node for other in source.nodes)
