"""What is counted of calls: by declared tool server, known method and outcome, and by nothing that an agent chose."""

from dataclasses import replace

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from leasehold.gateway.app import GatewayApp
from leasehold.gateway.lists import Lists
from leasehold.gateway.metering import Counting, MeteredScans, MeteredUpstreams, refusal_word
from leasehold.gateway.rates import Rate, RateLimits, Rates
from leasehold.gateway.upstreams import UpstreamFailed
from leasehold.gateway.witnessing import WitnessedRecords
from leasehold.metrics.prometheus import PrometheusMeter

CANARY = "canary-9f1"


@pytest.fixture
def meter(world):
    made = PrometheusMeter(lambda: world.following.known.staleness(world.monotonic()))
    world.gateway = replace(
        world.gateway,
        records=WitnessedRecords(world.recorder, [Counting(made)]),
        scans=MeteredScans(b"k" * 32, made),
        upstreams=MeteredUpstreams(world.upstream, made, world.monotonic),
    )
    world.app = GatewayApp(world.gateway, world.app.issuer, refused=lambda refused: made.refused(refusal_word(refused)))
    return made


def samples(meter):
    families = text_string_to_metric_families(generate_latest(meter.registry).decode())
    return {
        (one.name.removeprefix("leasehold_gateway_"), *sorted(one.labels.items())): one.value
        for family in families
        for one in family.samples
        if not one.name.endswith("_created")
    }


def calls(meter):
    """Counts by method and outcome."""
    found = {key: value for key, value in samples(meter).items() if key[0] == "calls_total"}
    return {(dict(key[1:])["method"], dict(key[1:])["outcome"]): value for key, value in found.items()}


def test_each_call_is_counted_once_by_what_came_of_it(world, meter):
    token = world.token()
    world.call("read_file", token, repository="web")
    world.upstream.answer = lambda _message: {"content": [], "isError": True}
    world.call("comment", token, repository="web")
    world.call("read_file", token, repository="elsewhere")
    assert calls(meter) == {
        ("tools/call", "ok"): 1, ("tools/call", "tool_error"): 1, ("tools/call", "denied"): 1,
    }  # fmt: skip
    assert samples(meter)[("refusals_total", ("reason", "denied"))] == 1
    assert samples(meter)[("upstream_seconds_count", ("answered", "yes"), ("tool_server", "code"))] == 2


def test_no_label_is_what_an_agent_chose(world, meter):
    token = world.token()
    world.call(f"{CANARY}_tool", token, **{CANARY: CANARY})
    world.ask(f"tools/{CANARY}", {}, token)
    world.ask("tools/list", {}, token, **{f"x-{CANARY}": CANARY})
    world.ask("tools/list", {}, token, server=CANARY)
    world.ask("tools/list", {}, CANARY)
    text = generate_latest(meter.registry).decode()
    assert CANARY not in text
    assert token not in text
    assert samples(meter)[("refusals_total", ("reason", "unknown_method"))] == 1
    assert set(calls(meter)) == {("tools/call", "denied"), ("tools/list", "ok")}
    assert samples(meter)[("refusals_total", ("reason", "unauthenticated"))] == 2


def test_rate_limited_and_quarantined_calls_are_told_apart(world, meter):
    token = world.token()
    limits = RateLimits(tool=Rate(per_minute=60, burst=1))
    world.app = replace(world.app, gateway=replace(world.gateway, rates=Rates(limits)))
    for _ in range(3):
        world.call("read_file", token, repository="web")
    surfaces = Unapproved()
    world.app = replace(world.app, gateway=replace(world.gateway, surfaces=surfaces, lists=Lists(surfaces, 40)))
    world.call("read_file", token, repository="web")
    assert calls(meter) == {
        ("tools/call", "ok"): 1, ("tools/call", "quarantined"): 1,
    }  # fmt: skip
    assert samples(meter)[("refusals_total", ("reason", "rate_limited"))] == 2  # refused before anything is decided


class Unapproved:
    """Nothing is approved."""

    async def approved(self, *_):
        return False

    def seen(self, *_):
        return None


def test_findings_are_counted_by_kind_and_direction(world, meter):
    hidden = "a\U000e0041\U000e0042b"
    world.upstream.answer = lambda _message: {"content": [{"type": "text", "text": hidden}]}
    world.call("read_file", repository="web")
    key = ("scan_findings_total", ("direction", "results"), ("kind", "tag"), ("tool_server", "code"))
    assert samples(meter)[key] >= 1


def test_an_upstream_that_fails_is_measured_and_counted(world, meter):
    def fails(_message):
        raise UpstreamFailed("not_reached")

    world.upstream.answer = fails
    assert world.call("read_file", repository="web").status == 502
    assert calls(meter) == {("tools/call", "failed"): 1}
    assert samples(meter)[("refusals_total", ("reason", "upstream_failed"))] == 1
    assert samples(meter)[("upstream_seconds_count", ("answered", "no"), ("tool_server", "code"))] == 1


def test_staleness_of_the_feed_is_read_when_asked(world, meter):
    before = samples(meter)[("feed_staleness_seconds",)]
    world.world.now = world.world.now.replace(year=world.world.now.year + 1)
    assert samples(meter)[("feed_staleness_seconds",)] > before + 1e6


def test_the_librarys_global_registry_stays_out_of_it(meter):
    assert b"leasehold" not in generate_latest(REGISTRY)
    assert b"python_info" not in generate_latest(meter.registry)
