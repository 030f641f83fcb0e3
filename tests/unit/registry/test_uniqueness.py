"""One URL, one tool server; one `iss`, one set of rules."""

from tests.fakes.registry import AGENT, ISSUER, SERVER, furnished


def test_two_tool_servers_cannot_take_each_others_tokens():
    registry = furnished()
    answer = registry.create("tool-servers", "shadow", SERVER)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    assert answer.json()["errors"] == [
        {"path": "url", "message": f"tool server `github` already has `{SERVER['url']}`"}
    ]


def test_two_trust_issuers_cannot_set_rules_for_the_same_tokens():
    registry = furnished()
    answer = registry.create("trust-issuers", "shadow", {**ISSUER, "audiences": ["anything"]})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "issuer")


def test_an_object_may_keep_what_it_claims():
    registry = furnished()
    assert registry.change("tool-servers", "github", {**SERVER, "description": "source"}, 1).status_code == 200


def test_two_agents_cannot_be_the_same_client():
    registry = furnished()
    url = "https://app.example/client.json"
    registry.must("agents", "scout", {**AGENT, "client_ids": [url]})

    answer = registry.create("agents", "shadow", {**AGENT, "client_ids": [url]})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "client_ids")
    assert "scout" not in answer.json()["errors"][0]["message"]
    assert registry.change("agents", "scout", {**AGENT, "client_ids": [url], "description": "x"}, 1).status_code == 200
    assert registry.change("agents", "scout", AGENT, 2).status_code == 200
    assert registry.create("agents", "shadow", {**AGENT, "client_ids": [url]}).status_code == 201
