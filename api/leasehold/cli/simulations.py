"""What `leasehold token simulate` says: one line per check, then one paragraph per binding."""

from __future__ import annotations

from leasehold.cli.connection import Json
from leasehold.cli.safe_text import visible

_CHECKS = ("signature", "audience", "time")
_SHOWN = 300


def told_simulation(answer: Json) -> str:
    """The report as text."""
    if answer.get("trust_issuer") is None:
        return f"no trust issuer takes this token: {_joined(answer.get('flaws'))}\n"
    lines = [f"issuer  {visible(answer['trust_issuer'])} ({visible(answer['issuer_type'])})"]
    lines += [f"{check}  {'holds' if answer.get(check) is True else 'FAILS'}" for check in _CHECKS]
    if answer.get("flaws"):
        lines.append(f"refused  {_joined(answer['flaws'])}")
    if answer.get("proposes") is True:
        lines.append("proposes  a run of what nobody accepted yet: it may read and plan, nothing else")
    bindings = answer.get("bindings") or []
    lines += [line for one in bindings for line in _told_binding(one)]
    return "\n".join(lines if bindings else [*lines, "no binding that you may see is of this issuer"]) + "\n"


def _told_binding(one: Json) -> list[str]:
    becomes = f"agent {visible(one['agent'])}" if one.get("agent") else f"role {visible(one.get('role'))}"
    lines = [f"{'MATCHES' if one.get('matches') is True else 'no match'}  {visible(one['name'])} -> {becomes}"]
    lines += [_told_miss(miss) for miss in one.get("failed") or []]
    if one.get("mutable"):
        lines.append(f"  names that others may be given later: {_joined(one['mutable'])}")
    if one.get("advice"):
        lines.append(f"  {visible(one['advice'], _SHOWN)}")
    return lines


def _told_miss(miss: Json) -> str:
    bound = visible(miss["expected"], _SHOWN)
    return f"  {visible(miss['claim'])}: bound to {bound}, the token has {visible(miss['found'])}"


def _joined(values: object) -> str:
    return ", ".join(visible(value) for value in values) if isinstance(values, list) else ""
