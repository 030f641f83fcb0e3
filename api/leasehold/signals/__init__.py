"""Security events told to receivers outside: streams that they manage, and the worker that pushes (SSF 1.0)."""
