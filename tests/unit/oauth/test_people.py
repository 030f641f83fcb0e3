"""Agents on behalf of people: the way through, and every known way to misuse it."""

import html
import re
from dataclasses import replace

import jwt
import pytest
from tests.fakes.exchange_world import ISSUER, TOOLS
from tests.fakes.people import (
    BACK,
    COMMENT,
    KEY,
    LOGIN,
    OTHER,
    READ,
    USER,
    VERIFIER,
    Browser,
    code_for,
    credential,
    push,
    query,
    redeem,
    rival,
    said,
    ticket,
    with_people,
)

from leasehold.exchange.on_behalf import challenge_of
from leasehold.model.arguments import ArgumentConstraint
from leasehold.model.clients import DpopUse
from leasehold.model.kinds import Kind
from leasehold.model.leases import consent_node, user_node
from leasehold.model.people import AgentState


@pytest.fixture
def people(world):
    return with_people(world)


def test_a_person_lets_an_agent_act_for_them(people):
    browser = Browser(people)
    page = browser.ask(push(people))
    back = browser.answer(page)

    assert (back.status, back.headers["location"].partition("?")[0]) == (303, BACK)
    answer = query(back.headers["location"])
    assert (answer["state"], answer["iss"]) == ("xyz", ISSUER)
    claims = said(redeem(people, answer["code"]))
    assert (claims["sub"], claims["act"], claims["client_id"]) == (USER, {"sub": "agent:triage"}, "triage")
    assert claims["scope"] == f"{COMMENT} {READ}"
    nodes = [node for node, _ in claims["urn:leasehold:lease"]["anc"]]
    assert {USER, "client:triage", consent_node(USER, "triage", TOOLS)} <= set(nodes)


def test_introspection_says_what_the_token_says_act_included(people):
    token = redeem(people, code_for(people)).json["access_token"]

    answer = people.introspect(token)
    assert answer == {"active": True, "token_type": "Bearer", **jwt.decode(token, options={"verify_signature": False})}
    assert answer["act"] == {"sub": "agent:triage"}


def test_the_login_is_a_code_flow_with_pkce_nonce_and_a_state_of_its_own(people):
    started = Browser(people).start(push(people))
    asked = query(started.headers["location"])

    assert started.headers["location"].startswith(LOGIN.authorization_endpoint + "?")
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"] == f"{ISSUER}/oauth2/login/callback"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"], "xyz"}) == 4
    assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/"} <= set(started.headers["set-cookie"].split("; "))
    assert started.headers["set-cookie"].startswith("__Host-")


def test_the_question_names_agent_owner_and_tools_in_words(people):
    text = html.unescape(Browser(people).ask(push(people, scope=READ)).body.decode())

    for word in ("triage", "Alice (alice@example.com, team shop)", "people/00u1alice", "read_file", TOOLS):
        assert word in text
    assert "comment" not in text


def asked_about(people, **constraints):
    """The question, in plain text, about an agent whose grant has limits."""
    with people.store.read() as unit:
        (live,) = unit.objects.list(Kind.GRANTS)
    spec = replace(live.spec, tools=frozenset({"comment"}), constraints=constraints)
    people.delete(Kind.GRANTS, live.name)
    people.put(Kind.GRANTS, spec.id, spec)
    page = Browser(people).ask(push(people)).body.decode()
    return html.unescape(re.sub(r"</?b>", "`", page)), page


def test_the_question_tells_places_and_limits_in_words(people):
    fixes = ArgumentConstraint(prefixes=frozenset({"fix: "}))
    text, _ = asked_about(people, size=ArgumentConstraint(max=50), body=fixes)
    assert "change with `comment`" in text
    assert "on `repo:web` where `body` begins with `fix: ` and `size` ≤ 50" in text


def test_whoever_consents_is_shown_every_value_and_every_limited_argument(people):
    values = frozenset(f"value-{number}" for number in range(9))
    letters = {name: ArgumentConstraint(one_of=frozenset({name})) for name in "abcde"}
    text, _ = asked_about(people, label=ArgumentConstraint(one_of=values), **letters)
    for word in (*values, *(f"`{name}` is `{name}`" for name in "abcde")):
        assert word in text
    assert "more" not in text


def test_a_limit_cannot_be_markup(people):
    _, page = asked_about(people, body=ArgumentConstraint(prefixes=frozenset({"</b></ul><script>alert(1)</script>"})))
    assert "<script" not in page
    assert "&lt;/ul&gt;" in page


def test_what_is_not_granted_any_more_is_told_as_such(people):
    browser = Browser(people)
    started = browser.start(push(people))
    with people.store.read() as unit:
        (live,) = unit.objects.list(Kind.GRANTS)
    people.delete(Kind.GRANTS, live.name)
    assert "nowhere at present" in browser.log_in(started).body.decode()


def test_the_question_can_be_neither_framed_nor_scripted(people):
    headers = Browser(people).ask(push(people)).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://app.example" in policy
    assert (headers["x-frame-options"], headers["cache-control"]) == ("DENY", "no-store")
    assert headers["x-content-type-options"] == "nosniff"


def test_everything_on_the_page_is_escaped(people):
    people.change(Kind.AGENTS, "triage", description="<script>alert(1)</script>\"'&")
    page = Browser(people).ask(push(people)).body.decode()

    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_person_who_declines_gives_nothing(people):
    browser = Browser(people)
    back = browser.answer(browser.ask(push(people)), "deny")

    assert query(back.headers["location"]) == {"error": "access_denied", "state": "xyz", "iss": ISSUER}


def test_a_consent_stands_and_is_not_asked_twice(people):
    code_for(people)

    again = Browser(people).ask(push(people))
    assert redeem(people, query(again.headers["location"])["code"]).status == 200


def test_more_than_was_consented_to_is_asked_again(people):
    code_for(people, scope=READ)

    assert Browser(people).ask(push(people)).status == 200
    assert Browser(people).ask(push(people, scope=READ)).status == 303


def test_silence_asks_nothing_and_says_so(people):
    reply = Browser(people).ask(push(people, prompt="none"))
    assert query(reply.headers["location"])["error"] == "consent_required"

    code_for(people)
    assert "code" in query(Browser(people).ask(push(people, prompt="none")).headers["location"])


def test_the_token_holds_no_more_than_the_agent_may_by_now(people):
    code = code_for(people)
    with people.store.read() as unit:
        (name,) = [one.name for one in unit.objects.list(Kind.GRANTS)]
        grant = unit.objects.get(Kind.GRANTS, name).spec
    people.put(Kind.GRANTS, name, replace(grant, tools=frozenset({"read_file", "delete_branch"})))

    assert said(redeem(people, code))["scope"] == READ


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": BACK + "/"},
        {"redirect_uri": BACK + "?x=1"},
        {"redirect_uri": "https://app.example.evil.example/callback"},
        {"redirect_uri": "https://rival.example/cb"},
        {"redirect_uri": None},
    ],
)
def test_people_are_sent_to_no_address_but_the_registered_one(people, changes):
    assert push(people, **changes).json["error"] == "invalid_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": VERIFIER + "="},
        {"response_type": "token"},
        {"response_type": "code id_token"},
        {"response_mode": "fragment"},
        {"request": "x.y.z"},
        {"prompt": "login"},
    ],
)
def test_pkce_cannot_be_talked_down_nor_the_flow_changed(people, changes):
    error = "unsupported_response_type" if "response_type" in changes else "invalid_request"
    assert push(people, **changes).json["error"] == error


def test_only_the_agent_itself_pushes(people):
    assert push(people, key=OTHER).json["error"] == "invalid_client"
    assert push(people, client_assertion=None, client_assertion_type=None).json["error"] == "invalid_client"


def test_an_assertion_pushes_once(people):
    shared = credential(people)

    assert push(people, **shared).status == 201
    assert push(people, **shared).status == 400


def test_a_request_that_was_not_pushed_sends_nobody_anywhere(people):
    for asked in ("client_id=triage&response_type=code&redirect_uri=https://evil.example", "", "client_id=triage"):
        reply = Browser(people).get(f"/oauth2/authorize?{asked}")
        assert reply.status == 400
        assert "location" not in reply.headers


def test_a_pushed_request_is_used_once_by_its_agent_and_soon(people):
    pushed = push(people)
    assert Browser(people).start(pushed, client="rival").status == 400
    assert Browser(people).start(pushed).status == 303
    assert Browser(people).start(pushed).status == 400
    late = push(people)
    people.later(seconds=90)
    assert Browser(people).start(late).status == 400


def test_a_login_that_another_browser_started_is_refused(people):
    victim, attacker = Browser(people), Browser(people)
    started = attacker.start(push(people))

    assert victim.log_in(started).status == 400
    victim.start(push(people))
    assert victim.log_in(started).status == 400


def test_an_answer_of_another_issuer_is_refused(people):
    browser = Browser(people)
    started = browser.start(push(people))

    mixed = browser.log_in(started, answer={"code": "idp-code", "iss": "https://evil.example"})
    assert mixed.status == 400
    assert "location" not in mixed.headers


@pytest.mark.parametrize("claims", [{"nonce": "other"}, {"azp": "other"}, {"sub": None}, {"exp": 1}])
def test_an_id_token_that_is_not_for_this_login_is_refused(people, claims):
    browser = Browser(people)
    started = browser.start(push(people))
    asked = query(started.headers["location"])
    token = people.people.token(**{"aud": LOGIN.client_id, "nonce": asked["nonce"], **claims})
    people.logins.codes["c"] = (token, asked["code_challenge"])

    assert browser.get(f"/oauth2/login/callback?code=c&state={asked['state']}").status == 400


def test_an_id_token_for_somebody_else_is_refused(people):
    browser = Browser(people)
    started = browser.start(push(people))
    asked = query(started.headers["location"])
    people.logins.codes["c"] = (people.people.token(nonce=asked["nonce"]), asked["code_challenge"])

    assert browser.get(f"/oauth2/login/callback?code=c&state={asked['state']}").status == 400


def test_an_idp_code_that_was_injected_fails_for_want_of_its_verifier(people):
    stolen, browser = Browser(people), Browser(people)
    theirs, ours = stolen.start(push(people)), browser.start(push(people))
    asked = query(theirs.headers["location"])
    people.logins.codes["stolen"] = (
        people.people.token(aud=LOGIN.client_id, nonce=asked["nonce"]),
        asked["code_challenge"],
    )

    state = query(ours.headers["location"])["state"]
    assert browser.get(f"/oauth2/login/callback?code=stolen&state={state}").status == 400


def test_consent_cannot_be_given_by_another_site_or_browser(people):
    browser = Browser(people)
    page = browser.ask(push(people))

    assert browser.answer(page, origin="https://evil.example").status == 400
    assert browser.answer(page, origin="null").status == 400
    forger = Browser(people)
    forger.start(push(people))
    assert forger.answer(page).status == 400
    assert people.form("/oauth2/consent", ticket=ticket(page), answer="allow").status == 400
    assert browser.post("/oauth2/consent", {"answer": "allow"}).status == 400
    assert browser.post("/oauth2/consent", {"ticket": "guess", "answer": "allow"}).status == 400
    assert browser.answer(page, origin=ISSUER).status == 303


def test_a_question_is_answered_once(people):
    browser = Browser(people)
    page = browser.ask(push(people))

    assert browser.answer(page, "deny").status == 303
    assert browser.answer(page).status == 400


def test_a_code_of_one_agent_is_nothing_to_another(people):
    rival(people)
    code = code_for(people)

    assert redeem(people, code, OTHER, "rival").json["error"] == "invalid_grant"
    assert redeem(people, code).status == 200


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": challenge_of(VERIFIER)}, "invalid_grant"),
        ({"redirect_uri": BACK + "/"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"client_assertion": None, "client_assertion_type": None}, "invalid_client"),
        ({"code": "guess"}, "invalid_grant"),
    ],
)
def test_a_code_needs_all_that_it_was_bound_to(people, changes, error):
    assert redeem(people, **{"code": code_for(people), **changes}).json["error"] == error


def test_a_code_that_comes_twice_ends_what_it_brought(people):
    code = code_for(people)
    token = redeem(people, code).json["access_token"]
    assert people.introspect(token)["active"]

    assert redeem(people, code).json["error"] == "invalid_grant"
    assert people.introspect(token) == {"active": False}


def test_a_code_lives_for_a_minute(people):
    code = code_for(people)
    people.later(seconds=60)

    assert redeem(people, code).json["error"] == "invalid_grant"


def test_a_person_who_is_off_boarded_ends_every_token_for_them(people):
    token = redeem(people, code_for(people)).json["access_token"]
    people.bump(user_node(USER))

    assert people.introspect(token) == {"active": False}


def test_a_suspended_agent_asks_nobody(people):
    browser = Browser(people)
    pushed = push(people)
    people.change(Kind.AGENTS, "triage", state=AgentState.SUSPENDED)

    assert browser.start(pushed).status == 400
    assert push(people).json["error"] == "invalid_grant"


def test_an_agent_that_must_prove_proves_when_the_code_is_redeemed(people):
    people.change(Kind.AGENTS, "triage", dpop=DpopUse.REQUIRED)
    code = code_for(people)

    assert redeem(people, code).json["error"] == "invalid_dpop_proof"
    reply = redeem(people, code, headers={"dpop": KEY.proof(people.now)})
    assert said(reply)["cnf"] == {"jkt": KEY.thumbprint}


def test_a_push_that_is_refused_is_on_record_with_its_reason(people):
    push(people, key=OTHER)
    push(people, redirect_uri="https://evil.example/cb")

    assert [event.reason for event in people.events() if event.action == "push"] == ["redirect_refused", "unknown_key"]


def test_an_address_that_was_taken_away_gets_no_code(people):
    browser = Browser(people)
    page = browser.ask(push(people))
    people.change(Kind.AGENTS, "triage", redirect_uris=frozenset({"https://app.example/other"}))

    assert browser.answer(page).status == 400
