"""The commands that write: what they send, and what they say."""

from __future__ import annotations

import json
from urllib.parse import parse_qs

import httpx
import pytest
from tests.unit.cli.terraform import leasehold

GRANT = {
    "kind": "grants",
    "name": "triage/github.read_file@repo:web",
    "revision": 3,
    "created_at": "2026-11-01T00:00:00Z",
    "updated_at": "2026-11-01T00:00:00Z",
    "updated_by": "ci",
    "stack": None,
    "managed_by": None,
    "agent": "triage",
    "tool_server": "github",
    "tools": ["read_file"],
    "resources": ["repo:web"],
    "expired": False,
}
PATH = "/v1/grants/triage%2Fgithub.read_file%40repo%3Aweb"


class Objects:
    """One live object, or none, and what was written."""

    def __init__(self, live=GRANT):
        self.live, self.seen = live, []

    def __call__(self, request):
        self.seen.append(request)
        if request.method == "GET" and self.live is None:
            return httpx.Response(404, json={"code": "not_found", "detail": "no grant"})
        if request.method == "GET":
            return httpx.Response(200, json=self.live, headers={"etag": f'"{self.live["revision"]}"'})
        if request.method == "DELETE":
            return httpx.Response(204)
        return httpx.Response(200, json={**GRANT, **json.loads(request.content), "revision": 4})


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "grant.json"
    path.write_text(json.dumps({"agent": "triage", "scope": "issues"}))
    return path


def raw_path(request):
    return request.url.raw_path.decode()


def test_a_name_is_sent_as_one_segment():
    objects = Objects()
    code, out, _ = leasehold("object", "get", "grants", GRANT["name"], answer=objects)
    assert (code, raw_path(objects.seen[0])) == (0, PATH)
    assert "read_file" in out


def test_a_new_object_is_created_only_if_there_is_none(spec):
    objects = Objects(live=None)
    code, out, err = leasehold("object", "put", "grants", GRANT["name"], "--file", spec, answer=objects)
    assert (code, err) == (0, "")
    assert objects.seen[1].headers["if-none-match"] == "*"
    assert "is now at revision 4" in out


def test_an_object_is_replaced_only_as_it_was_seen_and_the_change_is_shown_first(spec):
    objects = Objects()
    code, out, err = leasehold("object", "put", "grants", GRANT["name"], "--file", spec, "--json", answer=objects)
    assert code == 0
    assert objects.seen[1].headers["if-match"] == '"3"'
    assert "scope: None -> issues" in err
    assert json.loads(out)["revision"] == 4


def test_what_get_shows_can_be_put_back(tmp_path):
    path = tmp_path / "grant.json"
    path.write_text(json.dumps(GRANT))
    objects = Objects()
    assert leasehold("object", "put", "grants", GRANT["name"], "--file", path, answer=objects)[0] == 0
    assert json.loads(objects.seen[1].content) == {
        "agent": "triage",
        "tool_server": "github",
        "tools": ["read_file"],
        "resources": ["repo:web"],
    }


def test_the_stack_of_a_role_binding_is_its_own_and_stays(tmp_path):
    path = tmp_path / "binding.json"
    path.write_text(json.dumps({"name": "ci", "revision": 1, "managed_by": None, "stack": "prod", "role": "viewer"}))
    objects = Objects(live=None)
    leasehold("object", "put", "workload-bindings", "ci", "--file", path, answer=objects)
    assert json.loads(objects.seen[1].content) == {"stack": "prod", "role": "viewer"}


def test_a_deletion_names_the_revision_that_was_seen():
    objects = Objects()
    code, out, err = leasehold("object", "delete", "grants", GRANT["name"], answer=objects)
    assert code == 0
    assert objects.seen[1].headers["if-match"] == '"3"'
    assert "at revision 3" in err
    assert "is deleted" in out


def test_a_list_goes_through_all_pages():
    seen = []

    def answer(request):
        seen.append(dict(request.url.params))
        last = request.url.params.get("cursor") == "next"
        return httpx.Response(200, json={"items": [GRANT], "next_cursor": None if last else "next"})

    code, out, _ = leasehold("object", "list", "grants", "--agent", "triage", "--unmanaged", "--json", answer=answer)
    assert (code, len(json.loads(out)["items"])) == (0, 2)
    assert seen[0] == {"agent": "triage", "managed": "false", "limit": "500"}
    assert seen[1]["cursor"] == "next"


def test_a_list_shows_who_manages_what():
    pages = {"items": [GRANT, {**GRANT, "managed_by": "prod"}], "next_cursor": None}
    _, out, _ = leasehold("object", "list", "grants", answer=lambda _: httpx.Response(200, json=pages))
    assert out == f"{GRANT['name']}  r3  by hand\n{GRANT['name']}  r3  stack prod\n"


@pytest.mark.parametrize(("content", "said"), [("{", "is not JSON"), ("[]", "is not a JSON object")])
def test_a_file_that_holds_no_object_is_refused_before_anything_is_sent(tmp_path, content, said):
    path = tmp_path / "x.json"
    path.write_text(content)
    objects = Objects()
    code, _, err = leasehold("object", "put", "grants", "x", "--file", path, answer=objects)
    assert (code, objects.seen) == (1, [])
    assert said in err


def test_a_revocation_sends_node_and_reason():
    seen = []

    def answer(request):
        seen.append(json.loads(request.content))
        return httpx.Response(200, json={"node": "agent:triage", "generation": 2, "at": "2026-11-22T06:00:00Z"})

    code, out, _ = leasehold("revoke", "agent:triage", "--reason", "leaked", answer=answer)
    assert (code, seen) == (0, [{"node": "agent:triage", "reason": "leaked"}])
    assert out == "agent:triage is revoked since 2026-11-22T06:00:00Z\n"


def test_a_revocation_without_a_reason_is_not_sent():
    code, _, err = leasehold("revoke", "agent:triage", answer=lambda _: httpx.Response(500))
    assert code == 1
    assert "--reason" in err


def test_bootstrap_presents_the_one_time_token_and_not_our_own(tmp_path):
    body, token = tmp_path / "bootstrap.json", tmp_path / "token"
    body.write_text('{"trust_issuer": {"name": "ci"}, "workload_bindings": []}')
    token.write_text("lhb_once\n")
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(201, json={"trust_issuer": {}, "workload_bindings": []})

    code, out, err = leasehold("bootstrap", "--file", body, "--token-file", token, answer=answer)
    assert code == 0
    assert seen[0].headers["authorization"] == "Bearer lhb_once"
    assert "lhb_once" not in out + err


def token_file(tmp_path):
    path = tmp_path / "t.jwt"
    path.write_text("a.b.c")
    return path


def test_an_exchange_writes_the_token_alone_to_stdout(tmp_path):
    seen = []

    def answer(request):
        seen.append({key: value for key, (value,) in parse_qs(request.content.decode()).items()})
        return httpx.Response(
            200, json={"access_token": "x.y.z", "expires_in": 300, "scope": "mcp:tool:read_file:read", "lease": "l-1"}
        )

    code, out, err = leasehold(
        "token",
        "exchange",
        "--subject-token-file",
        token_file(tmp_path),
        "--resource",
        "https://mcp.example.com/github",
        "--client-id",
        "triage",
        answer=answer,
        environ={"LEASEHOLD_STACK": "prod"},
    )
    assert (code, out) == (0, "x.y.z\n")
    assert "mcp:tool:read_file:read, for 300 s" in err
    assert seen[0]["resource"] == "https://mcp.example.com/github"
    assert seen[0]["client_id"] == "triage"
    assert "stack" not in seen[0], "a stack belongs to registry tokens"


def test_a_dead_token_is_told_as_dead(tmp_path):
    _, out, _ = leasehold(
        "token",
        "introspect",
        "--token-file",
        token_file(tmp_path),
        answer=lambda _: httpx.Response(200, json={"active": False}),
    )
    assert out == "dead\n"


def test_a_live_token_is_told_with_its_claims_and_without_itself(tmp_path):
    answer = {"active": True, "sub": "agent:triage", "scope": "mcp:tool:read_file:read"}
    _, out, err = leasehold(
        "token",
        "introspect",
        "--token-file",
        token_file(tmp_path),
        answer=lambda _: httpx.Response(200, json=answer),
    )
    assert out == "alive\nsub  agent:triage\nscope  mcp:tool:read_file:read\n"
    assert "a.b.c" not in out + err


SIMULATED = {
    "trust_issuer": "ci",
    "issuer_type": "gitlab",
    "signature": True,
    "audience": True,
    "time": False,
    "proposes": True,
    "flaws": ["expired"],
    "bindings": [
        {
            "name": "deploy",
            "agent": None,
            "role": "developer",
            "matches": False,
            "failed": [{"claim": "ref_path", "expected": "refs/heads/main", "found": "another text of 8 characters"}],
            "mutable": ["ref_path"],
            "advice": None,
        }
    ],
}


def test_a_simulation_tells_each_check_and_what_each_binding_misses(tmp_path):
    seen = []

    def answer(request):
        seen.append((request.url.path, json.loads(request.content)))
        return httpx.Response(200, json=SIMULATED)

    path = token_file(tmp_path)
    code, out, err = leasehold("token", "simulate", "--token-file", path, answer=answer)

    assert code == 0
    assert seen == [("/v1/trust-issuers:simulate", {"token": "a.b.c"})]
    for line in (
        "signature  holds",
        "time  FAILS",
        "refused  expired",
        "no match  deploy -> role developer",
        "  ref_path: bound to refs/heads/main, the token has another text of 8 characters",
        "  names that others may be given later: ref_path",
    ):
        assert line in out.splitlines()
    assert "a.b.c" not in out + err


def test_a_token_of_nobody_we_trust_is_told_so(tmp_path):
    unknown = {**SIMULATED, "trust_issuer": None, "flaws": ["unknown_issuer"], "bindings": []}
    _, out, _ = leasehold(
        "token",
        "simulate",
        "--token-file",
        token_file(tmp_path),
        answer=lambda _: httpx.Response(200, json=unknown),
    )
    assert out == "no trust issuer takes this token: unknown_issuer\n"


def test_nobody_reads_that_a_lease_was_revoked_which_nobody_knows():
    answer = {"node": "lease:8Zk3", "generation": 0, "at": "2026-11-22T06:00:00Z"}
    _, out, _ = leasehold(
        "revoke", "lease:8Zk3", "--reason", "leaked", answer=lambda _: httpx.Response(200, json=answer)
    )
    assert out == "no lease:8Zk3 is known here: nothing was ended\n"


def test_whoever_holds_a_token_may_revoke_it(tmp_path):
    seen = []

    def answer(request):
        seen.append(request)
        return httpx.Response(200)

    code, out, _ = leasehold("token", "revoke", "--token-file", token_file(tmp_path), answer=answer)
    assert (code, out) == (0, "the token is dead\n")
    assert "authorization" not in seen[0].headers


def test_a_version_is_told_without_a_registry():
    code, out, _ = leasehold("version", "--json", answer=lambda _: httpx.Response(500))
    assert code == 0
    assert json.loads(out)["version"]
