"""What the kit asks a server besides load: from here, or by the same code from inside the server's network."""

from kit.probe.probe import Visitor, visitor_for

__all__ = ["Visitor", "visitor_for"]
