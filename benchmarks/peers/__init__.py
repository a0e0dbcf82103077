"""The best-known load generators and the kit, side by side against one reference endpoint."""
