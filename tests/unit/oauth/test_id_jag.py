"""An enterprise issuer's word that a person lets an agent act for them (ID-JAG over RFC 7523)."""

from dataclasses import replace

import pytest
from tests.fakes.exchange_world import ISSUER, TOOLS
from tests.fakes.people import COMMENT, KEY, OTHER, READ, USER, credential, said, with_people

from leasehold.model.events import AuditEvent
from leasehold.model.kinds import Kind


@pytest.fixture
def people(world):
    return with_people(world)


def jag(world, **changes):
    claims = {"aud": ISSUER, "client_id": "triage", "jti": f"jag-{len(changes)}", "scope": READ, "resource": TOOLS}
    issued = int(world.now.timestamp())
    said = {**claims, "exp": issued + 120, **changes}
    return world.people.token(header={"typ": changes.pop("typ", "oauth-id-jag+jwt")}, **said)


def bring(world, assertion, key=KEY, client="triage", headers=None, **changes):
    fields = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": assertion}
    return world.form("/oauth2/token", headers or {}, **fields, **credential(world, key, client), **changes)


def test_an_issuers_word_lets_an_agent_act_for_a_person(people):
    claims = said(bring(people, jag(people)))

    assert (claims["sub"], claims["act"], claims["scope"]) == (USER, {"sub": "agent:triage"}, READ)
    assert any(node == USER for node, _ in claims["urn:leasehold:lease"]["anc"])


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": f"{ISSUER}/oauth2/token"},
        {"aud": "https://other.example"},
        {"client_id": "rival"},
        {"client_id": None},
        {"jti": None},
        {"exp": 1},
        {"cnf": {"jkt": "x"}},
        {"cnf": {"x5t#S256": "x"}},
        {"resource": "https://other.example"},
        {"resource": ["https://other.example"]},
        {"resource": []},
        {"resource": [7]},
        {"act": {"sub": "rival"}},
        {"act": {"sub": "triage", "act": {"sub": "rival"}}},
        {"act": "triage"},
        {"tenant": "another"},
    ],
)
def test_an_issuers_word_that_is_wrong_in_one_way_is_refused(people, changes):
    reply = bring(people, jag(people, **changes), resource=TOOLS)

    assert (reply.status, reply.json["error"]) == (400, "invalid_grant")


DETAILS = [{"type": "mcp_tool", "locations": [TOOLS], "actions": ["read_file"], "resources": ["repo:web"]}]


def test_an_issuers_word_gives_no_more_than_its_details_say(people):
    claims = said(bring(people, jag(people, authorization_details=DETAILS, scope=None)))
    assert claims["authorization_details"] == DETAILS
    assert claims["scope"] == READ

    narrower = [{**DETAILS[0], "constraints": {"path": {"prefix": "src/"}}}]
    claims = said(bring(people, jag(people, authorization_details=narrower, jti="narrower")))
    assert claims["authorization_details"][0]["constraints"]


@pytest.mark.parametrize(
    "details",
    [
        [{"type": "payment_initiation"}],
        [*DETAILS, {"type": "payment_initiation"}],
        [{**DETAILS[0], "resources": ["repo:other"]}],
        [{**DETAILS[0], "locations": ["https://other.example"]}],
        [],
        {},
        "[]",
    ],
)
def test_details_that_are_not_understood_or_not_granted_are_refused(people, details):
    reply = bring(people, jag(people, authorization_details=details))
    assert (reply.status, reply.json["error"]) == (400, "invalid_authorization_details")


def test_details_and_scope_of_an_issuers_word_hold_both(people):
    assert bring(people, jag(people, authorization_details=DETAILS, scope=COMMENT)).status == 400


def test_an_issuer_may_vouch_for_several_resources_and_one_is_asked_for(people):
    several = [TOOLS, "https://other.example"]
    assert said(bring(people, jag(people, resource=several, jti="a"), resource=TOOLS))["aud"] == TOOLS
    assert said(bring(people, jag(people, resource=[TOOLS], jti="b")))["aud"] == TOOLS
    assert bring(people, jag(people, resource=several, jti="c")).json["error"] == "invalid_grant"


def test_an_issuer_may_name_the_client_itself_as_the_one_who_acts(people):
    claims = said(bring(people, jag(people, act={"sub": "triage"})))
    assert claims["act"] == {"sub": "agent:triage"}


def test_an_id_token_is_no_issuers_word(people):
    issued = int(people.now.timestamp())
    for kind in ("JWT", "at+jwt", None):
        assertion = people.people.token(header={"typ": kind}, client_id="triage", exp=issued + 60, jti="x")
        assert bring(people, assertion).json["error"] == "invalid_grant"


def test_an_issuers_word_is_no_identity(people):
    assert people.exchange_form(jag(people)).json["error"] == "invalid_grant"


def test_an_issuers_word_is_taken_once_and_only_where_it_was_allowed(people):
    assertion = jag(people)
    assert bring(people, assertion).status == 200
    assert bring(people, assertion).json["error"] == "invalid_grant"

    with people.store.read() as unit:
        issuer = unit.objects.get(Kind.TRUST_ISSUERS, "people").spec
    people.put(Kind.TRUST_ISSUERS, "people", replace(issuer, id_jag=False))
    assert bring(people, jag(people, jti="later")).json["error"] == "invalid_grant"


def test_a_word_from_before_the_person_was_revoked_is_worth_nothing(people):
    before = jag(people, jti="before")
    people.later(seconds=1)
    with people.store.begin() as unit:
        unit.nodes.bump(USER)
        unit.audit.append(
            AuditEvent(at=people.now, principal="x", action="revoke", kind="people", name=USER, outcome="ok")
        )

    assert bring(people, before).json["error"] == "invalid_grant"
    people.later(seconds=1)
    assert bring(people, jag(people, jti="after")).status == 200


def test_a_bound_word_needs_its_proof(people):
    assertion = jag(people, cnf={"jkt": KEY.thumbprint})

    assert bring(people, assertion).json["error"] == "invalid_grant"
    assert bring(people, assertion, headers={"dpop": OTHER.proof(people.now)}).json["error"] == "invalid_grant"
    assert bring(people, assertion, headers={"dpop": KEY.proof(people.now)}).json["token_type"] == "DPoP"


def test_an_issuers_word_gives_no_more_than_the_agent_may(people):
    assert bring(people, jag(people, scope="mcp:tool:delete_branch:delete")).json["error"] == "invalid_target"
    assert bring(people, jag(people, jti="b"), scope=COMMENT).json["error"] == "invalid_scope"
