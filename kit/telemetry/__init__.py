"""What happens on the machine beside a load, ten times a second; a program: python -m kit.telemetry WATCH.json."""
