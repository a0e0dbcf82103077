"""Mutation testing: small changes to a package, each of which its unit tests should notice.

mutmut 3 leaves out constants of a module and functions with decorators, which are the limits and the rules here;
cosmic-ray starts an interpreter a mutant. So this is done by hand: on syntax trees, forked from a warm process.
"""
