"""A policy taken back or tightened, and a resource server that verifies offline: refused within a beat, over HTTP."""

from dataclasses import replace

import httpx
from tests.fakes.live_feed import refusal
from tests.fakes.serving import wait_until

from leasehold.model.kinds import Kind
from leasehold.model.leases import Node
from leasehold.model.policies import Policy, PolicyMode, PolicySide
from leasehold.model.principal import Principal, Role
from leasehold.policy.decision import Permit
from leasehold.policy.platform import PlatformAction, decide_platform
from leasehold.registry.consequences import ending_what_is_lost
from leasehold.registry.revoke import revoke_node

COMMENTS = 'forbid(principal, action == Action::"github/comment", resource)'
GUARDS = Policy(
    side=PolicySide.AGENT, mode=PolicyMode.ENFORCE, document=f"{COMMENTS} when {{ context has source_ip }};"
)
TIGHTER = Policy(side=PolicySide.AGENT, mode=PolicyMode.ENFORCE, document=f"{COMMENTS};")


def write(world, name, policy) -> None:
    """As the registry writes one, with what it ends."""
    with world.store.read() as unit:
        found = unit.objects.find(Kind.POLICIES, name)
    before = found.spec if found is not None else None
    world.put(Kind.POLICIES, name, policy)
    with world.store.begin() as unit, ending_what_is_lost(unit, Kind.POLICIES, name, before, policy, world.now):
        pass


def events_of(world, since):
    with world.store.read() as unit:
        return [one.node for one in unit.revocations.since(since, 100)]


def latest(world) -> int:
    with world.store.read() as unit:
        return unit.revocations.latest()


def test_revoking_a_policy_ends_exactly_what_rests_on_it_at_whoever_verifies_offline(service):
    world = service.world
    write(world, "guards", GUARDS)
    with service.resource_server() as server:
        token = service.agent_token()
        form = {"scope": "mcp:tool:read_file:read"}
        reading = world.exchange_form(world.pod_token(), **form).json["access_token"]
        assert refusal(server, token) is refusal(server, reading, "read_file") is None
        since = latest(world)

        admin = Principal(id="oidc:alice", role=Role.SECURITY_ADMIN)
        permit = decide_platform(admin, PlatformAction.REVOKE, "policies")
        assert isinstance(permit, Permit)
        revoke_node(world.store, permit, Node("policy:guards"), "found out", world.now)

        assert wait_until(lambda: refusal(server, token) == "revoked") < 1
        assert events_of(world, since) == ["policy:guards"]  # one row, one event
        assert refusal(server, reading, "read_file") is None
        assert refusal(server, service.agent_token()) is None  # decided anew, under what stands


def test_a_policy_that_is_tightened_takes_authority_out_of_tokens_within_a_beat(service):
    """Without it, a token that was issued before would go on for its five minutes."""
    world = service.world
    write(world, "guards", GUARDS)
    with service.resource_server() as server:
        token = service.agent_token()
        assert refusal(server, token) is None

        write(world, "guards", TIGHTER)

        wait_until(lambda: refusal(server, token) == "revoked", seconds=2)
        again = service.agent_token()
        assert refusal(server, again) == "not_allowed"
        assert refusal(server, again, "read_file") is None


def test_a_new_policy_counts_for_tokens_that_are_out(service):
    world = service.world
    with service.resource_server() as server:
        token = service.agent_token()
        since = latest(world)

        write(world, "guards", TIGHTER)

        wait_until(lambda: refusal(server, token) == "revoked", seconds=2)
        assert events_of(world, since) == ["policies:github"]
        assert refusal(server, service.agent_token()) == "not_allowed"


def test_a_forbid_that_is_taken_away_opens_no_token_that_is_out(service):
    world = service.world
    write(world, "guards", TIGHTER)
    with service.resource_server() as server:
        narrow = service.agent_token()
        world.delete(Kind.POLICIES, "guards")

        assert refusal(server, narrow) == "not_allowed"
        answer = httpx.get(f"{service.url}/.well-known/jwks.json").raise_for_status()
        assert answer.json()["keys"]
        assert refusal(server, service.agent_token()) is None


def test_a_permit_that_is_no_longer_enforced_ends_what_rests_on_it(service):
    """Beside another permit, nothing permits it any more; alone, the grant would hold without condition."""
    world, reads = service.world, 'action in [Action::"github/read_file", Action::"github/comment"], resource);'
    ours = Policy(
        side=PolicySide.AGENT, mode=PolicyMode.ENFORCE, document=f'permit(principal == agent::"triage", {reads}'
    )
    write(world, "ours", ours)
    write(world, "theirs", replace(ours, document=f'permit(principal == agent::"another", {reads}'))
    with service.resource_server() as server:
        token = service.agent_token()
        assert refusal(server, token) is None

        write(world, "ours", replace(ours, mode=PolicyMode.LOG_ONLY))

        wait_until(lambda: refusal(server, token) == "revoked", seconds=2)
