"""What breaks × what is asked: each answer is a refusal or the truth. Nothing opens, nothing is half-written."""

import asyncio
import json
import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import event
from tests.fakes.exchange_world import EXCHANGE, JWT, TOOLS, World, request

from leasehold.keys.network import MAX_BODY_BYTES, Network
from leasehold.model.trust import IssuerType
from leasehold.store.database import open_engine
from leasehold.store.migrate import migrate
from leasehold.store.sql_store import SqlStore
from leasehold.web.control_plane import control_plane
from leasehold.web.doors import Doors

FORM = {"content-type": "application/x-www-form-urlencoded"}
TABLES = ("leases", "replays", "audit_events", "objects", "versions", "changes", "nodes", "revocations")
KEYS_AT = "https://cluster.example/keys"
JUNK_BYTES = (2000, 300, 40, 1)


def streamed(body):
    """An answer whose body arrives as it is read."""

    async def chunks():
        yield body

    return httpx.Response(200, content=chunks())


class Site:
    """A token service and its control plane on one SQLite file, with everything around them breakable."""

    def __init__(self, folder):
        self.database, self.pages = folder / "x.db", 1_000_000
        engine = open_engine(f"sqlite:///{self.database}")
        event.listen(engine, "checkout", self._limit)
        with engine.connect() as connection:
            migrate(connection)
            connection.commit()
        self.engine, self.store = engine, SqlStore(engine)
        self.world = world = World(self.store, folder)
        world.now = datetime.now(UTC)
        world.populate()
        world.trust("cluster", world.cluster, IssuerType.KUBERNETES, jwks=None, jwks_uri=KEYS_AT, single_use=True)
        self.fetched, self.publish = [], self._keys
        transport = httpx.MockTransport(self._answer)
        world.issuer_keys._network = Network(transport=transport, resolve=self._resolve)
        world.issuer_keys._clock = lambda: self.monotonic
        self.monotonic = 1000.0
        doors = Doors(store=world.store, authenticator=world.callers, clock=lambda: world.now)
        self.control = control_plane(doors)
        self.registry_token, self.agent_token = world.registry_token(), world.get(world.pod_token()).access_token
        self.spare = world.get(world.pod_token()).access_token

    def _limit(self, connection, *_):
        connection.execute(f"PRAGMA max_page_count = {self.pages}")

    @staticmethod
    async def _resolve(_host, _port):
        return ["93.184.216.34"]

    async def _answer(self, asked):
        self.fetched.append(str(asked.url.path))
        return await self.publish()

    async def _keys(self):
        return streamed(self.world.cluster.jwks().encode())

    def forget_keys(self):
        self.world.issuer_keys._entries.clear()

    def count(self):
        """The rows of every table, read past everything that is broken."""
        with sqlite3.connect(self.database) as connection:
            counts = {t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES}  # noqa: S608
        connection.close()
        return counts

    def close(self):
        self.world.close()
        self.store.close()

    # What is asked.

    def exchange(self):
        form = {"subject_token": self.world.pod_token(), "subject_token_type": JWT, "resource": TOOLS}
        return self._oauth("token", grant_type=EXCHANGE, **form)

    def introspect(self):
        return self._oauth("introspect", {"authorization": f"Bearer {self.registry_token}"}, token=self.agent_token)

    def revoke(self):
        return self._oauth("revoke", token=self.spare)

    def write(self):
        body = {"display_name": "Bob", "email": "bob@example.com", "team": "shop"}
        headers = {"content-type": "application/json", "if-none-match": "*"}
        return self._control("PUT", "/v1/owners/bob", headers, json.dumps(body).encode())

    def snapshot(self):
        return self._control("GET", "/v1/snapshot", {}, b"")

    def _oauth(self, path, headers=None, **form):
        call = request(self.world.app, "POST", f"/oauth2/{path}", urlencode(form).encode(), {**FORM, **(headers or {})})
        return asyncio.run(call)

    def _control(self, method, path, headers, body):
        headers = {**headers, "authorization": f"Bearer {self.registry_token}"}
        return asyncio.run(request(self.control, method, path, body, headers))


@contextmanager
def database_away(site):
    site.engine.dispose()
    aside = site.database.rename(site.database.with_suffix(".aside"))
    site.database.mkdir()
    yield
    site.database.rmdir()
    aside.rename(site.database)


def fill(site, size):
    """Write audit events until the disk is full."""
    junk = "INSERT INTO audit_events (at, principal, action, kind, name, outcome, reason, detail)"
    connection = site.engine.raw_connection()
    try:
        while True:
            values = ("2026-01-01 00:00:00.000000", "x", "x", "leases", "x" * 16, "ok", "", "x" * size)
            connection.driver_connection.execute(junk + " VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    finally:
        connection.close()


@contextmanager
def disk_full(site):
    site.pages = 1  # SQLite never goes below what is there
    for size in JUNK_BYTES:  # the last free corner of every page
        with pytest.raises(sqlite3.OperationalError, match="full"):
            fill(site, size)
    yield
    site.pages = 1_000_000


@contextmanager
def jwks(site, publish):
    site.forget_keys()
    site.publish = publish
    yield
    site.publish = site._keys
    site.monotonic += 31


def jwks_down(site):
    async def refuse():
        raise httpx.ConnectError("connection refused")

    return jwks(site, refuse)


def jwks_slow(site):
    async def drip():
        await asyncio.sleep(3600)

    return jwks(site, drip)


def jwks_huge(site):
    async def swamp():
        return streamed(b"x" * (MAX_BODY_BYTES + 1))

    return jwks(site, swamp)


def clock_stepped(**by):
    @contextmanager
    def step(site):
        tokens = {"exchange": site.world.pod_token()}
        right, pod = site.world.now, site.world.pod_token
        site.world.pod_token = lambda: tokens["exchange"]  # the issuer's clock stays right
        site.world.later(**by)
        yield
        site.world.now, site.world.pod_token = right, pod

    return step


@contextmanager
def key_unreadable(site):
    file = next((site.database.parent / "keys").glob("*.json"))
    kept = file.read_bytes()
    file.write_bytes(b"{")
    yield
    file.write_bytes(kept)


OPERATIONS = ("exchange", "introspect", "revoke", "write", "snapshot")
MATRIX = {
    # What breaks: the status of each operation in the order above. Below 300 is the truth, as without the fault.
    "database away": (database_away, (503, 503, 503, 503, 503)),
    "disk full": (disk_full, (503, 200, 503, 503, 200)),
    "jwks down": (jwks_down, (400, 200, 200, 201, 200)),
    "jwks slow": (jwks_slow, (400, 200, 200, 201, 200)),
    "jwks huge": (jwks_huge, (400, 200, 200, 201, 200)),
    "clock an hour ahead": (clock_stepped(hours=1), (400, 401, 200, 401, 401)),
    "clock an hour behind": (clock_stepped(hours=-1), (400, 401, 503, 401, 401)),
    "signing key unreadable": (key_unreadable, (503, 503, 503, 503, 503)),
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
        for operation, status in zip(OPERATIONS, expected, strict=True):
            before = None if around else site.count()
            answer = getattr(site, operation)()
            assert answer.status == status, (operation, answer.status, answer.body)
            if status >= 300:
                assert b"access_token" not in answer.body
                assert "traceback" not in answer.body.decode().lower()
            if status in {401, 503} and not around:
                assert site.count() == before, operation
            if status == 400:
                assert answer.json["error"] == "invalid_grant"
                assert {**site.count(), "audit_events": 0} == {**before, "audit_events": 0}
    assert_whole_again(site, fault, expected)


def assert_whole_again(site, fault, expected):
    """Once the fault is gone everything works, and whoever was told no had no effect."""
    assert site.exchange().status == 200, fault
    assert site.introspect().json["active"]
    spare = site._oauth("introspect", {"authorization": f"Bearer {site.registry_token}"}, token=site.spare).json
    assert spare["active"] == (expected[2] >= 300 or "ahead" in fault)  # an expired token ends nothing, and need not
    assert site.revoke().status == 200
    after = site._oauth("introspect", {"authorization": f"Bearer {site.registry_token}"}, token=site.spare).json
    assert after == {"active": False}
    assert site.write().status == (412 if expected[3] < 300 else 201)
    owners = site.snapshot().json["objects"]["owners"]
    assert [owner["name"] for owner in owners].count("bob") == 1
    with sqlite3.connect(site.database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_a_flood_of_unknown_key_ids_costs_one_fetch_per_cool_down_and_rotation_still_works(site):
    assert site.exchange().status == 200
    site.fetched.clear()
    site.monotonic += 31
    for _ in range(100):
        token = site.world.cluster.token(header={"kid": "nobody"})
        form = {"subject_token": token, "subject_token_type": JWT, "resource": TOOLS}
        assert site._oauth("token", grant_type=EXCHANGE, **form).status == 400
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
