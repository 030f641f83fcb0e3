"""Where nobody holds writes to reviewed plans."""

from __future__ import annotations

from collections.abc import Mapping

from leasehold.model.kinds import Kind
from leasehold.model.objects import Spec
from leasehold.model.principal import Principal


class Unheld:
    """Every write passes."""

    def check(
        self, _principal: Principal, _kind: Kind, _name: str, _before: Spec | None, _after: Spec | None, /
    ) -> Mapping[str, str]:
        """Nothing is refused."""
        return {}
