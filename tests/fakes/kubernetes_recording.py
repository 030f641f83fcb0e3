"""What a real API server answers, recorded: `python -m tests.fakes.kubernetes_recording` writes the vectors anew.

Needs a built server (`make test-kubernetes` says how). Tokens are told by header and claims, never whole.
"""

import asyncio
import base64
import json
import sys
import tempfile
import threading
from contextlib import aclosing
from pathlib import Path
from typing import Any

from tests.fakes.kube_apiserver import ISSUER, KubeApiServer, kube_apiserver

from leasehold.keys.api_server import ApiServers
from leasehold.keys.network import Get, Network
from leasehold.keys.token_review import Reviewer
from leasehold.model.subjects import IssuerType
from leasehold.model.trust import TrustIssuer
from leasehold.model.workloads import WorkloadKind

VECTORS = Path(__file__).parents[1] / "vectors" / "kubernetes.json"
SOURCE = "kube-apiserver of Debian's kubernetes 1.20.5+really1.20.2-1.1+deb12u1, etcd 3.4.23, recorded over HTTPS"
AUDIENCE = "https://leasehold.example"
PODS = WorkloadKind.PODS


class Listening(Network):
    """A network that keeps what came over it."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[Any] = []

    async def read(self, url: str, get: Get, *, allow_private: bool) -> Any:
        reply = await super().read(url, get, allow_private=allow_private)
        self.bodies.append(json.loads(reply.body))
        return reply

    async def lines(self, url: str, get: Get, *, allow_private: bool) -> Any:
        async with aclosing(super().lines(url, get, allow_private=allow_private)) as lines:
            async for line in lines:
                self.bodies.append(json.loads(line))
                yield line


def record(server: KubeApiServer, folder: Path) -> dict[str, Any]:
    """Every answer that Leasehold reads, from a server on which nothing happened yet."""
    server.create(WorkloadKind.SERVICE_ACCOUNTS, "triage")
    (folder / "prod.token").write_text(server.credential())
    (folder / "prod.crt").write_text(server.certificate_authority)
    found: dict[str, Any] = {"source": SOURCE}
    found["empty_list"] = _listed(server, folder)
    version = found["empty_list"]["metadata"]["resourceVersion"]
    server.create(PODS, "triage-1")
    found["list"] = _listed(server, folder)
    request = server.token_request("triage-1", "triage", AUDIENCE)
    token = request["status"]["token"]
    request["status"]["token"] = "(see token)"
    found |= {"token_request": request, "token": token_parts(token), "token_review": _reviews(server, token)}
    server.touch(PODS, "triage-1")
    server.begin_deletion(PODS, "triage-1")
    server.delete(PODS, "triage-1")
    later = threading.Timer(1, server.create, (PODS, "triage-2"))  # a server bookmarks what happens during a watch
    later.start()
    found["watch"] = _watched(server, folder, version, seconds=6)
    later.join()
    found |= _discovery(server)
    server.forget()
    found["watch_expired"] = _watched(server, folder, "1", seconds=1)
    return found


def _asked(server: KubeApiServer, folder: Path, seconds: int = 1) -> tuple[Listening, ApiServers, TrustIssuer]:
    network = Listening()
    issuer = TrustIssuer(
        type=IssuerType.KUBERNETES,
        issuer=ISSUER,
        audiences=frozenset({AUDIENCE}),
        api_server=server.url,
        credential="prod",
        watch=frozenset({PODS}),
        allow_private=True,
    )
    return network, ApiServers(network, Reviewer(folder=folder), watch_seconds=seconds), issuer


def _listed(server: KubeApiServer, folder: Path) -> Any:
    network, clusters, issuer = _asked(server, folder)
    asyncio.run(clusters.list(issuer, PODS))
    return network.bodies[-1]


def _watched(server: KubeApiServer, folder: Path, version: str, seconds: int) -> list[Any]:
    network, clusters, issuer = _asked(server, folder, seconds)

    async def whole() -> None:
        async with aclosing(clusters.watch(issuer, PODS, version)) as watch:
            async for _ in watch:
                pass

    try:
        asyncio.run(whole())
    except Exception as error:  # noqa: BLE001  what the server said is kept either way
        sys.stderr.write(f"{error}\n")
    return network.bodies


def _reviews(server: KubeApiServer, token: str) -> dict[str, Any]:
    answers = {
        "accepted": server.review(token, AUDIENCE),
        "other_audience": server.review(token, "https://other.example"),
        "not_a_token": server.review(token[:-8] + "AAAAAAAA", AUDIENCE),
    }
    for answer in answers.values():
        answer["spec"]["token"] = "(see token)"
    return answers


def _discovery(server: KubeApiServer) -> dict[str, Any]:
    place = "/.well-known/openid-configuration"
    status, refused = server.ask("GET", place)
    _, unauthorized = server.ask("GET", "/api/v1/pods", authorization="Bearer nobody")
    return {
        "discovery": server.admin("GET", place),
        "discovery_for_anonymous": {"status": status, "body": json.loads(refused)},
        "jwks": server.admin("GET", "/openid/v1/jwks"),
        "unauthorized": json.loads(unauthorized),
    }


def token_parts(token: str) -> dict[str, Any]:
    """Header and claims of a token, unverified."""
    header, claims = (
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]
    )
    return {"header": header, "claims": claims}


def main() -> None:
    """Write the vectors."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with kube_apiserver(folder) as server:
            VECTORS.write_text(json.dumps(record(server, folder), indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
