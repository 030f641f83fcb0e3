"""What policies say before there is a token: of the agent, of whom it acts for, and of nobody they cannot judge."""

import pytest

from leasehold.decisions.ruling import CurrentRulings
from leasehold.model.access import Reach
from leasehold.policy.wishes import ITSELF, ActingFor

READ = Reach("github", "read_file", "repo:web")
PERSON = "user:okta/00u1rick"
CONTRACTORS = 'forbid(principal in group::"okta/contractors", action in Action::"github/*", resource);'
AGENTS = 'forbid(principal, action == Action::"github/read_file", resource) when { context has on_behalf_of };'


@pytest.fixture
def rick(world):
    world.registry.change("users", "rick", {"ids": ["okta/00u1rick"], "roles": ["editor"]}, 1)
    return world


def said(world, acting=ITSELF, reach=READ, agent="triage"):
    with world.store.read() as unit:
        sequence = unit.changes.latest()
    rulings = CurrentRulings(world.current, lambda: world.registry.now)
    return rulings.as_of(sequence).on(agent, acting, reach, world.registry.now)


def test_a_person_is_judged_with_the_groups_of_their_login_and_the_agent_alone_is_not(rick):
    rick.registry.must("policies", "people", {"side": "user", "document": CONTRACTORS})

    assert said(rick) == frozenset()
    assert said(rick, ActingFor(user=PERSON)) == frozenset()
    assert said(rick, ActingFor(user=PERSON, groups=frozenset({"eng"}))) == frozenset()
    assert said(rick, ActingFor(user=PERSON, groups=frozenset({"eng", "contractors"}))) is None


def test_whoever_no_policy_can_judge_gets_nothing_where_policies_of_people_speak(rick):
    stranger = ActingFor(user="user:okta/nobody")
    assert said(rick, stranger) == frozenset()  # nobody says a word about people

    rick.registry.must("policies", "people", {"side": "user", "document": CONTRACTORS})
    assert said(rick, stranger) is None
    assert said(rick, ActingFor(user="user:rick", groups=frozenset({"eng"}))) is None  # groups of no issuer


def test_the_agent_is_judged_as_whom_it_acts_for(rick):
    rick.registry.must("policies", "agents", {"side": "agent", "document": AGENTS})

    assert said(rick) == {"agents"}
    assert said(rick, ActingFor(user=PERSON)) is None


def test_a_permission_that_a_person_lacks_is_not_the_tokens_matter(rick):
    """The decision point asks at each call; a token is cut by what policies deny, not by what nobody permitted."""
    permits = 'permit(principal in group::"okta/eng", action in Action::"github/*", resource);'
    rick.registry.must("policies", "people", {"side": "user", "document": permits})

    assert said(rick, ActingFor(user=PERSON, groups=frozenset({"eng"}))) == {"people"}
    assert said(rick, ActingFor(user=PERSON)) == frozenset()


@pytest.mark.parametrize(
    ("agent", "reach"),
    [("nobody", READ), ("triage", Reach("github", "unheard_of", "repo:web")), ("triage", Reach("none", "x", "repo:w"))],
    ids=["agent", "tool", "server"],
)
def test_what_is_not_registered_is_denied(rick, agent, reach):
    assert said(rick, reach=reach, agent=agent) is None


def test_what_is_said_is_as_new_as_was_asked_for(rick):
    assert said(rick) == frozenset()
    rick.registry.must("policies", "all", {"side": "agent", "document": "forbid(principal, action, resource);"})
    assert said(rick) is None
