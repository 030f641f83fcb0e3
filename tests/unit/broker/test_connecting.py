"""The way of a person who connects an account, and every known way to misuse it."""

from dataclasses import replace
from urllib.parse import quote

import pytest
from tests.fakes.broker_world import ALICE, BOB, OAUTH
from tests.fakes.exchange_world import ISSUER
from tests.fakes.people import query, ticket

from leasehold.exchange.logging_in import OpenLogins
from leasehold.model.connections import ConnectionKind, NotConnected
from leasehold.model.kinds import Kind
from leasehold.model.leases import user_node
from leasehold.model.upstream import OAuthUpstream, UpstreamAuth

CALLBACK = f"{ISSUER}/connect/github/callback"


def refused(reply):
    return reply.status == 400 and b"connected" not in reply.body.replace(b"nothing was connected", b"")


def test_the_way_through_says_what_the_standards_ask_for(world):
    browser = world.browser()
    asked = query(world.departed(browser, world.question(browser)))
    assert {k: asked[k] for k in ("response_type", "code_challenge_method", "redirect_uri", "resource")} == {
        "response_type": "code",
        "code_challenge_method": "S256",
        "redirect_uri": CALLBACK,
        "resource": "https://github-mcp.example/mcp",
    }
    assert len(asked["state"]) >= 43
    assert len(asked["code_challenge"]) == 43


def test_the_page_says_who_connects_what_and_is_framed_by_nobody(world):
    page = world.question(world.browser())
    assert page.status == 200
    assert b"people/00u1alice" in page.body
    assert b"github-mcp.example" in page.body
    assert page.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_anonymous_people_learn_nothing_of_tool_servers_before_they_log_in(world):
    known, unknown = world.browser().get("/connect/github"), world.browser().get("/connect/nothing-here")
    assert (known.status, unknown.status) == (303, 303)
    strip = lambda reply: sorted(query(reply.headers["location"]))  # noqa: E731
    assert strip(known) == strip(unknown)


def test_after_the_login_a_server_that_is_none_says_so(world):
    assert refused(world.question(world.browser(), server="nothing-here"))
    assert refused(world.question(world.browser(), server="jira"))


def test_an_attacker_who_sends_their_answer_to_a_victim_attaches_no_account(world):
    """Login CSRF: the attacker's upstream account is to end up at the victim's."""
    attacker, victim = world.browser(), world.browser()
    away = world.departed(attacker, world.question(attacker, "00u2bob"))
    answer = world.upstream.approve(away, "attacker")
    assert refused(world.back(victim, answer)), "a browser that began nothing"
    world.question(victim)
    assert refused(world.back(victim, answer)), "a browser that began something else"
    assert isinstance(world.authorize(ALICE), NotConnected)


def test_a_victim_who_approves_an_attackers_request_gives_nothing_away(world):
    """The attacker begins, the victim approves with their own account: it must not end up at the attacker's."""
    attacker, victim = world.browser(), world.browser()
    away = world.departed(attacker, world.question(attacker, "00u2bob"))
    assert refused(world.back(victim, world.upstream.approve(away, "victim")))
    assert isinstance(world.authorize(BOB), NotConnected)
    assert isinstance(world.authorize(ALICE), NotConnected)


def test_whoever_knocks_writes_no_row(world):
    """Else anybody could fill the database, or keep its one writer busy, without a name."""
    began = []
    begin = world.store.begin
    world.store.begin = lambda: began.append(1) or begin()
    for _ in range(3):
        assert world.browser().get("/connect/github").status == 303
    assert began == []


@pytest.mark.parametrize("what", ["changed", "other key", "no dot", "not base64", "too late"])
def test_a_login_that_was_not_begun_here_leads_nowhere(world, what):
    browser = world.browser()
    started = browser.get("/connect/github")
    state = query(started.headers["location"])["state"]
    if what == "changed":
        state = state[:20] + ("A" if state[20] != "A" else "B") + state[21:]
    elif what == "other key":
        detail = {"issuer": "people", "server": "github", "browser": "x"}
        state = OpenLogins(b"another").state(detail, world.world.now)
    elif what == "no dot":
        state = state.partition(".")[0]
    elif what == "not base64":
        state = "é!." + state
    else:
        world.later(minutes=10)
    reply = browser.get(f"/oauth2/login/callback?code=c&state={quote(state, safe='')}")
    assert refused(reply)
    assert b"was not started here" in reply.body


def test_the_callback_of_a_login_that_another_browser_began_is_refused(world):
    attacker, victim = world.browser(), world.browser()
    started = attacker.get("/connect/github")
    victim.get("/connect/github")
    assert refused(victim.log_in(started, sub="00u2bob"))


def test_a_question_is_answered_by_the_browser_that_was_asked_once_and_by_a_form_of_ours(world):
    asked, other = world.browser(), world.browser()
    page = world.question(asked)
    world.question(other, "00u2bob")
    fields = {"ticket": ticket(page), "answer": "connect"}
    assert refused(other.post("/connect", fields, origin=ISSUER))
    assert refused(asked.post("/connect", fields, origin="https://evil.example"))
    assert refused(asked.post("/connect", {"ticket": ticket(page)}, origin=ISSUER))
    assert asked.post("/connect", fields, origin=ISSUER).status == 303
    assert refused(asked.post("/connect", fields, origin=ISSUER))


def test_an_answer_is_good_once(world):
    browser = world.browser()
    answer = world.upstream.approve(world.departed(browser, world.question(browser)), "a")
    assert world.back(browser, answer).status == 200
    assert refused(world.back(browser, answer))


def test_an_answer_that_takes_too_long_is_none(world):
    browser = world.browser()
    answer = world.upstream.approve(world.departed(browser, world.question(browser)), "a")
    world.later(minutes=10)
    assert refused(world.back(browser, answer))


@pytest.mark.parametrize("iss", ["https://evil.example", "https://as.example/", None])
def test_an_answer_of_another_authorization_server_is_refused(world, iss):
    """RFC 9207 §2.4: mix-up. The server says that it names itself, so that it has to."""
    browser = world.browser()
    answer = world.upstream.approve(world.departed(browser, world.question(browser)), "a")
    named = {k: v for k, v in {**answer, "iss": iss}.items() if v is not None}
    assert refused(world.back(browser, named))
    assert isinstance(world.authorize(), NotConnected)


def test_a_server_that_does_not_name_itself_need_not(world):
    world.upstream.metadata["authorization_response_iss_parameter_supported"] = False
    browser = world.browser()
    answer = world.upstream.approve(world.departed(browser, world.question(browser)), "a")
    del answer["iss"]
    assert world.back(browser, answer).status == 200


def test_an_answer_at_the_address_of_another_tool_server_is_refused(world):
    """RFC 9700 §4.4.2: a redirect address per server notices a mix-up where nobody names themselves."""
    world.declare("jira", OAUTH)
    browser = world.browser()
    answer = world.upstream.approve(world.departed(browser, world.question(browser)), "a")
    assert refused(world.back(browser, answer, server="jira"))


def test_a_no_on_the_other_side_connects_nothing(world):
    browser = world.browser()
    state = query(world.departed(browser, world.question(browser)))["state"]
    reply = world.back(browser, {"error": "access_denied", "state": state, "iss": world.upstream.issuer})
    assert refused(reply)
    assert isinstance(world.authorize(), NotConnected)


def test_a_code_that_is_not_ours_brings_nothing_and_repeats_nothing(world):
    browser = world.browser()
    state = query(world.departed(browser, world.question(browser)))["state"]
    reply = world.back(browser, {"code": "<script>stolen", "state": state, "iss": world.upstream.issuer})
    assert refused(reply)
    assert b"stolen" not in reply.body


def test_who_is_revoked_between_login_and_answer_has_begun_too_early(world):
    browser = world.browser()
    answer = world.upstream.approve(world.departed(browser, world.question(browser)), "a")
    world.world.bump(user_node(ALICE))
    assert refused(world.back(browser, answer))


def test_a_tool_server_that_moves_meanwhile_gets_no_tokens(world):
    browser = world.browser()
    answer = world.upstream.approve(world.departed(browser, world.question(browser)), "a")
    world.declare("github", OAUTH, url="https://evil.example/mcp")
    assert refused(world.back(browser, answer))
    assert not any(request.url.path == "/token" for request in world.upstream.log)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"code_challenge_methods_supported": []}, b"PKCE"),
        ({"code_challenge_methods_supported": ["plain"]}, b"PKCE"),
        ({"issuer": "https://as.example/"}, b"another issuer"),
        ({"token_endpoint": "javascript:alert(1)"}, b"http(s) URL"),
        ({"registration_endpoint": None}, b"does not know us"),
    ],
)
def test_an_authorization_server_that_cannot_be_trusted_is_not_gone_to(world, change, said):
    world.upstream.metadata.update(change)
    browser = world.browser()
    page = world.question(browser)
    reply = browser.post("/connect", {"ticket": ticket(page), "answer": "connect"}, origin=ISSUER)
    assert reply.status == 400
    assert said in reply.body


def test_metadata_of_another_resource_is_refused(world):
    """RFC 9728 §3.3: else a server could name the authorization server of another, and have its tokens."""
    world.upstream.resource_metadata["resource"] = "https://victim.example/mcp"
    browser = world.browser()
    page = world.question(browser)
    assert refused(browser.post("/connect", {"ticket": ticket(page), "answer": "connect"}, origin=ISSUER))


def test_a_client_metadata_document_comes_before_a_registration(world):
    world.upstream.metadata["client_id_metadata_document_supported"] = True
    world.connect()
    assert not any(request.url.path == "/register" for request in world.upstream.log)
    document = world.world.call("GET", "/connect/github/client.json").json
    assert document["client_id"] == f"{ISSUER}/connect/github/client.json"
    assert document["redirect_uris"] == [CALLBACK]
    assert document["token_endpoint_auth_method"] == "none"


def test_what_was_registered_by_hand_comes_before_everything_and_shows_its_secret_to_its_issuer(world):
    world.upstream.metadata["client_id_metadata_document_supported"] = True
    world.upstream.clients["ours"] = "the secret: 1 + 1"
    world.secrets["github-client"] = "the secret: 1 + 1"
    oauth = OAuthUpstream(issuer="https://as.example", client_id="ours", client_secret="github-client")
    world.declare("github", UpstreamAuth(oauth=oauth))
    world.connect()
    assert not any(request.url.path == "/register" for request in world.upstream.log)
    assert world.authorize().kind is ConnectionKind.PERSONAL


def test_we_register_once_per_issuer_and_are_never_known_at_another_by_the_same(world):
    """SEP-2352: what one issuer gave us is shown to no other."""
    world.connect("00u1alice")
    world.connect("00u2bob")
    assert list(world.upstream.clients) == ["client-1"]
    world.upstream.issuer = "https://as2.example"
    for name in ("authorization_endpoint", "token_endpoint", "registration_endpoint", "revocation_endpoint"):
        world.upstream.metadata[name] = world.upstream.metadata[name].replace("as.example", "as2.example")
    world.upstream.metadata["issuer"] = "https://as2.example"
    world.upstream.resource_metadata["authorization_servers"] = ["https://as2.example"]
    world.connect("00u2bob")
    assert list(world.upstream.clients) == ["client-1", "client-2"]


def test_a_registration_that_they_forgot_is_made_anew_the_next_time(world):
    browser = world.browser()
    answer = world.upstream.approve(world.departed(browser, world.question(browser)), "a")
    world.upstream.clients.clear()
    assert refused(world.back(browser, answer))
    world.connect()
    assert world.authorize().kind is ConnectionKind.PERSONAL


def test_a_registration_off_by_declaration_is_not_made(world):
    world.declare("github", UpstreamAuth(oauth=OAuthUpstream(dynamic_registration=False)))
    browser = world.browser()
    page = world.question(browser)
    assert refused(browser.post("/connect", {"ticket": ticket(page), "answer": "connect"}, origin=ISSUER))
    assert not any(request.url.path == "/register" for request in world.upstream.log)


def test_an_invitation_is_for_one_browser(world):
    invited = world.administer("POST", "/v1/connections/github", {"oauth": {}})
    path = invited.json["connect_url"].removeprefix(ISSUER)
    first, second = world.browser(), world.browser()
    page = first.get(path)
    assert page.status == 200
    assert b"asks for it" in page.body
    assert refused(second.get(path))
    assert refused(first.get(path))


def test_an_invitation_leads_to_a_shared_connection_and_never_to_a_persons(world):
    world.share("robot")
    assert isinstance(world.authorize(ALICE), NotConnected)


@pytest.mark.parametrize(
    "path", ["/connectgithub", "/connect/", "/connect/github/x", "/connect/GitHub", "/connect/a/b/c"]
)
def test_nothing_is_beside_the_way(world, path):
    assert world.browser().get(path).status == 404


def test_no_secret_is_in_any_record(world):
    world.promote(world.share())
    world.connect()
    world.later(hours=2)
    world.authorize()
    told = repr(world.world.events()) + repr(world.authorize()) + repr(world.broker.__dict__)
    secrets = [*world.upstream.issued, *world.upstream.refreshes, *world.upstream.used]
    assert secrets
    assert not [one for one in secrets if one in told]
    with world.store.read() as unit:
        rows = repr(unit.connections._connections)
    assert not [one for one in secrets if one in rows]
    assert {event.action for event in world.events()} >= {"connect", "promote", "refresh"}


def test_each_connect_is_on_record_with_whose_it_is(world):
    world.connect()
    event = next(event for event in world.events() if event.action == "connect")
    assert (event.principal, event.detail["holder"], event.detail["tool_server"]) == (ALICE, ALICE, "github")
    assert event.detail["issuer"] == "https://as.example"
    assert event.name == world.authorize().connection


def test_a_login_that_nobody_declared_is_not_begun(world):
    with world.store.read() as unit:
        issuer = unit.objects.get(Kind.TRUST_ISSUERS, "people").spec
    world.world.put(Kind.TRUST_ISSUERS, "people", replace(issuer, login=None))
    assert refused(world.browser().get("/connect/github"))
