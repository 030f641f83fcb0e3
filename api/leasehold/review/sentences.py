"""One sentence per difference. Live strings stand between backticks and can hold neither backticks nor controls."""

from __future__ import annotations

from collections.abc import Iterable

from leasehold.model.plain import plain
from leasehold.model.principal import Role
from leasehold.model.trust import WorkloadBinding
from leasehold.review.entitlements import EVERY_TOOL, collapsed
from leasehold.review.findings import Entitlement

_SHOWN = 3
_LONGEST = 200


def quoted(value: str) -> str:
    """A live string between backticks: what could end the quotation or move the cursor is spelt out by code point."""
    shown = value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
    return "`" + "".join(c if c.isprintable() and c != "`" else f"\\u{{{ord(c):x}}}" for c in shown) + "`"


def deeds(found: Iterable[Entitlement]) -> str:
    """The first few deeds in words: "`delete_branch` on `repo:web`, use every tool of … and 4 more"."""
    ordered = collapsed(found)
    words = [_deed(one) for one in ordered[:_SHOWN]]
    if len(ordered) > _SHOWN:
        words.append(f"{len(ordered) - _SHOWN} more")
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def can_now(agent: str, gains: Iterable[Entitlement], through: str = "") -> str:
    """Say what an agent gained, and through which object."""
    return f"agent {quoted(agent)} can now {deeds(gains)}{through}"


def cannot_any_more(agent: str, losses: Iterable[Entitlement], through: str = "") -> str:
    """Say what an agent lost, and through which object."""
    return f"agent {quoted(agent)} can no longer {deeds(losses)}{through}"


def access_sentence(
    agent: str, gains: frozenset[Entitlement], losses: frozenset[Entitlement], through: str = ""
) -> str:
    """Both directions in one sentence; one of them is not empty."""
    if not losses:
        return can_now(agent, gains, through)
    if not gains:
        return cannot_any_more(agent, losses, through)
    return f"{can_now(agent, gains)}, and can no longer {deeds(losses)}{through}"


def subject_of(binding: WorkloadBinding) -> str:
    """Who a binding speaks of, with every pin."""
    issuer = quoted(binding.trust_issuer)
    if binding.kubernetes is not None:
        account = f"{binding.kubernetes.namespace}/{binding.kubernetes.service_account}"
        uid = binding.kubernetes.service_account_uid
        return f"service account {quoted(account)}{f' (uid {quoted(uid)})' if uid else ''} of {issuer}"
    if binding.github_actions is not None:
        run = binding.github_actions
        pins = (("workflow", run.job_workflow_ref), ("environment", run.environment), ("ref", run.ref))
        said = "".join(f", {what} {quoted(pin)}" for what, pin in pins if pin is not None)
        return f"runs of repository {quoted(run.repository_id)}{said} of {issuer}"
    if binding.oidc is not None:
        return f"subject {quoted(binding.oidc.subject)} of {issuer}"
    given = plain(binding.subject).items()
    said = ", ".join(f"{what} {quoted(str(pin))}" for what, pin in given if pin is not None and pin is not False)
    return f"{binding.issuer_type.value} with {said} of {issuer}"


def target_of(binding: WorkloadBinding) -> str:
    """What a binding lets its subject become."""
    if binding.agent is not None:
        return f"become agent {quoted(binding.agent)}"
    teams = f" for {', '.join(quoted(team) for team in sorted(binding.teams))}" if binding.teams else ""
    stack = f" in stack {quoted(binding.stack)}" if binding.stack else ""
    return f"act as {(binding.role or Role.VIEWER).value}{teams}{stack}"


def _deed(one: Entitlement) -> str:
    tool = f"use every tool of {quoted(one.tool_server)}" if one.tool == EVERY_TOOL else quoted(one.tool)
    return f"{tool} on {quoted(one.resource)}"
