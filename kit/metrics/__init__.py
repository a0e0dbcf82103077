"""From records to numbers: the only definitions of TTFT, TPOT, ITL, throughput and error rate. Pure."""
