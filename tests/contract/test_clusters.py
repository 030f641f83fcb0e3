"""What stands in a cluster and what changes there: a fake, an emulated API server over HTTPS, and with
`make test-kubernetes` a real one. Each is asked the way that production asks it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from tests.fakes.api_server import CREDENTIAL, emulated_api_server
from tests.fakes.cluster import Cluster
from tests.fakes.kube_apiserver import binaries, kube_apiserver
from tests.fakes.serving import wait_until

from leasehold.keys.api_server import ApiServers
from leasehold.keys.network import Network
from leasehold.keys.token_review import Reviewer
from leasehold.model.subjects import IssuerType
from leasehold.model.trust import TrustIssuer
from leasehold.model.workloads import ClusterForgot, ClusterSilent, Sighting, WorkloadKind

PODS = WorkloadKind.PODS
REAL = [pytest.param("real")] if binaries() else []


class Asked:
    """A cluster, and the port through which it is followed."""

    def __init__(self, cluster, clusters, url="https://10.0.0.1:6443") -> None:
        self.cluster, self.clusters = cluster, clusters
        self.issuer = TrustIssuer(
            type=IssuerType.KUBERNETES,
            issuer="https://kubernetes.default.svc",
            audiences=frozenset({"https://leasehold.example"}),
            api_server=url,
            credential="prod",
            watch=frozenset(WorkloadKind),
            allow_private=True,
        )
        if not isinstance(cluster, Cluster):
            cluster.create(WorkloadKind.SERVICE_ACCOUNTS, "triage")

    def list(self, kind=PODS):
        return asyncio.run(self.clusters.list(self.issuer, kind))

    def watch(self, version, count, kind=PODS):
        """The next sightings of objects."""

        async def next_ones():
            found = []
            async with aclosing(self.clusters.watch(self.issuer, kind, version)) as watch:
                async for sighting in watch:
                    found += [sighting] if sighting.uid is not None else []
                    if len(found) == count:
                        return found
            return found

        return asyncio.run(asyncio.wait_for(next_ones(), 30))


def _asked(server, credential, folder):
    (folder / "prod.token").write_text(f"{credential}\n")
    (folder / "prod.crt").write_text(
        server.authority.pem if hasattr(server, "authority") else server.certificate_authority
    )
    return Asked(server, ApiServers(Network(), Reviewer(folder=folder)), server.url)


@pytest.fixture(params=["memory", "emulated", *REAL])
def asked(request, tmp_path):
    if request.param == "memory":
        yield Asked(cluster := Cluster(), cluster)
    elif request.param == "emulated":
        with emulated_api_server(tmp_path) as server:
            yield _asked(server, CREDENTIAL, tmp_path)
    else:
        with kube_apiserver(tmp_path) as server:
            yield _asked(server, server.credential(), tmp_path)


@pytest.mark.parametrize("kind", WorkloadKind)
def test_objects_come_and_go(asked, kind):
    """One test for all that holds of every kind, in one life of a cluster: a real one takes seconds to start."""
    before = asked.list(kind)
    uid = asked.cluster.create(kind, "one")
    listed = asked.list(kind)
    assert listed.present - before.present == {uid}

    asked.cluster.touch(kind, "one")
    asked.cluster.delete(kind, "one")
    created, touched, *ended = asked.watch(before.version, 3, kind)
    assert (created.uid, created.present, touched.uid, touched.present) == (uid, True, uid, True)
    assert (ended[-1].uid, ended[-1].present) == (uid, False)
    # A watch from a version tells what happened behind it, and nothing twice.
    assert [one.present for one in asked.watch(touched.version, 1, kind)] == [False]
    assert asked.list(kind).present == before.present

    again = asked.cluster.create(kind, "one")
    assert again != uid


def test_a_pod_on_its_way_out_is_not_there_and_a_forgotten_version_is_said_to_be_forgotten(asked):
    asked.cluster.create(PODS, "one")
    listed = asked.list()
    asked.cluster.begin_deletion(PODS, "one")
    (ending,) = asked.watch(listed.version, 1)
    assert not ending.present
    assert asked.list().present == frozenset()

    asked.cluster.forget()
    with pytest.raises(ClusterForgot):
        asked.watch("1", 1)


def test_an_empty_cluster_has_nothing(asked):
    listed = asked.list(WorkloadKind.DEPLOYMENTS)
    assert listed.present == frozenset()
    assert listed.version.isalnum()


# What only the way over HTTPS can get wrong.


@pytest.fixture
def emulated(tmp_path):
    with emulated_api_server(tmp_path) as server:
        yield _asked(server, CREDENTIAL, tmp_path)


def test_a_long_list_comes_in_pages(emulated):
    emulated.cluster.page = 7
    uids = {emulated.cluster.create(PODS, f"pod-{n}") for n in range(20)}
    assert emulated.list().present == uids
    pages = [asked for asked in emulated.cluster.requests if asked.startswith("GET /api/v1/pods?limit=500")]
    assert len(pages) == 3


def test_a_renewed_credential_is_used_from_the_next_request_on(emulated, tmp_path):
    emulated.cluster.credentials = {"renewed"}
    with pytest.raises(ClusterSilent, match="status 401"):
        emulated.list()
    (tmp_path / "prod.token").write_text("renewed")
    assert emulated.list().present == frozenset()


def test_a_server_of_another_authority_is_not_spoken_to(emulated, tmp_path):
    (tmp_path / "other").mkdir()
    with emulated_api_server(tmp_path / "other") as other:
        (tmp_path / "prod.crt").write_text(other.authority.pem)
    with pytest.raises(ClusterSilent):
        emulated.list()
    assert not any(request.startswith("GET /api/v1/pods") for request in emulated.cluster.requests)


@pytest.mark.parametrize("missing", ["prod.token", "prod.crt"])
def test_without_our_credential_nobody_is_asked(emulated, tmp_path, missing):
    (tmp_path / missing).unlink()
    with pytest.raises(ClusterSilent, match="our credential `prod` cannot be used"):
        emulated.list()


def test_a_watch_that_is_cut_ends(emulated):
    version = emulated.list().version

    async def cut():
        watch: AsyncGenerator[Sighting] = emulated.clusters.watch(emulated.issuer, PODS, version)
        async with aclosing(watch):
            waiting = asyncio.create_task(anext(watch, None))
            await asyncio.to_thread(wait_until, lambda: any("watch=1" in one for one in emulated.cluster.requests))
            emulated.cluster.cut()
            return await asyncio.wait_for(waiting, 10)

    assert asyncio.run(cut()) is None


def test_a_watch_lasts_as_long_as_we_ask_for(emulated, tmp_path):
    emulated.clusters = ApiServers(Network(), Reviewer(folder=tmp_path), watch_seconds=1)
    version = emulated.list().version
    assert emulated.watch(version, 1) == []
    assert "timeoutSeconds=1&" in emulated.cluster.requests[-1]
