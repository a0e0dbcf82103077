"""Commands about how right the answers of servers are."""
