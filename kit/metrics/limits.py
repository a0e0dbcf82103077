"""The limits by which figures are judged, each once: maker and verifier use the very same."""

from __future__ import annotations

# --- the client -------------------------------------------------------------------------------------------

# Of the p99 of the TTFT and gap errors of a calibration: a tenth of the time between tokens at 100 tok/s.
MAX_ERROR_MS = 1.0
# A point that does not hold is measured again: what else runs on a machine for a moment must not cost a run of an
# hour its numbers. A step of the search for the ceiling costs nothing but a lower ceiling.
MAX_POINT_TRIES, MAX_STEP_TRIES = 4, 2
# What a run's own calibration asks of each stream, at most of all together, and how long a point and a step of the
# search take at least (kit.run.calibrate); so much more than it asks can come in a window by chance.
CALIBRATION_TOK_S, CALIBRATION_RUN_TOK_S, MAX_ABOVE_PACE_PERCENT = 200.0, 10_000.0, 2
MIN_POINT_NS, MIN_STEP_NS = 2_000_000_000, 1_000_000_000
MIN_PACE = 0.98  # of the pace that a calibration asks of a stream; slower than that, the client held it up
# Little's law: a closed loop keeps every user busy but for microseconds between two requests. The flag load.busy
# and the SUSPECT mark mean the same, so they share it; it leaves room for very short answers and new connections.
MIN_BUSY_SHARE = 0.95
# Methods 1 and 2: sent later than this, the client was the bottleneck (as InferenceX admits of its own), for the
# flag load.lag and for SUSPECT alike: 5 ms, or 1 % of the median latency where that is more.
MAX_LAG_NS = 5_000_000
MAX_LAG_PERCENT = 1
# Since method 3, for the flag load.lag and for SUSPECT alike. What late sends took of the users' time is what
# throughput lost; as a part of the mean latency it is what users waited without the server's doing. Two windows of
# one load differ by about EQUAL_PERCENT: half of that decides nothing.
MAX_LATE_PERCENT = 1
# Since method 3 an error of a calibration counts by the cell's own figure: so much of it, or MAX_ERROR_MS where
# that is more.
MAX_EFFECT_PERCENT = 1
# A worker whose request failed waits before the next, twice as long each time: a dead server is not hammered.
BACKOFF_FIRST_NS = 10_000_000
BACKOFF_MAX_NS = 1_000_000_000

# The shortest window of a platform: less holds a few answers, and the best of many short ones is easy to choose.
MIN_PUBLISHED_WINDOW_NS = 5_000_000_000

# Longer than this the load generator may not have stood still: stamps of the kernel are believed up to this age
# (kit.loadgen.clock), and what was due meanwhile went out so much later.
MAX_STALL_NS = 500_000_000

# Before the last request of the window ends, a worker may rest so long: its answer and that last one may be read
# in one turn of the loop, whose ticks come every 50 ms and may be late by as much. In 75 cells of real runs: 0.
TAIL_SLACK_NS = 100_000_000
# More than a turn takes that nothing held up: so long a rest is worth a look.
TURN_SLACK_NS = 10_000_000

# A server that is ten times slower for a part of the window has a true mean that no user ever met. A part is a
# tenth of the window, or as long as four median waits for a first token where that is longer, so that no prompt is
# a hole; with fewer parts than three, or fewer chunks in a part, nothing can be said.
STEADY_PARTS, STEADY_WAITS, MIN_STEADY_PARTS, MIN_STEADY_CHUNKS = 10, 4, 3, 20
MIN_STEADY_SHARE = 0.5  # of the median part
STEADY_FROM_METHOD = 3

# --- clocks -----------------------------------------------------------------------------------------------

# Kernel stamps come from the real-time clock and are mapped onto the monotonic one (kit.loadgen.clock); the
# distance of the two is known to about a microsecond.
STAMP_SLACK_NS = 2_000
MAX_RESOLUTION_NS = 1_000_000  # a coarser clock cannot time tokens that come every few milliseconds
READING_SLACK_NS = 1_000_000  # two clocks, or one clock twice, are read one after the other
# Real time may be stepped or slewed a little by NTP: 50 ms, and 100 ppm, which no healthy crystal exceeds.
UTC_SLACK_NS = 50_000_000
UTC_DRIFT_PER_MILLION = 100
# Real minus monotonic time at the origin of each load of a run: the two are read one after the other, and over
# whole runs that spread by 0.09 to 0.61 ms. Nothing but a step, sleep or a restart moves one against the other.
BOOT_SLACK_NS = 10_000_000

# --- telemetry --------------------------------------------------------------------------------------------

# Other programs that take a CPU for a second change a tail and hardly a mean: the worst second is kept beside it.
WORST_NS, WORST_STEP_NS = 1_000_000_000, 500_000_000
MAX_WORST_STEPS = 20_000  # almost three hours at half a second
# Two readings of one card: a counter of millijoules and an average power; NVIDIA states 5 % for its sensors.
MAX_ENERGY_DISAGREEMENT_PERCENT = 5
# Samples have a gap where one is longer than so many intervals and a second, which is what a busy machine may
# keep a sampler waiting.
GAP_INTERVALS, GAP_SLACK_NS = 3, 1_000_000_000
# CPU time is counted in ticks of 10 ms on every CPU, and the counters of a sample are read one after the other.
CPU_SLACK_PERCENT, CPU_SLACK_NS = 5, 100_000_000

# --- answers ----------------------------------------------------------------------------------------------

# Two prompts may well both be answered "Yes." or with the same line of code, and small models fall into the same
# short phrases; a whole paragraph twice comes from a cache.
MIN_SAME_CHARS = 200
MIN_ONE_CHARACTER_CHARS = 5  # shorter ones are answers: 7, 11, 1000; a broken sampler writes on to the last token
# A finished answer sent in one burst is no stream: its text spans under 5 % of the latency and comes faster
# than any decoder writes. The second bound keeps a queue in front of a real stream from looking like a replay.
REPLAY_MIN_TOKENS = 9
REPLAY_SPAN_DIVISOR = 20
REPLAY_NS_PER_TOKEN = 200_000

# Chunks that come more than so many at a time, on average, come from something that holds them back: between them
# are gaps that nobody saw, and a percentile of gaps per token would be of flushes. Speculative decoding makes two
# or three tokens a step; where it sends each as an event, they are one arrival and their gap is a true one.
MAX_CHUNKS_PER_ARRIVAL = 3

# --- statistics -------------------------------------------------------------------------------------------

# A percentile p is given only from the smallest n with p^n <= 0.01: then the largest of n samples lies above
# the true percentile with 99 % confidence (below it, for those under the median). In permille.
SAMPLE_FLOORS = {250: 17, 500: 1, 750: 17, 900: 44, 950: 90, 990: 459, 999: 4603}
MIN_REPLICATES_FOR_INTERVAL = 3  # two cannot tell a disturbed one from the other, and their interval is huge
# All comparisons of one verdict together err in at most 5 %: so much for who is ahead, and so much for ties.
AHEAD_ERROR, TIED_ERROR = 0.04, 0.01
# Two runs of one plan: so often may "reproduced" be said of what differs by more than counts, and "not reproduced"
# of what does not. They exclude each other, so neither takes from the other.
REPRODUCED_ERROR = 0.05
# Two figures are tied if they surely differ by less than this: no reason to choose one runtime before the other.
EQUIVALENT_PERCENT = 5
# From so many replicates on, those that had the same prompts one after the other are compared pair by pair: drift
# counts for nothing then. Of fewer the spread of their ratios is known too badly (benchmarks/intervals.py).
PAIRED_FROM = 5
# In comparisons no figure is known better than this, also where a few replicates happen to be equal.
MIN_SPREAD = "0.001"

# --- rows of loads ----------------------------------------------------------------------------------------

# Windows of seconds repeat within a few percent: less than this is no growth. That latency must grow too keeps
# fine steps from ending a sweep: 4 % more users bring under 5 % more throughput to any server.
GROWTH_PERCENT = 5
FLAT_STEPS = 2  # one flat step may be a window that was unlucky; two in a row are a plateau
EQUAL_PERCENT = 2  # two windows of one load differ by about this: it must not decide what is on the frontier
MIN_KNEE_HEIGHT = 0.1  # of the curve above its chord, in parts of its own height: noise gets to a few percent

# --- disturbance (docs/method.md, "Disturbance") ----------------------------------------------------------

# CPU time of everything that is neither server, load generator nor kit, as a share of all CPUs, on a machine
# without room: over the window, and in its worst second. A quiet machine takes 1 to 2 %. Threads that compute in
# step wait for the slowest of them, so one CPU counts in full however many there are: from ten CPUs on (four in
# the worst second) the limit is a part of one CPU instead.
MAX_OTHER_SHARE, MAX_OTHER_CPUS = 0.03, 0.3
MAX_WORST_OTHER_SHARE, MAX_WORST_OTHER_CPUS = 0.2, 0.8
# There is room where all together use no more than this in the worst second, a whole CPU is free, and hardly
# anyone waits for one. Then others may have more: what they still share is memory bandwidth, caches and turbo.
MAX_BUSY_WITH_ROOM, MIN_FREE_CPUS, MAX_PRESSURE_WITH_ROOM = 0.7, 1.0, 0.1
MAX_OTHER_SHARE_WITH_ROOM = 0.25
MAX_STEAL_SHARE = 0.01  # of all CPUs: what a hypervisor took, server and client lost
MAX_MEMORY_PRESSURE_SHARE = 0.01  # of the window: a task that waits for memory does nothing else; quiet is 0
MAX_SWAPPED_BYTES = 16 << 20  # more in the window than a few pages that nobody used
MAX_THROTTLED_SHARE = 0.01  # of the window: a server or client that its cgroup stopped; the kit sets no such quota
# Samples come ten a second; where none comes for a second, the machine or everything on it stood still.
MAX_SAMPLE_GAP_NS = 1_000_000_000
MAX_CLOCK_STEP_NS = UTC_SLACK_NS  # the real clock against the monotonic one
# Of NVML's reasons for a lower clock: HW slowdown, SW thermal, HW thermal, HW power brake. Idle, the power cap and
# clocks that somebody set are how a card is meant to run.
GPU_SLOWDOWNS = {
    0x08: "hardware slowdown",
    0x20: "software thermal slowdown",
    0x40: "hardware thermal slowdown",
    0x80: "power brake",
}

# Prompts made to a length: how far the median of the server's counts may be from it.
MAX_LENGTH_PERCENT, MAX_LENGTH_TOKENS = 1, 4
