"""Authorization requests that browsers bring: where people may be sent, and that they are asked."""

import base64
from urllib.parse import urlencode

import pytest
from tests.fakes.exchange_world import ISSUER, OTHER_TOOLS, TOOLS
from tests.fakes.people import (
    BACK,
    COMMENT,
    READ,
    USER,
    VERIFIER,
    Browser,
    push,
    query,
    ticket,
)
from tests.fakes.public_clients import (
    LOOP,
    URL,
    asked,
    claims_of,
    code_of,
    nobody_goes,
    question,
    register,
    taken,
)

from leasehold.exchange.on_behalf import challenge_of
from leasehold.model.kinds import Kind

# RFC 9700 §4.1, RFC 8252 §7.3, §8.3: redirect URIs.


@pytest.mark.parametrize(
    "changed",
    [
        "http://localhost:3118/callback/",
        "http://localhost:3118/Callback",
        "http://localhost:3118/",
        "http://localhost:3118/callback?next=x",
        "http://localhost:3118/callback#x",
        "http://localhost:3118/../callback",
        "http://localhost:3118/call%62ack",
        "http://127.0.0.1:3118/callback",
        "http://[::1]:3118/callback",
        "http://LOCALHOST:3118/callback",
        "http://localhost.evil.example:3118/callback",
        "http://localhost@evil.example/callback",
        "http://localhost:3118@evil.example/callback",
        "http://evil.example#@localhost:3118/callback",
        "http://evil.example\\@localhost:3118/callback",
        "http://localhost:0/callback",
        "http://localhost:03118/callback",
        "http://localhost:65536/callback",
        "http://localhost:99999999/callback",
        "http://localhost:/callback",
        "http://127.1:3118/callback",
        "http://2130706433:3118/callback",
        "http://[::ffff:127.0.0.1]:3118/callback",
        "http://0.0.0.0:3118/callback",
        "https://localhost:3118/callback",
        "http://localhost:3118/callback\r\nx: y",
        "//localhost:3118/callback",
        "javascript:alert(1)",
        "",
        None,
    ],
)
def test_nobody_is_sent_to_an_address_that_the_client_did_not_register(world, client, changed):
    for one in (client, URL):
        nobody_goes(Browser(world).get(asked(one, redirect_uri=changed)))


@pytest.mark.parametrize("port", ["", ":1", ":3118", ":65535"])
def test_a_program_listens_at_whatever_port_it_is_given(world, client, port):
    there = f"http://localhost{port}/callback"
    browser, page = question(world, client, redirect_uri=there)
    code = query(browser.answer(page).headers["location"])["code"]

    assert taken(world, client, code, redirect_uri=there + "x").json["error"] == "invalid_grant"
    assert taken(world, client, code, redirect_uri=there).status == 200


def test_the_page_leads_on_to_an_address_that_csp_has_no_words_for(world):
    client = register(world, redirect_uris=["http://[::1]/callback"]).json["client_id"]
    page = question(world, client, redirect_uri="http://[::1]:3118/callback")[1]
    assert "form-action 'self' http:" in page.headers["content-security-policy"]
    assert "[" not in page.headers["content-security-policy"]


def test_an_empty_path_is_the_root(world):
    client = register(world, redirect_uris=["http://127.0.0.1/"]).json["client_id"]
    assert question(world, client, redirect_uri="http://127.0.0.1:33418")[1].status == 200


def test_clients_with_a_key_keep_to_the_letter_of_their_address(world):
    world.change(Kind.AGENTS, "triage", redirect_uris=frozenset({"http://127.0.0.1:7/cb"}))
    assert push(world, redirect_uri="http://127.0.0.1:8/cb").json["error"] == "invalid_request"
    assert push(world, redirect_uri="http://127.0.0.1:7/cb").status == 201


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/cb",
        "https://app.example/callback/x",
        "http://evil.example/cb",
        "http://localhost.evil.example/cb",
        "http://user@localhost/cb",
        "custom://callback",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://localhost/cb#x",
        'http://localhost/"cb',
    ],
)
def test_a_stranger_registers_no_host_that_nobody_declared(world, uri):
    refused = register(world, redirect_uris=[uri])
    assert (refused.status, refused.json["error"]) == (400, "invalid_redirect_uri")


def test_what_is_not_taken_of_several_addresses_is_left_out_and_said(world):
    made = register(world, redirect_uris=[LOOP, BACK, "https://evil.example/cb", "editor://cb"]).json
    assert made["redirect_uris"] == sorted([LOOP, BACK])
    nobody_goes(Browser(world).get(asked(made["client_id"], redirect_uri="https://evil.example/cb")))


def test_an_address_that_the_agent_declares_no_more_is_none(world):
    client = register(world, redirect_uris=[LOOP, BACK]).json["client_id"]
    browser, page = question(world, client, redirect_uri=BACK)
    world.change(Kind.AGENTS, "triage", redirect_uris=frozenset())

    assert browser.answer(page).status == 400
    nobody_goes(Browser(world).get(asked(client, redirect_uri=BACK)))
    assert Browser(world).get(asked(client)).status == 303


# RFC 6749 §4.1.2.1, RFC 9700 §4.11: errors, and where they may go.


def test_nothing_is_sent_anywhere_before_client_and_address_are_known(world, client):
    for path in (
        asked("pub.guess.guess"),
        asked("https://stranger.example/client.json"),
        asked("triage"),
        asked("triage", redirect_uri=BACK),
        asked(None),
        asked(client) + "&redirect_uri=" + LOOP,
        asked(client) + "&client_id=" + client,
        asked(client) + "&state=abc",
        asked(client) + "&resource=" + OTHER_TOOLS,
        asked(client) + "&code_challenge=" + challenge_of("w" * 43),
        "/oauth2/authorize",
    ):
        nobody_goes(Browser(world).get(path))
    assert world.documents.asked == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"request": "x.y.z"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": VERIFIER + "="}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"resource": None}, "invalid_request"),
        ({"resource": "https://stranger.example/mcp"}, "invalid_target"),
        ({"resource": TOOLS + "/"}, "invalid_target"),
        ({"resource": OTHER_TOOLS}, "invalid_target"),
        ({"resource": f"{ISSUER}/v1"}, "invalid_target"),
        ({"resource": f"{ISSUER}/v1/credentials"}, "invalid_target"),
        ({"scope": "mcp:tool:delete_branch:delete"}, "invalid_scope"),
        ({"prompt": "create"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"task": "task-0001"}, "invalid_request"),
        ({"issuer": "nobody"}, "invalid_request"),
        ({"prompt": "none"}, "consent_required"),
    ],
)
def test_what_is_wrong_is_told_to_a_client_that_is_known(world, client, changes, error):
    reply = Browser(world).get(asked(client, **changes))
    assert (reply.status, reply.headers["location"].partition("?")[0]) == (303, LOOP)
    answer = query(reply.headers["location"])
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "xyz", ISSUER)
    assert "code" not in answer
    assert "set-cookie" not in reply.headers


def test_a_state_that_cannot_be_sent_back_is_not(world, client):
    answer = query(Browser(world).get(asked(client, state="x" * 1025)).headers["location"])
    assert (answer["error"], "state" in answer) == ("invalid_request", False)


def test_scopes_that_clients_ask_for_offline_are_no_tools(world, client):
    browser, page = question(world, client, scope=f"{READ} offline_access", prompt="consent")
    claims = claims_of(taken(world, client, query(browser.answer(page).headers["location"])["code"]))
    assert claims["scope"] == READ


def test_a_client_that_was_told_no_scope_and_asks_for_a_logins_gets_what_is_asked_of_the_person(world, client):
    """npm's mcp-remote asks so where no metadata names a scope."""
    browser, page = question(world, client, scope="openid email profile")
    reply = taken(world, client, query(browser.answer(page).headers["location"])["code"])
    browser, plain = question(world, client)
    same = taken(world, client, query(browser.answer(plain).headers["location"])["code"])
    assert reply.json["scope"] == same.json["scope"] == claims_of(reply)["scope"]
    assert (
        query(Browser(world).get(asked(client, scope="openid admin")).headers["location"])["error"] == "invalid_scope"
    )


def test_the_login_is_asked_what_the_client_wants_asked(world, client):
    started = Browser(world).get(asked(client, prompt="consent login"))
    assert query(started.headers["location"])["prompt"] == "login"


# RFC 8252 §8.6, RFC 6749 §10.2: nobody is answered for in silence.


def test_a_person_is_asked_each_time_whatever_they_said_before(world, client):
    code_of(world, client)
    other = register(world, client_name="Impostor").json["client_id"]
    for one in (client, other, URL):
        assert question(world, one)[1].status == 200


def test_less_than_before_takes_nothing_back(world, client):
    code_of(world, client)
    code_of(world, client, scope=READ)
    with world.store.read() as unit:
        assert unit.consents.find(USER, "triage", TOOLS).scopes == {READ, COMMENT}


def test_a_person_who_declines_gives_nothing(world, client):
    browser, page = question(world, client)
    assert query(browser.answer(page, "deny").headers["location"])["error"] == "access_denied"
    with world.store.read() as unit:
        assert unit.consents.find(USER, "triage", TOOLS) is None


def test_a_login_that_failed_is_told(world, client):
    browser = Browser(world)
    back = browser.log_in(browser.get(asked(client)), answer={"error": "login_required"})
    assert query(back.headers["location"])["error"] == "access_denied"


# Login CSRF, consent fixation, clickjacking.


def test_a_login_that_another_browser_started_is_refused(world, client):
    victim, attacker = Browser(world), Browser(world)
    started = attacker.get(asked(client))
    assert victim.log_in(started).status == 400
    victim.get(asked(client))
    assert victim.log_in(started).status == 400


def test_logins_of_several_clients_go_on_beside_each_other_in_one_browser(world, client):
    browser, other = Browser(world), register(world, client_name="Other").json["client_id"]
    one, two = browser.get(asked(client)), browser.get(asked(other))
    nonces = {query(started.headers["location"])["nonce"] for started in (one, two)}
    assert len(nonces) == 2
    first, second = browser.log_in(one), browser.log_in(two, code="another")
    for page, held_by in ((second, other), (first, client)):
        code = query(browser.answer(page).headers["location"])["code"]
        assert taken(world, held_by, code).status == 200


def test_a_cookie_that_we_did_not_make_is_not_kept(world, client):
    browser = Browser(world)
    browser.cookie = "__Host-leasehold=guess"
    browser.get(asked(client))
    assert browser.cookie != "__Host-leasehold=guess"


def test_consent_cannot_be_given_by_another_site_or_browser(world, client):
    browser, page = question(world, client)
    assert browser.answer(page, origin="https://evil.example").status == 400
    assert browser.answer(page, origin="null").status == 400
    assert browser.answer(page, origin="http://localhost:3118").status == 400
    forger = Browser(world)
    forger.get(asked(client))
    assert forger.answer(page).status == 400
    assert world.form("/oauth2/consent", ticket=ticket(page), answer="allow").status == 400
    assert browser.answer(page, origin=ISSUER).status == 303
    assert browser.answer(page, origin=ISSUER).status == 400


def test_the_way_through_the_login_cannot_be_made_up_or_changed(world, client):
    browser = Browser(world)
    started = browser.get(asked(client))
    state = query(started.headers["location"])["state"]
    told, _, mac = state.partition(".")
    raw = base64.urlsafe_b64decode(told + "=" * (-len(told) % 4))
    forged = base64.urlsafe_b64encode(raw.replace(LOOP.encode(), b"https://evil.example/cb")).rstrip(b"=").decode()
    for one in (f"{forged}.{mac}", f"{told}.", told, f".{mac}"):
        reply = browser.get(f"/oauth2/login/callback?{urlencode({'code': 'c', 'state': one})}")
        nobody_goes(reply)


def test_a_login_takes_ten_minutes_at_most(world, client):
    browser = Browser(world)
    started = browser.get(asked(client))
    world.later(minutes=10)
    assert browser.log_in(started).status == 400


def test_an_answer_of_another_issuer_is_refused(world, client):
    browser = Browser(world)
    mixed = browser.log_in(browser.get(asked(client)), answer={"code": "c", "iss": "https://evil.example"})
    nobody_goes(mixed)


def test_what_is_not_granted_any_more_is_not_asked_for(world, client):
    browser = Browser(world)
    started = browser.get(asked(client))
    with world.store.read() as unit:
        (live,) = unit.objects.list(Kind.GRANTS)
    world.delete(Kind.GRANTS, live.name)
    nobody_goes(browser.log_in(started))
