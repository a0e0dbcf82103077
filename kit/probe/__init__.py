"""What the kit asks a server besides load: from here, or by the same code from inside the server's network."""

from kit.probe.probe import Probe, probe_of

__all__ = ["Probe", "probe_of"]
