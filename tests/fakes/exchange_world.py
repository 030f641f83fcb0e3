"""A token service on a store of the test's choice, with one agent that may read and comment on one repository."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.fakes.asking import Reply, request
from tests.fakes.faults import FaultyStore, InterruptedMint
from tests.fakes.outside import SimulatedDocuments, SimulatedLogins
from tests.fakes.simulated_iam import SimulatedRoles
from tests.fakes.simulated_issuer import SigningKey, SimulatedIssuer

from leasehold.authn.possession import Possessions
from leasehold.authn.registry_tokens import RegistryTokens
from leasehold.clusters.sightings import Sightings
from leasehold.decisions.current import Current
from leasehold.decisions.ruling import CurrentRulings
from leasehold.exchange.authorizing import Authorizing
from leasehold.exchange.client_credentials import ClientCredentials
from leasehold.exchange.clients import Clients
from leasehold.exchange.consents import Consents
from leasehold.exchange.delegation import Delegation
from leasehold.exchange.holds import Holds
from leasehold.exchange.introspection import Introspection, LiveLeases, Revocation
from leasehold.exchange.issuing import Issued, Issuing
from leasehold.exchange.ledger import Ledger
from leasehold.exchange.logging_in import LoggingIn, OpenLogins
from leasehold.exchange.on_behalf import OnBehalf
from leasehold.exchange.open_clients import OpenClients, OpenRegistration
from leasehold.exchange.plain_requests import PlainRequests
from leasehold.exchange.pushing import Pushing
from leasehold.exchange.records import ExchangeRequest
from leasehold.exchange.refresh_tokens import RefreshTokens
from leasehold.exchange.refreshing import Refreshing
from leasehold.exchange.registrations import Registrations
from leasehold.exchange.stages import Stages
from leasehold.exchange.statements import Statements
from leasehold.exchange.status_lists import StatusLists
from leasehold.exchange.tasks import Tasks
from leasehold.exchange.tokens import TokenExchange
from leasehold.exchange.views import Views
from leasehold.keys.client_documents import ClientDocuments
from leasehold.keys.client_tokens import ClientAssertions
from leasehold.keys.dpop import Proofs
from leasehold.keys.file_keys import FileKeys
from leasehold.keys.issuer_keys import IssuerKeys
from leasehold.keys.network import Network
from leasehold.keys.nonces import Nonces
from leasehold.keys.role_ids import RoleIds
from leasehold.keys.signed_callers import SignedCallers
from leasehold.keys.signing import TokenMint, jwk_set
from leasehold.keys.tokens import OwnTokens, SubjectTokens
from leasehold.model.deployments import Deployment
from leasehold.model.events import Change
from leasehold.model.grants import Grant
from leasehold.model.kinds import Kind
from leasehold.model.leases import REGISTRY, Node, agent_node, binding_node, deployment_node, owner_node, policy_node
from leasehold.model.objects import Stored, references
from leasehold.model.people import Agent, Owner
from leasehold.model.principal import Role
from leasehold.model.status import STATUS_LIST_TYPE
from leasehold.model.tokens import UnverifiedToken
from leasehold.model.tools import Action, Tool, ToolServer
from leasehold.model.trust import GitHubActionsSubject, IssuerType, KubernetesSubject, OidcSubject, TrustIssuer
from leasehold.model.trust import WorkloadBinding as Binding
from leasehold.policy.cedar.engines import engine_named
from leasehold.web.dispatch import dispatch
from leasehold.web.oauth.app import OAuthDoors, oauth_app
from leasehold.web.oauth.people import People
from leasehold.web.oauth.registering import Registering
from leasehold.web.status_lists.app import STATUS_LISTS, StatusListDoors, status_lists_app

ISSUER = "https://leasehold.example"
REGISTRY_AUDIENCE = f"{ISSUER}/v1"
CREDENTIALS = f"{ISSUER}/v1/credentials"
TOOLS = "https://github-mcp.example/mcp"
OTHER_TOOLS = "https://jira-mcp.example/mcp"
NOW = datetime(2026, 11, 23, 12, 0, 0, 500_000, tzinfo=UTC)
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"
_OWN_NODE = {
    Kind.AGENTS: agent_node,
    Kind.OWNERS: owner_node,
    Kind.DEPLOYMENTS: deployment_node,
    Kind.WORKLOAD_BINDINGS: binding_node,
    Kind.POLICIES: policy_node,
}
KUBERNETES_PINS = KubernetesSubject(namespace="shop", service_account="triage", any_uid=True)
GITHUB_PINS = GitHubActionsSubject(
    repository_id="99017",
    repository_owner_id="4211",
    job_workflow_ref="acme/web/.github/workflows/deploy.yml@refs/heads/main",
)
GRANT = Grant(
    agent="triage", tool_server="github", tools=frozenset({"read_file", "comment"}), resources=frozenset({"repo:web"})
)


@cache
def signing_key(_of: str, algorithm: str = "RS256") -> SigningKey:
    """One key per issuer and test run: making RSA keys takes longer than most tests."""
    return SigningKey.new(algorithm)


class World:
    """Everything joined as in production, with the time in the test's hands."""

    def __init__(
        self, store: Any, folder: Path, nonces: Nonces | None = None, *, registering: bool = False, public: str = ""
    ) -> None:
        """`public`: the agent whose clients register themselves without a token; public clients are served then."""
        self.store = store = FaultyStore(store)
        self.now, self.leapt = NOW, 0.0  # seconds that are none: the clock was set
        self.cluster = SimulatedIssuer.kubernetes(clock=lambda: self.now, keys=[signing_key("cluster")])
        self.github = SimulatedIssuer.github(clock=lambda: self.now, keys=[signing_key("github")])
        self.people = SimulatedIssuer.oidc(clock=lambda: self.now, keys=[signing_key("people", "ES256")])
        self.signer, self.issuer_keys = FileKeys(folder / "keys", NOW), IssuerKeys(Network())
        self.mint = InterruptedMint(TokenMint(self.signer))
        self.roles, self.subjects = self._subjects()
        own = OwnTokens(self.signer)
        self.sightings = Sightings(clock=lambda: float(self.now.timestamp()))
        self.ledger, self.leases = Ledger(store, lambda: self.now.timestamp() - self.leapt), LiveLeases(store)
        self.views = self._views()
        self.holds = Holds(views=self.views, ledger=self.ledger, clusters=self.sightings)
        self.exchange = TokenExchange(
            issuer=ISSUER,
            registry=REGISTRY_AUDIENCE,
            verifier=self.subjects,
            mint=self.mint,
            views=self.views,
            ledger=self.ledger,
            holds=self.holds,
        )
        self.documents, self.logins = SimulatedDocuments(), SimulatedLogins()
        self.public, self.refresh_tokens = OpenClients(b"c" * 32, public) if public else None, RefreshTokens(b"r" * 32)
        registrations = Registrations(
            documents=ClientDocuments(self.documents.network()), views=self.views, public=self.public
        )
        self.clients = Clients(
            issuer=ISSUER,
            verifier=self.subjects,
            assertions=ClientAssertions(self.issuer_keys),
            registrations=registrations,
            views=self.views,
            store=store,
            holds=self.holds,
        )
        self.issuing = Issuing(mint=self.mint, views=self.views, ledger=self.ledger)
        self.delegation = Delegation(
            issuer=ISSUER,
            own=own,
            verifier=self.subjects,
            leases=self.leases,
            views=self.views,
            issuing=self.issuing,
            holds=self.holds,
        )
        self.callers = RegistryTokens(issuer=ISSUER, audience=REGISTRY_AUDIENCE, verifier=own, leases=store)
        self.proofs = Proofs(nonces)
        self.possessions = Possessions(issuer=ISSUER, proofs=self.proofs, store=store)
        self.introspection = Introspection(callers=self.callers, verifier=own, leases=self.leases)
        self.revocation = Revocation(issuer=ISSUER, verifier=own, ledger=self.ledger)
        self.doors = OAuthDoors(
            issuer=ISSUER,
            exchange=self.exchange,
            client_credentials=ClientCredentials(
                issuer=ISSUER,
                clients=self.clients,
                issuing=self.issuing,
                tasks=Tasks(views=self.views, ledger=self.ledger),
            ),
            delegation=self.delegation,
            on_behalf=(
                on_behalf := OnBehalf(
                    issuer=ISSUER,
                    clients=self.clients,
                    verifier=self.subjects,
                    views=self.views,
                    store=store,
                    ledger=self.ledger,
                    issuing=self.issuing,
                    refresh=self.refresh_tokens,
                )
            ),
            refreshing=self._refreshing(on_behalf),
            consents=Consents(callers=self.callers, verifier=self.subjects, views=self.views, store=store),
            people=self._people(registrations),
            proofs=self.proofs,
            possessions=self.possessions,
            introspection=self.introspection,
            revocation=self.revocation,
            jwks=lambda: jwk_set(self.signer.published()),
            clock=lambda: self.now,
            documents=self.views.documents,
            registering=self._registering() if registering or public else None,
            public=bool(public),
        )
        self.lists = StatusLists(issuer=ISSUER, store=store, mint=TokenMint(self.signer, STATUS_LIST_TYPE))
        statuses = status_lists_app(StatusListDoors(lists=self.lists, clock=lambda: self.now))
        self.app = dispatch(oauth_app(self.doors), {STATUS_LISTS: statuses})

    def _subjects(self) -> tuple[SimulatedRoles, SubjectTokens]:
        roles, callers = SimulatedRoles(), SignedCallers(Network())
        return roles, SubjectTokens(self.issuer_keys, callers=callers, roles=RoleIds(roles))

    def _refreshing(self, on_behalf: OnBehalf) -> Refreshing:
        parts: dict[str, Any] = {"store": self.store, "ledger": self.ledger, "issuing": self.issuing}
        return Refreshing(on_behalf=on_behalf, tokens=self.refresh_tokens, views=self.views, **parts)

    def _views(self) -> Views:
        current = Current(self.store, engine_named("compiled", print), lambda: self.now)
        return Views(self.store, CREDENTIALS, self.sightings, CurrentRulings(current, lambda: self.now))

    def _registering(self) -> Registering:
        return Registering(
            issuer=ISSUER,
            store=self.store,
            statements=Statements(issuer=ISSUER, verifier=self.subjects, views=self.views),
            clock=lambda: self.now,
            taking=OpenRegistration(public=self.public, views=self.views) if self.public else None,
        )

    def _people(self, registrations: Registrations) -> People:
        logging_in = LoggingIn(
            own=ISSUER,
            verifier=self.subjects,
            logins=self.logins,
            views=self.views,
            open_logins=OpenLogins(b"k" * 32),
        )
        stages = Stages(self.store)
        plain = PlainRequests(issuer=ISSUER, clients=self.clients, logging_in=logging_in, views=self.views)
        return People(
            issuer=ISSUER,
            plain=plain,
            pushing=Pushing(
                clients=self.clients, logging_in=logging_in, views=self.views, stages=stages, ledger=self.ledger
            ),
            authorizing=Authorizing(
                issuer=ISSUER,
                plain=plain,
                registrations=registrations,
                logging_in=logging_in,
                views=self.views,
                stages=stages,
            ),
            clock=lambda: self.now,
        )

    def close(self) -> None:
        self.ledger.close()
        self.leases.close()

    # What the registry writes, in as few words as a test wants to read.

    def put(self, kind: Kind, name: str, spec: Any) -> None:
        with self.store.begin() as unit:
            found = unit.objects.find(kind, name)
            stored = Stored(
                kind=kind,
                name=name,
                revision=found.revision + 1 if found else 1,
                spec=spec,
                stack=None,
                created_at=NOW,
                updated_at=NOW,
                updated_by="oidc:admin",
            )
            unit.objects.put(stored, references(name, spec))
            if kind is Kind.AGENTS:
                unit.registrations.name(name, spec.client_ids)
            self._changed(unit, kind, name, "put")
            if kind in _OWN_NODE:
                unit.nodes.ensure(_OWN_NODE[kind](name))

    def delete(self, kind: Kind, name: str) -> None:
        with self.store.begin() as unit:
            unit.objects.delete(kind, name)
            self._changed(unit, kind, name, "delete")
            if kind in _OWN_NODE:
                unit.nodes.bump(_OWN_NODE[kind](name))

    def change(self, kind: Kind, name: str, **fields: Any) -> None:
        """Replace fields of a live object and end what was issued on the old ones, as the registry does."""
        with self.store.read() as unit:
            spec = replace(unit.objects.get(kind, name).spec, **fields)
        self.put(kind, name, spec)
        self.bump(_OWN_NODE[kind](name))

    def bump(self, node: Node) -> None:
        with self.store.begin() as unit:
            unit.nodes.bump(node)

    def _changed(self, unit: Any, kind: Kind, name: str, operation: str) -> None:
        sequence = unit.changes.latest() + 1
        unit.changes.append(
            Change(sequence=sequence, kind=kind, name=name, operation=operation, revision=1, by="oidc:admin", at=NOW)
        )

    def populate(self) -> "World":
        """One owner, agent, tool server, grant, deployment; a cluster, GitHub and an identity provider that bind."""
        self.put(Kind.OWNERS, "alice", Owner(display_name="Alice", email="alice@example.com", team="shop"))
        self.put(Kind.AGENTS, "triage", Agent(owner="alice", review_by=date(2027, 6, 1)))
        acts = {"read_file": Action.READ, "comment": Action.WRITE, "delete_branch": Action.DELETE}
        tools = {name: Tool(action=action) for name, action in acts.items()}
        self.put(Kind.TOOL_SERVERS, "github", ToolServer(url=TOOLS, tools=tools))
        self.put(Kind.TOOL_SERVERS, "jira", ToolServer(url=OTHER_TOOLS, tools={"search": Tool(action=Action.READ)}))
        self.put(Kind.GRANTS, GRANT.id, GRANT)
        self.put(Kind.DEPLOYMENTS, "triage-prod", Deployment(agent="triage"))
        self.trust("cluster", self.cluster, IssuerType.KUBERNETES)
        self.trust("github", self.github, IssuerType.GITHUB_ACTIONS)
        self.trust("people", self.people, IssuerType.OIDC, algorithms=frozenset({"ES256"}))
        self.bind("triage-pods", trust_issuer="cluster", agent="triage", kubernetes=KUBERNETES_PINS)
        self.bind(
            "ci-shop",
            trust_issuer="github",
            role=Role.DEVELOPER,
            teams=frozenset({"shop"}),
            stack="shop-prod",
            github_actions=GITHUB_PINS,
        )
        self.bind("alice", trust_issuer="people", role=Role.SECURITY_ADMIN, oidc=OidcSubject(subject="00u1alice"))
        with self.store.begin() as unit:
            unit.nodes.ensure(REGISTRY)
        return self

    def trust(self, name: str, issuer: SimulatedIssuer, kind: IssuerType, **options: Any) -> None:
        options.setdefault("audiences", frozenset({issuer.audience}))
        options.setdefault("jwks", issuer.jwks())
        self.put(Kind.TRUST_ISSUERS, name, TrustIssuer(type=kind, issuer=issuer.url, **options))

    def bind(self, name: str, **binding: Any) -> None:
        self.put(Kind.WORKLOAD_BINDINGS, name, Binding(**binding))

    # What a client does.

    async def ask(self, token: str, resource: str = TOOLS, **options: Any) -> Issued:
        request = ExchangeRequest(subject_token=UnverifiedToken(token), resource=resource, **options)
        return await self.exchange.exchange(request, self.now)

    def get(self, token: str, resource: str = TOOLS, **options: Any) -> Issued:
        return asyncio.run(self.ask(token, resource, **options))

    def pod_token(self, **changes: Any) -> str:
        return self.cluster.token(**changes)

    def registry_token(self) -> str:
        return self.get(self.people.token(), REGISTRY_AUDIENCE).access_token

    def introspect(self, token: str, bearer: str | None = None) -> Mapping[str, Any]:
        caller = bearer or self.registry_token()
        return asyncio.run(self.introspection.introspect(caller, token, self.now))

    def revoke(self, token: str) -> None:
        asyncio.run(self.revocation.revoke(token, self.now))

    def events(self) -> list[Any]:
        """Audit events, newest first."""
        with self.store.read() as unit:
            return [record.event for record in unit.audit.list(limit=1000)]

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def call(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        return asyncio.run(request(self.app, method, path, body, headers or {}))

    def form(self, path: str, headers: Mapping[str, str] | None = None, **fields: str) -> Reply:
        form = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        return self.call("POST", path, urlencode(fields).encode(), form)

    def exchange_form(self, token: str, resource: str = TOOLS, **fields: str) -> Reply:
        base = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": JWT, "resource": resource}
        return self.form("/oauth2/token", **{k: v for k, v in {**base, **fields}.items() if v is not None})


@contextmanager
def world_on(store: Any, folder: Path, *, registering: bool = False, public: str = "") -> Any:
    """A populated world, closed afterwards. `registering`: its operator lets clients register themselves."""
    world = World(store, folder, registering=registering, public=public)
    try:
        yield world.populate()
    finally:
        world.close()


def together(*coroutines: Coroutine[Any, Any, Any]) -> list[Any]:
    """Run coroutines at once; what each returned or raised."""

    async def gathered() -> list[Any]:
        return await asyncio.gather(*coroutines, return_exceptions=True)

    return asyncio.run(gathered())
