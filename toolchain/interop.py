"""OAuth software that nobody here wrote, from npm, for tests and benchmarks: provider, client, status lists."""

import json
import shutil

from toolchain.cdktf_cli import npm_install
from toolchain.places import Places
from toolchain.programs import Tool, tell

VERSIONS = {"oidc-provider": "9.13.3", "openid-client": "6.9.0", "@sd-jwt/jwt-status-list": "0.19.0"}


def ensure(places: Places) -> Tool:
    """Install the packages unless these very versions are there; `node.ensure` must have run."""
    if installed_versions(places) != VERSIONS:
        _install(places)
    named = " and ".join(f"{name} {version}" for name, version in VERSIONS.items())
    return Tool("interop", named, places.interop / "node_modules", "npm")


def installed_versions(places: Places) -> dict[str, str]:
    """Return the versions of the packages in the toolchain."""
    manifests = {name: places.interop / "node_modules" / name / "package.json" for name in VERSIONS}
    return {name: str(json.loads(m.read_text())["version"]) for name, m in manifests.items() if m.is_file()}


def _install(places: Places) -> None:
    partial = places.interop.with_name("interop.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    (partial / "package.json").write_text(json.dumps({"private": True, "dependencies": VERSIONS}))
    tell(f"installing {', '.join(VERSIONS)} with npm (5 MB)")
    npm_install(places, partial, ", ".join(VERSIONS))
    shutil.rmtree(places.interop, ignore_errors=True)
    partial.replace(places.interop)
