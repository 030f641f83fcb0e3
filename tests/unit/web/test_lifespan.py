"""When the server stops, what waits is written before the process goes."""

import asyncio

from leasehold.web.lifespan import finishing


async def refuse(scope, receive, send):
    raise AssertionError("lifespan events are not the app's")


def live(app, *events):
    """What an app answers to lifespan events."""
    left, sent = [{"type": f"lifespan.{event}"} for event in events], []

    async def receive():
        return left.pop(0)

    async def send(message):
        sent.append(message["type"])

    asyncio.run(app({"type": "lifespan"}, receive, send))
    return sent


def test_startup_is_answered_at_once_and_shutdown_when_all_is_finished_in_order():
    done = []
    app = finishing(refuse, [lambda: done.append("ledger"), lambda: done.append("leases")])

    assert live(app, "startup", "shutdown") == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert done == ["ledger", "leases"]


def test_one_step_that_fails_keeps_no_other_from_its_turn(caplog):
    done = []

    def fail():
        raise OSError("disk")

    assert live(finishing(refuse, [fail, lambda: done.append("leases")]), "startup", "shutdown")[-1].endswith(
        "shutdown.complete"
    )
    assert done == ["leases"]
    assert "not finished cleanly: OSError" in caplog.text


def test_requests_go_to_the_app():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(finishing(app, [])({"type": "http"}, None, None))
    assert seen == ["http"]
