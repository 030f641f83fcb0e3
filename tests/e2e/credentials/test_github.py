"""Installation tokens of a server shaped like GitHub's: narrowed, and deleted with the lease."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.fakes.credential_world import TOKEN, CredentialWorld
from tests.fakes.github_api import github_api

from leasehold.external.github import GitHubSource
from leasehold.external.secrets import Secrets
from leasehold.keys.app_assertions import app_assertion
from leasehold.model.credentials import GitHubAccess, GitHubInstallation
from leasehold.model.external import CredentialState, MintRefused
from leasehold.model.leases import agent_node


@pytest.fixture
def api():
    with github_api() as running:
        yield running


@pytest.fixture
def world(store, tmp_path, api):
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "app").write_text(api.pem)
    source = GitHubSource(Secrets({}, folder).find, app_assertion)
    built = CredentialWorld(store, tmp_path, {GitHubInstallation: source})
    built.profile("github", narrowed(api))
    yield built
    built.close()


def narrowed(api, **changes):
    return replace(TOKEN, github_app=replace(TOKEN.github_app, api_url=api.url, **changes))


def test_a_token_is_narrowed_to_repositories_and_permissions(world, api):
    issued = world.draw("github")
    given = api.tokens[issued.secret["token"]]
    assert [one["name"] for one in given["repositories"]] == ["web"]
    assert given["permissions"] == {"contents": "read", "metadata": "read"}


def test_a_token_that_lives_an_hour_is_deleted_after_its_lease_of_minutes(world, api):
    issued = world.draw("github")
    assert issued.record.live_until - datetime.now(UTC) > timedelta(minutes=55)
    world.world.later(seconds=301)
    world.look()
    assert not api.tokens
    assert world.record().state is CredentialState.CLEARED


def test_a_revoked_token_is_deleted(world, api):
    world.draw("github")
    world.world.bump(agent_node("triage"))
    world.look()
    assert not api.tokens


@pytest.mark.parametrize(
    "wider",
    [
        {"permissions": {"contents": "write", "metadata": "read"}},
        {"permissions": {"contents": "read", "administration": "read"}},
        {"permissions": {"contents": "admin"}},
        {"repositories": [{"name": "web"}, {"name": "api"}]},
        {"repositories": None},
        {"permissions": None},
    ],
)
def test_a_token_that_is_wider_than_asked_for_is_deleted_and_not_handed_out(world, api, wider):
    api.answer = wider
    with pytest.raises(MintRefused, match="more than the profile allows"):
        world.draw("github")
    assert not api.tokens


def test_a_deletion_that_fails_is_tried_again(world, api):
    world.draw("github")
    world.world.bump(agent_node("triage"))
    api.deletes_answer = 500
    world.look()
    assert world.record().state is CredentialState.ENDING
    assert world.record().problem == "GitHub did not delete it: status 500"
    api.deletes_answer = None
    world.world.later(seconds=61)
    world.look()
    assert not api.tokens


def test_what_github_refuses_is_told_by_its_status(world, api):
    world.profile("github", narrowed(api, repositories=frozenset({"payroll"})))
    with pytest.raises(MintRefused, match="status 422"):
        world.draw("github")


def test_a_key_that_is_none_is_named_without_being_shown(world, api, tmp_path):
    (tmp_path / "secrets" / "app").write_text("-----BEGIN swordfish")
    with pytest.raises(MintRefused) as refused:
        world.draw("github")
    assert "swordfish" not in str(refused.value) + world.everything_written()


def test_an_answer_that_makes_no_sense_is_no_token(world, api):
    api.answer = {"expires_at": "soon"}
    with pytest.raises(MintRefused, match="no expiry"):
        world.draw("github")
    assert not api.tokens


def test_more_access_is_another_profile(world, api):
    world.profile("github", narrowed(api, permissions={"contents": GitHubAccess.WRITE}))
    issued = world.draw("github")
    assert api.tokens[issued.secret["token"]]["permissions"]["contents"] == "write"


def test_the_token_is_written_nowhere_in_the_clear(world, tmp_path, caplog):
    token = world.draw("github").secret["token"]
    assert token not in world.everything_written() + caplog.text
    for path in tmp_path.rglob("leasehold.db*"):
        assert token.encode() not in path.read_bytes()
