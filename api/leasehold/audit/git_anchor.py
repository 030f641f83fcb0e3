"""Checkpoints kept as commits: whoever has fetched the branch has them too."""

from __future__ import annotations

import subprocess
from pathlib import Path

from leasehold.model.trail.checkpoints import Checkpoint, NotAnchored

_BRANCH = "refs/heads/leasehold-audit"
_WHO = {"NAME": "Leasehold", "EMAIL": "leasehold@localhost"}
_SECONDS = 30


class GitAnchor:
    """Commits each note as `checkpoint` to the branch `leasehold-audit`, and pushes it where there is a remote.

    Commits are made without a work tree, so that any clone serves, a bare one too.
    """

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self.name = f"git:{repository}"

    def keep(self, checkpoint: Checkpoint, origin: str) -> None:
        """Commit a note, and push it. Raises `NotAnchored`."""
        blob = self._git("hash-object", "-w", "--stdin", given=checkpoint.note)
        tree = self._git("mktree", given=f"100644 blob {blob}\tcheckpoint\n")
        parent = self._git("for-each-ref", "--format=%(objectname)", _BRANCH)
        message = f"{origin}: {checkpoint.size} events\n"
        parents = ("-p", parent) if parent else ()
        commit = self._git("commit-tree", tree, *parents, given=message, at=checkpoint.at.isoformat())
        self._git("update-ref", _BRANCH, commit, parent or "0" * len(commit))  # nobody else moved it meanwhile
        if remote := self._git("remote").partition("\n")[0]:
            self._git("push", "--quiet", remote, f"{_BRANCH}:{_BRANCH}")

    def _git(self, *arguments: str, given: str = "", at: str = "") -> str:
        identity = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _WHO.items()}
        dated = {f"GIT_{role}_DATE": at for role in ("AUTHOR", "COMMITTER")} if at else {}
        command = ["git", "-C", str(self._repository), *arguments]
        try:
            done = subprocess.run(  # noqa: S603  no shell, and nothing of a stranger's in the arguments
                ["env", *(f"{key}={value}" for key, value in (identity | dated).items()), *command],  # noqa: S607
                input=given,
                capture_output=True,
                text=True,
                check=True,
                timeout=_SECONDS,
            )
        except subprocess.CalledProcessError as error:
            raise NotAnchored(f"git {arguments[0]} ended with {error.returncode}") from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotAnchored(f"git {arguments[0]}: {type(error).__name__}") from None
        return done.stdout.strip()
