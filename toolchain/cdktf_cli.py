"""cdktf-cli: an npm project inside the toolchain, installed once and moved into place whole."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from toolchain.places import Places
from toolchain.programs import Tool, ToolMissingError, tell, write_launcher

VERSION = "0.21.0"
PROGRESS_SECONDS = 10

# Node brings its own certificates and knows nothing of the machine's: behind a company's proxy npm would fail where
# pip works. These are where the distributions keep theirs.
_MACHINE_CERTIFICATES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def ensure(places: Places) -> Tool:
    """Make `.toolchain/bin/cdktf`; `node.ensure` must have run."""
    if installed_version(places) != VERSION:
        _install(places)
    script = places.cdktf / "node_modules" / "cdktf-cli" / "bundle" / "bin" / "cdktf"
    launcher = places.bin / "cdktf"
    write_launcher(launcher, [places.bin / "node", script])
    return Tool("cdktf", VERSION, launcher, "npm cdktf-cli")


def installed_version(places: Places) -> str | None:
    """Return the version of the cdktf-cli in the toolchain, None when there is none."""
    manifest = places.cdktf / "node_modules" / "cdktf-cli" / "package.json"
    return str(json.loads(manifest.read_text())["version"]) if manifest.is_file() else None


def machine_certificates() -> dict[str, str]:
    """Return what makes Node trust the certificates that this machine trusts."""
    if given := os.environ.get("NODE_EXTRA_CA_CERTS") or os.environ.get("SSL_CERT_FILE"):
        return {"NODE_EXTRA_CA_CERTS": given}
    found = next((path for path in _MACHINE_CERTIFICATES if Path(path).is_file()), None)
    return {"NODE_EXTRA_CA_CERTS": found} if found else {}


def _install(places: Places) -> None:
    partial = places.cdktf.with_name("cdktf.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    manifest = {"private": True, "dependencies": {"cdktf-cli": VERSION}}
    (partial / "package.json").write_text(json.dumps(manifest))
    tell(f"installing cdktf-cli {VERSION} with npm (420 MB on disk, about half a minute)")
    npm_install(places, partial, f"cdktf-cli {VERSION}")
    shutil.rmtree(places.cdktf, ignore_errors=True)
    partial.replace(places.cdktf)


def npm_install(places: Places, folder: Path, what: str) -> None:
    """Install the dependencies of the npm project in `folder`; `what` they are, for the message when npm cannot."""
    # No lock file: npm would write the address of whatever registry this machine uses into it.
    options = ["--no-package-lock", "--no-audit", "--no-fund", "--no-update-notifier", "--omit=dev", "--loglevel=error"]
    path = os.pathsep.join([str(places.bin), os.environ.get("PATH", os.defpath)])
    started = time.monotonic()
    npm = subprocess.Popen(  # noqa: S603  our own launcher
        [places.bin / "npm", "install", *options],
        cwd=folder,
        env=os.environ | machine_certificates() | {"PATH": path},
        stdin=subprocess.DEVNULL,
    )
    while (status := _wait(npm)) is None:
        tell(f"npm is still installing, {time.monotonic() - started:.0f} s")
    if status != 0:
        raise ToolMissingError(f"npm could not install {what} (its message stands above)")


def _wait(process: subprocess.Popen[bytes]) -> int | None:
    try:
        return process.wait(PROGRESS_SECONDS)
    except subprocess.TimeoutExpired:
        return None
