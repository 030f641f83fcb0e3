"""Published failures of others of our trade that no other test tries, each under the name it was published by."""

from dataclasses import replace

import jwt
import pytest
from tests.fakes.client_keys import ASSERTION
from tests.fakes.exchange_world import GRANT, TOOLS

from leasehold.exchange.refusals import ExchangeRefused
from leasehold.model.errors import Unavailable
from leasehold.model.kinds import Kind


def scopes(world):
    return jwt.decode(world.get(world.pod_token()).access_token, options={"verify_signature": False})["scope"].split()


@pytest.mark.parametrize("kind", [Kind.WORKLOAD_BINDINGS, Kind.TRUST_ISSUERS, Kind.GRANTS, Kind.DEPLOYMENTS])
def test_octo_sts_a_policy_that_is_gone_opens_nothing(world, kind):
    assert world.get(world.pod_token())
    with world.store.read() as unit:
        names = [one.name for one in unit.objects.list(kind)]
    for name in names:
        world.delete(kind, name)

    with pytest.raises(ExchangeRefused):
        world.get(world.pod_token())


def test_octo_sts_a_registry_that_cannot_be_read_opens_nothing(world):
    assert world.get(world.pod_token())  # what was read before is no permission
    world.store.away = True

    with pytest.raises(Unavailable):
        world.get(world.pod_token())


def test_octo_sts_what_was_narrowed_is_narrow_at_the_next_exchange(world):
    assert len(scopes(world)) == 2
    world.delete(Kind.GRANTS, GRANT.id)
    narrow = replace(GRANT, tools=frozenset({"read_file"}))
    world.put(Kind.GRANTS, narrow.id, narrow)

    assert scopes(world) == ["mcp:tool:read_file:read"]


def proved_within(world, token):
    """A token request that brings its authentication along, without any session before."""
    fields = {"client_assertion_type": ASSERTION, "client_assertion": token, "client_id": "triage"}
    return world.form("/oauth2/token", grant_type="client_credentials", resource=TOOLS, **fields)


def test_cve_2026_46358_whoever_proves_itself_within_a_request_is_on_record_or_gets_nothing(world):
    assert proved_within(world, world.pod_token()).status == 200
    issued = world.events()[0]
    assert (issued.action, issued.outcome, issued.principal) == ("client-credentials", "ok", "agent:triage")
    assert issued.detail["assertion_sha256"]

    assert proved_within(world, world.cluster.service_account_token("shop", "other")).status == 401
    refused = world.events()[0]
    assert (refused.action, refused.outcome, refused.reason) == ("client-credentials", "denied", "no_binding")

    world.store.full = True
    unrecorded = proved_within(world, world.pod_token())
    assert (unrecorded.status, unrecorded.json["error"]) == (503, "temporarily_unavailable")
