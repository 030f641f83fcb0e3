"""What is new to the base branch and lives already: drift that a change takes over is judged like any other access."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from tests.unit.review.test_receipts import BOB, CI, HELD, NOW, desk, signer  # noqa: F401  a fixture
from tests.unit.review.test_review_doors import ask, body, client, registry  # noqa: F401  fixtures
from tests.unit.review.worlds import DELETE, READ, Registry, declare, organisation

from leasehold.model.kinds import Kind
from leasehold.model.receipts import Bundle, ReceiptRefused, tree_of
from leasehold.policy.decision import Permit
from leasehold.review.findings import Unproven
from leasehold.review.gate.receipts import Reviewed
from leasehold.review.gate.rules import Check, Verdict
from leasehold.review.since_base import Asked, judge

FORBIDDEN = (Kind.POLICIES, "guards")
BY_HAND = replace(READ, tools=frozenset({"create_issue"}), resources=frozenset({"repo:secrets"}))
OTHER = replace(BY_HAND, resources=frozenset({"repo:other"}))


def taking_over(*grants, base=None, rules=HELD, **more):
    """A plan that declares what lives by hand already, on top of a branch that does not."""
    live = Registry()
    for grant in grants:
        live.write(Kind.GRANTS, grant.id, grant)
    declared = declare(organisation() | {(Kind.GRANTS, one.id): one for one in grants})
    before = declare(base if base is not None else organisation(), **more)
    return judge(live.picture(declared), Asked(rules=rules, author=CI, base=before))


def found(judged):
    return [one for one in judged.review.gate.findings if one.check is Check.NEW_TO_BASE]


def reviewed(judged):
    said = judged.review
    return Reviewed(report=said.gate, delta=judged.delta, stacks=frozenset({"prod"}), author=CI)


def test_what_somebody_made_by_hand_and_the_plan_takes_over_is_new_access_with_a_call_that_proves_it():
    judged = taking_over(BY_HAND)
    assert judged.review.access == ()
    (finding,) = found(judged)
    assert finding.sentence == "compared with the base, agent `triage` can now `create_issue` on `repo:secrets`"
    assert judged.review.gate.verdict is Verdict.NEEDS_APPROVAL
    (proof,) = [one for one in judged.review.base.proofs if one.agent == "triage"]
    assert (proof.witness.tool, proof.witness.resource) == ("create_issue", "repo:secrets")


def test_what_the_base_has_too_is_no_news():
    base = organisation() | {(Kind.GRANTS, BY_HAND.id): BY_HAND}
    judged = taking_over(BY_HAND, base=base)
    assert (found(judged), judged.review.gate.verdict) == ([], Verdict.AUTO)
    assert judged.delta.digest == tree_of([]).root


def test_what_is_news_to_both_is_said_once():
    declared = declare(organisation() | {(Kind.GRANTS, BY_HAND.id): BY_HAND})
    judged = judge(Registry().picture(declared), Asked(rules=HELD, base=declare()))
    assert found(judged) == []
    assert [one.check for one in judged.review.gate.findings if one.check is Check.NEW_ACCESS]
    alone = judge(Registry().picture(declared), Asked(rules=HELD))
    assert judged.review.gate.delta == alone.review.gate.delta


def test_a_policy_that_forbade_on_the_base_and_was_deleted_by_hand_is_missed():
    live = Registry()
    live.delete(*FORBIDDEN)
    live.write(Kind.GRANTS, DELETE.id, DELETE, stack="prod")
    without = {key: spec for key, spec in organisation().items() if key != FORBIDDEN}
    objects = {**without, (Kind.GRANTS, DELETE.id): DELETE}
    judged = judge(live.picture(declare(objects)), Asked(rules=HELD, base=declare(objects | organisation())))
    said = [one.sentence for one in found(judged)]
    assert (
        "compared with the base, for agent `triage`, `github/delete_branch` on `repo:web` is allowed that was denied"
        in said
    )


def test_what_is_not_known_of_the_base_is_unproven():
    missing = Unproven("leasehold_grant.x", "prod", ("resources",))
    judged = taking_over(base=organisation(), unproven=(missing,))
    (finding,) = [one for one in judged.review.gate.findings if one.check is Check.UNPROVEN]
    assert finding.sentence.startswith("compared with the base, ")
    assert "leasehold_grant.x" in finding.sentence


def test_an_approval_of_what_is_new_to_the_base_is_one_of_that_alone(signer):  # noqa: F811
    """Nothing changes in what lives by either plan: the approval of one would else be that of every such plan."""
    receipts, one, other = desk(signer), taking_over(BY_HAND), taking_over(OTHER)
    assert one.review.gate.delta != other.review.gate.delta
    asked = asyncio.run(receipts.issue(reviewed(one), NOW))
    yes, approval = asyncio.run(receipts.approve(asked.id, asked.token, Permit(BOB, "approve", "plan-reviews"), NOW))
    bundle = Bundle(yes.token, asked.objects)
    assert receipts.covering(reviewed(one), bundle, NOW).granted
    with pytest.raises(ReceiptRefused, match="not changed as it was reviewed"):
        receipts.covering(reviewed(other), bundle, NOW)
    assert replace(reviewed(one), approvals=(approval,)).approval(NOW) == approval
    assert replace(reviewed(other), approvals=(approval,)).approval(NOW) is None


def test_a_base_of_other_stacks_is_refused_by_name(client):  # noqa: F811
    wrong = [{"stack": "lab", "resources": []}]
    answer = ask(client, "/v1/plan-reviews", json={**body(), "base": wrong})
    assert answer.status_code == 422
    assert "base must hold the same stacks" in answer.text


def test_the_door_compares_with_the_base(client, registry):  # noqa: F811
    registry.write(Kind.GRANTS, BY_HAND.id, BY_HAND)
    taken = body(organisation() | {(Kind.GRANTS, BY_HAND.id): BY_HAND})
    report = ask(client, "/v1/plan-reviews", json={**taken, "base": body()["stacks"]}).json()
    assert [one["check"] for one in report["gate"]["findings"]] == ["new_to_base"]
    assert report["base"]["access"][0]["gains"][0]["resource"] == "repo:secrets"
    assert ask(client, "/v1/plan-reviews", json=taken).json()["base"] is None
