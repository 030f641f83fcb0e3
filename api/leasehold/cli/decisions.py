"""`leasehold explain`, `who-can`, `what-can` and `replay`: what was decided, why, and what would be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from leasehold.cli.connection import Json, segment
from leasehold.cli.exits import CLEAN, DRIFT, Failure
from leasehold.cli.safe_text import visible
from leasehold.cli.session import Session, session_of
from leasehold.cli.tables import read_policies

_PAGE = 1000
AsJson = Annotated[bool, typer.Option("--json", help="The whole answer as JSON on stdout.")]


def explain(
    context: typer.Context,
    decision: Annotated[str, typer.Argument(help="Its id: `evaluation_id` in the answer, `name` in the audit log.")],
    *,
    json_: AsJson = False,
) -> None:
    """Why a decision was what it was: both sides, each policy with its line, each condition with whether it held."""
    session = session_of(context)
    with session.registry() as registry:
        found = registry.call("GET", f"/v1/decisions/{segment(decision)}").body
    if json_:
        session.emit(found)
        return
    session.out.write("\n".join(_explained(found)) + "\n")


def who_can(
    context: typer.Context,
    tool: Annotated[str, typer.Argument(help="`<tool server>/<tool>`, or another application's action.")],
    on: Annotated[list[str] | None, typer.Argument(metavar="[on RESOURCE]", help="A resource, as `type:id`.")] = None,
    *,
    json_: AsJson = False,
) -> None:
    """Every way in which somebody can call a tool, with what is left to be true."""
    query = {"action": tool, **resource_of(on or [])}
    _list_accesses(session_of(context), "who-can", query, as_json=json_)


def what_can(
    context: typer.Context,
    agent: Annotated[str | None, typer.Argument(help="The agent.")] = None,
    *,
    user: Annotated[str | None, typer.Option(help="In place of an agent: a person by themselves.")] = None,
    json_: AsJson = False,
) -> None:
    """Everything that an agent, or a person by themselves, can call, with what is left to be true."""
    if (agent is None) is (user is None):
        raise Failure("whose access?", next_step="name an agent, or give --user")
    query = {"agent": agent} if agent is not None else {"user": user or ""}
    _list_accesses(session_of(context), "what-can", query, as_json=json_)


def replay(
    context: typer.Context,
    *,
    policies: Annotated[Path | None, typer.Option(help="A YAML file: `policies` as in a decision table.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many decisions, the newest first.")] = 10_000,
    json_: AsJson = False,
) -> int:
    """Decide recorded decisions again, on policies as they would be, and list those that turn round."""
    session = session_of(context)
    changed = read_policies(policies) if policies is not None else {}
    with session.registry() as registry:
        body = {"policies": changed, "limit": limit}
        report = registry.call("POST", "/v1/decisions:replay", body=body).body
    if json_:
        session.emit(report)
    else:
        session.out.write("\n".join(_replayed(report)) + "\n")
    return DRIFT if report["flips"] else CLEAN


def resource_of(words: list[str]) -> dict[str, str]:
    """`[on] RESOURCE` as a query. Raises `Failure`."""
    named = words[1:] if words[:1] == ["on"] else words
    if len(named) > 1:
        raise Failure("name one resource", next_step="leasehold who-can github/read_file on repo:web")
    return {"resource": named[0]} if named else {}


def _list_accesses(session: Session, question: str, query: dict[str, str], *, as_json: bool) -> None:
    items: list[Json] = []
    cursor: str | None = ""
    with session.registry() as registry:
        while cursor is not None:
            asked = {**query, "limit": str(_PAGE), **({"cursor": cursor} if cursor else {})}
            page = registry.call("GET", f"/v1/access:{question}?{urlencode(asked)}").body
            items += page["items"]
            cursor = page["next_cursor"]
    if as_json:
        acted = page["acts_on_behalf_of"]
        said = {name: page[name] for name in ("policy_version", "known")}
        session.emit({**said, "items": items, "acts_on_behalf_of": acted})
        return
    if not page["known"]:  # a misspelt one must not look like one that nobody may use
        about = next(iter(query.values()))
        raise Failure(f"nothing is known by the name `{about}`", next_step="`leasehold object list KIND` shows names")
    for one in items:
        session.out.write("\n".join(_access(one)) + "\n")
    for one in page["acts_on_behalf_of"]:
        session.out.write(visible(f"acts on behalf of {one}, where a token says so") + "\n")
    session.say(f"{len(items)} in all, as of {visible(page['policy_version'])}")


def _access(one: Json) -> Iterator[str]:
    by = f"grant {one['grant']}" if one["grant"] is not None else f"policy {one['policy']}"
    who = one["holder"] or one["scope"] or "whoever"
    yield visible(f"{who}  {one['action']}  on {one['resource']}  by {by}")
    if one["logins"]:
        yield visible(f"    for anyone who logs in with {' or '.join(one['logins'])}")
    if one["arguments"]:
        yield visible(f"    with arguments {one['arguments']}")
    if one["expires_at"] is not None:
        yield visible(f"    until {one['expires_at']}")
    for word, every in (("when", one["when"]), ("unless", one["unless"])):
        yield from (visible(f"    {word} {text}") for text in every)


def could_lines(found: Json) -> Iterator[str]:
    """What an agent could do then, line by line."""
    then = f"{found['agent']} at {found['at']}"
    why = found["stopped"] or found["reason"] or ("in these ways" if found["items"] else "in no way")
    yield visible(f"{'yes' if found['decision'] else 'no'}: {then}, {why}")
    for side in found["sides"]:
        yield from _side(side)
    for one in found["items"]:
        yield from (f"  {line}" for line in _access(one))
    yield visible(f"  as of change {found['revision']}, policies {found['policy_version']}")


def _side(side: Json) -> Iterator[str]:
    by = ", ".join(side.get("determining", [])) or side.get("detail") or "nothing"
    yield visible(f"  {side['side']} side: {'yes' if side['allowed'] else 'no'}, {side['reason']}, by {by}")


def _explained(found: Json) -> Iterator[str]:
    yield visible(f"{'allowed' if found['decision'] else 'denied'}: {found['reason']}  {found['at']}")
    yield visible(f"  {found['subject']}  {found['action']}  on {found['resource']}, asked by {found['asked_by']}")
    yield visible(f"  policies {found['version']}")
    sides = found.get("sides", [])
    if "detail" in found and not any("detail" in side for side in sides):
        yield visible(f"  {found['detail']}")
    for side in sides:
        yield from _side(side)
    for policy in found["policies"]:
        yield visible(f"  {policy['effect']} {policy['id']}  ({policy['policy']}:{policy['line']})")
        for one in policy["conditions"]:
            held = {True: "true", False: "false", None: "cannot be evaluated"}[one["held"]]
            yield visible(f"    {held}: {one['text']}")
    if not found["policies_unchanged"]:
        yield "  policies or tools have changed since: what is shown is how they read now"
    if found["would_pass"]:
        changed = ", ".join(f"{name} = {json.dumps(value)}" for name, value in found["would_pass"].items())
        yield visible(f"  it would have passed with {changed}")
    if found["requestable"]:
        yield "  a request for access could change it"


def _replayed(report: Json) -> Iterator[str]:
    for one in report["flips"]:
        word = "newly allowed" if one["decision"] else "newly denied"
        asked = f"{one['subject']}  {one['action']}  on {one['resource']}"
        yield visible(f"{word}: {asked}  ({one['before']} -> {one['after']})")
        yield visible(f"    {one['at']}  decision {one['id']}")
    flips = f"{report['newly_allowed']} newly allowed, {report['newly_denied']} newly denied"
    yield f"{report['replayed']} decisions: {flips}"
    if report["unreadable"]:
        yield f"{report['unreadable']} could not be read: another server's key sealed them"
