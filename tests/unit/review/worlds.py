"""A small organisation to review: one agent, one tool server, two grants, and the same as a stack declares it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from leasehold.model.calls import CallUses
from leasehold.model.credentials import CredentialProfile, Federation
from leasehold.model.deployments import Deployment
from leasehold.model.directory import Relation, Resource, User
from leasehold.model.events import AuditEvent, Outcome
from leasehold.model.exceptions import DriftException
from leasehold.model.grants import Ceiling, Grant, GrantSet
from leasehold.model.kinds import Kind
from leasehold.model.objects import Stored
from leasehold.model.people import Agent, Owner
from leasehold.model.pins import ToolPin
from leasehold.model.plain import plain
from leasehold.model.policies import Policy, PolicySide
from leasehold.model.principal import Role
from leasehold.model.records import AuditRecord, Version
from leasehold.model.tools import Action, Scope, Tool, ToolServer
from leasehold.model.trust import (
    GitHubActionsSubject,
    IssuerType,
    KubernetesSubject,
    OidcSubject,
    TrustIssuer,
    WorkloadBinding,
)
from leasehold.review.declared import RESOURCE_TYPES, Declared, DeclaredObject
from leasehold.review.drift import Picture, find_drift
from leasehold.review.handed_out import NOTHING_HANDED_OUT
from leasehold.review.outside import NOTHING_SEEN
from leasehold.review.plan_review import review_plan
from leasehold.review.worlds import live_picture

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
BORN = NOW - timedelta(days=30)
TOUCHED = NOW - timedelta(hours=8)
CI = "github-actions:ci-prod"
ALICE = "oidc:alice@example.com"

READ = Grant(agent="triage", tool_server="github", tools=frozenset({"read_file"}), resources=frozenset({"repo:web"}))
SCOPED = Grant(agent="triage", scope="issues")
OWNS = Relation(subject="user:ada", relation="owner", object="document:42")
DELETE = Grant(
    agent="triage", tool_server="github", tools=frozenset({"delete_branch"}), resources=frozenset({"repo:web"})
)


def organisation():
    """Every object of the organisation, by kind and name."""
    return {
        (Kind.OWNERS, "alice"): Owner(display_name="Alice", email="alice@example.com", team="payments"),
        (Kind.AGENTS, "triage"): Agent(owner="alice", review_by=date(2027, 3, 1), environment="production"),
        (Kind.TRUST_ISSUERS, "k8s-prod"): TrustIssuer(
            type=IssuerType.KUBERNETES,
            issuer="https://k8s.example.com",
            audiences=frozenset({"leasehold"}),
            jwks='{"keys": []}',
            single_use=True,
        ),
        (Kind.WORKLOAD_BINDINGS, "triage-k8s"): WorkloadBinding(
            trust_issuer="k8s-prod",
            agent="triage",
            kubernetes=KubernetesSubject(namespace="payments", service_account="triage", service_account_uid="u-1"),
        ),
        (Kind.TOOL_SERVERS, "github"): ToolServer(
            url="https://mcp.example.com/github",
            tools={
                "read_file": Tool(action=Action.READ),
                "create_issue": Tool(action=Action.WRITE),
                "delete_branch": Tool(action=Action.DELETE),
            },
        ),
        (Kind.SCOPES, "issues"): Scope(
            tool_server="github", tools=frozenset({"create_issue"}), resources=frozenset({"repo:web", "repo:api"})
        ),
        (Kind.SCOPES, "anything"): Scope(
            tool_server="github",
            tools=frozenset({"*"}),
            resources=frozenset({"repo:*"}),
            allow_wildcard=True,
            justification="upper bound",
        ),
        (Kind.CEILINGS, "payments"): Ceiling(principal="team:payments", scopes=frozenset({"anything"})),
        (Kind.GRANTS, READ.id): READ,
        (Kind.GRANTS, SCOPED.id): SCOPED,
        (Kind.GRANT_SETS, "triage"): GrantSet(grants=frozenset({READ.id, SCOPED.id})),
        (Kind.DEPLOYMENTS, "triage-prod"): Deployment(agent="triage", commit="abc123"),
        (Kind.CREDENTIAL_PROFILES, "vault"): CredentialProfile(
            agents=frozenset({"triage"}), federation=Federation(audience="https://vault.example.com")
        ),
        (Kind.POLICIES, "guards"): Policy(
            document='forbid(principal, action == Action::"github/delete_branch", resource);\n', side=PolicySide.AGENT
        ),
        (Kind.USERS, "ada"): User(ids=frozenset({"ada-at-idp"}), attributes={"eu": True}),
        (Kind.RESOURCES, "minutes"): Resource(type="document", foreign_id="42"),
        (Kind.RELATIONS, OWNS.id): OWNS,
        (Kind.DRIFT_EXCEPTIONS, "noise"): DriftException(
            fingerprint=f"sha256:{'0' * 64}", reason="known noise", expires_at=NOW + timedelta(days=3)
        ),
        (Kind.TOOL_PINS, "github"): ToolPin(
            surface='{"tools": [{"name": "read_file"}, {"name": "create_issue"}, {"name": "delete_branch"}]}',
            justification="read over",
        ),
    }


class Registry:
    """What lives, with its history; starts as the organisation, written by CI of stack `prod`."""

    def __init__(self):
        self.stored, self.versions, self.events = {}, {}, {}
        self.taken_leases, self.live_leases, self.baselines, self.seen = [], [], {}, {}
        self.handed_out, self.called = NOTHING_HANDED_OUT, []
        for (kind, name), spec in organisation().items():
            self.write(kind, name, spec, by=CI, at=BORN, stack="prod")

    def write(self, kind, name, spec, *, by=ALICE, at=TOUCHED, stack=None):
        before, by_stack = self.stored.get((kind, name)), stack
        stack = stack or (before.stack if before else None)
        past = self.versions.setdefault((kind, name), [])
        operation = "update" if before else "create"
        self.stored[kind, name] = Stored(
            kind=kind,
            name=name,
            revision=len(past) + 1,
            spec=spec,
            stack=stack,
            created_at=at,
            updated_at=at,
            updated_by=by,
        )
        past.append(_version(kind, name, len(past) + 1, operation, by, at, stack, plain(spec)))
        self._record(past[-1], by_stack)

    def change(self, kind, name, **changes):
        self.write(kind, name, replace(self.stored[kind, name].spec, **changes))

    def delete(self, kind, name, *, by=ALICE, at=TOUCHED):
        gone = self.stored.pop((kind, name))
        past = self.versions[kind, name]
        past.append(_version(kind, name, len(past) + 1, "delete", by, at, gone.stack, None))
        self._record(past[-1], None)

    def _record(self, version, stack):
        """The audit event of a write, with the lease of who wrote."""
        key = (version.kind.value, version.name)
        event = AuditEvent(
            at=version.at,
            principal=version.by,
            action=version.operation,
            kind=key[0],
            name=key[1],
            outcome=Outcome.OK,
            stack=stack,
            detail={"revision": version.revision, "lease": f"lease-of-{version.by}"},
        )
        sequence = sum(map(len, self.events.values())) + 1
        self.events.setdefault(key, []).insert(0, AuditRecord(sequence, event))

    def since(self, kind, name, revision):
        return [one for one in self.versions.get((kind, name), []) if one.revision >= revision]

    def histories(self, keys):
        return {key: self.versions[key] for key in keys if key in self.versions}

    def done(self, keys):
        return {key: self.events[key] for key in keys if key in self.events}

    def taken(self, agents, since):
        return [one for one in self.taken_leases if one.agent in set(agents) and one.last_at >= since]

    uses = taken

    def live(self, agents, now):  # noqa: ARG002  the port's signature
        return [one for one in self.live_leases if one.agent in set(agents)]

    def calls(self, since, limit=None):  # noqa: ARG002  the port's signature
        return CallUses(tuple(self.called), since)

    def find_all(self, profiles):
        return {name: self.baselines[name] for name in profiles if name in self.baselines}

    def latest(self, servers):
        return {name: self.seen[name] for name in servers if name in self.seen}

    def shared(self):
        return self.handed_out.connections

    def every(self):
        """Promotions and clients; the doors' store has none."""
        return ()

    def picture(self, declared, outside=NOTHING_SEEN, now=NOW):
        return Picture(
            declared, live_picture(self.stored.values(), 42, now), self, self, outside, self.seen, self.handed_out
        )


def _version(kind, name, revision, operation, by, at, stack, spec):  # noqa: PLR0917  a row
    return Version(kind=kind, name=name, revision=revision, operation=operation, by=by, at=at, stack=stack, spec=spec)


def declare(objects=None, stack="prod", **more):
    """The organisation, or other objects, as one stack declares them."""
    objects = organisation() if objects is None else objects
    return Declared(
        stacks=frozenset({stack}),
        objects=tuple(
            DeclaredObject(kind, name, spec, f"{RESOURCE_TYPES[kind]}.{name.replace('/', '_')}", stack)
            for (kind, name), spec in objects.items()
        ),
        **more,
    )


def drift(registry, declared=None):
    return find_drift(registry.picture(declared or declare()))


def review(registry, declared):
    return review_plan(registry.picture(declared))


def only(report):
    """The one finding of a report."""
    assert len(report.findings) == 1, [f.sentence for f in report.findings]
    return report.findings[0]


def role_binding(role=Role.SECURITY_ADMIN):
    return WorkloadBinding(trust_issuer="k8s-prod", role=role, oidc=OidcSubject(subject="mallory"))


def github_binding(**pins):
    subject = GitHubActionsSubject(repository_id="1", repository_owner_id="2", **pins)
    return WorkloadBinding(trust_issuer="gh", agent="triage", github_actions=subject)
