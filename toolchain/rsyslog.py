"""A syslog server that nobody here wrote, for the tests of the audit trail's export: rsyslog with TLS.

The machine's own, else Debian's packages unpacked into the toolchain's folder. Elsewhere there is none, which is said.
"""

import shutil
from pathlib import Path

from toolchain import debian
from toolchain.places import Places
from toolchain.programs import Tool, ToolMissingError, probe, run, tell

_NAME = "rsyslogd"
_PACKAGES = ("rsyslog", "rsyslog-gnutls", "libestr0", "libfastjson4", "liblognorm5")
_FOLDERS = "/usr/sbin:/usr/bin:/usr/local/sbin:/opt/homebrew/sbin"
_TLS = "lmnsd_gtls.so"
_HOW = "install rsyslog with its GnuTLS module (Debian: rsyslog rsyslog-gnutls)"


def ensure(places: Places) -> Tool:
    """Return the machine's server, else Debian's after unpacking it; where there is neither, what to install."""
    found = available(places)
    if found is not None:
        return found
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        return Tool("rsyslog", "none", places.home, f"its test is skipped: {_HOW}")
    try:
        _unpack(places.home / "rsyslog")
    except ToolMissingError as missing:
        return Tool("rsyslog", "none", places.home, f"{missing}; its test is skipped: {_HOW}")
    unpacked = available(places)
    if unpacked is None:
        return Tool("rsyslog", "none", places.home, f"Debian's does not run here; its test is skipped: {_HOW}")
    return unpacked


def available(places: Places) -> Tool | None:
    """Return the server that a test run would use, without fetching anything."""
    own = shutil.which(_NAME, path=_FOLDERS)
    if own is not None and any(Path("/").glob(f"usr/lib*/**/rsyslog/{_TLS}")):
        return _tool(Path(own), "on this machine")
    return _tool(places.home / "rsyslog" / _NAME, "Debian, unpacked")


def _tool(path: Path, origin: str) -> Tool | None:
    version = probe([path, "-v"], r"rsyslogd +(\S+)") if path.is_file() else None
    return Tool("rsyslog", version, path, origin) if version is not None else None


def _unpack(home: Path) -> None:
    """Unpack the packages, with a launcher that tells the server where its modules and libraries lie."""
    shutil.rmtree(home, ignore_errors=True)
    work, root = home / "work", home / "root"
    (work / "deb").mkdir(parents=True)
    tell("fetching rsyslog from Debian")
    debian.open_archive(work).download(_PACKAGES, work / "deb")
    for package in sorted((work / "deb").glob("*.deb")):
        if run(["dpkg", "-x", package, root]).returncode != 0:
            raise ToolMissingError(f"`{package.name}` cannot be unpacked")
    shutil.rmtree(work)
    (module,) = root.glob(f"usr/lib/*/rsyslog/{_TLS}")
    modules = module.parent
    launcher = home / _NAME
    launcher.write_text(
        f"#!/bin/sh\nLD_LIBRARY_PATH='{modules.parent}' exec '{root / 'usr/sbin' / _NAME}' -M '{modules}' \"$@\"\n"
    )
    launcher.chmod(0o755)
