"""How fast it is: every figure beside its baseline, as ratios within one run on one machine.

    python -m benchmarks [FIGURE …] [--quick]

`figures/` has one module for each figure. Around them: `stand` (servers, workers and a sink of this run's own),
`sending` (ours, the naive baseline and the bare loop, taking turns), `processes` (children and what they cost),
`results` (the report).
"""
