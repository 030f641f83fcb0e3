"""From a difference to what a report says of it: its class, its risk, and the sentence."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from leasehold.limit_words import limit
from leasehold.model.directory import Relation
from leasehold.model.entities import ACTS_ON_BEHALF_OF, AGENT
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.people import Agent
from leasehold.model.trust import WorkloadBinding
from leasehold.review.asked import ASKED
from leasehold.review.becoming import ROLE_RANK
from leasehold.review.differences import Comparison, Difference, Effect
from leasehold.review.drafts import Draft
from leasehold.review.findings import Delta, DriftClass
from leasehold.review.moves import Shift
from leasehold.review.quotation import quoted
from leasehold.review.risk import MAY_DIFFER, UNPROVEN, Assessment, Setting, in_production, of_gain, of_loss
from leasehold.review.sentences import Aside, access_sentence, subject_of, target_of
from leasehold.review.shifts import shift

_IDENTITY_RANK = 3  # who can become an agent matters as much as what the agent can do

_MAY_DIFFER = (MAY_DIFFER,)
_IN_WORDS = ("access unchanged",)


def drafts(found: Difference, comparison: Comparison) -> Iterator[Draft]:
    """One draft per agent that the difference bears on; one without an agent if it bears on none."""
    moved = _shift(found, comparison)
    if isinstance(found.live or found.declared, WorkloadBinding):
        yield _binding_draft(found, moved, comparison)
    elif found.effects and any(effect.gains or effect.losses for effect in found.effects):
        yield from (_access_draft(found, effect, moved, comparison) for effect in found.effects)
    else:
        yield _plain_draft(found, moved)


def _shift(found: Difference, comparison: Comparison) -> Shift | None:
    if found.declared is None or found.live is None:
        return None
    return shift(found.declared, found.live, comparison.sides)


def _access_draft(found: Difference, effect: Effect, moved: Shift | None, comparison: Comparison) -> Draft:
    agent = effect.agent or ""
    assessed = _assess(found, effect, comparison, agent)
    if moved is not None:
        assessed = Assessment(max(assessed.rank, moved.rank), (*assessed.factors, *moved.factors))
    through = "" if found.key[0] is Kind.GRANTS else f", through {found.key[0].singular} {quoted(found.key[1])}"
    sentence = access_sentence(agent, effect.gains, effect.losses, through, _aside(agent, effect, comparison))
    if effect.unproven:
        assessed = assessed.raised(0, UNPROVEN)
    direction = DriftClass.WIDENED if effect.gains else DriftClass.NARROWED
    return Draft(
        found.presence or direction,
        found.key,
        effect.agent,
        sentence,
        assessed,
        found,
        effect.gains,
        effect.losses,
    )


def _aside(agent: str, effect: Effect, comparison: Comparison) -> Aside:
    return Aside(comparison.limited(agent), unproven=effect.unproven)


def _assess(found: Difference, effect: Effect, comparison: Comparison, agent: str) -> Assessment:
    production = in_production(comparison.sides.live.of(Agent).get(agent))
    if not effect.gains:
        return of_loss(production=production)
    live = found.live
    standing = not (isinstance(live, Grant) and live.expires_at is not None)
    return of_gain(effect.gains, Setting(production=production, standing=standing, out_of_band=True))


def _binding_draft(found: Difference, moved: Shift | None, comparison: Comparison) -> Draft:
    """Whoever can become an agent can do what it can."""
    binding = found.live if isinstance(found.live, WorkloadBinding) else found.declared
    if not isinstance(binding, WorkloadBinding):
        raise TypeError("a binding's difference has a binding on one side")
    gained = found.live is not None and (moved is None or moved.wider)
    access = comparison.live_access(binding.agent) if gained and binding.agent is not None else frozenset()
    assessed = _assess_binding(binding, moved, comparison) if found.live is not None else of_loss(production=False)
    if access and assessed.rank >= _IDENTITY_RANK:
        gain = of_gain(access, Setting())
        assessed = Assessment(max(assessed.rank, gain.rank), (*assessed.factors, *gain.factors))
    class_ = found.presence or _direction(moved)
    sentence = _binding_sentence(binding, found, class_)
    return Draft(class_, found.key, binding.agent, sentence, assessed, found, access, moved=moved)


def _assess_binding(binding: WorkloadBinding, moved: Shift | None, comparison: Comparison) -> Assessment:
    if moved is not None:
        return Assessment(moved.rank, moved.factors)
    if binding.role is not None:
        return Assessment(ROLE_RANK[binding.role], (f"role {binding.role.value}",))
    assessed = Assessment(_IDENTITY_RANK, ("another subject is let in",))
    production = in_production(comparison.sides.live.of(Agent).get(binding.agent or ""))
    return assessed.raised(1, "production") if production else assessed


def _binding_sentence(binding: WorkloadBinding, found: Difference, class_: DriftClass) -> str:
    match class_:
        case DriftClass.MISSING:
            return f"{subject_of(binding)} can no longer {target_of(binding)}"
        case DriftClass.UNMANAGED | DriftClass.WIDENED:
            return f"{subject_of(binding)} can now {target_of(binding)}"
        case _:
            return _attribute_sentence(found)


def _plain_draft(found: Difference, moved: Shift | None) -> Draft:
    """Nobody's access is other than declared today."""
    class_ = found.presence or _direction(moved)
    assessed = Assessment(moved.rank, moved.factors or _IN_WORDS) if moved is not None else _assess_presence(found)
    return Draft(class_, found.key, _agent_of(found), _plain_sentence(found, class_), assessed, found, moved=moved)


def _assess_presence(found: Difference) -> Assessment:
    if found.key[0] in ASKED:
        return Assessment(2, _MAY_DIFFER)
    guards = {Kind.CEILINGS, Kind.GRANT_SETS, Kind.POLICIES}
    if found.live is None:
        return Assessment(2, ("guard gone",)) if found.key[0] in guards else Assessment(1, ("no access lost",))
    grave = {
        Kind.TRUST_ISSUERS: Assessment(3, ("another issuer is believed",)),
        Kind.POLICIES: Assessment(3, _MAY_DIFFER),
        Kind.TOOL_PINS: Assessment(3, ("tools are approved",)),
    }
    return grave.get(found.key[0], Assessment(1, ("no access gained",)))


def _plain_sentence(found: Difference, class_: DriftClass) -> str:
    what = f"{found.key[0].singular} {quoted(found.key[1])}"
    if class_ is DriftClass.MISSING:
        return f"{what} is declared and does not live"
    if class_ is DriftClass.UNMANAGED:
        return f"{what} lives and is not declared"
    return _attribute_sentence(found)


def _attribute_sentence(found: Difference) -> str:
    """The first attributes that differ, as live against declared."""
    shown = [_delta(one) for one in found.deltas[:3]]
    rest = f" and {len(found.deltas) - 3} more" if len(found.deltas) > len(shown) else ""
    return f"{found.key[0].singular} {quoted(found.key[1])}: {'; '.join(shown)}{rest}"


def _delta(one: Delta) -> str:
    if isinstance(one.declared, str) and isinstance(one.live, str) and "\n" in one.declared + one.live:
        pairs = zip_longest(one.declared.splitlines(), one.live.splitlines())
        line = next((at for at, (declared, live) in enumerate(pairs, 1) if declared != live), 1)
        return f"{quoted(one.path)} differs from line {line} on"
    return f"{quoted(one.path)} is {_value(one.live)}, declared {_value(one.declared)}"


def _value(value: object) -> str:
    if isinstance(value, list):
        return quoted(", ".join(map(str, value))) if value else "empty"
    if isinstance(value, dict):
        return limit(value, quoted)
    return "absent" if value is None else quoted(str(value)) if value != "" else "empty"


def _direction(moved: Shift | None) -> DriftClass:
    if moved is not None and moved.wider:
        return DriftClass.WIDENED
    return DriftClass.NARROWED if moved is not None and moved.narrower else DriftClass.CHANGED


def _agent_of(found: Difference) -> str | None:
    spec: Spec | None = found.live if found.live is not None else found.declared
    if found.key[0] in {Kind.AGENTS, Kind.GRANT_SETS}:
        return found.key[1]
    if isinstance(spec, Relation) and spec.relation == ACTS_ON_BEHALF_OF:
        kind, _, name = spec.subject.partition(":")
        return name if kind == AGENT else None
    agent = getattr(spec, "agent", None)
    return agent if isinstance(agent, str) else None
