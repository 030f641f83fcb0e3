"""HTTP/2 for exactly one kind of peer, gRPC inside Terraform: bytes in, whole requests out, and the way back."""
