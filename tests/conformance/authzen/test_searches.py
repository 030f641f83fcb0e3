"""Searches: what they find, what they ignore, and how they are paged through."""

import pytest
from tests.conformance.requirements import proves
from tests.fakes.decision_point import call
from tests.fakes.registry import AGENT, GRANT

AGENTS = {"type": "agent"}
READ = {"name": "github/read_file"}
WEB = {"type": "repo", "id": "web"}


def found(world, what, **body):
    answer = world.ask(f"search/{what}", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def crowd(world):
    """Three agents more that can read, and one that cannot."""
    for name in ("bot-a", "bot-b", "bot-c"):
        world.registry.must("agents", name, AGENT)
        world.registry.grant({**GRANT, "agent": name})
    world.registry.must("agents", "idle", AGENT)
    return world


@proves("search-permitted", "search-type", "search-ignored-id")
def test_subjects_that_would_be_permitted_are_found_whatever_id_is_given(crowd):
    for subject in (AGENTS, {"type": "agent", "id": "idle"}):
        results = found(crowd, "subject", subject=subject, action=READ, resource=WEB)["results"]
        assert results == [{"type": "agent", "id": name} for name in ("bot-a", "bot-b", "bot-c", "triage")]
        for one in results:
            assert crowd.decide(subject=one, action=READ, resource=WEB)["decision"] is True


@proves("bounded")
def test_a_search_that_would_be_decided_at_length_for_each_candidate_is_refused(world):
    search = {"subject": AGENTS, "action": READ, "resource": WEB}
    assert world.ask("search/subject", {**search, "context": {"tags": ["x" * 30_000]}}).status_code == 200
    answer = world.ask("search/subject", {**search, "context": {"tags": ["x" * 30_000] * 3}})
    assert (answer.status_code, answer.json()) == (400, "a search is over 65536 bytes")


@proves("search-permitted", "search-type", "search-ignored-id")
def test_resources_that_would_be_permitted_are_found(world):
    world.registry.must("resources", "api", {"type": "repo", "foreign_id": "api"})
    for resource in ({"type": "repo"}, {"type": "repo", "id": "api"}):
        results = found(world, "resource", subject=call("x")["subject"], action=READ, resource=resource)["results"]
        assert results == [{"type": "repo", "id": "web"}]


@proves("search-permitted", "search-no-action")
def test_actions_that_would_be_permitted_are_found(world):
    results = found(world, "action", subject=call("x")["subject"], resource=WEB)["results"]
    assert results == [{"name": f"github/{tool}"} for tool in ("create_issue", "delete_branch", "read_file")]
    again = found(world, "action", subject=call("x")["subject"], resource=WEB, action={"name": 5})
    assert again["results"] == results


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("subject", {"subject": AGENTS, "action": READ, "resource": {"type": "repo"}}),
        ("subject", {"subject": {}, "action": READ, "resource": WEB}),
        ("subject", {"subject": AGENTS, "resource": WEB}),
        ("resource", {"subject": AGENTS, "action": READ, "resource": {"type": "repo"}}),
        ("resource", {"subject": {"type": "agent", "id": "triage"}, "action": READ, "resource": {}}),
        ("action", {"subject": AGENTS, "resource": WEB}),
        ("action", {"subject": {"type": "agent", "id": "triage"}, "resource": {"type": "repo"}}),
        ("subject", {"subject": AGENTS, "action": READ, "resource": WEB, "page": {"limit": -1}}),
        ("subject", {"subject": AGENTS, "action": READ, "resource": WEB, "page": {"limit": True}}),
        ("subject", {"subject": AGENTS, "action": READ, "resource": WEB, "page": {"token": 5}}),
        ("subject", {"subject": AGENTS, "action": READ, "resource": WEB, "page": []}),
    ],
)
@proves("search-ids")
def test_what_is_not_searched_for_is_needed(world, what, body):
    assert world.ask(f"search/{what}", body).status_code == 400


@proves("search-unknown")
def test_what_nobody_knows_finds_nothing(world):
    nobody = {"type": "agent", "id": "nobody"}
    assert found(world, "subject", subject={"type": "ghost"}, action=READ, resource=WEB)["results"] == []
    assert found(world, "subject", subject=AGENTS, action={"name": "x/y"}, resource=WEB)["results"] == []
    assert found(world, "resource", subject=nobody, action=READ, resource={"type": "repo"})["results"] == []
    assert found(world, "action", subject=nobody, resource=WEB)["results"] == []
    page = found(world, "action", subject=nobody, resource=WEB)["page"]
    assert page == {"next_token": "", "count": 0, "total": 0}


@proves("search-transitive", "search-type")
def test_people_are_found_through_groups_by_the_ids_that_others_know(world):
    document = 'permit(principal in group::"eng", action == Action::"github/read_file", resource);'
    world.must("policies", "people", {"document": document, "side": "user"})
    world.registry.must("users", "ana", {"ids": ["ana@example.com", "u-7"]})
    for subject, target in (("user:u-7", "group:web"), ("group:web", "group:eng")):
        relation = {"subject": subject, "relation": "member", "object": target}
        world.registry.must("relations", f"{target}#member@{subject}", relation)
    results = found(world, "subject", subject={"type": "user"}, action=READ, resource=WEB)["results"]
    assert results == [{"type": "user", "id": "ana@example.com"}]
    for id_ in ("u-7", "ana@example.com"):
        assert world.decide(subject={"type": "user", "id": id_}, action=READ, resource=WEB)["decision"] is True


@proves("page-limit", "page-last")
def test_pages_follow_each_other_to_the_last(crowd):
    asked = {"subject": AGENTS, "action": READ, "resource": WEB}
    seen, page = [], {"limit": 3}
    for expected in (3, 1):
        answer = found(crowd, "subject", **asked, page=page)
        assert next(iter(answer)) == "page"
        assert (answer["page"]["count"], answer["page"]["total"]) == (expected, 4)
        seen += [one["id"] for one in answer["results"]]
        page = {"token": answer["page"]["next_token"]}
    assert seen == ["bot-a", "bot-b", "bot-c", "triage"]
    assert page == {"token": ""}
    assert found(crowd, "subject", **asked, page={"limit": 0})["results"] == []


@proves("page-changed")
def test_a_token_is_of_one_request_alone(crowd):
    asked = {"subject": AGENTS, "action": READ, "resource": WEB}
    token = found(crowd, "subject", **asked, page={"limit": 2})["page"]["next_token"]
    for changed in (
        {"action": {"name": "github/create_issue"}},
        {"resource": {"type": "repo", "id": "api"}},
        {"context": {"source_ip": "10.0.0.1"}},
        {"subject": {"type": "user"}},
        {"page": {"token": token, "limit": 3}},
        {"page": {"token": "bm8="}},
        {"page": {"token": "\u00e9"}},
    ):
        assert crowd.ask("search/subject", {**asked, "page": {"token": token}, **changed}).status_code == 400
    assert found(crowd, "subject", **asked, page={"token": token, "limit": 2})["page"]["count"] == 2
