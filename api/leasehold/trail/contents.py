"""Inputs and outputs beside an event: shut away, read by auditors, erased for good, and the trail stays whole.

What stands in the trail is the hash of what was shut away, and a keyed digest. Erasing a subject destroys its key:
nothing of theirs can be read or guessed at any more, wherever a copy of the ciphertext lies. A server that has the key
in memory forgets it within a minute.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from leasehold.model.errors import NotFound
from leasehold.model.events import AuditEvent, Content
from leasehold.model.external import Sealed, StillLive
from leasehold.model.trail.records import canonical_bytes
from leasehold.policy.decision import Permit
from leasehold.trail.own_events import asked_for, begun
from leasehold.trail.ports import Cipher, Store, SubjectKey

_KNOWN_FOR = timedelta(minutes=1)
_MANY = 10_000


class Contents:
    """Shuts away and reads."""

    def __init__(self, store: Store, cipher: Cipher, clock: Callable[[], datetime]) -> None:
        self._store, self._cipher, self._clock = store, cipher, clock
        self._keys: dict[str, tuple[SubjectKey, datetime]] = {}

    def shut(self, subject: str, said: Mapping[str, object]) -> Content:
        """The content of an event about `subject` (`user:ann`, else `agent:triage`). Raises `Unavailable`."""
        return self._key(subject).shut(canonical_bytes(said))

    def digest(self, subject: str, said: bytes) -> str:
        """A digest of something about `subject`, keyed with their key. Raises `Unavailable`."""
        return self._key(subject).digest(said)

    def seal(self, subject: str, text: str, about: str) -> Sealed:
        """A text shut away that is kept beside the trail; erased with its subject. Raises `Unavailable`."""
        sealed = self._key(subject).seal(text.encode(), about)
        return Sealed(f"{_encoded(subject.encode())}.{_encoded(sealed)}")

    def unseal(self, sealed: Sealed, about: str) -> str:
        """Read it. Raises `StillLive` where its subject was erased, or another server's key shut it away."""
        subject, _, rest = sealed.partition(".")
        key = self._find_key(base64.b64decode(subject).decode()) if rest else None
        if key is None:
            raise StillLive("its subject was erased, or it was shut away elsewhere")
        return key.open(rest, about).decode()

    def read(self, permit: Permit, commitment: str, now: datetime) -> tuple[bytes, AuditEvent]:
        """What was shut away, as canonical JSON, and the event that somebody begins to read it.

        Raises `NotFound`, once erased.
        """
        with self._store.begin() as unit:
            found = unit.keeping.find_content(commitment)
            key = unit.keeping.find_key(found[0]) if found is not None else None
            if found is None or key is None:
                raise NotFound("content", commitment)
            event = begun(permit, "read-content", commitment, now, {"subject": found[0]})
            unit.audit.append(event)
        try:
            return self._cipher.key(key, found[0]).open(found[1]), event
        except StillLive:
            raise NotFound("content", commitment) from None

    def erase(self, permit: Permit, subject: str, reason: str, now: datetime) -> int:
        """Destroy what was shut away about a subject, and its key; how many contents it was."""
        self._keys.pop(subject, None)
        with self._store.begin() as unit:
            erased = unit.keeping.erase(subject)
            unit.audit.append(asked_for(permit, "erase", subject, now, {"reason": reason, "count": erased}))
        return erased

    def _key(self, subject: str) -> SubjectKey:
        found = self._find_key(subject)
        if found is not None:
            return found
        with self._store.begin() as unit:
            sealed = unit.keeping.agree_on_key(subject, self._cipher.new_key(subject))
        return self._remember(subject, sealed)

    def _find_key(self, subject: str) -> SubjectKey | None:
        known = self._keys.get(subject)
        if known is not None and abs(self._clock() - known[1]) < _KNOWN_FOR:
            return known[0]
        with self._store.read() as unit:
            sealed = unit.keeping.find_key(subject)
        return self._remember(subject, sealed) if sealed is not None else None

    def _remember(self, subject: str, sealed: str) -> SubjectKey:
        key = self._cipher.key(sealed, subject)
        if len(self._keys) >= _MANY:
            self._keys.clear()
        self._keys[subject] = key, self._clock()
        return key


def _encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
