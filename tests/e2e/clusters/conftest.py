"""A real `leasehold serve` that watches a cluster: an emulated one, and with `make test-kubernetes` a real one too."""

import http.client
import json
import threading
from contextlib import ExitStack, contextmanager
from urllib.parse import urlencode

import pytest
from tests.fakes.api_server import CREDENTIAL, EmulatedApiServer, emulated_api_server
from tests.fakes.kube_apiserver import binaries, kube_apiserver
from tests.fakes.registry_http import LiveRegistry
from tests.fakes.serving import wait_until

from leasehold.model.tools import Action
from leasehold.model.workloads import WorkloadKind
from leasehold.verify import AccessRefused, Patience, ResourceServer

TOOLS = "https://github-mcp.example/mcp"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
REAL = [pytest.param("real")] if binaries() else []


class Watched:
    """A registry and the cluster that it watches."""

    def __init__(self, cluster, registry: LiveRegistry) -> None:
        self.cluster, self.registry = cluster, registry
        self.real = not isinstance(cluster, EmulatedApiServer)
        self.account = cluster.create(WorkloadKind.SERVICE_ACCOUNTS, "triage")
        folder = registry.folder / "clusters"
        folder.mkdir()
        (folder / "prod.token").write_text(cluster.credential() if self.real else CREDENTIAL)
        (folder / "prod.crt").write_text(cluster.certificate_authority if self.real else cluster.authority.pem)
        create = registry.create
        create("trust-issuers", "prod", self.issuer())
        create("owners", "alice", {"display_name": "Alice", "email": "alice@example.com", "team": "web"})
        create("agents", "triage", {"owner": "alice", "review_by": "2027-06-01"})
        create("tool-servers", "github", {"url": TOOLS, "tools": {"comment": {"action": "write"}}})
        grant = {"agent": "triage", "tool_server": "github", "tools": ["comment"], "resources": ["repo:web"]}
        create("grants", "triage/github.comment@repo:web", grant)
        create("deployments", "triage-prod", {"agent": "triage"})
        pins = {"namespace": "shop", "service_account": "triage", "service_account_uid": self.account}
        create("workload-bindings", "triage-pods", {"trust_issuer": "prod", "agent": "triage", "kubernetes": pins})

    def issuer(self, **changes):
        jwks = json.dumps(self.cluster.admin("GET", "/openid/v1/jwks")) if self.real else self.cluster.tokens.jwks()
        return {
            "type": "kubernetes",
            "issuer": "https://kubernetes.default.svc",
            "audiences": [self.registry.url],
            "jwks": jwks,
            "api_server": self.cluster.url,
            "credential": "prod",
            "allow_private": True,
            "watch": ["pods", "service-accounts", "deployments"],
            **changes,
        }

    def pod(self, name: str) -> str:
        """Start a pod; its projected token."""
        self.cluster.create(WorkloadKind.PODS, name)
        return self.cluster.pod_token(name, "triage", self.registry.url)

    def exchange(self, subject_token: str) -> tuple[int, dict]:
        """What the token endpoint says."""
        form = {
            "grant_type": EXCHANGE,
            "subject_token": subject_token,
            "subject_token_type": JWT,
            "resource": TOOLS,
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.registry.door.upstream, timeout=10)
        headers = {"content-type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/oauth2/token", urlencode(form), headers)
        answer = connection.getresponse()
        try:
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def lease(self, subject_token: str, seconds: float = 20) -> str:
        """An access token, as soon as the registry has heard of the pod."""
        issued = []

        def try_once() -> bool:
            status, answer = self.exchange(subject_token)
            issued.append(answer.get("access_token"))
            return status == 200

        wait_until(try_once, seconds)
        return issued[-1]

    def dead(self, token: str, seconds: float = 20) -> float:
        """Wait until introspection says no; for how long."""
        return wait_until(lambda: not self.registry.is_active(token), seconds)

    def resource_server(self) -> ResourceServer:
        """One that follows the feed of this registry."""
        file = self.registry.folder / "own-token"
        file.write_text(self.registry.oidc_token("admin"))
        patience = Patience(tools={"comment": Action.WRITE})
        endpoint = f"http://127.0.0.1:{self.registry.door.upstream}"
        return ResourceServer(
            issuer=self.registry.url, audience=TOOLS, credential=file, endpoint=endpoint, patience=patience
        )


def accepts(server: ResourceServer, token: str) -> bool:
    """Whether a resource server takes a token, offline."""
    try:
        server.verifier.check(token, "comment", "repo:web")
    except AccessRefused:
        return False
    return True


def at_once(do) -> threading.Thread:
    """Do it in another thread, from now on."""
    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    return thread


@contextmanager
def watching(served, folder):
    """A registry that watches a cluster, while the context lasts."""
    (folder / "cluster").mkdir()
    (folder / "registry").mkdir()
    with ExitStack() as stack:
        cluster = stack.enter_context(served(folder / "cluster"))
        registry = LiveRegistry(folder / "registry")
        stack.callback(registry.close)
        registry.furnish()
        yield Watched(cluster, registry)


@pytest.fixture(params=["emulated", *REAL])
def watched(request, tmp_path):
    with watching(emulated_api_server if request.param == "emulated" else kube_apiserver, tmp_path) as watched:
        yield watched


@pytest.fixture
def emulated(tmp_path):
    with watching(emulated_api_server, tmp_path) as watched:
        yield watched
