"""gRPC on top of HTTP/2: which method a request means, where it runs, how its answer is framed."""
