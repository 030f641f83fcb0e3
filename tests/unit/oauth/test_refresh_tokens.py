"""Refresh tokens of public clients: one use each, bound to what they rest on, ended together."""

import asyncio
import hashlib
from dataclasses import replace
from urllib.parse import urlencode

import pytest
from tests.fakes.asking import request
from tests.fakes.exchange_world import OTHER_TOOLS, TOOLS, world_on
from tests.fakes.people import COMMENT, FORM, KEY, READ, USER, Browser, code_for, credential, query, redeem
from tests.fakes.public_clients import URL, asked, claims_of, code_of, register, taken, with_public_clients

from leasehold.model.clients import DpopUse
from leasehold.model.consents import Stage
from leasehold.model.kinds import Kind
from leasehold.model.leases import agent_node, client_node, consent_node, deployment_node, owner_node, user_node
from leasehold.model.people import AgentState, OwnerState
from leasehold.store.memory.store import MemoryStore


@pytest.fixture
def world(tmp_path):
    """An operator who serves public clients, and whose agent `triage` takes them."""
    with world_on(MemoryStore(), tmp_path, public="triage") as world:
        yield with_public_clients(world)


@pytest.fixture
def client(world):
    return register(world).json["client_id"]


def began(world, client, headers=None, **changes):
    return taken(world, client, code_of(world, client, **changes), headers).json


def fields(client, token, **changes):
    said = {"grant_type": "refresh_token", "refresh_token": token, "client_id": client, **changes}
    return {name: value for name, value in said.items() if value is not None}


def refreshed(world, client, token, headers=None, **changes):
    return world.form("/oauth2/token", headers or {}, **fields(client, token, **changes))


def refused(reply):
    assert (reply.status, reply.json["error"], "access_token" in reply.json) == (400, "invalid_grant", False), (
        reply.json
    )


def test_a_client_goes_on_without_asking_and_each_token_brings_the_next(world, client):
    held, seen = began(world, client), set()
    for _ in range(5):
        world.later(minutes=5)
        assert world.introspect(held["access_token"]) == {"active": False}
        reply = refreshed(world, client, held["refresh_token"], resource=TOOLS)
        seen.add(held["refresh_token"])
        held = reply.json
        claims = claims_of(reply)
        assert (claims["sub"], claims["act"], claims["client_id"]) == (USER, {"sub": "agent:triage"}, client)
        assert (claims["aud"], claims["scope"]) == (TOOLS, f"{COMMENT} {READ}")
        assert claims["urn:leasehold:lease"]["dmax"] == 0
        assert world.introspect(held["access_token"])["active"]
    assert held["refresh_token"] not in seen
    assert len(seen) == 5


def test_a_client_that_did_not_register_for_it_gets_none(world):
    client = register(world, grant_types=["authorization_code"]).json["client_id"]
    held = began(world, client)
    assert "refresh_token" not in held
    other = began(world, register(world).json["client_id"])["refresh_token"]
    assert refreshed(world, client, other).json["error"] == "unauthorized_client"


def test_clients_that_prove_themselves_get_none_and_bring_none(world, client):
    assert "refresh_token" not in redeem(world, code_for(world)).json
    token = began(world, client)["refresh_token"]
    reply = refreshed(world, "triage", token, **credential(world))
    assert reply.json["error"] == "unauthorized_client"


# RFC 9700 §4.14.2: one use.


def test_a_token_that_comes_twice_ends_its_family_and_every_token_of_it(world, client):
    first = began(world, client)
    second = refreshed(world, client, first["refresh_token"]).json
    third = refreshed(world, client, second["refresh_token"]).json
    another = began(world, client)

    refused(refreshed(world, client, first["refresh_token"]))
    for held in (first, second, third):
        assert world.introspect(held["access_token"]) == {"active": False}
    refused(refreshed(world, client, third["refresh_token"]))
    assert world.introspect(another["access_token"])["active"]
    assert refreshed(world, client, another["refresh_token"]).status == 200
    assert "refresh_reused" in {event.reason for event in world.events()}


def test_of_fifty_at_once_one_goes_on_and_the_family_ends(world, client):
    held = began(world, client)
    body = urlencode(fields(client, held["refresh_token"])).encode()

    async def storm():
        return await asyncio.gather(*(request(world.app, "POST", "/oauth2/token", body, FORM) for _ in range(50)))

    won = [reply for reply in asyncio.run(storm()) if reply.status == 200]
    assert len(won) == 1
    assert world.introspect(won[0].json["access_token"]) == {"active": False}
    refused(refreshed(world, client, won[0].json["refresh_token"]))


def test_the_code_that_comes_twice_ends_the_family_too(world, client):
    code = code_of(world, client)
    first = taken(world, client, code).json
    second = refreshed(world, client, first["refresh_token"]).json

    refused(taken(world, client, code))
    assert world.introspect(second["access_token"]) == {"active": False}
    refused(refreshed(world, client, second["refresh_token"]))


def test_what_is_refused_uses_nothing_up(world, client):
    held = began(world, client)
    assert refreshed(world, client, held["refresh_token"], scope="mcp:tool:x:read").json["error"] == "invalid_scope"
    assert refreshed(world, client, held["refresh_token"], resource=OTHER_TOOLS).json["error"] == "invalid_target"
    assert refreshed(world, client, held["refresh_token"], task="task-0001").json["error"] == "invalid_request"
    assert refreshed(world, client, held["refresh_token"]).status == 200


@pytest.mark.parametrize("made", ["lhf_", "lhf_a.b.c.d", "guess", "lhf_é", "x" * 5000])
def test_what_somebody_made_up_ends_nothing(world, client, made):
    held = began(world, client)
    before = len(world.events())
    refused(refreshed(world, client, made))
    lease = held["lease"]
    refused(refreshed(world, client, f"lhf_{lease}.99999999999.{'x' * 43}.{'y' * 22}"))
    assert world.introspect(held["access_token"])["active"]
    assert {event.action for event in world.events()[: len(world.events()) - before]} <= {"refresh", "exchange"}


# RFC 6749 §6, §10.4: to whom, and for what.


def test_a_token_of_one_client_is_nothing_to_another(world, client):
    other = register(world, client_name="Other").json["client_id"]
    held = began(world, client)
    for one in (other, URL):
        refused(refreshed(world, one, held["refresh_token"]))
    for one in ("triage", None, "pub.guess.guess"):
        assert refreshed(world, one, held["refresh_token"]).json["error"] == "invalid_client"
    assert refreshed(world, client, held["refresh_token"]).status == 200


def test_less_may_be_asked_for_and_more_comes_back_later(world, client):
    held = began(world, client)
    reply = refreshed(world, client, held["refresh_token"], scope=f"{READ} offline_access")
    assert claims_of(reply)["scope"] == READ
    again = refreshed(world, client, reply.json["refresh_token"])
    assert claims_of(again)["scope"] == f"{COMMENT} {READ}"


def test_no_more_than_was_shown_whatever_else_was_consented_to(world, client):
    held = began(world, client, scope=READ)
    began(world, client)
    assert refreshed(world, client, held["refresh_token"], scope=COMMENT).json["error"] == "invalid_scope"
    assert claims_of(refreshed(world, client, held["refresh_token"]))["scope"] == READ


def test_the_token_holds_no_more_than_the_agent_may_by_now(world, client):
    held = began(world, client)
    with world.store.read() as unit:
        (live,) = unit.objects.list(Kind.GRANTS)
    world.put(Kind.GRANTS, live.name, replace(live.spec, tools=frozenset({"read_file", "delete_branch"})))
    assert claims_of(refreshed(world, client, held["refresh_token"]))["scope"] == READ


# RFC 9449 §5: bound to the key of the first proof.


def test_a_family_that_began_with_a_key_goes_on_with_it_alone(world, client):
    held = began(world, client, {"dpop": KEY.proof(world.now)})
    refused(refreshed(world, client, held["refresh_token"]))
    reply = refreshed(world, client, held["refresh_token"], {"dpop": KEY.proof(world.now)})
    assert claims_of(reply)["cnf"] == {"jkt": KEY.thumbprint}
    refused(refreshed(world, client, reply.json["refresh_token"]))


def test_an_agent_that_must_prove_from_now_on_has_no_client_that_does_not(world, client):
    held = began(world, client)
    world.change(Kind.AGENTS, "triage", dpop=DpopUse.REQUIRED)
    assert refreshed(world, client, held["refresh_token"]).json["error"] in {"invalid_dpop_proof", "invalid_grant"}


# What ends it.


def test_whatever_ends_ends_refresh_tokens_for_good(world, client):
    own = client_node(".".join(client.split(".")[:2]))
    for node in (
        user_node(USER),
        consent_node(USER, "triage", TOOLS),
        client_node("triage"),
        own,
        agent_node("triage"),
        owner_node("alice"),
        "registry",
    ):
        held = began(world, client)
        world.bump(node)
        refused(refreshed(world, client, held["refresh_token"]))
        assert world.introspect(held["access_token"]) == {"active": False}, node


def test_a_new_deployment_ends_the_token_and_not_the_family(world, client):
    held = began(world, client)
    world.bump(deployment_node("triage-prod"))
    assert world.introspect(held["access_token"]) == {"active": False}
    assert refreshed(world, client, held["refresh_token"]).status == 200


def test_an_agent_without_a_deployment_gets_nothing(world, client):
    held = began(world, client)
    world.delete(Kind.DEPLOYMENTS, "triage-prod")
    refused(refreshed(world, client, held["refresh_token"]))


@pytest.mark.parametrize(
    ("kind", "name", "changes"),
    [
        (Kind.AGENTS, "triage", {"state": AgentState.SUSPENDED}),
        (Kind.AGENTS, "triage", {"public_clients": False}),
        (Kind.OWNERS, "alice", {"state": OwnerState.DISABLED}),
    ],
)
def test_who_may_no_more_gets_nothing_nor_once_they_may_again(world, client, kind, name, changes):
    with world.store.read() as unit:
        before = unit.objects.get(kind, name).spec
    held = began(world, client)
    world.change(kind, name, **changes)
    assert refreshed(world, client, held["refresh_token"]).json["error"] in {"invalid_grant", "invalid_client"}
    world.put(kind, name, before)
    refused(refreshed(world, client, held["refresh_token"]))


def test_a_consent_that_is_taken_back_ends_it_though_it_is_given_again(world, client):
    held = began(world, client)
    path = "/v1/consents?" + urlencode({"agent": "triage", "resource": TOOLS})
    person = {"authorization": f"Bearer {world.people.token()}"}
    assert world.call("DELETE", path, b"", person).status == 200

    refused(refreshed(world, client, held["refresh_token"]))
    began(world, client)
    refused(refreshed(world, client, held["refresh_token"]))


def test_an_issuer_where_nobody_logs_in_any_more_vouches_for_nobody(world, client):
    held = began(world, client)
    with world.store.read() as unit:
        issuer = unit.objects.get(Kind.TRUST_ISSUERS, "people").spec
    world.put(Kind.TRUST_ISSUERS, "people", replace(issuer, login=None))
    refused(refreshed(world, client, held["refresh_token"]))


def test_a_family_lives_for_a_working_day(world, client):
    held = began(world, client)
    for _ in range(31):
        world.later(minutes=15)
        held = refreshed(world, client, held["refresh_token"]).json
    world.later(minutes=15)
    refused(refreshed(world, client, held["refresh_token"]))


def test_a_family_whose_login_reads_groups_lives_for_an_hour_and_as_long_as_they_are_read(world, client):
    def read_from(claim):
        with world.store.read() as unit:
            issuer = unit.objects.get(Kind.TRUST_ISSUERS, "people").spec
        world.put(Kind.TRUST_ISSUERS, "people", replace(issuer, groups_claim=claim))

    without = began(world, client)
    read_from("groups")
    refused(refreshed(world, client, without["refresh_token"]))
    held = began(world, client)
    world.later(minutes=59)
    held = refreshed(world, client, held["refresh_token"]).json
    world.later(minutes=1)
    refused(refreshed(world, client, held["refresh_token"]))


def test_groups_stay_those_of_the_login(world, client):
    with world.store.read() as unit:
        issuer = unit.objects.get(Kind.TRUST_ISSUERS, "people").spec
    world.put(Kind.TRUST_ISSUERS, "people", replace(issuer, groups_claim="groups"))
    browser = Browser(world)
    page = browser.log_in(browser.get(asked(client)), groups=["eng"])
    held = taken(world, client, query(browser.answer(page).headers["location"])["code"]).json
    assert claims_of(refreshed(world, client, held["refresh_token"]))["groups"] == ["eng"]


# RFC 7009, and what is kept.


def test_who_gives_a_refresh_token_up_ends_the_family(world, client):
    first = began(world, client)
    second = refreshed(world, client, first["refresh_token"]).json
    assert world.form("/oauth2/revoke", token=second["refresh_token"]).status == 200
    for held in (first, second):
        assert world.introspect(held["access_token"]) == {"active": False}
    refused(refreshed(world, client, second["refresh_token"]))


def test_a_refresh_token_is_no_access_token(world, client):
    assert world.introspect(began(world, client)["refresh_token"]) == {"active": False}


def test_a_hash_is_kept_of_one_token_per_family_and_nothing_tells_it(world, client):
    held = began(world, client)
    tokens = [held["refresh_token"]]
    for _ in range(3):
        held = refreshed(world, client, tokens[-1]).json
        tokens.append(held["refresh_token"])
    with world.store.read() as unit:
        digests = [hashlib.sha256(one.encode()).hexdigest() for one in tokens]
        found = [unit.authorizations.find(one, Stage.REFRESH) for one in digests]
    assert [one is not None for one in found] == [False, False, False, True]
    told = repr(found) + repr(world.events())
    for token in tokens:
        assert token not in told
        assert token.split(".")[2] not in told
    assert {event.action for event in world.events() if event.principal == USER} >= {"on-behalf", "refresh"}


@pytest.mark.parametrize("fault", ["full", "away"])
def test_where_it_cannot_be_recorded_nothing_is_issued_and_nothing_used_up(world, client, fault):
    held = began(world, client)
    setattr(world.store, fault, True)
    assert refreshed(world, client, held["refresh_token"]).status == 503
    setattr(world.store, fault, False)
    assert refreshed(world, client, held["refresh_token"]).status == 200


def test_what_ends_while_the_token_is_signed_is_not_issued(world, client):
    held = began(world, client)
    world.mint.meanwhile = lambda: world.bump(user_node(USER))
    refused(refreshed(world, client, held["refresh_token"]))
