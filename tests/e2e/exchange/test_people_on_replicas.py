"""Agents as clients and on behalf of people, between replicas on a real database."""

import asyncio
from urllib.parse import urlencode

from tests.fakes.client_keys import ASSERTION
from tests.fakes.exchange_world import TOOLS, request
from tests.fakes.people import KEY, USER, Browser, code_for, credential, push, query, redeem, said, with_people
from tests.fakes.public_clients import code_of, register, taken, with_public_clients

from leasehold.model.leases import user_node

FORM = {"content-type": "application/x-www-form-urlencoded"}


def storm(replicas, fields_of, headers_of=lambda _: {}, each=25):
    """The statuses of many requests at once, at both replicas."""

    async def gathered():
        asks = [
            request(one.app, "POST", "/oauth2/token", urlencode(fields_of(one)).encode(), {**FORM, **headers_of(one)})
            for _ in range(each)
            for one in replicas
        ]
        return [reply.status for reply in await asyncio.gather(*asks)]

    return asyncio.run(gathered())


def asking(world, assertion):
    return {
        "grant_type": "client_credentials",
        "client_id": "triage",
        "resource": TOOLS,
        "client_assertion_type": ASSERTION,
        "client_assertion": assertion,
    }


def test_an_assertion_used_at_two_replicas_succeeds_exactly_once(replicas):
    one = with_people(replicas[0])
    assertion = KEY.assertion(one.now)

    assert storm(replicas, lambda world: asking(world, assertion)).count(200) == 1


def test_a_proof_used_at_two_replicas_succeeds_exactly_once(replicas):
    one = with_people(replicas[0])
    proof = KEY.proof(one.now)
    statuses = storm(replicas, lambda world: asking(world, KEY.assertion(world.now)), lambda _: {"dpop": proof})

    assert statuses.count(200) == 1


def test_a_code_redeemed_at_two_replicas_at_once_brings_one_token_and_ends_it(replicas):
    one, other = replicas
    with_people(one)
    code = code_for(one)
    bodies = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "https://app.example/callback",
        "code_verifier": "v" * 43,
    }
    statuses = storm(replicas, lambda world: {**bodies, **credential(world)}, each=5)

    assert statuses.count(200) == 1
    with other.store.read() as unit:
        (lease,) = [
            lease
            for event in one.events()
            if event.action == "on-behalf"
            for lease in unit.leases.find_all((event.name,)).values()
        ]
    assert lease.revoked_at is not None


def test_each_step_may_be_taken_at_another_replica(replicas):
    one, other = replicas
    with_people(one)
    browser = Browser(one)
    pushed = push(other)
    started = browser.start(pushed)
    browser.world, other.logins.codes = other, one.logins.codes
    page = browser.log_in(started)
    browser.world = one
    code = query(browser.answer(page).headers["location"])["code"]
    reply = redeem(other, code)

    assert said(reply)["sub"] == USER
    caller = one.registry_token()
    assert one.introspect(reply.json["access_token"], caller)["active"]
    other.bump(user_node(USER))
    assert one.introspect(reply.json["access_token"], caller) == {"active": False}


def refreshing(client, token):
    return {"grant_type": "refresh_token", "client_id": client, "refresh_token": token}


def test_a_client_that_registered_at_one_replica_is_one_at_the_other_and_goes_on_there(replicas):
    one, other = replicas
    client = register(with_public_clients(one)).json["client_id"]
    held = taken(other, client, code_of(other, client)).json
    again = one.form("/oauth2/token", **refreshing(client, held["refresh_token"])).json
    caller = one.registry_token()
    assert other.introspect(again["access_token"], caller)["active"]
    other.bump(user_node(USER))
    assert one.introspect(again["access_token"], caller) == {"active": False}
    assert one.form("/oauth2/token", **refreshing(client, again["refresh_token"])).json["error"] == "invalid_grant"


def test_a_refresh_token_used_at_two_replicas_at_once_goes_on_once_and_ends_its_family(replicas):
    one, _ = replicas
    client = register(with_public_clients(one)).json["client_id"]
    held = taken(one, client, code_of(one, client)).json
    statuses = storm(replicas, lambda _: refreshing(client, held["refresh_token"]), each=5)

    assert statuses.count(200) == 1
    assert one.introspect(held["access_token"]) == {"active": False}
