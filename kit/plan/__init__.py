"""What is decided before anything starts: platforms, schedules, prompts, and the plan itself. Pure."""
