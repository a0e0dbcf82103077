"""What stands in a plan where there is nothing to pin."""

from __future__ import annotations

from hashlib import sha256

from kit.documents.pins import ModelPin
from kit.documents.plan import TextPin

# No weights, for servers that already run; no suite, for loads by hand.
NO_MODEL = NO_SUITE = "none"
_NOTHING = sha256(b"").hexdigest()
NO_WEIGHTS = ModelPin(NO_MODEL, NO_MODEL, _NOTHING, 0, confirmed=False)
NO_TESTS = TextPin(NO_SUITE, _NOTHING, 0)
