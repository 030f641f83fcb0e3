"""A draft becomes a finding: with its states, its score, its address, its cause, its reach, its expiry and its fix."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime

from leasehold.model.deployments import Deployment
from leasehold.model.grants import Grant
from leasehold.model.objects import Spec
from leasehold.review.accepting import Exceptions
from leasehold.review.blasts import Blasts
from leasehold.review.declared import Declared, DeclaredObject
from leasehold.review.drafts import Draft, fingerprint_of
from leasehold.review.entitlements import collapsed
from leasehold.review.findings import DriftClass, Finding, Fix, risk_at
from leasehold.review.fixes import fix_for_declared, fix_for_unmanaged, with_exception
from leasehold.review.history import Evidence, History
from leasehold.review.provenance import Provenance
from leasehold.review.scores import score
from leasehold.review.states import in_order, states_at, states_of
from leasehold.review.worlds import Live


class Dressing:
    """Looks up around all drafts together what their findings tell beside the differences themselves."""

    def __init__(
        self, drafts: Sequence[Draft], declared: Declared, live: Live, *, history: History, evidence: Evidence
    ) -> None:
        self._declared, self._live = declared, live
        self._provenance = Provenance(drafts, history, evidence)
        self._blasts = Blasts(drafts, live, evidence)
        self._exceptions = Exceptions(live)
        self._states = states_at(drafts)

    def finding(self, draft: Draft) -> Finding:
        """The finding that a draft becomes."""
        kind, name = draft.key
        source = self._declared.by_key.get(draft.key)
        stored = self._live.stored.get(draft.key)
        expires_at = _expiry(stored.spec if stored is not None else None)
        risk, named = risk_at(draft.assessment.rank), fingerprint_of(draft)
        cause, blast = self._provenance.cause(draft), self._blasts.blast(draft)
        accepted, lapsed = self._exceptions.answer(draft, named)
        return Finding(
            fingerprint=named,
            class_=draft.class_,
            states=in_order(draft.class_, self._all_states(draft)),
            risk=risk,
            score=score(draft, risk, blast, cause, expires_at),
            factors=tuple(dict.fromkeys(draft.assessment.factors)),
            sentence=draft.sentence,
            agent=draft.agent,
            now_can=collapsed(draft.gains),
            no_longer_can=collapsed(draft.losses),
            changes=draft.changes,
            kind=kind,
            name=name,
            address=source.address if source is not None else None,
            stack=source.stack if source is not None else None,
            managed_by=stored.stack if stored is not None else None,
            cause=cause,
            unknown_cause=draft.trace.problem if draft.trace is not None and cause is None else None,
            blast=blast,
            expires_at=expires_at,
            fix=with_exception(self._fix(draft), draft, named),
            accepted=accepted,
            lapsed=lapsed,
        )

    def _all_states(self, draft: Draft) -> frozenset[DriftClass]:
        if draft.revert is not None:
            return frozenset(states_of(draft))
        states = self._states[draft.key, draft.agent]
        gone = DriftClass.MISSING in states and self._provenance.deleted(draft)
        return states | {DriftClass.GHOST} if gone else states

    def _fix(self, draft: Draft) -> Fix:
        if draft.revert is not None:
            return Fix(draft.revert)
        source, stored = self._declared.by_key.get(draft.key), self._live.stored.get(draft.key)
        if (advice := _advice(draft, source)) is not None:
            return Fix(advice)
        if source is not None:
            return fix_for_declared(source, stored.spec if stored is not None else None)
        if stored is None:
            return Fix("terraform apply")
        claimed = draft.agent in self._declared.claimed_agents
        return fix_for_unmanaged(draft.key, stored.spec, claimed=claimed)


def _advice(draft: Draft, source: DeclaredObject | None) -> str | None:  # noqa: PLR0911  one arm per matter
    """What to do about a matter that no apply settles by itself."""
    match draft.class_:
        case DriftClass.CONFLICT:
            return "keep the resource in one stack, and `terraform state rm` it in the others"
        case DriftClass.ORPHAN:
            return f"name an active owner and a review date for agent {draft.key[1]}, or remove the agent"
        case DriftClass.OVERSTAY if source is not None:
            return "remove the resource from the code, or move its expires_at, then terraform apply"
        case DriftClass.TOOL_SURFACE if draft.delisted:
            return "remove the tools that are not listed from the code, then terraform apply"
        case DriftClass.TOOL_SURFACE if draft.difference is None:
            return (
                f"leasehold tools diff {draft.key[1]}; then leasehold tools approve {draft.key[1]}, or the pin in code"
            )
        case DriftClass.EXTERNAL if source is not None:
            again = f"terraform apply -replace={shlex.quote(source.address)}"
            return f"undo the change where it was made; to keep it, record it anew: {again}"
        case _:
            return None


def _expiry(spec: Spec | None) -> datetime | None:
    return spec.expires_at if isinstance(spec, Grant | Deployment) else None
