"""Who is related to what: one suite, for the registry's own and for a relationship service behind the port."""

import pytest
from tests.fakes.decision_world import ANA, BOB, TRIAGE, published, refund, user_policy
from tests.fakes.relationship_service import RelationshipService, ServedRelations

from leasehold.model.decisions import Reason
from leasehold.model.entities import ACTS_ON_BEHALF_OF, EntityRef, Relationship
from leasehold.policy.deciding import decision_on
from leasehold.policy.relating import StoredRelations

PLAN, FOLDER, DRIVE = EntityRef("document", "plan"), EntityRef("folder", "f"), EntityRef("drive", "d")
ENG, BOTS, BOARD = EntityRef("group", "eng"), EntityRef("group", "bots"), EntityRef("group", "board")
CODE = EntityRef("code_2d_repo", "web")
TUPLES = (
    Relationship(PLAN, "owner", ANA),
    Relationship(PLAN, "viewer", FOLDER, "viewer"),
    Relationship(FOLDER, "viewer", DRIVE, "reader"),
    Relationship(DRIVE, "reader", BOB),
    Relationship(DRIVE, "reader", FOLDER, "viewer"),  # a circle
    Relationship(PLAN, "editor", ENG),
    Relationship(EntityRef("code-repo", "web"), "owner", ANA),  # a type that Cedar has no name for
    Relationship(ANA, ACTS_ON_BEHALF_OF, TRIAGE),
    Relationship(BOARD, ACTS_ON_BEHALF_OF, BOTS, "member"),
    Relationship(BOTS, "member", TRIAGE),
)


@pytest.fixture(params=["stored", "served"])
def relations(request):
    """The same tuples behind either implementation of the port."""
    return StoredRelations(TUPLES) if request.param == "stored" else ServedRelations(RelationshipService(TUPLES))


def held(relations, target, *subjects):
    return relations.held(frozenset(subjects), target)


def test_types_and_names_are_those_of_what_is_there(relations):
    assert relations.types() == {"document", "folder", "drive", "code_2d_repo", "user", "group"}
    assert relations.names("document") == {"owner", "viewer", "editor"}
    assert relations.names("user") == {ACTS_ON_BEHALF_OF}
    assert relations.names("nothing") == frozenset()


def test_relations_are_held_directly_through_others_and_in_circles(relations):
    assert held(relations, PLAN, ANA) == {"owner"}
    assert held(relations, PLAN, BOB) == {"viewer"}
    assert held(relations, PLAN, ANA, BOB, ENG) == {"owner", "viewer", "editor"}
    assert held(relations, PLAN, TRIAGE) == held(relations, EntityRef("document", "memo"), ANA) == frozenset()
    assert held(relations, CODE, ANA) == {"owner"}
    assert held(relations, PLAN) == frozenset()


def test_whom_agents_act_for_is_a_relation_like_any_other(relations):
    assert held(relations, ANA, TRIAGE) == {ACTS_ON_BEHALF_OF}
    assert held(relations, BOB, TRIAGE) == held(relations, ANA, BOB) == frozenset()
    assert held(relations, BOARD, TRIAGE) == {ACTS_ON_BEHALF_OF}
    assert relations.targets(frozenset({TRIAGE}), ACTS_ON_BEHALF_OF) == {ANA, BOARD}
    assert relations.targets(frozenset({BOB}), ACTS_ON_BEHALF_OF) == frozenset()
    assert relations.targets(frozenset({BOB}), "reader") == {DRIVE}
    assert relations.targets(frozenset({ANA}), "nothing") == frozenset()


def test_decisions_do_not_care_which_stands_behind(relations):
    text = user_policy(
        'forbid (principal, action == Action::"billing/refund", resource) when { context has via_agent } '
        "unless { context.via_agent in principal.acts_on_behalf_of };"
    )
    version = published(text, relations=relations)
    assert decision_on(refund(10, user=ANA), version).reason is Reason.GRANTED
    assert decision_on(refund(10, user=BOB), version).reason is Reason.FORBIDDEN
