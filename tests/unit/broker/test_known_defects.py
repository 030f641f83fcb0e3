"""Defects of other gateways, each as a test of ours."""

import json

import pytest
from tests.fakes.broker_world import ALICE, BOB

from leasehold.model.connections import ConnectionKind, NotConnected
from leasehold.model.upstream import OAuthUpstream, UpstreamAuth

CALLERS_TOKEN = "callers-token-canary"


def test_contextforge_1078_another_users_token_is_served_to_nobody(world):
    """`get_any_valid_token` served whoever's token was there."""
    world.connect("00u1alice")
    assert isinstance(world.authorize(BOB), NotConnected)
    assert isinstance(world.authorize(None), NotConnected)


def test_litellm_31326_the_callers_own_token_never_goes_upstream(world):
    """The gateway's key was forwarded to the upstream server."""
    world.connect()
    sent = {"authorization": f"Bearer {CALLERS_TOKEN}", "x-api-key": CALLERS_TOKEN, "cookie": CALLERS_TOKEN}
    for user, server in ((ALICE, "github"), (ALICE, "jira"), (BOB, "github")):
        assert CALLERS_TOKEN not in repr(getattr(world.authorize(user, server=server, headers=sent), "headers", ()))
    assert not [r for r in world.upstream.log if CALLERS_TOKEN in repr(r.headers) + r.content.decode()]


@pytest.mark.parametrize(
    "method",
    [
        "tools/call",
        "tools/list",
        "prompts/get",
        "prompts/list",
        "resources/read",
        "resources/list",
        "completion/complete",
    ],
)
def test_litellm_37497_the_users_credential_goes_with_every_method(world, method):
    """It was applied to tools and forgotten for prompts and resources."""
    world.promote(world.share())
    world.connect()
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode()
    answer = world.authorize(body=body)
    assert answer.kind is ConnectionKind.PERSONAL
    assert world.upstream.issued[world.bearer(body=body)] == "00u1alice"


def test_litellm_37222_the_credential_of_an_agent_that_acts_alone_is_really_sent(world):
    """A machine's credentials were configured and never sent; and our own secret is, to the token endpoint alone."""
    world.upstream.clients["ours"] = "client-secret-canary"
    world.secrets["github-client"] = "client-secret-canary"
    oauth = OAuthUpstream(issuer="https://as.example", client_id="ours", client_secret="github-client")
    world.declare("github", UpstreamAuth(oauth=oauth))
    world.promote(world.share("robot"))
    assert world.upstream.issued[world.bearer(None)] == "robot"
    shown = [r.url.path for r in world.upstream.log if r.headers.get("authorization", "").startswith("Basic ")]
    assert shown == ["/token"]


def test_litellm_36803_tokens_are_asked_for_the_tool_server_and_no_other_resource(world):
    """RFC 8707: what is issued for this server is of no use at another."""
    world.connect()
    world.later(hours=2)
    world.authorize()
    forms = [r.content.decode() for r in world.upstream.log if r.url.path == "/token"]
    assert len(forms) == 2
    assert all("resource=https%3A%2F%2Fgithub-mcp.example%2Fmcp" in form for form in forms)
