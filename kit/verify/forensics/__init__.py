"""What shows in records that were made, copied or scaled instead of measured: statistics, and the rules on them.

Each rule only flags: a person has to look. Their limits and how often honest cells pass them by chance are in
`limits`; docs/rules.md says what was found on the bundles at hand.
"""
