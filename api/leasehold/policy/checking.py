"""Whether a policy document may be published: it parses, names its actions, and speaks of tools that are there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from itertools import islice

import cedarpy
from cedarpy import pst

from leasehold.model.directory import Relation, Resource, User
from leasehold.model.policies import Policy, PolicyProblem
from leasehold.model.tools import ToolServer
from leasehold.policy.cedar.declaring import SCHEMA_LIMIT, comes_to_an_end
from leasehold.policy.statements import NESTING_LIMIT, OPERATORS_LIMIT, Statement, place, statements, too_deep

_CUT_OFF = "unexpected end of input"
_AT_A_TOKEN = ("unexpected token", "invalid token")
_NAMED = re.compile(r"`([^`]+)`|[:@] ?(\S+)$")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", re.ASCII)
STATEMENTS_LIMIT, STATEMENT_LIMIT = 256, 10_240
_PROBLEMS_SHOWN = 20
_MESSAGE_LIMIT = 300


@dataclass(frozen=True, slots=True)
class _Known:
    """The actions that tool servers bring: `<tool server>/<tool>` each, `<tool server>/*` for all of its tools.

    `foreign` is what to say besides of a tool server that nobody knows.
    """

    tools: frozenset[str]
    servers: frozenset[str]
    foreign: str = ""

    def complaint(self, action: str) -> str | None:
        """What to say of an action that no tool server brings. One without a `/` is another system's, and passes."""
        server, slash, tool = action.partition("/")
        if not slash or action in self.tools:
            return None
        if tool == "*" and server in self.servers:
            return None  # every tool of the server
        if server not in self.servers:
            return f"no tool server is named `{server}`{_hint(server, self.servers)}{self.foreign}"
        others = [name for name in self.tools if name.startswith(f"{server}/")]
        return f"tool server `{server}` lists no tool `{tool}`{_hint(action, others)}"


def _hint(wrong: str, names: Collection[str]) -> str:
    close = get_close_matches(wrong, names, n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


class CedarDocuments:
    """Reads documents with Cedar itself, statement by statement, so that each problem has its place."""

    def check(self, _name: str, policy: Policy, servers: Mapping[str, ToolServer], /) -> Sequence[PolicyProblem]:
        """What is wrong with a policy; nothing, if it may be published."""
        schema = () if policy.schema is None else tuple(problems_of_schema(policy.schema))
        foreign = "" if policy.schema is None else "; actions of another application have no `/`"
        return (*schema, *_of_document(policy.document, servers, foreign))

    def check_world(self, _name: str, _spec: ToolServer | User | Resource | Relation, /) -> Sequence[str]:
        """Nothing: who publishes says what stands in the way."""
        return ()

    def check_assertions(
        self, _policies: Mapping[str, Policy], _servers: Mapping[str, ToolServer], _now: datetime, /
    ) -> Mapping[str, Sequence[PolicyProblem]]:
        """Nothing: who decides says what holds."""
        return {}


def problems_of_schema(schema: str) -> Iterator[PolicyProblem]:
    """What is wrong with another application's schema.

    A few lines of common types can name each other until no memory holds what they mean: what they come to, written
    out, is counted before Cedar writes it out.
    """
    found = list(statements(schema))
    tokens = [token for one in found for token in one.tokens]
    deep = next(filter(None, map(too_deep, found)), None)
    if deep is not None:
        yield _problem(schema, deep.start, f"a schema is at most {NESTING_LIMIT} brackets deep", path="schema")
    elif not comes_to_an_end([token.text for token in tokens]):
        said = f"a schema comes to at most {SCHEMA_LIMIT} words with its common types written out"
        yield _problem(schema, 0, said, path="schema")
    else:
        try:
            cedarpy.Schema.from_str(schema)
        except ValueError as error:
            yield _problem(schema, 0, str(error).partition("\n")[0][:_MESSAGE_LIMIT], path="schema")


def _of_document(document: str, servers: Mapping[str, ToolServer], foreign: str) -> Sequence[PolicyProblem]:
    tools = frozenset(f"{name}/{tool}" for name, server in servers.items() for tool in server.tools)
    known = _Known(tools, frozenset(servers), foreign)
    found = list(statements(document))
    if not 0 < len(found) <= STATEMENTS_LIMIT:
        return (PolicyProblem(1, 1, f"must hold 1 to {STATEMENTS_LIMIT} policies"),)
    each = (problem for one in found for problem in _of_statement(document, one, known))
    problems = tuple(islice(each, _PROBLEMS_SHOWN))
    return problems or tuple(islice(_as_a_whole(document, found), _PROBLEMS_SHOWN))


def _of_statement(document: str, statement: Statement, known: _Known) -> Iterator[PolicyProblem]:
    if (token := too_deep(statement)) is not None:
        limits = f"at most {NESTING_LIMIT} brackets deep and {OPERATORS_LIMIT} operators long"
        yield _problem(document, token.start, f"a policy is {limits}: split it")
        return
    if len(statement.text(document).encode()) > STATEMENT_LIMIT:
        yield _problem(document, statement.start, f"a policy is at most {STATEMENT_LIMIT} bytes long: split it")
        return
    try:
        parsed = cedarpy.policies_to_pst(statement.text(document))
    except ValueError as error:
        said = str(error).removeprefix("cedarpy: ")[:_MESSAGE_LIMIT]
        yield _problem(document, _where(document, statement, said), said)
        return
    policies = list(parsed.static_policies.values())
    if parsed.templates or len(policies) != 1:
        yield _problem(document, statement.start, "must be one policy without `?principal` and `?resource`")
        return
    yield from _of_policy(document, statement, policies[0], known)


def _of_policy(document: str, statement: Statement, policy: pst.Template, known: _Known) -> Iterator[PolicyProblem]:
    if policy.effect == "permit" and isinstance(policy.action, pst.ScopeAny):
        said = "a permit must name its actions: `action == Action::…` or `action in […]`"
        yield _problem(document, statement.start, said)
    for uid in sorted({one.id for one in pst.entity_uids(policy) if one.type.basename == "Action"}):
        if (complaint := known.complaint(uid)) is not None:
            yield _problem(document, statement.offset_of(f'"{uid}"'), complaint, unknown=True)


def _where(document: str, statement: Statement, said: str) -> int:
    """The offset that a parser's complaint is about: it tells none, so it is asked again with less and less."""
    last = statement.tokens[-1]
    if said == _CUT_OFF:
        return last.start
    if said.startswith(_AT_A_TOKEN):
        return statement.tokens[_first_refused(document, statement) - 1].start
    named = [name for pair in _NAMED.findall(said) for name in pair if name]
    return next((at for name in named if (at := statement.offset_of(name)) != statement.start), statement.start)


def _first_refused(document: str, statement: Statement) -> int:
    """How many tokens it takes until the parser no longer merely misses the rest."""
    low, high = 1, len(statement.tokens)
    while low < high:
        middle = (low + high) // 2
        if _is_cut_off(statement.text(document, middle)):
            low = middle + 1
        else:
            high = middle
    return low


def _is_cut_off(text: str) -> bool:
    said = ""
    try:
        cedarpy.policies_to_pst(text)
    except ValueError as error:
        said = str(error)
    return said == _CUT_OFF


def _as_a_whole(document: str, found: Sequence[Statement]) -> Iterator[PolicyProblem]:
    """Decisions name policies by `@id`, or by what they say: two of one name would be one to a reader."""
    policies = list(cedarpy.policies_to_pst(document).static_policies.values())
    if len(policies) != len(found):
        yield PolicyProblem(1, 1, "cannot be taken apart into its policies")
        return
    seen: set[str] = set()
    for statement, policy in zip(found, policies, strict=True):
        given = policy.annotations.get("id")
        name = given if given is not None else " ".join(token.text for token in statement.tokens)
        if given is not None and not _ID.fullmatch(given):
            yield _problem(document, statement.start, "an `@id` is 1-63 letters, digits, `_`, `.` and `-`")
        elif name in seen:
            said = f"two policies have the id `{given}`" if given is not None else "this policy stands twice"
            yield _problem(document, statement.start, said)
        seen.add(name)


def _problem(text: str, offset: int, said: str, *, unknown: bool = False, path: str = "document") -> PolicyProblem:
    line, column = place(text, offset)
    return PolicyProblem(line, column, said, unknown, path)
