"""From the login at an issuer to the call: a group permits as long as a token says it."""

from dataclasses import replace

from tests.fakes.exchange_world import ISSUER
from tests.fakes.people import code_for, redeem, with_people

from leasehold.model.directory import User
from leasehold.model.kinds import Kind
from leasehold.model.policies import Policy, PolicySide

MAY = 'permit (principal in group::"people/eng", action in Action::"code/*", resource);'


def test_a_group_of_the_login_lets_the_call_through_and_is_gone_with_the_next_token(world):
    people = with_people(world.world)
    with people.store.read() as unit:
        issuer = unit.objects.get(Kind.TRUST_ISSUERS, "people").spec
    people.put(Kind.TRUST_ISSUERS, "people", replace(issuer, groups_claim="groups"))
    people.put(Kind.USERS, "alice-at-work", User(ids=frozenset({"people/00u1alice"})))
    people.put(Kind.POLICIES, "eng", Policy(document=MAY, side=PolicySide.USER))
    world.current.look()

    passed = []
    for groups in (["eng"], ["ops"], []):
        code = code_for(people, claims={"groups": groups}, resource=f"{ISSUER}/mcp/code")
        token = redeem(people, code).json["access_token"]
        passed += [world.call("read_file", token, repository="web").status == 200 for _ in range(2)]
    assert passed == [True, True, False, False, False, False]
