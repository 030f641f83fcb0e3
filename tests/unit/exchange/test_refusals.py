"""Who gets nothing. Each refusal is on record with its reason; the caller gets the same words whatever it was."""

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest
from tests.fakes.exchange_world import GITHUB_PINS, KUBERNETES_PINS, REGISTRY_AUDIENCE, TOOLS, signing_key
from tests.fakes.simulated_issuer import SimulatedIssuer, pull_request

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.keys.tokens import SubjectTokens
from leasehold.model.deployments import Deployment
from leasehold.model.kinds import Kind
from leasehold.model.people import Agent, AgentState, OwnerState
from leasehold.model.tokens import TokenRefused, UnverifiedClaims
from leasehold.model.trust import IssuerType, OidcSubject

NOT_ACCEPTED = {"error": "invalid_grant", "error_description": "the subject token was not accepted"}


def refused(world, token, resource=TOOLS, **options) -> str:
    """The reason on record; the error is the one that everybody gets."""
    with pytest.raises(ExchangeRefused) as error:
        world.get(token, resource, **options)
    event = world.events()[0]

    assert (event.action, event.outcome, event.reason) == ("exchange", "denied", error.value.reason)
    assert (error.value.code, str(error.value)) == ("invalid_grant", "the subject token was not accepted")
    return event.reason


def suspend_agent(world):
    world.change(Kind.AGENTS, "triage", state=AgentState.SUSPENDED)


def disable_owner(world):
    world.change(Kind.OWNERS, "alice", state=OwnerState.DISABLED)


def undeploy(world):
    world.delete(Kind.DEPLOYMENTS, "triage-prod")


def deploy_twice(world):
    world.put(Kind.DEPLOYMENTS, "triage-canary", Deployment(agent="triage"))


def let_the_deployment_end(world):
    world.put(Kind.DEPLOYMENTS, "triage-prod", Deployment(agent="triage", expires_at=world.now))


def unbind(world):
    world.delete(Kind.WORKLOAD_BINDINGS, "triage-pods")


def distrust(world):
    world.delete(Kind.TRUST_ISSUERS, "cluster")


def unregister(world):
    world.delete(Kind.AGENTS, "triage")


def remove_owner(world):
    world.delete(Kind.OWNERS, "alice")


def trust_twice(world):
    world.trust("cluster-too", world.cluster, IssuerType.KUBERNETES)


def deploy_another_agent(world):
    undeploy(world)
    world.put(Kind.AGENTS, "digest", Agent(owner="alice", review_by=date(2027, 6, 1)))
    world.put(Kind.DEPLOYMENTS, "digest-prod", Deployment(agent="digest"))


def bind_to_a_foreign_deployment(world):
    deploy_another_agent(world)
    world.bind(
        "triage-pods", trust_issuer="cluster", agent="triage", deployment="digest-prod", kubernetes=KUBERNETES_PINS
    )


def recreate_the_account(world):
    uid = "11111111-1111-4111-8111-111111111111"
    pins = replace(KUBERNETES_PINS, service_account_uid=uid, any_uid=False)
    world.bind("triage-pods", trust_issuer="cluster", agent="triage", kubernetes=pins)


WORLDS = {
    suspend_agent: "agent_suspended",
    disable_owner: "owner_disabled",
    undeploy: "no_deployment",
    deploy_twice: "ambiguous_deployment",
    let_the_deployment_end: "deployment_expired",
    unbind: "no_binding",
    distrust: "unknown_issuer",
    unregister: "agent_gone",
    remove_owner: "agent_gone",
    trust_twice: "ambiguous_issuer",
    deploy_another_agent: "no_deployment",
    bind_to_a_foreign_deployment: "no_deployment",
    recreate_the_account: "no_binding",
}


@pytest.mark.parametrize("happening", WORLDS, ids=lambda happening: happening.__name__)
def test_a_workload_gets_nothing_when_its_world_has_ended(world, happening):
    assert world.get(world.pod_token())
    happening(world)

    assert refused(world, world.pod_token()) == WORLDS[happening]


def test_a_bound_deployment_settles_which_of_two(world):
    deploy_twice(world)
    world.bind(
        "triage-pods", trust_issuer="cluster", agent="triage", deployment="triage-prod", kubernetes=KUBERNETES_PINS
    )

    assert world.get(world.pod_token()).lease.deployment == "triage-prod"


def test_the_bound_deployment_of_another_time_gives_nothing(world):
    world.bind(
        "triage-pods", trust_issuer="cluster", agent="triage", deployment="triage-old", kubernetes=KUBERNETES_PINS
    )

    assert refused(world, world.pod_token()) == "deployment_expired"


def test_the_account_that_was_pinned_is_accepted(world):
    uid = world.cluster.claims()["kubernetes.io"]["serviceaccount"]["uid"]
    pins = replace(KUBERNETES_PINS, service_account_uid=uid, any_uid=False)
    world.bind("triage-pods", trust_issuer="cluster", agent="triage", kubernetes=pins)

    assert world.get(world.pod_token())


@pytest.mark.parametrize(
    ("namespace", "account"), [("shop", "other"), ("shops", "triage"), ("Shop", "triage"), ("shop", "triage ")]
)
def test_an_account_that_no_binding_names_gets_nothing(world, namespace, account):
    assert refused(world, world.cluster.service_account_token(namespace, account)) == "no_binding"


def test_the_same_subject_of_another_cluster_gets_nothing(world):
    other = SimulatedIssuer.kubernetes("https://other.example", clock=lambda: world.now, keys=[signing_key("other")])
    assert refused(world, other.token()) == "unknown_issuer"

    world.trust("other", other, IssuerType.KUBERNETES)
    assert refused(world, other.token()) == "no_binding"


@pytest.mark.parametrize(
    "iss",
    [
        "https://kubernetes.default.svc/",
        "https://KUBERNETES.default.svc",
        "HTTPS://kubernetes.default.svc",
        "http://kubernetes.default.svc",
        "https://kubernetes.default.svc:443",
        "https://kubernetes.default.svc.",
        "https://kuberne\u0442es.default.svc",
        "",
    ],
)
def test_an_issuer_is_compared_to_the_letter(world, iss):
    assert refused(world, world.pod_token(iss=iss)) == "unknown_issuer"


def test_a_name_for_an_agent_that_is_not_bound_is_refused_like_no_agent_at_all(world):
    assert refused(world, world.pod_token(), agent="nobody") == "no_binding"


def test_an_agents_account_has_no_platform_role(world):
    assert refused(world, world.pod_token(), REGISTRY_AUDIENCE) == "no_binding"


def test_a_persons_role_is_no_agent(world):
    assert refused(world, world.people.token()) == "no_binding"


def test_a_pull_request_never_becomes_an_agent(world):
    world.bind("triage-ci", trust_issuer="github", agent="triage", github_actions=GITHUB_PINS)
    assert world.get(world.github.token()).lease.agent == "triage"

    assert refused(world, world.github.token(**pull_request())) == "unmerged_code"


def test_pull_request_target_gets_nothing_at_all(world):
    token = world.github.token(event_name="pull_request_target")

    assert refused(world, token) == "event_refused"
    assert refused(world, token, REGISTRY_AUDIENCE) == "event_refused"


def test_a_legacy_token_of_a_year_is_refused(world):
    exp = int((world.now + timedelta(days=365)).timestamp())
    private = {**world.cluster.claims()["kubernetes.io"], "warnafter": int(world.now.timestamp()) + 3607}

    assert refused(world, world.pod_token(exp=exp, **{"kubernetes.io": private})) == "too_long_lived"
    assert refused(world, world.pod_token(**{"kubernetes.io": private})) == "legacy_token"


def test_a_legacy_secret_token_is_refused(world):
    legacy = world.cluster.sign({"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:shop:triage"})

    assert refused(world, legacy) == "unknown_issuer"


def test_our_own_token_is_no_subject_token(world):
    assert refused(world, world.get(world.pod_token()).access_token) == "unknown_issuer"


@pytest.mark.parametrize("junk", ["junk", "a.b.c", "\ud800", "x" * 20_000, "...", "\u00e9.\u00e9.\u00e9", "null"])
def test_junk_is_refused_like_everything_else(world, junk):
    assert refused(world, junk) in {"malformed", "too_large"}


def test_every_refusal_reads_the_same_byte_for_byte(world):
    replies = [world.exchange_form(world.people.token()), world.exchange_form("junk")]
    replies += [world.exchange_form(world.pod_token(), client_id=name) for name in ("nobody", "../etc", "digest")]
    replies.append(world.exchange_form(world.pod_token(iss="https://nobody.example")))
    replies.append(world.exchange_form(world.pod_token(aud="https://nobody.example")))
    suspend_agent(world)
    replies += [world.exchange_form(world.pod_token()), world.exchange_form(world.pod_token(), "https://x.example")]

    assert {(reply.status, reply.body) for reply in replies} == {(400, replies[0].body)}
    assert {tuple(sorted(reply.headers.items())) for reply in replies} == {tuple(sorted(replies[0].headers.items()))}
    assert replies[0].json == NOT_ACCEPTED


def test_an_unknown_and_an_ungranted_resource_read_the_same_byte_for_byte(world):
    unknown = world.exchange_form(world.pod_token(), "https://unknown.example/mcp")
    ungranted = world.exchange_form(world.pod_token(), "https://jira-mcp.example/mcp")

    assert unknown.json["error"] == "invalid_target"
    assert (unknown.status, unknown.body, unknown.headers) == (ungranted.status, ungranted.body, ungranted.headers)


def test_a_strangers_words_are_cut_and_made_harmless_in_audit(world):
    with pytest.raises(ExchangeRefused):
        world.get("junk", "https://x.example/\u202e\x1b[31m" + "y" * 1000, agent="\x00")
    detail = world.events()[0].detail

    assert len(detail["resource"]) == 256
    assert detail["resource"].isprintable()
    assert detail["client_id"] == "\ufffd"


@pytest.mark.parametrize("claims", [{"sub": "x"}, {"iss": 1}, {"iss": ["https://kubernetes.default.svc"]}])
def test_a_token_that_names_no_issuer_is_refused(world, claims):
    assert refused(world, world.cluster.sign(claims)) == "missing_claim"


def test_junk_of_a_trusted_issuer_costs_no_key_fetch(world):
    other = SimulatedIssuer.oidc("https://far.example", clock=lambda: world.now, keys=[signing_key("people", "ES256")])
    world.trust("far", other, IssuerType.OIDC, algorithms=frozenset({"RS256"}), jwks=None)

    assert refused(world, other.token()) == "algorithm_refused"
    assert world.issuer_keys._entries == {}


def test_the_number_of_agents_kept_is_bounded(world, monkeypatch):
    monkeypatch.setattr("leasehold.exchange.views._AGENTS_KEPT", 1)
    world.get(world.pod_token())
    world.put(Kind.AGENTS, "digest", Agent(owner="alice", review_by=date(2027, 6, 1)))
    world.bind("digest-pods", trust_issuer="people", agent="digest", oidc=OidcSubject(subject="digest"))
    assert refused(world, world.people.token(sub="digest")) == "no_deployment"

    assert world.get(world.pod_token())
    assert len(world.views.pieces.agents) == 1


def test_only_what_was_taken_apart_is_verified(world):
    claims = UnverifiedClaims(issuer=world.cluster.url, parts="junk")
    with pytest.raises(TokenRefused):
        asyncio.run(SubjectTokens(world.issuer_keys).verify(claims, None, None, world.now))
