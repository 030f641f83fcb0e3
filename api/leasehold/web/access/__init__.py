"""AuthZEN's Authorization API 1.0 on plain ASGI: the policy decision point over HTTP."""
