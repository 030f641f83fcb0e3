"""Connections at npm's oidc-provider: discovered, registered, authorized, refreshed and revoked, by two people."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import httpx
import jwt

from leasehold.model.connections import ConnectionKind, NotConnected, NotConnectedReason

ALICE, BOB = "user:people/alice", "user:people/bob"


def authorize(stage, user, **changes):
    return asyncio.run(stage.brokerage.broker.authorize(stage.call(user, **changes)))


def account(stage, answer):
    """Whose account the token of an answer is, as the tool server would find out."""
    token = dict(answer.headers)["Authorization"].removeprefix("Bearer ")
    key = jwt.PyJWKClient(f"{stage.provider}/jwks").get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["ES256"], audience=stage.tool_server, issuer=stage.provider, leeway=5)
    return claims["sub"]


def test_people_connect_accounts_of_their_own_and_agents_go_out_with_them(stage):
    assert authorize(stage, ALICE) == NotConnected(
        reason=NotConnectedReason.NOT_CONNECTED, connect_url=f"{stage.server}/connect/notes"
    )
    assert "is connected" in stage.connect("alice", "alice-at-notes").text
    assert "is connected" in stage.connect("bob", "bob-at-notes").text

    soon = datetime.now(UTC) + timedelta(seconds=2)  # another process connected them: known within a second
    answers = {user: authorize(stage, user, now=soon) for user in (ALICE, BOB)}
    assert {answer.kind for answer in answers.values()} == {ConnectionKind.PERSONAL}
    assert account(stage, answers[ALICE]) == "alice-at-notes"
    assert account(stage, answers[BOB]) == "bob-at-notes"

    later = datetime.now(UTC) + timedelta(seconds=290)
    refreshed = authorize(stage, ALICE, now=later)
    assert refreshed.headers != answers[ALICE].headers
    assert account(stage, refreshed) == "alice-at-notes"
    assert authorize(stage, ALICE, now=later).headers == refreshed.headers

    shown = stage.send("GET", "/v1/connections").json()["items"]
    assert {one["user"] for one in shown} == {ALICE, BOB}
    assert {one["issuer"] for one in shown} == {stage.provider}

    bob = next(one["id"] for one in shown if one["user"] == BOB)
    assert stage.send("DELETE", f"/v1/connections/{bob}").status_code == 204
    assert isinstance(authorize(stage, BOB, now=datetime.now(UTC) + timedelta(seconds=2)), NotConnected)

    def revoked():
        events = stage.send("GET", "/v1/audit/events?limit=50").json()["items"]
        return [one["outcome"] for one in events if one["action"] == "revoke-upstream"]

    deadline = time.monotonic() + 20
    while not revoked() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert revoked() == ["ok"]
    assert httpx.get(f"{stage.server}/connect/notes/client.json").json()["client_name"] == "Leasehold (notes)"
