"""Commands about servers and leftovers on a container engine: up, down, clean."""
