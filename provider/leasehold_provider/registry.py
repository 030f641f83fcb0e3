"""The registry's REST interface: one method per thing a resource may ask. Every failure is an error for the user."""

from __future__ import annotations

import json
from urllib.parse import quote, urlencode

from .client import TIMEOUT_SECONDS, ConnectionLost
from .live import LiveObjects
from .problems import Problem, problem_of
from .protocol import DiagnosticError
from .receipt import Receipt
from .retry import Attempt
from .same import same_spec
from .session import EXCHANGE as EXCHANGE_GRANT
from .session import JWT, exchange, revoke

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from .client import Answer, HttpClient
    from .live import Object
    from .possession import Possession
    from .protocol import Schema
    from .retry import Retry
    from .session import Issued, Session

_PAGE = 1000
_PAGES_AT_ONCE = 20
_SNAPSHOT_SECONDS = 120.0
_UNAUTHORIZED, _NOT_FOUND, _MISMATCH = 401, 404, 412


class Registry:
    """One registry, as one authenticated caller."""

    def __init__(
        self,
        client: HttpClient,
        retry: Retry,
        session: Session,
        receipt: Receipt | None = None,
        base: list[Object] | None = None,
    ) -> None:
        self._client = client
        self._retry = retry
        self.session = session
        self._receipt = receipt or Receipt()
        self._base = base
        self.live = LiveObjects(self.get, self._snapshot, self._list_all)
        self._listed_agents: set[str] = set()
        self._role: str | None = None
        self._unheld = False

    def get(self, kind: str, name: str) -> Object | None:
        """The live object, asked for just now; None if there is none."""
        answer = self._read(_path(kind, name))
        if answer.status == _NOT_FOUND:
            return None
        return _object(answer, f"{kind}/{name}")

    def pages(self, kind: str, filters: Mapping[str, str] | None = None) -> Iterator[list[Object]]:
        """Every object of a kind in the order of names, a page at a time."""
        query = {"limit": str(_PAGE), **(filters or {})}
        while True:
            page = _object(self._read(f"/v1/{kind}?{urlencode(query)}"), kind)
            yield page["items"]
            if not page.get("next_cursor"):
                return
            query["cursor"] = page["next_cursor"]

    def _list_all(self, kind: str) -> list[Object] | None:
        items: list[Object] = []
        for number, page in enumerate(self.pages(kind), 1):
            items += page
            if number > _PAGES_AT_ONCE:
                return None
        return items

    def grants_of(self, agent: str) -> list[Object]:
        """Every grant of an agent. The snapshot of a stack knows them all for its own agents, and for no others."""
        live = self.live.find("agents", agent)
        stack = self.session.stack
        own = stack is None or live is None or live.get("managed_by") == stack
        if not own and agent not in self._listed_agents:
            for page in self.pages("grants", {"agent": agent}):
                self.live.saw("grants", page)
            self._listed_agents.add(agent)
        return self.live.of_agent("grants", agent)

    def _snapshot(self) -> dict[str, list[Object]]:
        stack = self.session.stack
        path = f"/v1/snapshot?{urlencode({'stack': stack})}" if stack else "/v1/snapshot"
        snapshot = _object(self._read(path, _SNAPSHOT_SECONDS), "the snapshot")
        objects: dict[str, list[Object]] = snapshot["objects"]
        return objects

    def create(self, kind: str, name: str, spec: Object, schema: Schema) -> Object:
        """Create the object; one that our own unheard or interrupted attempt made is recognised as ours."""
        attempt = Attempt()
        headers = {"If-None-Match": "*", **self._receipt.headers(kind, name)}
        answer = self._write("PUT", _path(kind, name), headers, spec, attempt)
        if answer.status == _MISMATCH:
            return self._recognise(kind, name, spec, attempt, answer)
        return self._written(kind, _object(answer, f"{kind}/{name}", schema))

    def _recognise(self, kind: str, name: str, spec: Object, attempt: Attempt, answer: Answer) -> Object:
        live = self.get(kind, name)
        if live is None:
            raise problem_of(answer, f"{kind}/{name}")
        ours = attempt.repeated or self._is_ours(live)
        if not ours or not same_spec(spec, live):
            raise AlreadyExists(kind, name, live)
        return self._written(kind, live)

    def _is_ours(self, live: Object) -> bool:
        return self.session.stack is not None and live.get("managed_by") == self.session.stack

    def update(self, kind: str, name: str, spec: Object, revision: int, schema: Schema) -> Object:
        """Change the object if it still has `revision`; raise `Problem` saying what changed since if not."""
        attempt = Attempt()
        headers = {**_if_match(revision), **self._receipt.headers(kind, name)}
        answer = self._write("PUT", _path(kind, name), headers, spec, attempt)
        if answer.status == _MISMATCH and attempt.repeated:
            live = self.get(kind, name)
            if live is not None and live["revision"] > revision and same_spec(spec, live):
                return self._written(kind, live)
        return self._written(kind, _object(answer, f"{kind}/{name}", schema))

    def delete(self, kind: str, name: str, revision: int) -> None:
        """Delete the object if it still has `revision`; one that is gone already is no error."""
        headers = {**_if_match(revision), **self._receipt.headers(kind, name)}
        answer = self._write("DELETE", _path(kind, name), headers, None, Attempt())
        if answer.status >= 300 and answer.status != _NOT_FOUND:  # noqa: PLR2004
            raise problem_of(answer, f"{kind}/{name}")
        self.live.gone(kind, (name,))

    def _written(self, kind: str, live: Object) -> Object:
        self.live.wrote(kind, live)
        return live

    def check_policy(self, policy: Object, tool_servers: list[Object]) -> list[dict[str, Any]]:
        """What is wrong with a policy, beside tool servers as they will be; nothing is written."""
        body = {"policies": [policy], "tool_servers": tool_servers}
        answer = self._write("POST", "/v1/policies:check", {}, body, Attempt())
        (checked,) = _object(answer, f"policies/{policy['name']}")["policies"]
        problems: list[dict[str, Any]] = checked["problems"]
        return problems

    def review_plan(self, resources: list[Object]) -> Object:
        """What a plan changes in access, what the rules make of it, and of our receipt; nothing is written."""
        body: Object = {"stacks": [{"stack": self.session.stack, "resources": resources}]}
        if self._base is not None:
            body["base"] = self._base
        if self._receipt.is_given:
            body["receipt"] = self._receipt.shown
        sent = json.dumps(body, separators=(",", ":"), default=str).encode()
        headers = {"Content-Type": "application/json"}
        answer = self._send("POST", "/v1/plan-reviews", headers, sent, Attempt(), _SNAPSHOT_SECONDS)
        return _object(answer, "the plan")

    def refused_by_receipt(self, kind: str, name: str, planned: Object | None) -> str | None:
        """Why our receipt does not cover one planned object, or its end; None where nothing asks for one."""
        if not self._receipt.is_given or self.session.stack is None or self._unheld:
            return None
        stack = {"stack": self.session.stack, "resources": [] if planned is None else [planned]}
        gone = {kind: [name]} if planned is None else {}
        body = {"stacks": [stack], "gone": gone, "receipt": self._receipt.shown_for(kind, name)}
        answer = _object(self._write("POST", "/v1/receipts:check", {}, body, Attempt()), f"{kind}/{name}")
        self._unheld = answer["required"] is not True
        return None if self._unheld else answer["refused"]

    def effective_access(self, agent: str) -> Object:
        """What an agent can really do now, and what is withheld from it."""
        return _object(self._read(f"/v1/effective-access?{urlencode({'agent': agent})}"), f"agents/{agent}")

    def role(self) -> str:
        """The platform role of this caller, asked once."""
        if self._role is None:
            self._role = str(_object(self._read("/v1/whoami"), "this caller").get("role", ""))
        return self._role

    def exchange(self, agent: str, resource: str, scopes: list[str], possession: Possession | None = None) -> Issued:
        """Trade the workload's own token for one of `agent` at one tool server, bound to a key if one is given."""
        form = {
            "grant_type": EXCHANGE_GRANT,
            "subject_token": self.session.subject_token(),
            "subject_token_type": JWT,
            "resource": resource,
            "client_id": agent,
        }
        if scopes:
            form["scope"] = " ".join(sorted(scopes))
        return exchange(self._client, self._retry, form, f"a token for agent `{agent}`", possession)

    def revoke_lease(self, lease: str) -> None:
        """End one lease, dead ones included."""
        body = {"node": f"lease:{lease}", "reason": "terraform closed the credential"}
        answer = self._write("POST", "/v1/revocations", {}, body, Attempt())
        if answer.status >= 300 and answer.status != _NOT_FOUND:  # noqa: PLR2004
            raise problem_of(answer, f"lease:{lease}")

    def revoke_token(self, token: str) -> bool:
        """End a token by possession; False if the registry did not confirm."""
        return revoke(self._client, token)

    def close(self) -> None:
        """Revoke our own token and hang up."""
        self.session.close()
        self._client.close()

    def _read(self, path: str, timeout: float = TIMEOUT_SECONDS) -> Answer:
        return self._send("GET", path, {"Accept": "application/json"}, None, Attempt(), timeout)

    def _write(self, method: str, path: str, headers: dict[str, str], spec: Object | None, attempt: Attempt) -> Answer:
        body = None
        if spec is not None:
            # A number with more digits than JSON readers keep becomes a text, which the registry refuses by its path.
            body = json.dumps(spec, separators=(",", ":"), default=str).encode()
            headers = {**headers, "Content-Type": "application/json"}
        return self._send(method, path, headers, body, attempt)

    def _send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes | None,
        attempt: Attempt,
        timeout: float = TIMEOUT_SECONDS,
    ) -> Answer:
        """Send, again where that is safe; a token that is refused is exchanged once more."""
        token = self.session.token()
        for last in (False, True):
            try:
                answer = self._retry.run(
                    lambda token=token: self.session.send(  # type: ignore[misc]
                        method,
                        path,
                        token,
                        lambda shown: self._client.send(
                            method, path, headers={**headers, **shown}, body=body, timeout=timeout
                        ),
                    ),
                    attempt,
                )
            except ConnectionLost as lost:
                raise Unreachable(lost) from None
            if answer.status != _UNAUTHORIZED or last:
                return answer
            token = self.session.token(refused=token)
        raise AssertionError("the second round returns")


class Unreachable(DiagnosticError):
    """No answer, however often we asked."""

    def __init__(self, lost: ConnectionLost) -> None:
        super().__init__("Registry unreachable", f"no answer from the registry: {lost}")


class AlreadyExists(DiagnosticError):
    """An object of this name lives already and is not what this configuration would create."""

    def __init__(self, kind: str, name: str, live: Object) -> None:
        stack = live.get("managed_by")
        who = f"managed by stack `{stack}`" if stack else "not managed by any stack"
        super().__init__("Object exists already", f"{kind}/{name} is live, {who}. {how_to_import(name)}")


def how_to_import(name: str) -> str:
    """Say how to take a live object under Terraform."""
    return (
        "To manage it here, import it first: add `import { to = <this resource's address>  "
        f'id = "{name}" }}` or run `terraform import <this resource\'s address> {name}`.'
    )


def _path(kind: str, name: str) -> str:
    return f"/v1/{kind}/{quote(name, safe='')}"


def _if_match(revision: int) -> dict[str, str]:
    return {"If-Match": f'"{revision}"'}


def _object(answer: Answer, what: str, schema: Schema | None = None) -> dict[str, Any]:
    body = answer.json()
    if answer.status >= 300 or not isinstance(body, dict):  # noqa: PLR2004
        raise problem_of(answer, what, schema)
    return body


__all__ = ["AlreadyExists", "Problem", "Registry", "Unreachable", "how_to_import"]
