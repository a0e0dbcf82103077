"""The limits of the forensic rules, each once, with what honest bundles had.

"At hand" are the 75 measured cells of results/*.tar.gz: llama.cpp, vLLM, Ollama and realizar on two machines.
Statistics that have a distribution get a limit at which a bundle of 100 cells is flagged by chance in less than
one case of 100; for the others the limit stands far from all that was seen.
"""

from __future__ import annotations

MAX_CELL_GAPS = 4_000  # of one cell: more decides nothing and costs time
MIN_WINDOW_NS = 2_000_000_000  # shorter loads are tests of the kit: too little to tell noise from chance

# --- copies ---------------------------------------------------------------------------------------------------

# Two requests that have the first so many gaps in the very same order of size have one origin: 24! orders.
COPY_GAPS = 24
MIN_DISTINCT_GAPS = 20  # of them: what a clock or a buffer rounds to a few values may well repeat
# How far two vectors of gaps may lie from one another's multiple, of the mean gap: a tenth of a percent.
COPY_TOLERANCE_PERMILLE = 1

# --- steps ----------------------------------------------------------------------------------------------------

STEP_NS = 1_000_000  # chunks of one step of a server that batches arrive within this
MAX_EXPECTED = 0.3  # so many would have a neighbour by chance: where it would be more, the step is made shorter
MIN_STEP_CHUNKS = 150
# Of the chunks that would not have a neighbour by chance, so many have one. Servers at hand that batch: 0.86 to
# 0.99; streams that were made one by one, or pasted from runs of one user: below 0.2.
MIN_TOGETHER = 0.4
# A server of one slot finishes an answer before it begins the next: 0.000 of the chunks at hand lie in another's.
MAX_INTERLEAVED = 0.05

# --- noise ----------------------------------------------------------------------------------------------------

MIN_NOISE_GAPS = 250
# Gaps of real servers have a tail to the right. Skewness and kurtosis at hand: from 1.4 and 3.1 (in one cell) to
# 10 and 259; a bell curve has 0 and 3, a uniform distribution 0 and 1.8, narrow log-normal noise less than both.
MIN_SKEWNESS, MIN_KURTOSIS = 0.8, 4.0
MIN_VARIATION = 0.002  # standard deviation over mean, within requests: 0.057 to 1.4 at hand
MAX_FOLLOWING = 0.9  # correlation of a gap with the next: up to 0.77 at hand; more is left by averaging stamps
MAX_TIES = 0.05  # gaps equal to the nanosecond to another of the cell: up to 0.005 at hand

# --- digits ---------------------------------------------------------------------------------------------------

MIN_DIGIT_GAPS = 250
# Chi square of ten equally likely digits (9 degrees of freedom): above this once in ten million cells.
MAX_DIGITS_CHI2 = 50.2
ROUND_NS = 1_000  # all stamps multiples of this and more than the clock's own step were rounded
COUNTING_CLOCKS = frozenset({"tsc", "kvm-clock", "hyperv_clocksource_tsc_page"})  # they count below a nanosecond
COUNTING_MACHINES = frozenset({"x86_64"})  # where Linux uses one of them unless it is broken

# --- replicates -----------------------------------------------------------------------------------------------

MIN_RUN_REQUESTS = 8
ALIKE_P = 0.0001  # per row of the table, and for all rows of a bundle together
# Prompts come once a pass, so honest replicates may differ somewhat less than independent draws would.
MAX_ALIKE_RATIO = 0.02

# --- scaling --------------------------------------------------------------------------------------------------

TICK_NS = 10_000_000  # in which Linux counts the CPU time of all: USER_HZ is 100
MAX_INTERVAL_OFF = 0.02  # of the sampler's interval, which a timer keeps whatever the machine does
MIN_SAMPLES, MIN_TICK_SAMPLES = 8, 20
