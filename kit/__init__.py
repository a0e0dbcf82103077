"""kit: measures LLM inference runtimes so that a stranger can check every number."""

__version__ = "0.3.0"
