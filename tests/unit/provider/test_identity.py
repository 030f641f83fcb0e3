import os
import stat

import pytest

from leasehold_provider.client import Answer
from leasehold_provider.connecting import connect
from leasehold_provider.identity import checked, token_source
from leasehold_provider.protocol import DiagnosticError
from leasehold_provider.token_file import remove_token_file, write_token_file

JWT = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
ENDPOINT = "https://leasehold.example.com"


def _source(file=None, **environ):
    return token_source(file, ENDPOINT, environ, lambda _: pytest.fail("no request was expected"))


def test_the_provider_block_comes_before_the_environment(tmp_path):
    (tmp_path / "mine").write_text(JWT)
    assert _source(str(tmp_path / "mine"), LEASEHOLD_OIDC_TOKEN="other", LEASEHOLD_OIDC_TOKEN_FILE="none")() == JWT


def test_a_token_file_is_read_anew_each_time(tmp_path):
    file = tmp_path / "token"
    file.write_text(f"{JWT}\n")
    source = _source(LEASEHOLD_OIDC_TOKEN_FILE=str(file))
    assert source() == JWT
    file.write_text("rotated.token.x")
    assert source() == "rotated.token.x"


@pytest.mark.parametrize("content", [b"", b"two words", b"a\r\nX-Evil: 1", b"\xff\xfe", b"x" * 70_000])
def test_what_is_no_token_is_refused_without_repeating_it(tmp_path, content):
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(DiagnosticError) as refused:
        _source(str(file))()
    said = f"{refused.value.diagnostic.summary} {refused.value.diagnostic.detail}"
    assert "Evil" not in said
    assert "words" not in said


def test_a_fifo_in_place_of_a_token_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DiagnosticError):
        _source(str(tmp_path / "fifo"))()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DiagnosticError) as refused:
        _source(str(tmp_path / "none"))()
    assert str(tmp_path / "none") in refused.value.diagnostic.detail


def test_without_any_identity_the_error_lists_the_ways():
    with pytest.raises(DiagnosticError) as refused:
        _source()
    assert "LEASEHOLD_OIDC_TOKEN_FILE" in refused.value.diagnostic.detail
    assert "id-token: write" in refused.value.diagnostic.detail


class _GitHub:
    def __init__(self, answer):
        self.answer = answer
        self.sent = []

    def __call__(self, origin):
        self.origin = origin
        return self

    def send(self, method, path, *, headers):
        self.sent.append((method, path, headers["Authorization"]))
        return self.answer


def _github(github, url="https://pipelines.example.com/token?api-version=2"):
    environ = {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runtime"}
    return token_source(None, ENDPOINT, environ, github)


def test_github_is_asked_for_our_audience():
    github = _GitHub(Answer(200, {}, f'{{"value": "{JWT}"}}'.encode()))
    assert _github(github)() == JWT
    audience = "audience=https%3A%2F%2Fleasehold.example.com"
    assert github.sent == [("GET", f"/token?api-version=2&{audience}", "bearer runtime")]
    assert github.origin.host == "pipelines.example.com"


@pytest.mark.parametrize("answer", [Answer(403, {}, b"{}"), Answer(200, {}, b"[]"), Answer(200, {}, b'{"value": 1}')])
def test_github_saying_no_is_told(answer):
    with pytest.raises(DiagnosticError, match="GitHub issued no OIDC token"):
        _github(_GitHub(answer))()


def test_githubs_secret_is_never_sent_in_the_clear():
    with pytest.raises(DiagnosticError, match="cannot be used"):
        _github(_GitHub(None), "http://pipelines.example.com/token")


@pytest.mark.parametrize(
    "endpoint",
    ["", "leasehold.example.com", "http://leasehold.example.com", "https://u:p@leasehold.example.com", "file:///etc", "https://x?y"],
)  # fmt: skip
def test_an_endpoint_that_is_not_safe_is_refused(endpoint):
    with pytest.raises(DiagnosticError) as refused:
        connect({"endpoint": endpoint}, {"LEASEHOLD_OIDC_TOKEN": JWT}, lambda _: True)
    assert refused.value.diagnostic.path == ("endpoint",)


def test_a_development_token_is_for_this_machine_alone():
    with pytest.raises(DiagnosticError, match="Development token refused") as refused:
        connect({"endpoint": ENDPOINT}, {"LEASEHOLD_DEV_TOKEN": "secret-token"}, lambda _: True)
    assert "secret-token" not in refused.value.diagnostic.detail
    assert connect({"endpoint": "http://[::1]:8420"}, {"LEASEHOLD_DEV_TOKEN": "secret-token"}, lambda _: True)


def test_a_ca_file_that_is_not_there_is_told():
    with pytest.raises(DiagnosticError, match="Cannot read the CA file"):
        connect({"endpoint": ENDPOINT, "ca_file": "/nowhere"}, {"LEASEHOLD_OIDC_TOKEN": JWT}, lambda _: True)


def test_a_checked_token_is_the_token():
    assert checked(JWT, "here") == JWT


def test_a_token_file_is_whole_private_and_goes(tmp_path):
    path = tmp_path / "token"
    write_token_file(str(path), "one")
    write_token_file(str(path), "two")
    assert path.read_text() == "two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["token"]
    remove_token_file(str(path))
    remove_token_file(str(path))
    assert list(tmp_path.iterdir()) == []


def test_a_link_in_place_of_the_token_file_is_replaced_not_followed(tmp_path):
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "token").symlink_to(target)
    write_token_file(str(tmp_path / "token"), "secret")
    assert target.read_text() == "mine"


def test_a_token_file_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(DiagnosticError) as refused:
        write_token_file(str(tmp_path / "none" / "token"), "secret-token")
    assert refused.value.diagnostic.path == ("token_file",)
    assert "secret-token" not in refused.value.diagnostic.detail
