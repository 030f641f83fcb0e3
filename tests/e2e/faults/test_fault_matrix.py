"""What breaks × what is asked: each answer is a refusal, or the truth, or no older than was declared. Nothing opens.

The faults are real and so is what they meet: the file of the database is gone or full, keys do not come, clocks are set
wrong, the feed is cut, silent, forged, replayed or loses events on its way to a resource server over HTTP.
"""

import asyncio
import sqlite3
from typing import NamedTuple
from urllib.parse import urlencode

import httpx
import pytest
from tests.fakes.exchange_world import EXCHANGE, JWT, TOOLS, request
from tests.fakes.fault_site import FORM, STALENESS, Site
from tests.fakes.serving import wait_until
from tests.fakes.site_faults import (
    clock_wrong,
    database_away,
    disk_full,
    feed,
    jwks_down,
    jwks_huge,
    jwks_slow,
    key_unreadable,
)

from leasehold.model.tools import Action

pytestmark = pytest.mark.enable_socket
FEED, ASKED, NO = "feed", "introspection", "refused"


class Row(NamedTuple):
    """The statuses of the site's answers, below 300 being the truth as without the fault; and what a resource server
    says of a good token once its knowledge would be too old for a write, and then for a read.
    """

    exchange: int
    delegate: int
    draw: int
    introspect: int
    revoke: int
    write: int
    snapshot: int
    guards_write: str
    guards_read: str


OPERATIONS = Row._fields[:-2]
MATRIX = {
    # What breaks:               exchange delegate draw introspect revoke write snapshot   write by, read by
    "database away": (database_away, Row(503, 503, 503, 503, 503, 503, 503, NO, NO)),
    "disk full": (disk_full, Row(503, 503, 503, 200, 503, 503, 200, FEED, FEED)),
    "jwks down": (jwks_down, Row(400, 400, 200, 200, 200, 201, 200, FEED, FEED)),
    "jwks slow": (jwks_slow, Row(400, 400, 200, 200, 200, 201, 200, FEED, FEED)),
    "jwks huge": (jwks_huge, Row(400, 400, 200, 200, 200, 201, 200, FEED, FEED)),
    "feed away": (feed("away"), Row(200, 200, 200, 200, 200, 201, 200, ASKED, ASKED)),
    "feed silent": (feed("silent"), Row(200, 200, 200, 200, 200, 201, 200, ASKED, ASKED)),
    "feed forged": (feed("forged"), Row(200, 200, 200, 200, 200, 201, 200, ASKED, ASKED)),
    "feed replayed": (feed("replayed"), Row(200, 200, 200, 200, 200, 201, 200, ASKED, ASKED)),
    "feed loses events": (feed("lossy"), Row(200, 200, 200, 200, 200, 201, 200, ASKED, ASKED)),
    "feed and introspection away": (feed("away", "away"), Row(200, 200, 200, 503, 200, 201, 200, NO, NO)),
    "clock an hour ahead": (clock_wrong(hours=1), Row(400, 400, 401, 401, 200, 401, 401, NO, NO)),
    "clock an hour behind": (clock_wrong(hours=-1), Row(400, 400, 401, 401, 503, 401, 401, NO, NO)),
    "signing key unreadable": (key_unreadable, Row(503, 503, 503, 503, 503, 503, 503, NO, NO)),
}


@pytest.fixture
def site(tmp_path):
    opened = Site(tmp_path)
    yield opened
    opened.close()


@pytest.mark.parametrize("fault", MATRIX)
def test_no_fault_opens_anything_or_leaves_half_of_it(site, fault):
    broken, expected = MATRIX[fault]
    with broken(site):
        around = site.database.is_dir()  # nothing to count while it is away
        for operation in OPERATIONS:
            status, before = getattr(expected, operation), None if around else site.count()
            answer = getattr(site, operation)()
            assert answer.status == status, (operation, answer.status, answer.body)
            if status >= 300:
                assert b"access_token" not in answer.body
                assert b"eyJ" not in answer.body  # nor any other token
                assert "traceback" not in answer.body.decode().lower()
            if status in {401, 503} and not around:
                assert site.count() == before, operation
            if status == 400:
                assert answer.json["error"] in {"invalid_grant", "invalid_request"}
                assert {**site.count(), "audit_events": 0} == {**before, "audit_events": 0}
    assert_whole_again(site, fault, expected)


def assert_whole_again(site, fault, expected):
    """Once the fault is gone everything works, and whoever was told no had no effect."""
    for operation in ("exchange", "delegate", "draw"):
        assert getattr(site, operation)().status == 200, (fault, operation)
    assert site.introspect().json["active"]
    spare = site.oauth("introspect", {"authorization": f"Bearer {site.registry_token}"}, token=site.spare).json
    assert spare["active"] == (expected.revoke >= 300 or "ahead" in fault)  # an expired token ends nothing
    assert site.revoke().status == 200
    after = site.oauth("introspect", {"authorization": f"Bearer {site.registry_token}"}, token=site.spare).json
    assert after == {"active": False}
    assert site.write().status == (412 if expected.write < 300 else 201)
    owners = site.snapshot().json["objects"]["owners"]
    assert [owner["name"] for owner in owners].count("bob") == 1
    with sqlite3.connect(site.database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.parametrize("fault", MATRIX)
def test_a_resource_server_stays_inside_its_declared_staleness_or_refuses(site, fault):
    broken, expected = MATRIX[fault]
    with site.resource_server() as guard:
        good, spare = site.agent_token, site.spare
        revoked = expected.revoke < 300 and "ahead" not in fault  # an expired token ends nothing
        assert guard.check(good, "comment") == guard.check(spare, "comment") == FEED
        with broken(site):
            assert guard.check(good, "read_file") == FEED  # knowledge is young still
            assert guard.check(site.dead, "read_file") == NO  # and nothing that was dead comes back
            told = httpx.post(f"{guard.url}/oauth2/revoke", data={"token": spare}).status_code
            assert told == expected.revoke
            guard.grow_old(Action.WRITE)
            assert_by(guard.check(good, "comment"), expected.guards_write)
            assert guard.check(spare, "comment") == NO or not revoked
            guard.grow_old(Action.READ)
            assert_by(guard.check(good, "read_file"), expected.guards_read)
            assert guard.check(spare, "read_file") == NO or not revoked
            assert guard.check(site.dead, "read_file") == NO
        assert_bounded(guard.receipts)
        wait_until(lambda: guard.check(good, "comment") == FEED)  # whole again, by itself
        assert (guard.check(spare, "comment") == NO) == revoked
        assert guard.check(site.dead, "comment") == NO


def assert_by(proof, expected) -> None:
    """As expected. On a busy machine a heartbeat may be late: then introspection says the same truth."""
    assert proof == expected or (expected == FEED and proof == ASKED), (proof, expected)


def assert_bounded(receipts) -> None:
    """Whatever was accepted on the word of the feed was accepted on a word no older than declared."""
    longest = max(limit.total_seconds() for limit in STALENESS.values()) * 1000
    accepted = [one for one in receipts if one.refused is None and one.proof.value == FEED]
    assert accepted
    assert all(0 <= one.staleness_ms <= longest for one in accepted)


def test_a_flood_of_unknown_key_ids_costs_one_fetch_per_cool_down_and_rotation_still_works(site):
    assert site.exchange().status == 200
    site.fetched.clear()
    site.monotonic += 31
    for _ in range(100):
        token = site.world.cluster.token(header={"kid": "nobody"})
        form = {"subject_token": token, "subject_token_type": JWT, "resource": TOOLS}
        assert site.oauth("token", grant_type=EXCHANGE, **form).status == 400
    assert len(site.fetched) == 1

    site.world.cluster.rotate()
    site.monotonic += 31
    assert site.exchange().status == 200
    assert len(site.fetched) == 2


def test_fifty_at_once_with_one_token_get_one_lease(site):
    token = site.world.pod_token()
    form = {"subject_token": token, "subject_token_type": JWT, "resource": TOOLS, "grant_type": EXCHANGE}

    async def storm():
        body = urlencode(form).encode()
        return await asyncio.gather(*(request(site.world.app, "POST", "/oauth2/token", body, FORM) for _ in range(50)))

    assert sorted(answer.status for answer in asyncio.run(storm())) == [200] + [400] * 49
