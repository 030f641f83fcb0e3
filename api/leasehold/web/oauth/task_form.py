"""The task that a lease is asked for: our parameters `task` and `task_deadline`."""

from __future__ import annotations

from datetime import datetime

from leasehold.model.errors import InvalidValue
from leasehold.model.names import check_task
from leasehold.model.tasks import TaskWish
from leasehold.web.oauth.forms import Form, InvalidRequest


def task_of(form: Form) -> TaskWish | None:
    """The task that the lease is for. Raises `InvalidRequest`."""
    if "task" not in form:
        return None
    try:
        check_task(form["task"])
        deadline = datetime.fromisoformat(form["task_deadline"]) if "task_deadline" in form else None
    except InvalidValue as error:
        raise InvalidRequest(str(error)) from error
    except ValueError:
        raise InvalidRequest("task_deadline must be a time with its zone (RFC 3339)") from None
    if deadline is not None and deadline.tzinfo is None:
        raise InvalidRequest("task_deadline must be a time with its zone (RFC 3339)")
    return TaskWish(form["task"], deadline)
