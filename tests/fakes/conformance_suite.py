"""The protocol's own conformance suite (npm), run against servers, and a door that lets it in where it has no token."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import aiohttp
import toolchain
import yaml
from aiohttp import web
from tests.fakes.mcp_upstream import Answer
from toolchain import interop

Outcome = dict[str, list[tuple[str, str]]]
_PATIENCE = 300  # seconds, for a busy machine
_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}
# Its deadlines, of 1.5 s some of them, are for a machine that does nothing else: they are so many times as long here,
# for us and for the server alone. What it checks is the same.
_LONGER = 5
_PATIENT = f"""
const [later, timeout] = [setTimeout, AbortSignal.timeout.bind(AbortSignal)];
globalThis.setTimeout = (act, ms, ...more) => later(act, (ms ?? 0) * {_LONGER}, ...more);
AbortSignal.timeout = (ms) => timeout(ms * {_LONGER});
"""
_NAME = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT.*")


class Suite:
    """The suite, as the toolchain has it."""

    def __init__(self, folder: Path) -> None:
        places = toolchain.repository()
        with places.locked():
            modules = interop.CONFORMANCE.ensure(places).path
        self._package = modules / "@modelcontextprotocol" / "conformance"
        patient = folder / "patient.cjs"
        patient.write_text(_PATIENT)
        suite = str(self._package / "dist" / "index.js")
        self._command = [str(places.bin / "node"), "--require", str(patient), suite, "server"]
        self._folder = folder

    def scenarios(self, revision: str) -> tuple[set[str], set[str]]:
        """What a revision requires of servers, and what else the suite runs for it."""
        said = yaml.safe_load((self._package / "requirements" / f"{revision}.yaml").read_text())
        return set(said["server"]), {one["scenario"] for one in said["not_scored"] if one["leg"] == "server"}

    def run(self, urls: Sequence[str], *what: str) -> list[Outcome]:
        """What came of each check of each scenario, at each of the servers; side by side, because it mostly waits."""
        folders = [Path(mkdtemp(dir=self._folder)) for _ in urls]
        running = [
            subprocess.Popen(
                [*self._command, "--url", url, *what, "-o", str(folder)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for url, folder in zip(urls, folders, strict=True)
        ]
        for one in running:
            one.wait(_PATIENCE)  # its status says whether something failed, and so do the checks
        return [_outcome(folder) for folder in folders]


def _outcome(folder: Path) -> Outcome:
    names = {one: _NAME.fullmatch(one.name) for one in folder.iterdir()}
    return {
        found[1]: [(check["id"], check["status"]) for check in json.loads((one / "checks.json").read_text())]
        for one, found in names.items()
        if found is not None
    }


def failed(checks: list[tuple[str, str]]) -> bool:
    """True if a scenario did not go well: something failed, or nothing was looked at."""
    return not checks or any(status == "FAILURE" for _, status in checks)


def with_token(target: str, token: Callable[[], str]) -> Answer:
    """Forward whatever comes, headers as they are, and a token with it: the suite brings none."""

    async def answer(request: web.Request, _message: Any) -> web.StreamResponse:
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP]
        headers.append(("Authorization", f"Bearer {token()}"))
        body = await request.read() or None
        async with (
            aiohttp.ClientSession(auto_decompress=False) as client,
            client.request(request.method, target, data=body, headers=headers) as reply,
        ):
            kept = {name: value for name, value in reply.headers.items() if name.lower() not in {*_HOP, "date"}}
            response = web.StreamResponse(status=reply.status, headers=kept)
            await response.prepare(request)
            try:
                async for piece in reply.content.iter_any():
                    await response.write(piece)
            except ConnectionError:  # the suite hangs up on streams that it has heard enough of
                return response
            return response

    return answer
