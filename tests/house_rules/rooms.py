"""Which room may import what, read the environment, tell the time, change state."""

import ast
import sys
from collections.abc import Iterator

from tests.house_rules.source import PACKAGES, Source, dotted, imported

_CDK_DOOR = ("cdktf/leasehold_cdktf/_cdk.py",)
_OWN_KEY = "api/leasehold/cli/possession.py"  # the caller's, which the server never sees
# One library, one room. A further library gets its room here before its first import.
ROOMS_OF_LIBRARY = {
    "fastapi": ("api/leasehold/web/",),
    "starlette": ("api/leasehold/web/",),  # the hot plane is plain ASGI on fastapi's own foundation
    "orjson": (  # bodies, messages, rows, signed claims, what is digested, lists that were judged before
        *("api/leasehold/web/", "api/leasehold/gateway/", "api/leasehold/store/", "api/leasehold/keys/"),
        *("api/leasehold/surfaces/", "api/leasehold/decisions/", "api/leasehold/model/trail/", "api/leasehold/mcp/"),
    ),
    "pydantic": ("api/leasehold/web/", "api/leasehold/store/"),  # strict parsing at the doors and from rows
    "pydantic_core": ("api/leasehold/web/", "api/leasehold/store/"),
    "sqlmodel": ("api/leasehold/store/",),
    "sqlalchemy": ("api/leasehold/store/",),
    "alembic": ("api/leasehold/store/",),
    "psycopg": ("api/leasehold/store/", "api/leasehold/external/"),
    "jwt": ("api/leasehold/keys/", "api/leasehold/verify/", _OWN_KEY),
    "cryptography": ("api/leasehold/keys/", "api/leasehold/verify/trail/", _OWN_KEY),  # auditors check offline
    "mypy_boto3_kms": ("api/leasehold/keys/",),  # types alone
    "boto3": ("api/leasehold/keys/", "api/leasehold/audit/", "api/leasehold/external/"),
    "botocore": ("api/leasehold/keys/", "api/leasehold/audit/", "api/leasehold/external/"),
    "httpx": (
        *("api/leasehold/keys/", "api/leasehold/cli/", "api/leasehold/verify/", "api/leasehold/external/"),
        "api/leasehold/audit/",
    ),
    "typer": ("api/leasehold/cli/",),
    "rich": ("api/leasehold/cli/",),
    "uvicorn": ("api/leasehold/cli/",),
    "httptools": ("api/leasehold/gateway/",),
    "aiohappyeyeballs": ("api/leasehold/gateway/",),
    "cedarpy": ("api/leasehold/policy/",),
    "z3": ("api/leasehold/policy/proving/",),
    "grpc": ("api/leasehold/envoy/",),
    "google": ("api/leasehold/envoy/",),  # protocol buffers
    "prometheus_client": ("api/leasehold/metrics/",),
    "opentelemetry": ("api/leasehold/tracing/",),
    "re2": ("api/leasehold/scan/",),
    "cdktf": _CDK_DOOR,
    "cdktn": _CDK_DOOR,
    "constructs": ("cdktf/leasehold_cdktf/",),
    "yaml": ("cdktf/leasehold_cdktf/", "api/leasehold/cli/", "api/leasehold/rule_files.py"),  # manifests; tables; rules
}
ENVIRONMENT_READERS = {
    "api/leasehold/settings.py": "the server's only reader",
    "api/leasehold/cli/": "a client: LEASEHOLD_ENDPOINT and its like are its user's options",
    "provider/leasehold_provider/": "Terraform hands a provider its secrets and its handshake there",
    "cdktf/leasehold_cdktf/_cdk.py": "chooses between cdktf and cdktn before anything is imported",
}
# What opens a writing transaction before, or instead of, a decision about a principal.
WITHOUT_PERMIT = {
    "api/leasehold/registry/bootstrap.py:offer_bootstrap": "`serve` puts the one-time token into an empty registry",
    "api/leasehold/registry/bootstrap.py:bootstrap": "the one-time token is the permission, checked inside",
    "api/leasehold/registry/heartbeats.py:sweep": "nobody was heard, and that is the decision",
    "api/leasehold/registry/journal.py:recording_failure": "remembers that something was refused",
    "api/leasehold/exchange/stages.py:_note": "remembers that something was refused",
    "api/leasehold/decisions/recording.py:_written": "writes down what was permitted to whoever had it recorded",
    "api/leasehold/decisions/recording.py:_forget": "drops questions that nobody replays any more",
    "api/leasehold/credentials/issuing.py:_refused": "remembers that something was refused",
    "api/leasehold/credentials/issuing.py:_settle": "says what became of an attempt that was permitted",
    "api/leasehold/credentials/ending.py:_claim": "the worker ends what has lost its lease",
    "api/leasehold/credentials/ending.py:_write": "the worker says what became of it",
    "api/leasehold/credentials/ending.py:_postpone": "the worker tries again later",
    "api/leasehold/credentials/ending.py:_forget": "the worker drops what is dead and cleared",
    "api/leasehold/signals/streams.py:_refused": "remembers that something was refused",
    "api/leasehold/signals/transmitting.py:_claim": "the worker takes a stream for a while",
    "api/leasehold/signals/transmitting.py:_settle": "the worker says how far it came",
    "api/leasehold/trail/sealing.py:seal_some": "the worker gives places to what was committed",
    "api/leasehold/trail/rotating.py:rotate": "the key that signs names its successor, as the settings say",
    "api/leasehold/trail/starting.py:record_start": "the server says how it is configured",
    "api/leasehold/trail/retention.py:_prune": "the worker keeps to the retention that the settings say",
    "api/leasehold/trail/contents.py:_key": "who shuts away what an event holds needs the key of its subject",
    "api/leasehold/trail/telling.py:_move": "the worker says how far a receiver has come",
    "api/leasehold/trail/telling.py:record_configuration": "the server says how it is configured",
    "api/leasehold/trail/sealing.py:_moved": "the worker says how far an anchor has come",
    "api/leasehold/clusters/ending.py:_end": "the cluster says that it is gone",
    "api/leasehold/surfaces/recording.py:record": "writes down what a server shows, which gives nobody anything",
    "api/leasehold/clusters/ending.py:forget_workloads": "the worker drops what is long gone",
}
_PURE = ("api/leasehold/model/", "api/leasehold/policy/", "api/leasehold/scan/")
_IMPURE_MODULES = frozenset(
    {
        "asyncio",
        "multiprocessing",
        "selectors",
        "select",
        "signal",
        "socket",
        "ssl",
        "subprocess",
        "threading",
        "http",
        "urllib.request",
    }
    | {"ctypes", "fcntl", "glob", "io", "logging", "os", "pathlib", "shutil", "sqlite3", "sys", "tempfile"}
    | {"random", "secrets", "time"}
)
_IMPURE_CALLS = frozenset({"open", "input", "print", "uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4"})
_CLOCKS = (".now", ".utcnow", ".today")
_USE_CASES = tuple(
    f"api/leasehold/{room}/"
    for room in (
        *("exchange", "credentials", "clusters", "decisions", "feed", "signals", "registry", "surfaces"),
        *("broker", "approvals", "review", "campaigns", "trail"),
    )
)
_DOORS = ("api/leasehold/web/", "api/leasehold/envoy/", "api/leasehold/gateway/", "api/leasehold/mcp/")


def libraries_in_their_rooms(source: Source) -> Iterator[str]:
    """One library, one room; a library without a room is refused."""
    if not source.within(*PACKAGES.values()):
        return
    for line, module in imported(source):
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top == "__future__":
            continue
        rooms = (PACKAGES[top],) if top in PACKAGES else ROOMS_OF_LIBRARY.get(top, ())
        if not source.within(*rooms):
            yield f"{source.path}:{line}: `{module}` belongs to {' or '.join(rooms) or 'no room yet'}"


def standard_library_only(source: Source) -> Iterator[str]:
    """The provider ships as one file, and the toolchain runs before anything is installed."""
    own = {"provider/leasehold_provider/": "leasehold_provider", "toolchain/": "toolchain"}
    for place, package in own.items():
        for line, module in imported(source) if source.within(place) else ():
            top = module.partition(".")[0]
            if top != package and top not in sys.stdlib_module_names:
                yield f"{source.path}:{line}: `{module}` is not of the standard library"


def environment_in_settings(source: Source) -> Iterator[str]:
    """One module reads the server's environment."""
    if not source.within(*PACKAGES.values()) or source.within(*ENVIRONMENT_READERS):
        return
    for node in source.nodes:
        named = dotted(node) if isinstance(node, ast.Attribute) else ""
        names = [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) and node.module == "os" else []
        if named in {"os.environ", "os.environb", "os.getenv"} or {"environ", "environb", "getenv"} & set(names):
            yield f"{source.path}:{node.lineno}: only settings.py reads the environment"


def meaning_and_decisions_are_pure(source: Source) -> Iterator[str]:
    """`model`, `policy` and `scan` do no I/O and get time and chance as arguments."""
    if not source.within(*_PURE):
        return
    for line, module in imported(source):
        if module in _IMPURE_MODULES or module.partition(".")[0] in _IMPURE_MODULES:
            yield f"{source.path}:{line}: `{module}` does I/O, or tells time or chance"
    for node in source.nodes:
        name = dotted(node.func) if isinstance(node, ast.Call) else ""
        if name in _IMPURE_CALLS or (name.startswith(("datetime", "date.")) and name.endswith(_CLOCKS)):
            yield f"{source.path}:{node.lineno}: `{name}()` is I/O, a clock or chance: take it as an argument"


def only_policy_permits(source: Source) -> Iterator[str]:
    """A Permit comes out of a decision; nobody else makes, copies or restores one."""
    if not source.within(*PACKAGES.values()) or source.within("api/leasehold/policy/"):
        return
    for node in source.nodes:
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        first = dotted(node.args[0]) if node.args else ""
        made = name.rpartition(".")[2] == "Permit" or name.endswith("Permit.__new__")
        forged = name.rpartition(".")[2] in {"__new__", "replace", "copy", "deepcopy"} and "permit" in first.lower()
        if made or forged:
            yield f"{source.path}:{node.lineno}: only policy constructs a Permit"


def changes_need_a_permit(source: Source) -> Iterator[str]:
    """A use case that opens a writing transaction says in its signature what permits it."""
    if not source.within(*_USE_CASES) or source.path.endswith("/ports.py"):
        return
    for function in functions_that_begin(source):
        if not _takes_a_permit(function) and f"{source.path}:{function.name}" not in WITHOUT_PERMIT:
            yield f"{source.path}:{function.lineno}: `{function.name}` changes state without a Permit in its signature"


def doors_open_no_transaction(source: Source) -> Iterator[str]:
    """The use case commits; a door that did would answer before it knows."""
    for node in source.nodes if source.within(*_DOORS) else ():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "begin":
            yield f"{source.path}:{node.lineno}: a door opens a transaction: that is the use case's"


def functions_that_begin(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Return every function that opens a writing transaction."""
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call))
            if any(isinstance(called, ast.Attribute) and called.attr == "begin" for called in calls):
                yield node


def _takes_a_permit(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return any("Permit" in ast.unparse(argument.annotation) for argument in every if argument.annotation)
