"""The longer story: two agents call tool servers that we did not write, through the gateway, each within its bounds."""

import json
import secrets
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from examples.demo.assistants import Assistant, assistant, make_repository, running_helpdesk
from examples.demo.issuer import run_claims
from examples.demo.narrator import expect
from examples.demo.programs import Answer
from examples.demo.story import PLATFORM, applied, bootstrap, pins
from examples.demo.world import Props, World

GIT_SERVER = shutil.which("mcp-server-git", path=str(Path(sys.executable).parent)) or ""
PROPS = Props(
    examples=("assistants",),
    tools=("terraform", "node", "cdktf", "dbhub"),
    settings={
        "LEASEHOLD_PRIVATE_UPSTREAMS": "127.0.0.1",
        "LEASEHOLD_STDIO_PROGRAMS": GIT_SERVER,
        "LEASEHOLD_STDIO_ISOLATION": "best_effort",  # on a Mac, too: nothing of the demo is worth hiding
    },
)
SECURITY = ("acme/security", "99002")
ANA = "00u2ana"
NOT_ALLOWED, UNKNOWN_TOOL = -31001, -32602
NO_TOKEN = "bring a token for this tool server"  # noqa: S105  what is said to who brings none that lives
_TTL = 120


def tell(world: World) -> None:
    """The whole story, in order."""
    key = secrets.token_urlsafe(24)
    repository, leaked = make_repository(world)
    with running_helpdesk(world, key) as helpdesk:
        security = {"name": "security", "trust_issuer": "github", "role": "security-admin"}
        bootstrap(world, "assistants", {**security, "github_actions": pins(*SECURITY)})
        stage = Stage(world, repository, helpdesk)
        stage.deploy()
        stage.connect(key)
        with assistant(world, "reviewer", "git") as reviewer:
            stage.review(reviewer, leaked)
            stage.explain(stage.refuse(reviewer))
            with assistant(world, "support", "helpdesk", stage.assertion(ANA)) as support:
                stage.answer(support)
                stage.revoke_person(support)
            stage.remember(key, leaked)
            stage.destroy(reviewer)
    world.narrator.close()


@dataclass(frozen=True, slots=True)
class Stage:
    """The steps, and what they are about."""

    world: World
    repository: Path
    helpdesk: str

    def deploy(self) -> None:
        with self.world.narrator.step("cdktf deploy examples/assistants: two agents, two tool servers, pins") as step:
            step.outcome = applied(self._cdktf("deploy"))

    def connect(self, key: str) -> None:
        title = "The helpdesk's key goes to the broker, sealed, and is promoted for the support agent"
        with self.world.narrator.step(title) as step:
            file = self.world.write("helpdesk.key", key)
            added = self._by_security("connections", "add", "helpdesk", "--api-key-file", str(file), "--json")
            file.unlink()
            why = ("--agent", "support", "--justification", "answers tickets")
            self._by_security("connections", "promote", json.loads(added.out)["id"], *why)
            step.outcome = "no agent, no file and no state holds it from here on"

    def review(self, reviewer: Assistant, leaked: str) -> None:
        """On its own authority: from the tool server's address and the pod's token, with the SDK's own code."""
        with self.world.narrator.step("The review agent works for itself: PyPI's mcp-server-git, over stdio") as step:
            expect(reviewer.tools == ["git_diff", "git_log", "git_show"], "its list is another", str(reviewer.tools))
            log = reviewer.call("git_log", repo_path=str(self.repository))
            expect("Cut it" in str(log.get("result")), "the log does not come through", str(log))
            shown = reviewer.call("git_show", repo_path=str(self.repository), revision="HEAD")
            expect("PRICE = 9" in str(shown.get("result")), "the commit does not come through", str(shown))
            expect(leaked not in str(shown), "the credential went through", str(shown))
            redacted = next(line for line in str(shown["result"]).splitlines() if "TOKEN" in line)
            step.outcome = f"it sees 3 of 12 tools: {', '.join(map(str, reviewer.tools or []))}\ngit_show: {redacted}"

    def refuse(self, reviewer: Assistant) -> str:
        with self.world.narrator.step("What it may not: another repository, and tools that it is not shown") as step:
            other = reviewer.call("git_log", repo_path=str(self.repository.with_name("payroll")))
            expect(other.get("code") == NOT_ALLOWED, "another repository was not refused", str(other))
            hidden = reviewer.call("git_commit", repo_path=str(self.repository), message="mine")
            expect(hidden.get("code") == UNKNOWN_TOOL, "a hidden tool is not like an unknown one", str(hidden))
            step.outcome = f"git_log on payroll: {other['refused']}, {other['reason']}\ngit_commit: {hidden['refused']}"
        return str(other["evaluation_id"])

    def explain(self, evaluation: str) -> None:
        with self.world.narrator.step("leasehold explain: why was that refused?") as step:
            step.show(self._by_security("explain", evaluation).out)

    def answer(self, support: Assistant) -> None:
        """On behalf of Ana: what the agent and Ana may both do."""
        with self.world.narrator.step("The support agent works for Ana, who looks after acme") as step:
            expect(support.tools == ["close_ticket", "list_tickets"], "its list is another", str(support.tools))
            tickets = support.call("list_tickets", customer="acme")
            expect("4711" in str(tickets.get("result")), "the tickets do not come through", str(tickets))
            closed = support.call("close_ticket", customer="acme", ticket="T-1")
            expect("result" in closed, "the ticket was not closed", str(closed))
            other = support.call("list_tickets", customer="globex")
            expect(other.get("code") == NOT_ALLOWED, "a customer of others was not refused", str(other))
            step.outcome = (
                f"it sees 2 of 3 tools: {', '.join(map(str, support.tools or []))}; acme's T-1 is closed\n"
                f"list_tickets on globex, which the agent may and Ana may not: {other['refused']}, {other['reason']}"
            )

    def revoke_person(self, support: Assistant) -> None:
        with self.world.narrator.step("leasehold revoke user:login/00u2ana, in the middle of her session") as step:
            self._by_security("revoke", f"user:login/{ANA}", "--reason", "left the company")
            began = time.monotonic()
            ended = support.call("list_tickets", customer="acme")
            taken = (time.monotonic() - began) * 1000
            expect(ended.get("refused") == NO_TOKEN, "the session outlived its person", str(ended))
            step.outcome = f"the next call of her agent's, answered in {taken:.0f} ms: 401, {ended['refused']}"

    def remember(self, key: str, leaked: str) -> None:
        with self.world.narrator.step("What the audit trail says of the calls") as step:
            listed = self._by_security("audit", "query", "--kind", "calls", "--json")
            expect(key not in listed.out and leaked not in listed.out, "a secret is in the trail")
            events = [json.loads(line) for line in reversed(listed.out.splitlines())]
            told = (_told(one) for one in events if one["detail"].get("called"))
            step.show("\n".join(told))

    def destroy(self, reviewer: Assistant) -> None:
        with self.world.narrator.step("cdktf destroy, while the review agent is at work") as step:
            self._cdktf("destroy")
            ended = reviewer.call("git_log", repo_path=str(self.repository))
            expect("ended" in ended, "the agent outlived its deployment", str(ended))
            step.outcome = f"its next call: {ended['ended']}"

    def assertion(self, person: str) -> Path:
        """The company's login lets the support agent act for a person at the helpdesk (ID-JAG)."""
        world = self.world
        claims = {"sub": person, "client_id": "support", "resource": f"{world.endpoint}/mcp/helpdesk"}
        until = {"exp": int(time.time()) + _TTL}
        token = world.login.sign(world.endpoint, {**claims, **until}, typ="oauth-id-jag+jwt")
        return world.write("person.jwt", token)

    def _cdktf(self, verb: str) -> Answer:
        given = {
            "REPOSITORY": str(self.repository),
            "MCP_SERVER_GIT": GIT_SERVER,
            "HELPDESK_URL": self.helpdesk,
        }
        folder, run = self.world.folder / "assistants", self.world.ci(*PLATFORM)
        return self.world.programs.run(folder, "cdktf", verb, "--auto-approve", variables=run | given)

    def _by_security(self, *words: str) -> Answer:
        token = self.world.github.sign(self.world.endpoint, run_claims(*SECURITY))
        return self.world.leasehold(*words, identity=self.world.write("security.jwt", token))


def _told(event: dict[str, object]) -> str:
    detail = event["detail"]
    if not isinstance(detail, dict):
        return ""
    who = f"{detail['agent']} for {detail['user']}" if detail.get("user") else str(detail["agent"])
    return f"{event['outcome']:<7} {event['name']}/{', '.join(detail['called'])} by {who} {event['reason']}".rstrip()
