"""Whatever order, defaults and spelling a read comes back in, a plan of what is declared shows no change.

Real protocol handlers, and a registry that stores what it is sent in the model's own plain form and then answers with
every set shuffled, every moment in another zone and every default filled in.
"""

import json
import random
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import unquote

import pytest
from pydantic import TypeAdapter
from tests.fakes.provider_host import Terraform

from leasehold.model.kinds import Kind
from leasehold.model.objects import SPECS
from leasehold.model.plain import plain, rfc3339
from leasehold_provider.client import Answer

ADAPTERS = {kind.value: TypeAdapter(SPECS[kind]) for kind in Kind}
ROUNDS = 1_000
MOMENT = datetime(2030, 1, 1, tzinfo=UTC)


class ShufflingRegistry:
    """Keeps objects; never answers twice in the same order."""

    def __init__(self, seed):
        self.random = random.Random(seed)  # noqa: S311 -- replayable, not secret
        self.objects = {}

    def send(self, method, path, *, headers=None, body=None, timeout=0):  # noqa: ARG002 -- as HttpClient
        _, _, kind, *name = unquote(path).split("?")[0].split("/", 3)
        if method == "POST":
            return _answer(200, {"policies": [{"name": "p", "problems": []}]})
        if method == "PUT":
            return self._put(kind, name[0], json.loads(body))
        if kind == "snapshot":
            found = [self._shuffled(one) for one in self.objects.values()]
            return _answer(200, {"objects": {k: [one for one in found if one["kind"] == k] for k in ADAPTERS}})
        if not name:
            return _answer(200, {"items": [], "next_cursor": None})
        live = self.objects.get((kind, name[0]))
        return _answer(404, {}) if live is None else _answer(200, self._shuffled(live))

    def _put(self, kind, name, spec):
        spec.pop("seen", None)
        stored = plain(ADAPTERS[kind].validate_json(json.dumps(spec)))
        live = {"kind": kind, "name": name, "revision": 1, "managed_by": "prod", **stored}
        if kind == "deployments":
            live["epoch"] = 1
        if kind == "grant-sets":
            live["live_grants"] = stored["grants"]
        self.objects[kind, name] = live
        return _answer(201, self._shuffled(live))

    def _shuffled(self, value):
        if isinstance(value, dict):
            items = list(value.items())
            self.random.shuffle(items)
            return {key: self._shuffled(item) for key, item in items}
        if isinstance(value, list):
            return self.random.sample([self._shuffled(item) for item in value], len(value))
        if isinstance(value, str) and value.endswith("Z") and value.startswith("20"):
            zone = timezone(timedelta(minutes=self.random.randrange(-720, 720)))
            return datetime.fromisoformat(value).astimezone(zone).isoformat()
        return value

    def close(self):
        """Nothing is open."""


def _answer(status, body):
    return Answer(status, {}, json.dumps(body).encode())


def _some(rnd, values, least=0):
    chosen = rnd.sample(values, rnd.randint(least, len(values)))
    rnd.shuffle(chosen)
    return chosen


def _moment(rnd):
    zone = timezone(timedelta(minutes=rnd.randrange(-720, 720)))
    moment = MOMENT + timedelta(seconds=rnd.randrange(10**8))
    return rnd.choice([moment.astimezone(zone).isoformat(), rfc3339(moment)])


def _maybe(rnd, **values):
    """Leave each value out half of the time, so that its default has to come back."""
    return {name: value for name, value in values.items() if rnd.random() < 0.5}


def _owner(rnd):
    base = {"name": "a", "display_name": "Ä", "email": "a@example.com", "team": "t"}
    return {**base, **_maybe(rnd, state="active")}


def _agent(rnd):
    optional = _maybe(rnd, description="", environment="prod", max_ttl=300, state="active")
    return {"name": "a", "owner": "o", "review_by": "2030-01-01", **optional}


def _issuer(rnd):
    keys = json.dumps({"keys": [{"kty": "EC", "crv": "P-256"}]}, indent=rnd.choice([None, 2]))
    optional = _maybe(rnd, algorithms=_some(rnd, ["RS256", "RS512", "PS256"], 1), jwks=keys, single_use=False)
    audiences = _some(rnd, ["a", "b", "c", "d"], 1)
    return {"name": "i", "type": "oidc", "issuer": "https://x.example.com", "audiences": audiences, **optional}


def _binding(rnd):
    subject = rnd.choice(
        [
            {"oidc": {"subject": "s"}},
            {
                "kubernetes": {
                    "namespace": "n",
                    "service_account": "s",
                    **rnd.choice([{"service_account_uid": "u"}, {"any_uid": True}]),
                }
            },
            {
                "github_actions": {
                    "repository_id": "1",
                    "repository_owner_id": "2",
                    "ref": "r",
                    **_maybe(rnd, environment="e"),
                }
            },
        ]
    )
    role = rnd.choice(
        [{"role": "developer", "teams": _some(rnd, ["x", "y", "z"], 1)}, {"agent": "a"}, {"role": "viewer"}]
    )
    return {"name": "b", "trust_issuer": "i", **subject, **role}


def _server(rnd):
    hints = {"title": "T", **_maybe(rnd, read_only_hint=False)}
    tools = {
        name: {"action": "read", **_maybe(rnd, description="", input_schema=_schema_text(rnd), annotations=hints)}
        for name in _some(rnd, ["a", "b.c", "d-e", "f"])
    }
    return {"name": "s", "url": "https://x.example.com", "tools": tools, **_maybe(rnd, description="d")}


def _schema_text(rnd):
    schema = {"type": "object", "properties": {"b": {"maximum": 50.5}, "a": {"type": "string"}}, "required": ["b"]}
    return json.dumps(schema, indent=rnd.choice([None, 2]), sort_keys=rnd.random() < 0.5)


def _policy(rnd):
    call = {"agent": "a", "tool_server": "s", "tool": "t", **_maybe(rnd, arguments='{"b": [1, 2], "a": 1.50}')}
    foreign = {
        "subject": "user:é",
        "action": "read",
        "resource": "d:1",
        **_maybe(rnd, context="{}", properties='{"o": 1}'),
    }
    made = rnd.choice([{}, {"allow": []}, {"deny": [call, foreign]}, {"allow": [foreign], "deny": [call, call]}])
    optional = _maybe(rnd, mode="enforce", permits="within_grants", description="", assertions=made)
    return {"name": "p", "document": "forbid(principal, action, resource);\n", "side": "user", **optional}


def _typed(rnd):
    every = {"eu": True, "one": 1, "text": "1", "labels": ["b", "a", "c"], "limit": {"decimal": "50.20"}, "none": None}
    return {"attributes": rnd.choice([{}, _maybe(rnd, **every), every])}


def _user(rnd):
    sets = {"ids": _some(rnd, ["a", "é b", "c"], 1), **_maybe(rnd, roles=_some(rnd, ["x", "y", "z"]), type="user")}
    return {"name": "u", **sets, **_maybe(rnd, email="a@example.com", **_typed(rnd))}


def _resource(rnd):
    optional = _maybe(rnd, parents=_some(rnd, ["f:1", "f:2", "f:3"]), **_typed(rnd))
    return {"name": "r", "type": "document", "foreign_id": "4/2", **optional}


def _relation(rnd):
    return {"subject": "user:é", "relation": "owner", "object": "d:1", **_maybe(rnd, through="member")}


def _limits(rnd):
    """Constraints in any form, numbers in any spelling."""
    number = rnd.choice([50, 50.0, 0.1, -0.0, 1e15, 1e-9, Decimal("49.5"), 10**14])
    forms = [
        {"max": number},
        {"min": -1, "max": 1e15},
        {"numbers": _some(rnd, [1, 2.5, 3, number], 1)},
        {"one_of": _some(rnd, ["EUR", "", "50", "é"], 1)},
        {"prefixes": _some(rnd, ["sales_", "finance_"], 1)},
        {"globs": _some(rnd, ["a*", "*b", "c"], 1)},
        {"boolean": rnd.random() < 0.5},
    ]
    return {name: rnd.choice(forms) for name in _some(rnd, ["amount", "table", "é b"])}


def _scope(rnd):
    sets = {"tools": _some(rnd, ["a", "b", "c"], 1), "resources": _some(rnd, ["r:1", "r:2", "r:3"], 1)}
    return {
        "name": "s",
        "tool_server": "s",
        **sets,
        **_maybe(rnd, allow_wildcard=False, justification="", description="", constraints=_limits(rnd)),
    }


def _ceiling(rnd):
    return {
        "name": "c",
        "principal": "organization",
        "scopes": _some(rnd, ["a", "b", "c"]),
        **_maybe(rnd, max_ttl=60, dpop="off"),
    }


def _grant(rnd):
    scoped = {"scope": "s", **_maybe(rnd, resources=_some(rnd, ["r:1", "r:2"]), tools=[])}
    sets = {"tools": _some(rnd, ["a", "b", "c"], 1), "resources": _some(rnd, ["r:1", "r:2", "r:3"], 1)}
    target = rnd.choice([scoped, {"tool_server": "s", **sets}])
    optional = _maybe(rnd, justification="", allow_wildcard=False, constraints=_limits(rnd))
    return {"agent": "a", **target, **optional, **_maybe(rnd, expires_at=_moment(rnd))}


def _claim(rnd):
    return {"agent": "a", "grants": _some(rnd, ["a/x", "a/y", "a/z"])}


def _deployment(rnd):
    return {"name": "d", "agent": "a", **_maybe(rnd, expires_at=_moment(rnd), commit="", workload="w", run_url="")}


def _profile(rnd):
    aws = {
        "role_arn": "arn:aws:iam::123456789012:role/r",
        "region": "eu-central-1",
        **_maybe(rnd, tags={"b": "1", "a": "2"}),
    }
    login = {
        "dsn": "d",
        "roles": _some(rnd, ["x", "y", "z"], 1),
        **rnd.choice([{}, {"schema": "s", "privileges": ["update", "select"]}]),
    }
    token = {"app_id": "1", "installation_id": "2", "private_key": "k", "repositories": _some(rnd, ["w", "a"], 1)}
    targets = [{"aws": aws}, {"postgresql": login}, {"github_app": {**token, "permissions": {"issues": "read"}}}]
    target = rnd.choice([*targets, {"federation": {"audience": "a", **_maybe(rnd, token_ttl=300)}}])
    return {"name": "p", "agents": _some(rnd, ["a", "b", "c"]), **target, **_maybe(rnd, max_ttl=300, description="")}


def _exception(rnd):
    return {"name": "x", "fingerprint": f"sha256:{'a' * 64}", "reason": "known", "expires_at": _moment(rnd)}


def _pin(rnd):
    tools = [
        {"name": name, "inputSchema": {"properties": {"n": {"maximum": rnd.choice([1, 1.5, True, "1"])}}}}
        for name in _some(rnd, ["a", "b", "c"])
    ]
    return {
        "tool_server": "s",
        "surface": json.dumps({**_maybe(rnd, instructions="Be br\u00ef\u202eef."), "tools": tools}),
        "justification": "read over",
    }


MAKERS = {
    "leasehold_owner": _owner, "leasehold_agent": _agent, "leasehold_trust_issuer": _issuer,
    "leasehold_workload_binding": _binding, "leasehold_tool_server": _server, "leasehold_scope": _scope,
    "leasehold_ceiling": _ceiling, "leasehold_grant": _grant, "leasehold_agent_grants_exclusive": _claim,
    "leasehold_deployment": _deployment, "leasehold_credential_profile": _profile,
    "leasehold_policy": _policy, "leasehold_user": _user, "leasehold_resource": _resource,
    "leasehold_relation": _relation, "leasehold_drift_exception": _exception, "leasehold_tool_pin": _pin,
}  # fmt: skip


def _reorder(rnd, value):
    """Write the same configuration in another order, times and JSON texts in another spelling."""
    if isinstance(value, dict):
        if value.keys() == {"prefixes"}:
            value = {"globs": [f"{prefix}*" for prefix in value["prefixes"]]}
        return {key: _reorder(rnd, item) for key, item in rnd.sample(list(value.items()), len(value))}
    if isinstance(value, list):
        return rnd.sample([_reorder(rnd, item) for item in value], len(value))
    if type(value) in (int, float):
        return rnd.choice([value, Decimal(repr(value))])
    if isinstance(value, str) and value.startswith("20") and "T" in value:
        return rfc3339(datetime.fromisoformat(value))
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(json.loads(value), indent=4, sort_keys=True)
    return value


@pytest.mark.parametrize("type_name", MAKERS)
def test_no_shuffled_defaulted_or_respelled_read_is_a_change(type_name):
    for seed in range(ROUNDS // len(MAKERS)):
        rnd = random.Random(seed)  # noqa: S311 -- replayable, not secret
        config = MAKERS[type_name](rnd)
        registry = ShufflingRegistry(seed)
        first = Terraform(registry)
        assert first.validate(type_name, config).errors == []
        planned = first.plan(type_name, config)
        state = first.apply(type_name, config, planned.state, None).ok()
        for name, value in planned.state.items():
            assert name in {"id", "revision", "epoch", "revokes", "digest"} or state[name] == value, (name, config)

        second = Terraform(registry)
        refreshed = second.read(type_name, state).ok()
        assert refreshed == state, config
        for again in (config, _reorder(rnd, config)):
            outcome = second.plan(type_name, again, refreshed)
            assert (outcome.state, outcome.requires_replace) == (refreshed, []), again
