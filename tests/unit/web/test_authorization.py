"""Who may open which door. Every route must stand in the table: a new one without an entry fails."""

from itertools import count

import pytest
from fastapi.routing import APIRoute
from tests.fakes.authenticator import PEOPLE
from tests.fakes.registry import (
    AGENT,
    AGENT_BINDING,
    APP,
    CONTENTS,
    DEPLOYMENT,
    EXCEPTION,
    GRANT,
    ISSUER,
    NOW,
    OWNER,
    OWNS,
    PIN,
    POLICY,
    READ,
    RELATION,
    ROLE_BINDING,
    SCOPE,
    SERVER,
    THING,
    USER,
    RegistryClient,
    furnished,
    path,
)

from leasehold.model.events import AuditEvent
from leasehold.model.kinds import Kind
from leasehold.model.registrations import ClientMetadata, RegisteredClient

READERS = frozenset(PEOPLE) - {"pep"}  # an enforcement point asks for decisions, and reads nothing
EVERYBODY = frozenset(PEOPLE)
ADMINS = frozenset({"admin", "platform", "prod", "staging"})
WITH_THE_TEAM = ADMINS | {"alice"}
AUDITORS = ADMINS | {"auditor", "plan"}  # a plan-only security-admin still reads what the role reads
CLIENT = RegisteredClient(
    metadata=ClientMetadata(
        client_id="dyn.1", redirect_uris=frozenset({"https://a.example/cb"}), grants=frozenset({"client_credentials"})
    ),
    agent="scout",
    token_sha256="ab" * 32,
    created_at=NOW,
)
BODIES = {
    Kind.OWNERS: ("bob", OWNER),
    Kind.AGENTS: ("scout", AGENT),
    Kind.TRUST_ISSUERS: ("other", {**ISSUER, "issuer": "https://other.example.com"}),
    Kind.WORKLOAD_BINDINGS: ("pod", AGENT_BINDING),
    Kind.TOOL_SERVERS: ("jira", {**SERVER, "url": "https://mcp.example.com/jira"}),
    Kind.TOOL_PINS: ("github", PIN),
    Kind.SCOPES: ("reader", SCOPE),
    Kind.CEILINGS: ("narrow", {"principal": "agent:triage", "scopes": ["everything"]}),
    Kind.GRANTS: (READ, GRANT),
    Kind.GRANT_SETS: ("triage", {"grants": []}),
    Kind.DEPLOYMENTS: ("triage-prod", DEPLOYMENT),
    Kind.CREDENTIAL_PROFILES: ("vault", {"agents": ["triage"], "federation": {"audience": "https://vault.example"}}),
    Kind.POLICIES: ("guards", POLICY),
    Kind.USERS: ("alice", USER),
    Kind.RESOURCES: ("minutes", THING),
    Kind.RELATIONS: (OWNS, RELATION),
    Kind.DRIFT_EXCEPTIONS: ("noise", EXCEPTION),
}
DEVELOPERS_WRITE = {Kind.AGENTS, Kind.WORKLOAD_BINDINGS, Kind.GRANTS, Kind.GRANT_SETS, Kind.DEPLOYMENTS}
EMPTY_REPORT = {"json": {"stacks": [{"stack": "prod", "resources": []}]}}
EMPTY_COMPARISON = {"json": {"base": EMPTY_REPORT["json"], "head": EMPTY_REPORT["json"]}}
REVOKE = {"json": {"node": "agent:triage", "reason": "leaked"}}


def surfaces():
    yield "GET", "/v1/tool-servers/{name}:surface", READERS, {"url": "/v1/tool-servers/github:surface"}
    listed = {"url": "/v1/tool-servers/github:observe", "json": {"tools": [{"name": "read_file"}]}}
    yield "POST", "/v1/tool-servers/{name}:observe", ADMINS | {"approver", "pep"}, listed


def table():
    """(method, route, callers allowed, a request that would work)."""
    for kind in Kind:
        name, body = BODIES[kind]
        writers = WITH_THE_TEAM if kind in DEVELOPERS_WRITE else ADMINS
        writers |= {"approver"} if kind in {Kind.DRIFT_EXCEPTIONS, Kind.TOOL_PINS} else set()
        one, many = f"/v1/{kind}/{{name:path}}", f"/v1/{kind}"
        create = {"url": path(kind, name), "json": body, "headers": {"If-None-Match": "*"}}
        yield "PUT", one, writers, create
        yield "DELETE", one, writers, {"url": path(kind, name), "headers": {"If-Match": '"1"'}, "made": create}
        yield "GET", one, READERS, {"url": path(kind, name), "made": create}
        yield "GET", many, READERS, {"url": many}
    secret, client = "/v1/agents/{name}:client-secret", {**AGENT, "client_secret_allowed": True}
    made = {"url": path(Kind.AGENTS, "scout"), "json": client, "headers": {"If-None-Match": "*"}}
    yield "POST", secret, ADMINS, {"url": "/v1/agents/scout:client-secret", "json": {}, "made": made}
    yield "DELETE", secret, ADMINS, {"url": "/v1/agents/scout:client-secret", "made": made, "given": {}}
    initial, taking = "/v1/agents/{name}:registration-token", {**AGENT, "dynamic_clients": 1}
    made = {"url": path(Kind.AGENTS, "scout"), "json": taking, "headers": {"If-None-Match": "*"}}
    yield "POST", initial, ADMINS, {"url": "/v1/agents/scout:registration-token", "json": {}, "made": made}
    yield "GET", "/v1/agents/{name}:clients", READERS, {"url": "/v1/agents/scout:clients", "made": made}
    one = {"url": f"/v1/agents/scout:clients/{CLIENT.metadata.client_id}", "made": made, "client": CLIENT}
    yield "DELETE", "/v1/agents/{name}:clients/{client_id}", ADMINS, one
    yield "GET", "/v1/snapshot", READERS, {}
    yield "GET", "/v1/effective-access", READERS, {"params": {"agent": "triage"}}
    yield "GET", "/v1/whoami", EVERYBODY, {}
    yield "GET", "/v1/credentials", READERS, {}
    yield "POST", "/v1/revocations", WITH_THE_TEAM, REVOKE
    yield "POST", "/v1/policies:check", READERS, {"json": {"policies": [{"name": "guards", **POLICY}]}}
    yield "POST", "/v1/policies:format", READERS, {"json": {"document": POLICY["document"]}}


def reviews():
    """Drift and plans."""
    yield "POST", "/v1/drift", READERS, EMPTY_REPORT
    yield "POST", "/v1/plan-reviews", READERS, EMPTY_REPORT
    yield "POST", "/v1/plan-comparisons", READERS, EMPTY_COMPARISON
    shown = {"json": {**EMPTY_REPORT["json"], "receipt": {"token": "r", "objects": {}}}}
    yield "POST", "/v1/receipts:check", READERS, shown


def trail():
    """The audit trail; it takes an export to have something signed."""
    yield "GET", "/v1/audit/events", AUDITORS, {}
    yield "GET", "/v1/audit/export", AUDITORS, {}
    yield "GET", "/v1/audit/checkpoint", AUDITORS, {"sealed": True}
    yield "GET", "/v1/audit/proof", AUDITORS, {"url": "/v1/audit/proof?position=0", "sealed": True}
    yield "GET", "/v1/audit/contents/{commitment}", AUDITORS, {"url": f"/v1/audit/contents/{'0' * 64}", "shut": True}
    yield "POST", "/v1/audit/contents:erase", ADMINS, {"json": {"subject": "user:ann", "reason": "asked to"}}
    yield "GET", "/v1/audit/holds", AUDITORS, {}
    yield "PUT", "/v1/audit/holds/{name}", ADMINS, {"url": "/v1/audit/holds/case", "json": {"reason": "a case"}}
    yield "DELETE", "/v1/audit/holds/{name}", ADMINS, {"url": "/v1/audit/holds/case", "held": True}
    yield "GET", "/v1/audit/exports", AUDITORS, {}
    again = {"url": "/v1/audit/exports/siem:replay", "json": {"start": 0}}
    yield "POST", "/v1/audit/exports/{name}:replay", ADMINS, again
    yield "POST", "/v1/audit/exports/{name}:test", ADMINS, {"url": "/v1/audit/exports/siem:test"}


ROUTES = (*table(), *surfaces(), *reviews(), *trail())
TABLE = {(method, route): (allowed, request) for method, route, allowed, request in ROUTES}
# Simulation needs a token service behind it: test_simulation.py
SIMULATION = {("POST", "/v1/trust-issuers:simulate")}
# Questions about decisions need a decision point: unit/decisions/test_answers.py
DECISIONS = {
    ("GET", "/v1/decisions/{decision}"),
    ("POST", "/v1/decisions:replay"),
    ("POST", "/v1/policies:test"),
    ("GET", "/v1/access:who-can"),
    ("GET", "/v1/access:what-can"),
    ("GET", "/v1/access:could"),
}
# bootstrap takes a token of its own: test_bootstrap.py; so does the end of a task: delegation/test_tasks.py
# And an agent's token draws credentials: tests/e2e/credentials/test_serve.py
DRAWS = {("POST", "/v1/credentials/{profile}"), ("GET", "/v1/credentials/{profile}/container")}
# And so does the approval of a plan: tests/unit/review/test_receipts.py
APPROVALS = {("POST", "/v1/plan-reviews/{receipt_id}:approve")}
BEAT = ("POST", "/v1/deployments/{deployment}:heartbeat")
ELSEWHERE = SIMULATION | DECISIONS | APPROVALS
OPEN = {("GET", "/healthz"), ("POST", "/v1/bootstrap"), ("POST", "/v1/tasks/{task}:end"), BEAT, *DRAWS, *ELSEWHERE}
SUBJECTS = count()  # nobody twice: whose key is known is not written again
EACH_ROUTE = pytest.mark.parametrize(("method", "route"), sorted(TABLE))


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


def send(registry, method, route, caller):
    allowed, request = TABLE[method, route]
    request = dict(request)
    if (made := request.pop("made", None)) is not None:
        assert registry.send("PUT", made["url"], "admin", json=made["json"], headers=made["headers"]).is_success
    if request.pop("shut", False):
        content = CONTENTS.shut(f"user:{next(SUBJECTS)}", {"said": "hello"})
        with registry.store.begin() as unit:
            unit.audit.append(AuditEvent(at=NOW, principal="", action="", kind="", name="", content=content))
        request["url"] = f"/v1/audit/contents/{content.commitment}"
    if request.pop("held", False):
        assert registry.send("PUT", "/v1/audit/holds/case", "admin", json={"reason": "a case"}).is_success
    if request.pop("sealed", False):
        assert registry.send("GET", "/v1/audit/export", "auditor").is_success
    if (client := request.pop("client", None)) is not None:
        with registry.store.begin() as unit:
            unit.registrations.put(client)
    if (given := request.pop("given", None)) is not None:
        assert registry.send("POST", request["url"], "admin", json=given).is_success
    return allowed, registry.send(method, request.pop("url", route), caller, **request)


def flat(routes):
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        else:
            inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", ())
            yield from flat(inner)


def test_every_route_stands_in_the_table():
    served = {(method, route.path) for route in flat(APP.routes) for method in route.methods}
    assert served == TABLE.keys() | OPEN


@EACH_ROUTE
def test_the_anonymous_caller_is_refused(registry, method, route):
    _, request = TABLE[method, route]
    url = request.get("url", route)
    before = registry.changes()
    for header in (None, "", "Bearer", "Bearer nobody", "Basic YWRtaW46", "Bearer a b", "Bearer é"):
        headers = {"Authorization": header.encode()} if header is not None else {}
        answer = registry.anonymous(method, url, headers=headers, json=request.get("json"))
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), header
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert registry.changes() == before


@EACH_ROUTE
def test_the_anonymous_caller_learns_nothing_from_a_bad_request(registry, method, route):
    url = TABLE[method, route][1].get("url", route)
    answer = registry.anonymous(method, f"{url}?limit=x&zzz=1", content=b"{{{", headers={"If-Match": "x"})
    assert answer.status_code == 401


@EACH_ROUTE
def test_the_wrong_caller_is_refused_and_leaves_nothing_but_a_trace(method, route):
    allowed, _ = TABLE[method, route]
    for caller in sorted(EVERYBODY - allowed):
        fresh = furnished()
        _, answer = send(fresh, method, route, caller)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), caller
        if method != "GET" and allowed != READERS:  # a refused read leaves none
            last = fresh.audit()[0]
            assert (last["outcome"], last["principal"]) == ("denied", PEOPLE[caller].id)


@EACH_ROUTE
def test_the_right_callers_are_let_in(method, route):
    for caller in sorted(TABLE[method, route][0]):
        _, answer = send(furnished(), method, route, caller)
        assert answer.is_success, (caller, answer.text)


def test_liveness_is_anybodys(registry):
    assert registry.anonymous("GET", "/healthz").json() == {"status": "ok"}


def test_a_developer_writes_no_role_binding(registry):
    answer = registry.create("workload-bindings", "me", ROLE_BINDING, "alice")
    assert answer.status_code == 403


def test_a_developer_takes_over_no_role_binding(registry):
    registry.must("workload-bindings", "victor", ROLE_BINDING)
    assert registry.change("workload-bindings", "victor", AGENT_BINDING, 1, "alice").status_code == 403


def test_a_developer_moves_no_agent_to_another_teams_owner(registry):
    registry.must("owners", "bob", {**OWNER, "team": "marketing"})
    assert registry.change("agents", "triage", {**AGENT, "owner": "bob"}, 1, "alice").status_code == 403
    assert registry.change("agents", "triage", {**AGENT, "owner": "bob"}, 1, "mallory").status_code == 403


def test_a_developer_moves_nothing_to_another_teams_agent(registry):
    registry.must("owners", "bob", {**OWNER, "team": "marketing"})
    registry.must("agents", "bot", {**AGENT, "owner": "bob"})
    registry.must("deployments", "triage-prod", DEPLOYMENT)
    assert registry.change("deployments", "triage-prod", {"agent": "bot"}, 1, "alice").status_code == 403
    assert registry.change("deployments", "triage-prod", {"agent": "bot"}, 1, "mallory").status_code == 403


def test_a_plan_only_identity_writes_nothing_whatever_its_role(registry):
    answer = registry.create("owners", "bob", OWNER, "plan")
    assert (answer.status_code, answer.json()["detail"]) == (403, "a plan-only identity reads and never writes")
