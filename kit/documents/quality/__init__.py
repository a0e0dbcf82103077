"""What is planned, asked and kept about how right answers are: programs written for tasks with tests."""
