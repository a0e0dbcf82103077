"""What is planned, asked and kept about how right answers are: programs that a server writes for tasks with tests."""
