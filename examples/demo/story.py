"""The story: declare an agent, deploy it, become it, see drift, end it. Each step asserts what it tells."""

import json
import re
from pathlib import Path

import yaml
from examples.demo.issuer import pod_claims, run_claims
from examples.demo.narrator import expect
from examples.demo.programs import Answer
from examples.demo.world import World

PLATFORM, PAYMENTS = ("acme/platform", "99001"), ("acme/payments", "99017")
DRIFT = 2  # exit code of `leasehold drift`
SCOPES = {"mcp:tool:create_comment:write", "mcp:tool:list_pull_requests:read", "mcp:tool:read_file:read"}


def tell(world: World) -> None:
    """The whole story, in order."""
    bootstrap(world)
    _deploy_platform(world)
    _review_pull_request(world)
    _deploy_agent(world)
    token = _become(world)
    _introspect(world, token)
    _grant_by_hand(world)
    _see_drift(world)
    _revert(world)
    token = _become(world, title="The pod asks again, and gets what the code says")
    _destroy(world)
    _die(world, token)
    world.narrator.close()


def bootstrap(world: World, stack: str = "platform", *more: dict[str, object]) -> None:
    """Let the platform's CI in, for its stack, and whom else `more` binds."""
    with world.narrator.step("Bootstrap: the registry learns whom to believe first, the platform's CI") as step:
        github = {
            "name": "github",
            "type": "github-actions",
            "issuer": world.github.url,
            "audiences": [world.endpoint],
            "single_use": True,
            "allow_private": True,
        }
        binding = {
            "name": "platform-ci",
            "trust_issuer": "github",
            "role": "security-admin",
            "stack": stack,
            "may_admit": True,  # its stack lets the people and the pipelines of other teams in
            "github_actions": pins(*PLATFORM),
        }
        body = world.write("bootstrap.json", {"trust_issuer": github, "workload_bindings": [binding, *more]})
        token = world.write("bootstrap.token", world.bootstrap_token)
        command = ("bootstrap", "--file", str(body), "--token-file", str(token))
        world.leasehold(*command)
        world.leasehold(*command, codes=(1,))
        token.unlink()
        step.outcome = "the one-time token is spent: a second use is refused; no standing secret exists from here on"


def pins(repository: str, repository_id: str) -> dict[str, str]:
    """The deploy workflow on the main branch of a repository of acme's."""
    workflow = f"{repository}/.github/workflows/deploy.yml@refs/heads/main"
    return {"repository_id": repository_id, "repository_owner_id": "4211", "job_workflow_ref": workflow}


def _deploy_platform(world: World) -> None:
    with world.narrator.step("cdktf deploy examples/platform, by its CI's own OIDC token") as step:
        step.outcome = _deploy(world, "platform", PLATFORM)


def _review_pull_request(world: World) -> None:
    with world.narrator.step("A pull request adds the agent: CI comments what it changes in access") as step:
        folder = world.folder / "triage"
        run = world.ci(*PAYMENTS, pull_request=True)
        world.programs.run(folder, "cdktf", "synth", variables=run)
        stack = folder / "cdktf.out" / "stacks" / "triage"
        world.programs.run(stack, "terraform", "init", "-input=false", "-no-color", variables=run)
        world.programs.run(stack, "terraform", "plan", "-input=false", "-no-color", "-out=plan", variables=run)
        plan = world.write(
            "plan.json", world.programs.run(stack, "terraform", "show", "-json", "plan", variables=run).out
        )
        review = world.leasehold("review", f"triage={plan}", "--markdown", identity=_run_token(world, proposes=True))
        expect("create_comment" in review.out, "the review does not name what the agent gains", review.everything)
        mallory = world.write("mallory.json", {"display_name": "M", "email": "m@example.com", "team": "payments"})
        write = ("object", "put", "owners", "mallory", "--file", str(mallory))
        refused = world.leasehold(*write, identity=_run_token(world, proposes=True), codes=(1,))
        expect("forbidden" in refused.err, "a pull request's identity was not refused for its role", refused.everything)
        step.outcome = "its identity may plan and compare; writing anything with it is refused"
        step.show(review.out)


def _deploy_agent(world: World) -> None:
    with world.narrator.step("Merged: cdktf deploy examples/triage, by the payments team's CI") as step:
        step.outcome = _deploy(world, "triage", PAYMENTS)


def _become(world: World, title: str = "A pod of the app becomes the agent, by its service-account token") -> Path:
    with world.narrator.step(title) as step:
        pod, resource = _pod_of(world.folder / "triage" / "app.leasehold.yaml")
        answer = json.loads(_exchange(world, pod, resource).out)
        expect(set(answer["scope"].split()) == SCOPES, "the token's scopes are not the grants", answer["scope"])
        expect(0 < answer["expires_in"] <= 300, "the token lives longer than five minutes")  # noqa: PLR2004
        other = {**pod, "service_account": "default"}
        refused = _exchange(world, other, resource, codes=(1,))
        expect("invalid_grant" in refused.err, "another pod was not refused", refused.everything)
        step.outcome = f"{answer['expires_in']} s for {resource}: {answer['scope']}; another pod gets nothing"
        return world.write("agent.jwt", answer["access_token"])


def _introspect(world: World, token: Path) -> None:
    with world.narrator.step("Introspect the token") as step:
        answer = _introspected(world, token)
        expect(answer["active"], "the token is not alive")
        expect(answer["client_id"] == "triage", "the token is not the agent's")
        step.outcome = f"alive: client {answer['client_id']}, subject {answer['sub']}, audience {answer['aud']}"


def _grant_by_hand(world: World) -> None:
    with world.narrator.step("Alice grants by hand, past the code") as step:
        above = _put_grant(world, "delete_branch", "repo:acme/payments", codes=(1,))
        expect("above_ceiling" in above.err, "the ceiling did not hold", above.everything)
        _put_grant(world, "create_comment", "repo:acme/checkout")
        step.outcome = (
            "delete_branch on repo:acme/payments: refused, above ceiling `payments`\n"
            "create_comment on repo:acme/checkout: granted, and live at once"
        )


def _see_drift(world: World) -> None:
    with world.narrator.step("Drift: what lives is not what is declared") as step:
        report = _drift(world, DRIFT)
        expect("repo:acme/checkout" in report.out, "the report does not name the resource", report.everything)
        expect("alice" in report.out, "the report does not name who did it", report.everything)
        step.outcome = f"leasehold drift ends with {report.code}, for CI to see"
        step.show(report.out)


def _revert(world: World) -> None:
    with world.narrator.step("Deploy again: the code wins") as step:
        step.outcome = _deploy(world, "triage", PAYMENTS)
        _drift(world, 0)
        step.outcome += "; leasehold drift ends with 0"


def _destroy(world: World) -> None:
    with world.narrator.step("cdktf destroy examples/triage") as step:
        destroyed = cdktf(world, "destroy", "triage", PAYMENTS)
        found = re.search(r"(\d+) destroyed", destroyed.out)
        expect(found, "nothing was destroyed", destroyed.everything)
        step.outcome = f"{found[1] if found else 0} destroyed, the deployment first: that ends every lease under it"


def _die(world: World, token: Path) -> None:
    with world.narrator.step("The token is dead, and the pod can get no other") as step:
        answer = _introspected(world, token)
        expect(answer == {"active": False}, "the token outlived its deployment", json.dumps(answer))
        pod, resource = _pod_of(world.folder / "triage" / "app.leasehold.yaml")
        refused = _exchange(world, pod, resource, codes=(1,))
        expect("invalid_grant" in refused.err, "the exchange was refused for another reason", refused.everything)
        step.outcome = "introspection: inactive, though it has not expired; exchange: invalid_grant"


def _deploy(world: World, stack: str, repository: tuple[str, str]) -> str:
    return applied(cdktf(world, "deploy", stack, repository))


def applied(deployed: Answer) -> str:
    """What a `cdktf deploy` says that it changed."""
    found = re.search(r"Resources: (.* added, .* changed, .* destroyed)", deployed.out)
    expect(found, "nothing was applied", deployed.everything)
    return found[1] if found else ""


def cdktf(world: World, verb: str, stack: str, repository: tuple[str, str]) -> Answer:
    return world.programs.run(world.folder / stack, "cdktf", verb, "--auto-approve", variables=world.ci(*repository))


def _run_token(world: World, *, proposes: bool) -> Path:
    claims = run_claims(*PAYMENTS, pull_request=proposes)
    return world.write("run.jwt", world.github.sign(world.endpoint, claims))


def _pod_of(manifest: Path) -> tuple[dict[str, str], str]:
    """Who the app runs as and what it is told, by the manifest that the deploy rendered."""
    documents = {document["kind"]: document for document in yaml.safe_load_all(manifest.read_text())}
    spec = documents["Deployment"]["spec"]["template"]["spec"]
    token = spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]
    told = {entry["name"]: entry["value"] for entry in spec["containers"][0]["env"]}
    namespace = documents["Deployment"]["metadata"]["namespace"]
    who = {"namespace": namespace, "service_account": spec["serviceAccountName"], "audience": token["audience"]}
    return who, told["LEASEHOLD_RESOURCE"]


def _exchange(world: World, pod: dict[str, str], resource: str, codes: tuple[int, ...] = (0,)) -> Answer:
    claims = pod_claims(pod["namespace"], pod["service_account"])
    token = world.write("pod.jwt", world.cluster.sign([pod["audience"]], claims))
    command = ("token", "exchange", "--subject-token-file", str(token), "--resource", resource, "--json")
    return world.leasehold(*command, codes=codes)


def _introspected(world: World, token: Path) -> dict[str, object]:
    told = world.leasehold("token", "introspect", "--token-file", str(token), "--json", identity=world.alice())
    answer: dict[str, object] = json.loads(told.out)
    return answer


def _put_grant(world: World, tool: str, resource: str, codes: tuple[int, ...] = (0,)) -> Answer:
    grant = {"agent": "triage", "tool_server": "github", "tools": [tool], "resources": [resource]}
    file = world.write("grant.json", grant)
    name = f"triage/github.{tool}@{resource}"
    return world.leasehold("object", "put", "grants", name, "--file", str(file), identity=world.alice(), codes=codes)


def _drift(world: World, code: int) -> Answer:
    state = world.folder / "triage" / "terraform.triage.tfstate"
    return world.leasehold("drift", "--state", f"triage={state}", identity=world.alice(), codes=(code,))
