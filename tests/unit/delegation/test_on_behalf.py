"""A sub-agent of an agent that acts for a person: the link back to the person is never lost."""

from dataclasses import replace

from tests.fakes.delegation_world import READ, said
from tests.fakes.people import USER, code_for, redeem, with_people

from leasehold.model.kinds import Kind
from leasehold.model.leases import user_node


def test_a_sub_agent_acts_for_the_person_that_its_parent_acts_for(family):
    people = with_people(family.world)
    parent = redeem(people, code_for(people)).json["access_token"]
    child = family.spawn(parent, "coder", scopes=READ)

    claims = said(child)
    assert (claims["sub"], claims["client_id"]) == (USER, "coder")
    assert claims["act"] == {"sub": "agent:coder", "act": {"sub": "agent:triage"}}
    assert people.introspect(child.access_token)["act"] == claims["act"]


def test_whatever_ends_the_person_ends_the_sub_agent(family):
    people = with_people(family.world)
    child = family.spawn(redeem(people, code_for(people)).json["access_token"], "coder")
    assert family.alive(child)
    people.bump(user_node(USER))
    assert not family.alive(child)


def test_a_sub_agent_comes_with_the_groups_of_the_same_login(family):
    people = with_people(family.world)
    with people.store.read() as unit:
        issuer = unit.objects.get(Kind.TRUST_ISSUERS, "people").spec
    people.put(Kind.TRUST_ISSUERS, "people", replace(issuer, groups_claim="teams"))
    parent = redeem(people, code_for(people, claims={"teams": ["eng"]})).json["access_token"]
    child = family.spawn(parent, "coder", scopes=READ)
    assert said(child)["groups"] == ["eng"]
