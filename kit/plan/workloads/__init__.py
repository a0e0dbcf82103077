"""What the requests of a workload are like: lengths, arrivals, sessions, levels."""
