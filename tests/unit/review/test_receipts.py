"""Receipts: signed over exactly one change, approved by somebody else, and asked for at every write."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.review.worlds import DELETE, NOW, READ, Registry, declare, organisation

from leasehold.keys.file_keys import FileKeys
from leasehold.keys.signing import TokenMint
from leasehold.keys.tokens import OwnTokens
from leasehold.model.errors import Forbidden, InvalidValue
from leasehold.model.kinds import Kind
from leasehold.model.principal import Principal, Role
from leasehold.model.receipts import RECEIPT_TYPE, Presented, ReceiptRefused, Transition, leads_to, parse_proof, tree_of
from leasehold.policy.decision import Permit
from leasehold.review.gate.receipts import Receipts, Reviewed
from leasehold.review.gate.rules import Rules, Verdict
from leasehold.review.plan_review import judge_plan

ISSUER = "https://leasehold.example.com"
CI = Principal(id="gh:ci", role=Role.DEVELOPER, stack="prod")
BOB = Principal(id="oidc:bob", role=Role.APPROVER)
HELD = Rules(receipts=("prod",))


@pytest.fixture(scope="module")
def signer(tmp_path_factory):
    return FileKeys(tmp_path_factory.mktemp("keys"), NOW)


def desk(signer, rules=HELD, typ=RECEIPT_TYPE):
    return Receipts(
        issuer=ISSUER, mint=TokenMint(signer, typ), verifier=OwnTokens(signer), rules=rules, draw=lambda: "0" * 32
    )


def receipt_of(receipts, objects, author=CI, rules=HELD):
    judged = judge_plan(Registry().picture(declare(objects)), rules, author)
    reviewed = Reviewed(report=judged.review.gate, delta=judged.delta, stacks=frozenset({"prod"}), author=author)
    return asyncio.run(receipts.issue(reviewed, NOW))


def approved(receipts, receipt, by=BOB, at=NOW, **other):
    permit = Permit(by, "approve", "plan-reviews")
    return asyncio.run(receipts.approve(other.get("id", receipt.id), other.get("token", receipt.token), permit, at))


def plan(grant=DELETE):
    return organisation() | {(Kind.GRANTS, grant.id): grant}


def write(receipts, receipt, grant=DELETE, *, token=None, before=None, at=NOW, by=CI):
    proof = parse_proof(receipt.objects.get(f"grants/{grant.id}", "-"))
    presented = Presented(token or receipt.token, proof)
    receipts.gate(presented, at).check(by, Kind.GRANTS, grant.id, before, grant)


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
