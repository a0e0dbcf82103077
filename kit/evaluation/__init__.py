"""Tasks with tests, how they are asked, the program in an answer, and what verdicts add up to. Pure: nothing runs.

Programs of a model are run by `kit.sandbox`, after the server stopped (kit.run.evaluating).
"""
