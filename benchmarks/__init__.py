"""How fast it is: every figure beside its baseline, as ratios within one run on one machine.

    python -m benchmarks [FIGURE …] [--quick]

`figures/` has one module for each figure. Around them: `stand` (servers and workers of this run's own), `sink` (the
gateway's stand-in: `nginx` or the `recorder`), `metronome` (what the machine itself can keep), `processes` (children
and what they cost), `campaigns` (instances and messages in any number), `sending` (ours, the naive baseline and the
bare loop, taking turns), `large` (a small and a large backlog, taking turns), `results` and `plots` (the report).
"""
