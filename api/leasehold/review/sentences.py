"""One sentence per difference. Live strings stand between backticks and can hold neither backticks nor controls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leasehold.limit_words import limits_of
from leasehold.model.plain import plain
from leasehold.model.principal import Role
from leasehold.model.trust import WorkloadBinding
from leasehold.review.entitlements import EVERY_TOOL, collapsed
from leasehold.review.findings import Deed, Entitlement
from leasehold.review.quotation import quoted

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Aside:
    """What a sentence says by the way: which deeds are `limited` before or after, and that some of it is `unproven`."""

    limited: frozenset[Deed] = frozenset()
    unproven: bool = False


NOTHING_ELSE = Aside()


def deeds(found: Iterable[Entitlement], aside: Aside = NOTHING_ELSE) -> str:
    """The first few deeds in words: "`delete_branch` on `repo:web`, use every tool of … and 4 more"."""
    ordered = collapsed(found)
    words = [_deed(one, aside) for one in ordered[:_SHOWN]]
    if len(ordered) > _SHOWN:
        words.append(f"{len(ordered) - _SHOWN} more")
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def access_sentence(
    agent: str,
    gains: frozenset[Entitlement],
    losses: frozenset[Entitlement],
    through: str = "",
    aside: Aside = NOTHING_ELSE,
) -> str:
    """Both directions in one sentence; one of them is not empty."""
    now = f"can now {deeds(gains, aside)}" if gains else ""
    no_longer = f"can no longer {deeds(losses, aside)}" if losses else ""
    said = ", and ".join(part for part in (now, no_longer) if part)
    ending = " (unproven: there are too many limits to compare)" if aside.unproven else ""
    return f"agent {quoted(agent)} {said}{through}{ending}"


def subject_of(binding: WorkloadBinding) -> str:
    """Who a binding speaks of, with every pin."""
    issuer = quoted(binding.trust_issuer)
    if binding.kubernetes is not None:
        account = f"{binding.kubernetes.namespace}/{binding.kubernetes.service_account}"
        uid = binding.kubernetes.service_account_uid
        pin = f" (uid {quoted(uid)})" if uid else " (whatever its uid)"
        return f"service account {quoted(account)}{pin} of {issuer}"
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


def _deed(one: Entitlement, aside: Aside) -> str:
    tool = f"use every tool of {quoted(one.tool_server)}" if one.tool == EVERY_TOOL else quoted(one.tool)
    free = " without limits" if not one.constraints and one.deed in aside.limited else ""
    return f"{tool} on {quoted(one.resource)}{limits_of(one.constraints, quoted)}{free}"
