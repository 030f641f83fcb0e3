"""Terraform's documents, written as Terraform writes them, and a registry behind a transport without sockets."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import httpx
from tests.unit.review.worlds import NOW, organisation

from leasehold.cli.main import run
from leasehold.cli.session import Session
from leasehold.model.kinds import Kind
from leasehold.model.plain import plain
from leasehold.review.declared import NAMED_AFTER, RESOURCE_TYPES
from leasehold.review.gate.receipts import TTL, Receipt
from leasehold.review.gate.rules import Verdict
from leasehold.review.reviews import Reviews
from leasehold.web.declarations import parse_plan
from leasehold.web.review_routes import _adapter

_COMPUTED = {
    Kind.GRANT_SETS: {"revokes": []},
    Kind.DEPLOYMENTS: {"epoch": 1},
    Kind.TOOL_PINS: {"digest": f"sha256:{'0' * 64}"},
}
PROVIDER = "registry.terraform.io/leasehold/leasehold"


def resources(objects=None):
    """(type, label, values) of every object, as the provider keeps them."""
    for (kind, name), spec in (objects or organisation()).items():
        values = {"id": name, "revision": 1, **plain(spec)}
        values |= {NAMED_AFTER.get(kind, "name"): name, **_COMPUTED.get(kind, {})}
        yield RESOURCE_TYPES[kind], "".join(c if c.isalnum() else "_" for c in name), values


def state_file(objects=None, **more):
    """A terraform.tfstate, version 4."""
    return {
        "version": 4,
        "terraform_version": "1.15.5",
        "resources": [
            {
                "mode": "managed",
                "type": type_name,
                "name": label,
                "provider": f'provider["{PROVIDER}"]',
                "instances": [{"attributes": _wrapped(values), "sensitive_attributes": []}],
            }
            for type_name, label, values in resources(objects)
        ],
        **more,
    }


def _wrapped(values):
    """A state file keeps an attribute of any type beside its type."""
    if isinstance(values.get("attributes"), dict):
        return {**values, "attributes": {"type": ["object", {}], "value": values["attributes"]}}
    return values


def module(objects=None):
    """A root module of `terraform show -json`, with a child module that holds every second resource."""
    rows = [
        {
            "address": f"{type_name}.{label}",
            "mode": "managed",
            "type": type_name,
            "name": label,
            "provider_name": PROVIDER,
            "values": values,
            "sensitive_values": {},
        }
        for type_name, label, values in resources(objects)
    ]
    child = [{**row, "address": f"module.app.{row['address']}"} for row in rows[1::2]]
    return {"resources": rows[::2], "child_modules": [{"address": "module.app", "resources": child}]}


def shown_state(objects=None):
    return {"format_version": "1.0", "values": {"root_module": module(objects)}}


def shown_plan(objects=None, *, was=None, **more):
    """A plan as JSON, from all of `was` (the organisation) to these objects: what is not among them is deleted."""
    changes = [*deletions(was or organisation(), objects or organisation()), *more.pop("resource_changes", ())]
    return {
        "format_version": "1.2",
        "planned_values": {"root_module": module(objects)},
        "resource_changes": changes,
        **more,
    }


def deletions(was, now):
    """The changes of a plan that takes away what is not there any more."""
    gone = {key: spec for key, spec in was.items() if key not in now}
    for type_name, label, values in resources(gone) if gone else ():
        change = {"actions": ["delete"], "before": values, "after": None}
        yield {"address": f"{type_name}.{label}", "type": type_name, "provider_name": PROVIDER, "change": change}


class Backend:
    """Answers like the registry's review doors, and remembers what it was asked."""

    def __init__(self, store, approved_by=None):
        self.reviews, self.seen, self.approved_by = Reviews(store), [], approved_by

    def __call__(self, request):
        self.seen.append(request)
        if request.url.path == "/oauth2/token":
            return httpx.Response(200, json={"access_token": "exchanged", "expires_in": 300, "lease": "l-1"})
        plans = parse_plan(json.loads(request.content))
        declared = plans.declared
        if request.url.path == "/v1/drift":
            return _json("drift", self.reviews.drift(declared, NOW))
        review = self.reviews.plan(declared, NOW, base=plans.base)
        return _json("plan-review", replace(review, receipt=receipt_of(review, self.approved_by)))


def receipt_of(review, approved_by=None):
    """What the registry would sign, of a stack that the rules hold to receipts."""
    return Receipt(
        id=f"r_{'0' * 32}",
        verdict=review.gate.verdict,
        granted=review.gate.verdict is Verdict.AUTO or approved_by is not None,
        approved_by=approved_by,
        expires_at=NOW + TTL,
        token="s1gned.r3ceipt.t0ken",
        required=True,
    )


def _json(name, report):
    return httpx.Response(200, content=_adapter(name).dump_json(report, by_alias=True))


def leasehold(*arguments, answer, environ=None, width=100):
    """Run the command line; (exit code, stdout, stderr)."""
    out, err = io.StringIO(), io.StringIO()
    environment = {"LEASEHOLD_TOKEN": "t0ken-s3cret", **(environ or {})}
    session = Session(environment, out, err, httpx.MockTransport(answer), width)
    return run([str(one) for one in arguments], session), out.getvalue(), err.getvalue()
