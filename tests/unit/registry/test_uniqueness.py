"""One URL, one tool server; one `iss`, one set of rules."""

from tests.fakes.registry import ISSUER, SERVER, furnished


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
