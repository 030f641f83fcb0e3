"""Receipts: signed over exactly one change, approved by somebody else, and asked for at every write."""

from __future__ import annotations

import asyncio
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.review.test_review_doors import resource
from tests.unit.review.worlds import DELETE, NOW, READ, Registry, declare, organisation

from leasehold.keys.file_keys import FileKeys
from leasehold.keys.signing import TokenMint
from leasehold.keys.tokens import OwnTokens
from leasehold.model.errors import Forbidden, InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.principal import Principal, Role
from leasehold.model.receipts import (
    RECEIPT_TYPE,
    Bundle,
    Presented,
    ReceiptRefused,
    Transition,
    leads_to,
    parse_proof,
    tree_of,
)
from leasehold.policy.decision import Permit
from leasehold.review.gate.delta import meaning
from leasehold.review.gate.receipts import Receipts, Reviewed
from leasehold.review.gate.rules import Rules, Verdict
from leasehold.review.plan_review import judge_plan
from leasehold.web.declarations import parse_plan

ISSUER = "https://leasehold.example.com"
CI = Principal(id="gh:ci", role=Role.DEVELOPER, stack="prod")
BOB = Principal(id="oidc:bob", role=Role.APPROVER)
HELD = Rules(receipts=("prod",))
MORE = replace(DELETE, resources=frozenset({"repo:api"}))


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return FileKeys(tmp_path_factory.mktemp("keys"), NOW)


def desk(signer, rules=HELD, typ=RECEIPT_TYPE):
    return Receipts(
        issuer=ISSUER, mint=TokenMint(signer, typ), verifier=OwnTokens(signer), rules=rules, draw=lambda: "0" * 32
    )


def reviewed(objects, author=CI, rules=HELD, applied=(), **more):
    registry = Registry()
    for grant in applied:
        registry.write(Kind.GRANTS, grant.id, grant, by=CI.id, stack="prod")
    judged = judge_plan(registry.picture(declare(objects)), rules, author)
    said = {"report": judged.review.gate, "delta": judged.delta, "stacks": frozenset({"prod"}), "author": author}
    return Reviewed(**{**said, **more})


def receipt_of(receipts, objects, author=CI, rules=HELD, at=NOW, **more):
    return asyncio.run(receipts.issue(reviewed(objects, author, rules, **more), at))


def approving(receipts, receipt, by=BOB, at=NOW, **other):
    permit = Permit(by, "approve", "plan-reviews")
    return asyncio.run(receipts.approve(other.get("id", receipt.id), other.get("token", receipt.token), permit, at))


def approved(receipts, receipt, **more):
    return approving(receipts, receipt, **more)[0]


def on_record(receipts, receipt, **more):
    return (approving(receipts, receipt, **more)[1],)


def plan(grant=DELETE):
    return organisation() | {(Kind.GRANTS, grant.id): grant}


def write(receipts, receipt, grant=DELETE, *, token=None, before=None, at=NOW, by=CI):
    proof = parse_proof(receipt.objects.get(f"grants/{grant.id}", "-"))
    presented = Presented(token or receipt.token, proof)
    return receipts.gate(presented, at).check(by, Kind.GRANTS, grant.id, before, grant)


def test_a_verdict_that_needs_approval_lets_nothing_be_written_before_it_is_approved(signer):
    receipts = desk(signer)
    receipt = receipt_of(receipts, plan())
    assert (receipt.verdict, receipt.granted, receipt.approved_by) == (Verdict.NEEDS_APPROVAL, False, None)
    with pytest.raises(ReceiptRefused, match="not approved"):
        write(receipts, receipt)
    yes = approved(receipts, receipt)
    assert (yes.granted, yes.approved_by) == (True, "oidc:bob")
    write(receipts, receipt, token=yes.token)


def test_a_verdict_of_auto_needs_nobody(signer):
    rules = Rules(
        receipts=("prod",),
        new_access=dict.fromkeys(HELD.new_access, Verdict.AUTO),
        checks=dict.fromkeys(HELD.checks, Verdict.AUTO),
    )
    receipts = desk(signer, rules)
    receipt = receipt_of(receipts, plan(), rules=rules)
    assert receipt.granted
    write(receipts, receipt)


def test_whoever_asked_does_not_approve(signer):
    receipts = desk(signer)
    with pytest.raises(Forbidden, match="who asked"):
        approved(receipts, receipt_of(receipts, plan(), author=BOB))


def test_a_plan_that_is_denied_is_approved_by_nobody(signer):
    receipts = desk(signer)
    wrong = replace(DELETE, tools=frozenset({"no_such_tool"}))
    receipt = receipt_of(receipts, plan(wrong))
    assert receipt.verdict is Verdict.DENY
    with pytest.raises(Forbidden, match="deny"):
        approved(receipts, receipt)


def test_anything_changed_between_approval_and_apply_is_refused(signer):
    receipts = desk(signer)
    receipt = receipt_of(receipts, plan())
    token = approved(receipts, receipt).token
    with pytest.raises(ReceiptRefused, match="not changed as it was reviewed"):
        write(receipts, receipt, replace(DELETE, justification="another"), token=token)
    with pytest.raises(ReceiptRefused, match="not changed as it was reviewed"):
        write(receipts, receipt, token=token, before=replace(DELETE, justification="somebody was faster"))
    with pytest.raises(ReceiptRefused, match="not changed as it was reviewed"):
        write(receipts, receipt, READ, token=token)


def test_the_same_plan_made_again_has_the_same_receipt_for_its_writes(signer):
    receipts = desk(signer)
    receipt = receipt_of(receipts, plan())
    token = approved(receipts, receipt).token
    write(receipts, receipt_of(receipts, dict(reversed(plan().items()))), token=token)


def test_which_run_applies_it_is_no_part_of_what_is_approved(signer):
    """A deployment says the commit and the run that brought it: the run that reviews, and the one that applies."""
    key, receipts = (Kind.DEPLOYMENTS, "triage-prod"), desk(signer)
    runs = (organisation()[key], replace(organisation()[key], commit="5eed", run_url="https://ci.example.com/8"))
    plans = [plan() | {key: one} for one in runs]
    assert reviewed(plans[0]).report.delta == reviewed(plans[1]).report.delta
    assert reviewed(plan() | {key: replace(runs[1], heartbeat_ttl=60)}).report.delta != reviewed(plans[1]).report.delta
    gate = receipts.gate(None, NOW)
    assert gate.check(CI, *key, *runs) == {}
    with pytest.raises(ReceiptRefused):
        gate.check(CI, *key, runs[0], replace(runs[0], heartbeat_ttl=60))


def test_every_other_word_of_a_deployment_is_part_of_what_is_approved():
    """`commit` and `run_url` alone are not: a merge names the reviewed commit anew, a re-run has another address."""
    one = organisation()[Kind.DEPLOYMENTS, "triage-prod"]
    others = {
        "agent": "payer",
        "workload": "apps/v1",
        "expires_at": NOW,
        "trust_issuer": "elsewhere",
        "workload_uid": "18b0a8f8",
        "heartbeat_ttl": 60,
    }
    assert {field.name for field in fields(one)} == {*others, "commit", "run_url"}
    for name, value in others.items():
        changed = object.__new__(type(one))  # its own checks tie some of these together
        for field in fields(one):
            object.__setattr__(changed, field.name, value if field.name == name else getattr(one, field.name))
        assert meaning(changed) != meaning(one), name


def test_another_commit_alone_gives_nobody_anything():
    """So no rule is asked about it: nobody's access, no call and no verdict depends on what a pipeline says it is."""
    key, registry = (Kind.DEPLOYMENTS, "triage-prod"), Registry()
    moved = replace(organisation()[key], commit="5eed", run_url="https://ci.example.com/8")
    review = judge_plan(registry.picture(declare(organisation() | {key: moved})), HELD, CI).review
    assert (review.access, review.proofs, review.foundations, review.gate.findings) == ((), (), (), ())
    assert (review.gate.verdict, review.gate.delta) == (Verdict.AUTO, tree_of([]).root)


def test_a_write_without_a_receipt_is_refused_where_the_rules_ask_for_one(signer):
    with pytest.raises(ReceiptRefused, match="need the receipt"):
        desk(signer).gate(None, NOW).check(CI, Kind.GRANTS, DELETE.id, None, DELETE)
    desk(signer, Rules()).gate(None, NOW).check(CI, Kind.GRANTS, DELETE.id, None, DELETE)
    desk(signer).gate(None, NOW).check(replace(CI, stack="lab"), Kind.GRANTS, DELETE.id, None, DELETE)
    desk(signer).gate(None, NOW).check(CI, Kind.GRANTS, DELETE.id, DELETE, DELETE)


def test_a_receipt_of_another_stack_is_refused(signer):
    receipts = desk(signer, Rules(receipts=("*",)))
    receipt = receipt_of(receipts, plan(), rules=receipts.rules)
    token = approved(receipts, receipt).token
    with pytest.raises(ReceiptRefused, match="another stack"):
        write(receipts, receipt, token=token, by=replace(CI, stack="lab"))


def test_a_receipt_under_other_rules_is_refused(signer):
    receipts = desk(signer)
    receipt = receipt_of(receipts, plan())
    token = approved(receipts, receipt).token
    stricter = desk(signer, Rules(receipts=("prod",), max_ttl=60))
    with pytest.raises(ReceiptRefused, match="rules have changed"):
        write(stricter, receipt, token=token)
    with pytest.raises(ReceiptRefused, match="rules have changed"):
        approved(stricter, receipt)


def test_a_receipt_ends_after_a_day(signer):
    receipts = desk(signer)
    receipt = receipt_of(receipts, plan())
    token = approved(receipts, receipt, at=NOW + timedelta(hours=23)).token
    with pytest.raises(ReceiptRefused, match="expired"):
        write(receipts, receipt, token=token, at=NOW + timedelta(hours=24))


def test_no_other_token_of_ours_passes_for_a_receipt(signer):
    receipt = receipt_of(desk(signer, typ="at+jwt"), plan())
    with pytest.raises(ReceiptRefused, match="wrong_type"):
        approved(desk(signer), receipt)


def test_a_forged_receipt_is_refused(signer, tmp_path):
    forged = receipt_of(desk(FileKeys(tmp_path, NOW)), plan())
    with pytest.raises(ReceiptRefused, match="not accepted"):
        approved(desk(signer), forged)


def test_an_approval_names_the_receipt_that_it_is_of(signer):
    receipts = desk(signer)
    with pytest.raises(ReceiptRefused, match="another id"):
        approved(receipts, receipt_of(receipts, plan()), id="r_" + "1" * 32)


def test_what_let_a_write_through_is_told_for_the_record(signer):
    receipts = desk(signer)
    receipt = receipt_of(receipts, plan())
    token = approved(receipts, receipt).token
    assert write(receipts, receipt, token=token) == {"receipt": receipt.id, "approved_by": "oidc:bob"}
    assert write(receipts, receipt, before=DELETE) == {}


def test_the_next_review_of_an_approved_change_has_a_receipt_that_lets_it_be_applied(signer):
    receipts = desk(signer)
    remembered = on_record(receipts, receipt_of(receipts, plan()), at=NOW + timedelta(hours=1))
    later = NOW + timedelta(hours=20)
    again = receipt_of(receipts, plan(), at=later, approvals=remembered)
    assert (again.granted, again.approved_by) == (True, "oidc:bob")
    assert again.expires_at == NOW + timedelta(hours=24)  # an approval lives no longer for being found again
    write(receipts, again, at=later)
    with pytest.raises(ReceiptRefused, match="expired"):
        write(receipts, again, at=NOW + timedelta(hours=24))


def test_an_approval_on_record_holds_for_its_change_stacks_rules_and_day_and_never_for_who_gave_it(signer):
    receipts = desk(signer)
    remembered = on_record(receipts, receipt_of(receipts, plan()))

    def granted(objects=plan(), **more):  # noqa: B008  a table of cases
        return receipt_of(more.pop("receipts", receipts), objects, approvals=remembered, **more).granted

    stricter = Rules(receipts=("prod",), max_ttl=60)
    assert granted()
    assert not granted(plan(replace(DELETE, justification="another")))
    assert not granted(author=BOB)
    assert not granted(stacks=frozenset({"prod", "lab"}))
    assert not granted(rules=stricter, receipts=desk(signer, stricter))
    assert not granted(at=NOW + timedelta(hours=24))
    assert not granted(plan(replace(DELETE, tools=frozenset({"no_such_tool"}))))


def test_what_is_not_known_yet_is_approved_for_itself_alone(signer):
    """Nothing that is known changes in either plan: the approval of one unknown would else be that of any."""
    receipts = desk(signer)
    one, other = (unknown(read) for read in (READ, replace(READ, tools=frozenset({"delete_branch"}))))
    assert one.report.verdict is Verdict.NEEDS_APPROVAL
    assert one.report.delta != other.report.delta
    asked = asyncio.run(receipts.issue(one, NOW))
    assert [key.partition("/")[0] for key in asked.objects] == ["unproven"]  # no kind: nothing is written under it
    remembered = on_record(receipts, asked)
    assert asyncio.run(receipts.issue(replace(one, approvals=remembered), NOW)).granted
    assert not asyncio.run(receipts.issue(replace(other, approvals=remembered), NOW)).granted
    with pytest.raises(ReceiptRefused, match="not changed as it was reviewed"):
        write(receipts, asked, READ, token=approved(receipts, asked).token)


def unknown(grant):
    """A plan in which all but the resources of a new grant is known."""
    row = resource(Kind.GRANTS, grant.id, grant)
    rows = [resource(*key, spec) for key, spec in organisation().items() if key != (Kind.GRANTS, READ.id)]
    body = {"stacks": [{"stack": "prod", "resources": [*rows, {**row, "unknown": ["resources"]}]}]}
    judged = judge_plan(Registry().picture(parse_plan(body).declared), HELD, CI)
    return Reviewed(report=judged.review.gate, delta=judged.delta, stacks=frozenset({"prod"}), author=CI)


def answer(receipts, asked, bundle, at=NOW):
    return asyncio.run(receipts.answer(asked, bundle, at))


def test_an_approved_receipt_that_is_shown_covers_its_change_and_what_is_left_of_it(signer):
    receipts = desk(signer)
    both = plan() | {(Kind.GRANTS, MORE.id): MORE}
    receipt = receipt_of(receipts, both)
    bundle = Bundle(approved(receipts, receipt).token, receipt.objects)
    found, refused = answer(receipts, reviewed(both), bundle)
    assert (found.token, found.granted, refused) == (bundle.unverified_receipt, True, None)
    half_way = reviewed(both, applied=[DELETE])
    assert half_way.report.delta != reviewed(both).report.delta
    found, refused = answer(receipts, half_way, bundle)
    assert (found.granted, found.objects, refused) == (True, receipt.objects, None)


def test_a_receipt_that_is_shown_for_a_changed_plan_does_not_cover_it_and_says_what_differs(signer):
    receipts = desk(signer)
    receipt = receipt_of(receipts, plan())
    bundle = Bundle(approved(receipts, receipt).token, receipt.objects)
    for changed in (plan(replace(DELETE, justification="another")), plan() | {(Kind.GRANTS, MORE.id): MORE}):
        found, refused = answer(receipts, reviewed(changed), bundle)
        assert not found.granted
        assert "is not changed as it was reviewed" in refused
    found, refused = answer(receipts, reviewed(plan()), Bundle(receipt.token, receipt.objects))
    assert (found.granted, refused) == (False, "the plan is not approved")
    found, refused = answer(receipts, reviewed(plan()), Bundle("forged", receipt.objects))
    assert not found.granted
    assert "not accepted" in refused


def test_an_approved_receipt_does_not_make_a_denied_plan_allowed(signer):
    """Approved while the rules needed approval; what lives has changed since, and they deny it now."""
    receipts = desk(signer)
    receipt = receipt_of(receipts, plan())
    bundle = Bundle(approved(receipts, receipt).token, receipt.objects)
    denied = reviewed(plan())
    denied = replace(denied, report=replace(denied.report, verdict=Verdict.DENY))
    found, _ = answer(receipts, denied, bundle)
    assert (found.verdict, found.granted) == (Verdict.DENY, False)


names = st.lists(st.text("ab/", min_size=1, max_size=4), unique=True, max_size=9)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(names)
def test_every_change_of_a_tree_leads_to_its_root_and_no_other_does(given_names):
    changes = [Transition("grants", name, "", f"sha256:{name}") for name in given_names]
    tree = tree_of(changes)
    assert tree == tree_of(changes[::-1])
    for one in changes:
        proof = tree.proofs[one.kind, one.name]
        assert parse_proof(proof or "-") == proof
        assert leads_to(one, proof, tree.root)
        assert not leads_to(replace(one, after="sha256:other"), proof, tree.root)
        assert not leads_to(replace(one, before="sha256:other"), proof, tree.root)
        assert not leads_to(replace(one, kind="scopes"), proof, tree.root)


@pytest.mark.parametrize("text", ["", "x", "L", "L" + "g" * 64, "L" + "0" * 63, ".".join(["L" + "0" * 64] * 41), "\n"])
def test_a_proof_that_is_none_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_proof(text)
