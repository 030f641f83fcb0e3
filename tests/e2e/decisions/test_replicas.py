"""Replicas on one PostgreSQL: what one commits, the others enforce, woken by the database."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.registry import GRANT, furnished
from tests.fakes.serving import wait_until

from leasehold.decisions.current import Current
from leasehold.policy.cedar.engines import engine_named
from leasehold.store.sql_store import open_store

pytestmark = [pytest.mark.postgres]


def now():
    return datetime.now(UTC)


def test_a_write_of_one_replica_is_enforced_by_another_before_its_own_look(postgresql_registry_url):
    one, other = open_store(postgresql_registry_url), open_store(postgresql_registry_url)
    follower = Current(other, engine_named("compiled"), now, bound=timedelta(minutes=5), every=60)
    try:
        registry = furnished(one)
        follower.start()
        wait_until(lambda: follower.state(now()) is not None)
        registry.grant(GRANT)
        document = 'forbid(principal, action == Action::"github/delete_branch", resource);'
        registry.must("policies", "stop", {"document": document, "side": "agent"})
        latest = registry.changes()[-1].sequence
        wait_until(lambda: follower.state(now()).sequence == latest)
        assert [text.name for text in follower.state(now()).published.texts] == ["stop"]
    finally:
        follower.close()
        one.close()
        other.close()
