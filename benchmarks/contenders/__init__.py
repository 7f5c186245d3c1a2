"""Who takes turns in `benchmarks.sending`: each has a `label` and a `run`."""
