"""The token endpoint: what it takes, and how it says no."""

import asyncio
from urllib.parse import urlencode

import pytest
from tests.fakes.exchange_world import EXCHANGE, JWT, REGISTRY_AUDIENCE, TOOLS

from leasehold.web.oauth import forms

FORM = {"content-type": "application/x-www-form-urlencoded"}
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def test_a_stranger_without_a_token_gets_nothing(world):
    reply = world.form("/oauth2/token", grant_type=EXCHANGE, resource=TOOLS)

    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


def test_a_wrong_subject_gets_nothing(world):
    reply = world.exchange_form(world.people.token())

    assert (reply.status, reply.json["error"]) == (400, "invalid_grant")


def test_an_exchange_is_answered_in_full(world):
    reply = world.exchange_form(world.pod_token())
    answer = reply.json
    token, lease = answer.pop("access_token"), answer.pop("lease")

    assert reply.status == 200
    assert answer == {
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": 299,  # the clock stands half a second past the full one
        "scope": "mcp:tool:comment:write mcp:tool:read_file:read",
        "authorization_details": [
            {"type": "mcp_tool", "locations": [TOOLS], "actions": ["comment", "read_file"], "resources": ["repo:web"]}
        ],
    }
    assert token.count(".") == 2
    assert len(lease) == 32
    assert (reply.headers["cache-control"], reply.headers["pragma"]) == ("no-store", "no-cache")
    assert reply.headers["content-type"] == "application/json"


def test_a_registry_token_names_its_stack(world):
    assert world.exchange_form(world.github.token(), REGISTRY_AUDIENCE).json["stack"] == "shop-prod"
    assert world.exchange_form(world.people.token(), REGISTRY_AUDIENCE).json["stack"] is None


def test_scope_client_id_and_stack_are_heard(world):
    narrow = world.exchange_form(world.pod_token(), scope="mcp:tool:read_file:read", client_id="triage")
    assert narrow.json["scope"] == "mcp:tool:read_file:read"
    assert world.exchange_form(world.github.token(), REGISTRY_AUDIENCE, stack="other").json["error"] == "invalid_grant"


def test_an_empty_parameter_counts_as_absent(world):
    assert world.exchange_form(world.pod_token(), scope="", client_id="", stack="", audience="").status == 200


def test_an_unknown_parameter_is_ignored(world):
    assert world.exchange_form(world.pod_token(), colour="blue").status == 200


@pytest.mark.parametrize("kind", [JWT, ID_TOKEN])
def test_jwts_and_id_tokens_are_subject_tokens(world, kind):
    assert world.exchange_form(world.pod_token(), subject_token_type=kind).status == 200


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"grant_type": None}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": ACCESS_TOKEN}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"actor_token": "x"}, "invalid_request"),
        ({"actor_token_type": JWT}, "invalid_request"),
        ({"resource": None}, "invalid_request"),
        ({"resource": "not-a-uri"}, "invalid_target"),
        ({"resource": "https://[::1"}, "invalid_target"),
        ({"resource": TOOLS + "#fragment"}, "invalid_target"),
        ({"resource": TOOLS + "#"}, "invalid_target"),
        ({"audience": "https://other.example"}, "invalid_target"),
        ({"resource": "https://unknown.example"}, "invalid_target"),
        ({"scope": "mcp:tool:delete_branch:delete"}, "invalid_scope"),
        ({"scope": "  "}, "invalid_scope"),
        ({"scope": "mcp:tool:read_file:read  mcp:tool:comment:write"}, "invalid_scope"),
    ],
    ids=repr,
)
def test_a_wrong_request_is_told_what_is_wrong(world, change, error):
    reply = world.exchange_form(world.pod_token(), **change)

    assert (reply.status, reply.json["error"]) == (400, error)
    assert reply.json.keys() == {"error", "error_description"}


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"authorization": "Basic dHJpYWdlOndyb25n"}, {}),
        ({}, {"client_secret": "wrong"}),
        (
            {},
            {
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": "x",
            },
        ),
    ],
)
def test_an_exchange_looks_at_no_client_authentication_and_says_so(world, headers, fields):
    """A wrong secret that is answered with a token would read as a right one."""
    asked = {"grant_type": EXCHANGE, "subject_token": world.cluster.token(), "subject_token_type": JWT}
    reply = world.form("/oauth2/token", headers, **asked, resource=TOOLS, **fields)

    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    assert reply.headers["www-authenticate"].startswith("Basic ")


def test_the_resource_may_come_as_an_audience(world):
    assert world.exchange_form(world.pod_token(), resource=None, audience=TOOLS).status == 200
    assert world.exchange_form(world.pod_token(), audience=TOOLS).status == 200


BASE = [("grant_type", EXCHANGE), ("subject_token_type", JWT), ("resource", TOOLS), ("subject_token", "x")]


@pytest.mark.parametrize(
    ("again", "error"),
    [
        ("subject_token", "invalid_request"),
        ("grant_type", "invalid_request"),
        ("scope", "invalid_request"),
        ("resource", "invalid_target"),
        ("audience", "invalid_target"),
    ],
)
def test_a_repeated_parameter_is_refused(world, again, error):
    body = urlencode([*BASE, (again, "a"), (again, "a")]).encode()
    reply = world.call("POST", "/oauth2/token", body, FORM)

    assert (reply.status, reply.json["error"]) == (400, error)


@pytest.mark.parametrize(
    "body",
    [b"", b"&", b"=", b"a", b"%ff=%ff", b"\xff\xfe", b"a=b&" * 40, b"a=b;c=d&e"],
    ids=repr,
)
def test_a_body_that_is_no_form_is_refused(world, body):
    reply = world.call("POST", "/oauth2/token", body, FORM)

    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data", "", "x"])
def test_another_content_type_is_refused(world, kind):
    reply = world.call("POST", "/oauth2/token", urlencode(BASE).encode(), {"content-type": kind})

    assert (reply.status, reply.json["error"]) == (400, "invalid_request")


def test_a_charset_may_be_named(world):
    reply = world.call(
        "POST", "/oauth2/token", urlencode(BASE).encode(), {"content-type": FORM["content-type"] + "; charset=UTF-8"}
    )

    assert reply.json["error"] == "invalid_grant"


def test_a_body_over_the_cap_is_refused(world):
    reply = world.form("/oauth2/token", subject_token="x" * forms.MAX_FORM_BYTES)

    assert (reply.status, reply.json["error"]) == (413, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "X-1"])
def test_only_post_is_answered(world, method):
    reply = world.call(method, "/oauth2/token")

    assert (reply.status, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path", ["/oauth2/", "/oauth2/token/", "/oauth2/authorise", "/.well-known/x", "/oauth2/../token"]
)
def test_nothing_else_lives_here(world, path):
    assert world.call("POST", path).status == 404


def ask(receive, headers=()):
    scope = {"headers": [(b"content-type", b"application/x-www-form-urlencoded"), *headers]}
    return asyncio.run(forms.read_form(scope, receive))


def test_a_body_may_come_in_pieces():
    parts = [{"type": "http.request", "body": b"a=", "more_body": True}, {"type": "http.request", "body": b"b"}]

    async def receive():
        return parts.pop(0)

    assert ask(receive) == {"a": "b"}


def test_the_pieces_may_take_their_time():
    parts = [{"type": "http.request", "body": piece, "more_body": piece != b"z"} for piece in (b"a", b"=", b"z")]

    async def receive():
        await asyncio.sleep(0.001)
        return parts.pop(0)

    assert ask(receive) == {"a": "z"}


def test_what_breaks_while_a_body_is_waited_for_breaks_out():
    async def receive():
        await asyncio.sleep(0.001)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        ask(receive)


def test_who_waits_for_a_body_is_told_that_it_is_over(monkeypatch):
    monkeypatch.setattr(forms, "READ_SECONDS", 0.02)
    told: list[str] = []

    async def receive():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.sleep(0.001)  # it may have to wait once more to put its house in order
            told.append("over")
            raise

    with pytest.raises(forms.InvalidRequest, match="in time"):
        ask(receive)
    assert told == ["over"]


def test_the_deadline_is_for_the_whole_body_and_not_for_each_piece(monkeypatch):
    monkeypatch.setattr(forms, "READ_SECONDS", 0.05)

    async def receive():
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b"a", "more_body": True}

    with pytest.raises(forms.InvalidRequest, match="in time"):
        ask(receive)


def test_a_client_that_hangs_up_is_no_request():
    async def receive():
        return {"type": "http.disconnect"}

    with pytest.raises(forms.InvalidRequest, match="incomplete"):
        ask(receive)


def test_a_body_that_drips_is_cut_off(monkeypatch):
    monkeypatch.setattr(forms, "READ_SECONDS", 0.02)

    async def receive():
        await asyncio.Event().wait()

    with pytest.raises(forms.InvalidRequest, match="in time"):
        ask(receive)


def test_a_repeated_header_is_refused():
    async def receive():
        raise AssertionError("the body must not be read")

    with pytest.raises(forms.InvalidRequest, match="repeated"):
        ask(receive, [(b"content-type", b"application/json")])


def test_a_store_that_is_away_is_told_as_such(world):
    world.store.away = True
    reply = world.exchange_form(world.pod_token())

    assert (reply.status, reply.json["error"]) == (503, "temporarily_unavailable")
    assert reply.headers["retry-after"] == "1"
    assert "access_token" not in reply.json


def test_what_breaks_on_our_side_is_no_detail_for_callers(world, caplog):
    def broken():
        raise RuntimeError("secret detail")

    world.mint.meanwhile = broken
    token = world.pod_token()
    reply = world.exchange_form(token)

    assert (reply.status, reply.json["error"]) == (500, "server_error")
    assert b"secret" not in reply.body
    assert token not in caplog.text


def test_nothing_is_logged_of_a_token(world, caplog):
    caplog.set_level(0)
    token = world.pod_token()
    issued = world.exchange_form(token).json["access_token"]
    world.exchange_form(token + "x")

    assert not any(part in caplog.text for part in (token, issued))
