"""Consent: who has opted out, with the evidence, and what follows from it."""
