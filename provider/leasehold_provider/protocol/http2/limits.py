"""How much of anything we take from the peer. It is authenticated, and still gets no unbounded memory."""

from __future__ import annotations

MAX_FRAME_BYTES = 16_384
"""Frame payload; also the smallest value a peer may assume (RFC 9113 §6.5.2)."""
MAX_HEADER_BYTES = 65_536
"""Header block and decoded header list, each."""
MAX_STREAMS = 256
"""Requests being received or answered at once; Terraform runs 10, or as many as `-parallelism` says."""
MAX_MESSAGE_BYTES = 64 << 20
"""One gRPC message."""
MAX_BUFFERED_BYTES = 256 << 20
"""All requests being received together."""
STREAM_WINDOW = 8 << 20
CONNECTION_WINDOW = 32 << 20
"""What the peer may have in flight before we give credit back (bytes)."""
MAX_WINDOW = (1 << 31) - 1
"""RFC 9113 §6.9.1."""
