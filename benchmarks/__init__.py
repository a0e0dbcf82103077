"""What the kit costs and how true it is, measured: not part of `make test`."""
