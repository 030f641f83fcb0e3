"""What the trail hands out is on record as unfinished before, and as sent or not delivered after."""

import asyncio
from dataclasses import replace

import pytest
from tests.fakes.registry import APP, CONTENTS, furnished
from tests.fakes.running import run

from leasehold.model.errors import Unavailable
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.trail.queries import TrailQuery

BEGUN, SENT, NOT_DELIVERED = ("error", "not_finished"), ("ok", ""), ("error", "not_delivered")


@pytest.fixture
def registry():
    made = furnished()
    made.caller = "auditor"
    made.send("GET", "/v1/whoami")
    return made


@pytest.fixture(params=["export", "read-content"])
def handed_out(request, registry):
    """What is asked for, and the action that it is on record as."""
    if request.param == "export":
        return "/v1/audit/export", request.param
    content = CONTENTS.shut(f"user:{request.node.name}", {"to": "ann@example.com"})
    with registry.store.begin() as unit:
        event = AuditEvent(at=registry.now, principal="agent:triage", action="call", kind="tool-calls", name="c1")
        unit.audit.append(replace(event, outcome=Outcome.OK, content=content))
    return f"/v1/audit/contents/{content.commitment}", request.param


def came_of(registry, action):
    found = [one for one in registry.audit() if (one["kind"], one["action"]) == ("audit-trail", action)]
    return [(one["outcome"], one["reason"]) for one in reversed(found)]


class Reader:
    """Asks, and looks at what is on record when the first bytes come; `hangs_up` then, or before anything comes."""

    def __init__(self, registry, path, hangs_up):
        self.registry, self.path, self.hangs_up = registry, path, hangs_up
        self.gone = asyncio.Event()
        self.took = []

    async def ask(self):
        self.registry.turn_to()
        if self.hangs_up == "at once":
            self.gone.set()
        headers = [(b"host", b"registry"), (b"authorization", b"Bearer auditor")]
        scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1"}
        scope |= {"method": "GET", "path": self.path, "raw_path": self.path.encode(), "query_string": b""}
        scope |= {"scheme": "http", "server": ("registry", 80), "root_path": "", "headers": headers}
        await APP(scope, self.receive, self.send)

    async def receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message):
        if message["type"] != "http.response.body":
            assert message["status"] == 200
            return
        if self.hangs_up == "midway":
            self.gone.set()
            await asyncio.Event().wait()  # a connection that takes no more
        if self.hangs_up == "at the end" and not message["more_body"]:
            self.gone.set()
            await asyncio.sleep(0)
            return  # taken and dropped, as servers do
        self.took.append(message["body"])


@pytest.mark.parametrize("hangs_up", ["at once", "midway", "at the end"])
def test_what_a_reader_hung_up_on_was_not_delivered(registry, handed_out, hangs_up):
    path, action = handed_out
    run(Reader(registry, path, hangs_up).ask)
    assert came_of(registry, action) == [BEGUN, NOT_DELIVERED]


def test_what_was_sent_is_on_record_as_that_and_how_much_it_was(registry, handed_out):
    path, action = handed_out
    answer = registry.send("GET", path)
    assert came_of(registry, action) == [BEGUN, SENT]
    assert registry.audit()[0]["detail"]["bytes"] == len(answer.content) > 0


def test_what_an_export_held_stands_at_its_end(registry):
    lines = registry.send("GET", "/v1/audit/export", params={"start": 2}).text.splitlines()
    assert registry.audit()[0]["detail"]["places"] == [2, 2 + sum(line.startswith('{"leaf"') for line in lines)]


def test_it_is_unfinished_on_record_while_it_is_sent(registry, handed_out):
    path, action = handed_out
    seen = []

    class Looking(Reader):
        async def send(self, message):
            if message["type"] == "http.response.start":
                with registry.store.read() as unit:
                    events = unit.trail.search(TrailQuery(kind="audit-trail"), None, 100)
                seen.extend(one.record.event for one in events if one.record.event.action == action)

    run(Looking(registry, path, "never").ask)
    assert [(one.outcome.value, one.reason) for one in seen] == [BEGUN]
    assert came_of(registry, action) == [BEGUN, SENT]


def test_where_its_end_cannot_be_written_it_stays_unfinished(registry, handed_out, caplog):
    path, action = handed_out
    store = registry.store

    class Full(Reader):
        async def send(self, message):
            if message["type"] == "http.response.start":
                registry.store = _Full(store)
                registry.turn_to()

    run(Full(registry, path, "never").ask)
    registry.store = store
    assert came_of(registry, action) == [BEGUN]
    assert f"what came of `{action}` is not recorded" in caplog.text


class _Full:
    """A store with no room left."""

    def __init__(self, store):
        self.read = store.read

    def begin(self):
        raise Unavailable("no room")
