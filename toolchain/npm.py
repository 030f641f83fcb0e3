"""Programs from npm: a project each inside the toolchain, at exact versions, moved into place whole."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain.places import Places
from toolchain.programs import Tool, ToolMissingError, tell

PROGRESS_SECONDS = 10

# No lock file: npm would write the address of whatever registry this machine uses into it.
_OPTIONS = ("--no-package-lock", "--no-audit", "--no-fund", "--no-update-notifier", "--omit=dev", "--loglevel=error")

# Node brings its own certificates and knows nothing of the machine's: behind a company's proxy npm would fail where
# pip works. These are where the distributions keep theirs.
_MACHINE_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True, slots=True)
class Project:
    """Packages that are installed together, under one name. `size`: what they take on disk, for people who wait."""

    name: str
    versions: Mapping[str, str]
    size: str
    optional: bool = True  # what packages call optional: drivers, native builds

    def ensure(self, places: Places) -> Tool:
        """Install the packages unless these very versions are there; `node.ensure` must have run."""
        if self.installed_versions(places) != self.versions:
            self._install(places)
        return Tool(self.name, str(self), self.modules(places), "npm")

    def modules(self, places: Places) -> Path:
        """The folder in which node finds the packages."""
        return self._folder(places) / "node_modules"

    def installed_versions(self, places: Places) -> dict[str, str]:
        """Return the versions of the packages in the toolchain."""
        manifests = {name: self.modules(places) / name / "package.json" for name in self.versions}
        return {name: str(json.loads(one.read_text())["version"]) for name, one in manifests.items() if one.is_file()}

    def __str__(self) -> str:
        return " and ".join(f"{name} {version}" for name, version in self.versions.items())

    def _folder(self, places: Places) -> Path:
        return places.home / self.name

    def _install(self, places: Places) -> None:
        folder = self._folder(places)
        partial = folder.with_name(f"{self.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        (partial / "package.json").write_text(json.dumps({"private": True, "dependencies": dict(self.versions)}))
        tell(f"installing {self} with npm ({self.size})")
        self._run_npm(places, partial)
        shutil.rmtree(folder, ignore_errors=True)
        partial.replace(folder)

    def _run_npm(self, places: Places, folder: Path) -> None:
        path = os.pathsep.join([str(places.bin), os.environ.get("PATH", os.defpath)])
        started = time.monotonic()
        npm = subprocess.Popen(  # noqa: S603  our own launcher
            [places.bin / "npm", "install", *_OPTIONS, *([] if self.optional else ["--omit=optional"])],
            cwd=folder,
            env=os.environ | machine_certificates() | {"PATH": path},
            stdin=subprocess.DEVNULL,
        )
        while (status := _wait(npm)) is None:
            tell(f"npm is still installing, {time.monotonic() - started:.0f} s")
        if status != 0:
            raise ToolMissingError(f"npm could not install {self} (its message stands above)")


def machine_certificates() -> dict[str, str]:
    """Return what makes Node trust the certificates that this machine trusts."""
    if given := os.environ.get("NODE_EXTRA_CA_CERTS") or os.environ.get("SSL_CERT_FILE"):
        return {"NODE_EXTRA_CA_CERTS": given}
    found = next((path for path in _MACHINE_CERTIFICATES if Path(path).is_file()), None)
    return {"NODE_EXTRA_CA_CERTS": found} if found else {}


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(PROGRESS_SECONDS)
    except subprocess.TimeoutExpired:
        return None
