"""API servers, asked with our own credential: what they may say, and all the ways in which they say it wrong."""

import asyncio
import json
import ssl
from contextlib import aclosing

import httpx
import pytest

from leasehold.keys.api_server import ApiServers
from leasehold.keys.network import FetchRefused, Get, LineTooLong, Network, Reply
from leasehold.model.subjects import IssuerType
from leasehold.model.trust import TrustIssuer
from leasehold.model.workloads import ClusterForgot, ClusterSilent, Listing, WorkloadKind

PODS = WorkloadKind.PODS
TRUST = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UID = "18b0a8f8-4fbd-4b02-bdf8-2fce124cab19"
ISSUER = TrustIssuer(
    type=IssuerType.KUBERNETES,
    issuer="https://kubernetes.default.svc",
    audiences=frozenset({"https://leasehold.example"}),
    api_server="https://10.0.0.1:6443/",
    credential="prod",
    watch=frozenset({PODS}),
    allow_private=True,
)


def thing(uid=UID, version="7", **metadata):
    return {"metadata": {"uid": uid, "resourceVersion": version, **metadata}}


def page(*items, version="7", **metadata):
    return {
        "kind": "PartialObjectMetadataList",
        "metadata": {"resourceVersion": version, **metadata},
        "items": list(items),
    }


class Credential:
    """Our credential, as its files are now."""

    def __init__(self) -> None:
        self.token, self.asked = "first", []

    def headers(self, name):
        self.asked.append(name)
        return {"authorization": f"Bearer {self.token}", "content-type": "application/json"}

    def trust(self, _name):
        return TRUST


class Scripted:
    """A network on which a script of answers comes; an exception is raised."""

    def __init__(self, *answers) -> None:
        self.answers, self.asked = list(answers), []

    async def read(self, url, get, *, allow_private):
        self.asked.append((url, dict(get.headers), allow_private))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply(200, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    async def lines(self, url, get, *, allow_private):
        self.asked.append((url, dict(get.headers), allow_private))
        for answer in self.answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer if isinstance(answer, bytes) else json.dumps(answer).encode()


def listed(*answers, kind=PODS):
    return asyncio.run(ApiServers(Scripted(*answers), Credential()).list(ISSUER, kind))


def watched(*answers, network=None):
    async def whole():
        clusters = ApiServers(network or Scripted(*answers), Credential())
        async with aclosing(clusters.watch(ISSUER, PODS, "5")) as watch:
            return [sighting async for sighting in watch]

    return asyncio.run(whole())


def test_a_list_has_who_is_there_and_leaves_out_who_is_on_the_way_out():
    ending = thing("6f1c", deletionTimestamp="2026-11-26T12:00:00Z")
    assert listed(page(thing(), ending)) == Listing(frozenset({UID}), "7")
    assert listed({**page(), "items": None}) == Listing(frozenset(), "7")


def test_pages_are_put_together_and_the_last_has_the_version():
    network = Scripted(page(thing("a"), **{"continue": "x y&z"}), page(thing("b"), version="8"))
    found = asyncio.run(ApiServers(network, Credential()).list(ISSUER, PODS))
    assert found == Listing(frozenset({"a", "b"}), "8")
    first, second = (url for url, _, _ in network.asked)
    assert first == "https://10.0.0.1:6443/api/v1/pods?limit=500"
    assert second == "https://10.0.0.1:6443/api/v1/pods?limit=500&continue=x+y%26z"


def test_the_server_is_asked_for_metadata_alone_with_our_own_credential():
    network = Scripted(page())
    asyncio.run(ApiServers(network, Credential()).list(ISSUER, WorkloadKind.DEPLOYMENTS))
    ((url, headers, private),) = network.asked
    assert url.startswith("https://10.0.0.1:6443/apis/apps/v1/deployments?")
    assert headers["accept"] == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    assert headers["authorization"] == "Bearer first"
    assert private


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[]",
        b"[" * 9_000,
        b"\xff",
        {},
        {"items": []},
        {**page(), "kind": "Status"},  # a proxy's 200 must not read as an empty cluster
        {**page(), "kind": "PodList"},
        {**page(), "items": {}},
        {**page(), "items": "x"},
        {**page(), "metadata": None},
        {**page(), "metadata": {}},
        page(version=""),
        page(version=7),
        page(version="1 2"),
        page(version="1" * 65),
        page(None),
        page({}),
        page({"metadata": {}}),
        page(thing(uid=None)),
        page(thing(uid="")),
        page(thing(uid="a/b")),
        page(thing(uid="x" * 65)),
        page(**{"continue": "x" * 5_000}),
        FetchRefused("status 403", 403),
        FetchRefused("the body exceeds 1 bytes"),
    ],
    ids=lambda answer: repr(answer)[:60],
)
def test_what_is_no_list_is_never_an_empty_one(answer):
    with pytest.raises(ClusterSilent):
        listed(answer)


def test_a_list_without_an_end_ends():
    class Endless(Scripted):
        async def read(self, _url, _get, **_):
            return Reply(200, json.dumps(page(thing(), **{"continue": "more"})).encode())

    with pytest.raises(ClusterSilent, match="without an end"):
        asyncio.run(ApiServers(Endless(), Credential()).list(ISSUER, PODS))


def test_a_list_whose_pages_the_server_has_forgotten_is_said_to_be():
    with pytest.raises(ClusterForgot):
        listed(page(**{"continue": "x"}), FetchRefused("status 410", 410))


def test_events_say_who_is_there_from_which_version_on():
    ending = thing(version="9", deletionTimestamp="2026-11-26T12:00:00Z")
    found = watched(
        {"type": "ADDED", "object": thing()},
        {"type": "MODIFIED", "object": thing(version="8")},
        {"type": "MODIFIED", "object": ending},
        {"type": "ADDED", "object": ending},
        {"type": "DELETED", "object": thing(version="10")},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "11", "creationTimestamp": None}}},
    )
    assert [(one.uid, one.present, one.version) for one in found] == [
        (UID, True, "7"),
        (UID, True, "8"),
        (UID, False, "9"),
        (UID, False, "9"),
        (UID, False, "10"),
        (None, True, "11"),
    ]


def test_a_watch_asks_for_what_comes_behind_a_version():
    network = Scripted()
    assert watched(network=network) == []
    ((url, headers, _),) = network.asked
    query = dict(part.split("=") for part in url.partition("?")[2].split("&"))
    assert query == {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": "30", "resourceVersion": "5"}
    assert headers["accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"null",
        b"[" * 9_000,
        {},
        {"type": "ADDED"},
        {"type": "ADDED", "object": []},
        {"type": "ADDED", "object": {}},
        {"type": "ADDED", "object": {"metadata": {"uid": UID}}},
        {"type": "ADDED", "object": {"metadata": {"resourceVersion": "7"}}},
        {"type": "ADDED", "object": thing(uid=["a"])},
        {"type": "DELETED", "object": thing(uid="../x")},
        {"type": "BOOKMARK", "object": {"metadata": {}}},
        {"type": "VANISHED", "object": thing()},
        {"type": None, "object": thing()},
        {"type": "ERROR", "object": {"code": 410}},
        {"type": "ERROR", "object": {"code": 500}},
        {"type": "ERROR", "object": {"code": {"a": "long" * 100}}},
        FetchRefused("status 410", 410),
        LineTooLong("a line exceeds 1 bytes"),
    ],
    ids=lambda line: repr(line)[:60],
)
def test_an_event_that_cannot_be_read_may_have_been_an_end_so_that_a_list_is_needed(line):
    with pytest.raises(ClusterForgot) as error:
        watched({"type": "ADDED", "object": thing()}, line)
    assert len(str(error.value)) < 80


@pytest.mark.parametrize("error", [FetchRefused("no whole answer"), FetchRefused("status 500", 500)])
def test_a_watch_that_breaks_can_go_on_from_where_it_was(error):
    with pytest.raises(ClusterSilent) as silent:
        watched(error)
    assert not isinstance(silent.value, ClusterForgot)


def test_a_renewed_credential_is_read_for_every_question():
    credential, network = Credential(), Scripted(page(), page())
    clusters = ApiServers(network, credential)
    asyncio.run(clusters.list(ISSUER, PODS))
    credential.token = "renewed"
    asyncio.run(clusters.list(ISSUER, PODS))
    assert [headers["authorization"] for _, headers, _ in network.asked] == ["Bearer first", "Bearer renewed"]
    assert credential.asked == ["prod", "prod"]


# Lines, as they come over a connection.


def lines(chunks, *, status=200, **bounds):
    class Body(httpx.AsyncByteStream):
        async def __aiter__(self):
            for chunk in chunks:
                if chunk is None:
                    await asyncio.Event().wait()
                yield chunk

    def respond(_request):
        return httpx.Response(status, stream=Body())

    async def resolve(_host, _port):
        return ("203.0.114.10",)

    async def whole():
        network = Network(transport=httpx.MockTransport(respond), resolve=resolve)
        async with aclosing(network.lines("https://k8s.example/x", Get(**bounds), allow_private=False)) as found:
            return [line async for line in found]

    return asyncio.run(whole())


def test_lines_are_put_together_whatever_the_pieces():
    assert lines([b"on", b"e\ntwo\nth", b"ree", b"\n", b"\n"]) == [b"one", b"two", b"three", b""]
    assert lines([b"a\n", b"unfinished"]) == [b"a"]  # cut in the middle: it comes again
    assert lines([]) == []


@pytest.mark.parametrize("chunks", [[b"x" * 9], [b"x" * 5, b"x" * 5], [b"x" * 9 + b"\n"], [b"a\n", b"x" * 9 + b"\n"]])
def test_a_line_that_is_too_long_is_refused_before_it_has_ended(chunks):
    with pytest.raises(LineTooLong, match="a line exceeds 8 bytes"):
        lines(chunks, max_bytes=8)


def test_a_line_that_drips_for_ever_is_given_up():
    with pytest.raises(FetchRefused, match="no whole answer within"):
        lines([b"a", None], seconds=0.05)


@pytest.mark.parametrize("status", [204, 301, 401, 410, 500])
def test_a_stream_of_another_status_is_refused_with_it(status):
    with pytest.raises(FetchRefused) as refused:
        lines([b"a\n"], status=status)
    assert refused.value.status == status
