"""Bodies and names that are wrong in one way each. None of them reaches a use case, none breaks the server."""

import json

import pytest
from tests.fakes.registry import AGENT, GRANT, ISSUER, OWNER, SCOPE, SERVER, RegistryClient, furnished, path

TEXT = json.dumps(OWNER)
MALFORMED = {
    "empty": b"",
    "half": b'{"display_name": "A',
    "no JSON": b"display_name=A",
    "trailing": TEXT.encode() + b"}",
    "two objects": TEXT.encode() * 2,
    "an array": b"[]",
    "null": b"null",
    "a string": b'"owner"',
    "NaN": b'{"display_name": NaN}',
    "Infinity": b'{"display_name": -Infinity}',
    "a comment": b'{/* */"display_name": "A"}',
    "single quotes": b"{'display_name': 'A'}",
    "a byte order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "UTF-16": TEXT.encode("utf-16"),
    "Latin-1": '{"display_name": "Ahlström"}'.encode("latin-1"),
    "an overlong character": b'{"display_name": "\xc0\xae"}',
    "a lone surrogate": b'{"display_name": "\\ud800", "email": "a@b.co", "team": "t"}',
    "a lone surrogate as key": b'{"\\ud800": 1}',
    "a duplicate key": b'{"team": "payments", "team": "marketing"}',
    "a duplicate key inside": b'{"x": {"team": 1, "te\\u0061m": 2}}',
    "a nesting bomb": b'{"x":' * 100_000,
    "a nest that Python can just read": b'{"x":' + b"[" * 800 + b"]" * 800 + b"}",
    "a nest of objects": b'{"x":' * 500 + b"1" + b"}" * 500,
    "a nest over the limit": b'{"x":' + b"[" * 64 + b"]" * 64 + b"}",
    "an array bomb": b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a huge integer": b'{"display_name": ' + b"9" * 5000 + b"}",
    "an integer over 64 bits": b'{"display_name": 18446744073709551616}',
}
NAMES = [
    "../owners",
    "..%2fowners",
    "a/b",
    "A",
    "-a",
    "a-",
    "ａ",
    "а",
    "a\u200bb",
    "a\u202eb",
    "a b",
    "a\x00",
    "a\n",
    "*",
]
NAMES += ["", "a" * 64, "é", "a%00", "\U0001f600", "a;b", "a'--", "%", "a?b", "a#b"]


@pytest.fixture
def registry() -> RegistryClient:
    return furnished()


def put(registry, content, content_type="application/json", **headers):
    sent = {"If-None-Match": "*", "Content-Type": content_type, **headers}
    return registry.send("PUT", path("owners", "bob"), content=content, headers=sent)


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_json_object_is_refused(registry, content):
    answer = put(registry, content)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json"), answer.text
    assert len(answer.content) < 500
    assert registry.get("owners", "bob").status_code == 404


@pytest.mark.parametrize("kind", ["text/plain", "", "application/x-www-form-urlencoded", "application/jsonx", "*/*"])
def test_another_media_type_is_refused(registry, kind):
    assert put(registry, TEXT, kind).json()["code"] == "unsupported_media_type"


def test_a_compressed_body_is_refused(registry):
    assert put(registry, TEXT, **{"Content-Encoding": "gzip"}).status_code == 415


def test_json_with_a_charset_is_json(registry):
    assert put(registry, TEXT, "Application/JSON; charset=utf-8").status_code == 201


def test_a_body_over_the_limit_is_refused_and_one_at_the_limit_is_read(registry):
    limit = 1024 * 1024
    assert put(registry, TEXT.ljust(limit + 1)).json()["code"] == "too_large"
    assert put(registry, TEXT.ljust(limit)).status_code == 201


def test_a_body_that_never_ends_is_refused_without_being_kept(registry):
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 65_536
            yield b" " * 65_536

    assert put(registry, endless()).status_code == 413
    assert sent < 3 * 1024 * 1024


WRONG = [
    ("owners", "bob", {**OWNER, "colour": "red"}, "colour", "is not a field of this object"),
    ("owners", "bob", {**OWNER, "kind": "owners"}, "kind", "is not a field of this object"),
    ("owners", "bob", {**OWNER, "revision": 1}, "revision", "is not a field of this object"),
    ("owners", "bob", {k: v for k, v in OWNER.items() if k != "team"}, "team", "is required"),
    ("owners", "bob", {**OWNER, "team": 7}, "team", None),
    ("owners", "bob", {**OWNER, "team": None}, "team", None),
    ("owners", "bob", {**OWNER, "team": ["t"]}, "team", None),
    ("owners", "bob", {**OWNER, "state": "Active"}, "state", None),
    ("owners", "bob", {**OWNER, "email": "alice"}, "", None),
    ("owners", "bob", {**OWNER, "display_name": "a\u202eb"}, "", None),
    ("owners", "bob", {**OWNER, "display_name": "a\x00b"}, "", None),
    ("owners", "bob", {**OWNER, "display_name": "x" * 70_000}, "display_name", None),
    ("agents", "bot", {**AGENT, "max_ttl": "300"}, "max_ttl", None),
    ("agents", "bot", {**AGENT, "max_ttl": True}, "max_ttl", None),
    ("agents", "bot", {**AGENT, "max_ttl": 300.0}, "max_ttl", None),
    ("agents", "bot", {**AGENT, "max_ttl": 301}, "", None),
    ("agents", "bot", {**AGENT, "review_by": "01.05.2027"}, "review_by", None),
    ("agents", "bot", {**AGENT, "review_by": 1809129600}, "review_by", None),
    ("agents", "bot", {**AGENT, "review_by": "2027-02-30"}, "review_by", None),
    ("tool-servers", "s", {**SERVER, "tools": {"t": {"action": "READ"}}}, "tools.t.action", None),
    ("tool-servers", "s", {**SERVER, "tools": {"t": {"action": "read", "x": 1}}}, "tools.t.x", None),
    ("tool-servers", "s", {**SERVER, "tools": {"a/b": {"action": "read"}}}, "", None),
    ("tool-servers", "s", {**SERVER, "tools": ["read_file"]}, "tools", None),
    ("tool-servers", "s", {**SERVER, "url": "javascript:alert(1)"}, "", None),
    ("scopes", "s", {**SCOPE, "tools": "read_file"}, "tools", None),
    ("scopes", "s", {**SCOPE, "tools": []}, "", None),
    ("scopes", "s", {**SCOPE, "tools": ["read_file", "read_file"]}, "tools", "`read_file` stands twice in a set"),
    ("scopes", "s", {**SCOPE, "tools": ["*"]}, "", None),
    ("scopes", "s", {**SCOPE, "allow_wildcard": "true"}, "allow_wildcard", None),
    ("trust-issuers", "i", {**ISSUER, "audiences": []}, "", None),
    ("trust-issuers", "i", {**ISSUER, "algorithms": ["none"]}, "", None),
    ("trust-issuers", "i", {**ISSUER, "algorithms": ["HS256"]}, "", None),
    ("grants", "g", {**GRANT, "expires_at": "2027-01-01"}, "expires_at", None),
    ("grants", "g", {**GRANT, "expires_at": "2027-01-01T00:00:00"}, "expires_at", None),
    ("grants", "g", {**GRANT, "expires_at": "1809129600"}, "expires_at", None),
    ("grants", "g", {**GRANT, "expires_at": 1809129600}, "expires_at", None),
    ("grants", "g", {**GRANT, "expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at", None),
    ("grants", "g", {**GRANT, "resources": ["repo:web", "repo:web"]}, "resources", None),
    ("grants", "g", {**GRANT, "scope": "both"}, "", None),
    ("ceilings", "c", {"principal": "everyone", "scopes": []}, "", None),
    ("grant-sets", "triage", {"grants": "all"}, "grants", None),
    ("workload-bindings", "b", {"trust_issuer": "idp", "agent": "triage"}, "", None),
]


@pytest.mark.parametrize(("kind", "name", "body", "where", "message"), WRONG)
def test_a_body_with_one_thing_wrong_is_refused_with_the_path_to_it(registry, kind, name, body, where, message):
    answer = registry.create(kind, name, body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body"), answer.text
    [error] = answer.json()["errors"]
    assert error["path"] == where
    assert message is None or error["message"] == message
    assert len(answer.content) < 2000


def test_many_errors_are_told_at_once_and_not_without_end(registry):
    answer = registry.create("owners", "bob", {f"x{n}": n for n in range(5000)})
    assert len(answer.json()["errors"]) == 50


@pytest.mark.parametrize("kind", ["owners", "grants"])
@pytest.mark.parametrize("name", NAMES)
def test_what_can_be_no_name_is_neither_written_nor_found(registry, kind, name):
    body = OWNER if kind == "owners" else GRANT
    where = path(kind, name)
    created = registry.create(kind, name, body)
    assert created.status_code in {404, 405, 422}, created.text
    assert created.headers["content-type"] == "application/problem+json"
    listed = {200} if name == "" else set()  # the path of no name is the list
    assert registry.send("GET", where).status_code in {404} | listed
    assert registry.send("DELETE", where, headers={"If-Match": '"1"'}).status_code in {404, 405}


def test_equal_instants_are_the_same_object(registry):
    name = "triage/github.read_file@repo:web"
    first = registry.must("grants", name, {**GRANT, "expires_at": "2027-01-01T00:00:00Z"})
    assert first["expires_at"] == "2027-01-01T00:00:00Z"
    again = registry.change("grants", name, {**GRANT, "expires_at": "2027-01-01T01:00:00.000+01:00"}, 1)
    assert again.json() == first


@pytest.mark.parametrize(
    "jwks",
    [
        "secret",
        "[]",
        '{"keys": {"kty": "RSA"}}',
        '{"keys": ["secret"]}',
        '{"keys": [{"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "d": "secret"}]}',
        '{"keys": [{"kty": "RSA", "n": "n", "e": "AQAB"}, {"kty": "RSA", "n": "n", "e": "AQAB", "p": "secret"}]}',
        '{"keys": [{"kty": "oct", "k": "secret"}]}',
        '{"keys": [{"kty": "oct"}]}',
        "[" * 60_000,
    ],
)
def test_keys_of_an_issuer_are_public_keys(registry, jwks):
    answer = registry.create("trust-issuers", "i", {**ISSUER, "jwks": jwks})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    assert "secret" not in answer.text


def test_a_secret_in_a_refused_body_is_not_repeated(registry):
    secret = "eyJhbGciOiJSUzI1NiJ9.c2VjcmV0.c2ln"
    body = {**ISSUER, "jwks": 7, "audiences": secret}
    answer = registry.create("trust-issuers", "i", body)
    assert answer.status_code == 422
    assert secret not in answer.text
    assert secret not in str(registry.audit())
