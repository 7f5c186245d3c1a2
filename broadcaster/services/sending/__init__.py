"""The send path: lanes drained on one event loop, with intents and outcomes committed in groups.

    claim → (at its slot) intent → POST → outcome

Read `lane.py` first: it tells the story of one message. `drain.py` drives many lanes, `store.py` holds the statements,
`outcome_writer.py` writes many outcomes with one statement.
"""
