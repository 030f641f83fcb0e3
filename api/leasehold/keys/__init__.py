"""Keys: signatures checked and made, keys fetched and kept. Who a token speaks for is decided in `authn`."""
