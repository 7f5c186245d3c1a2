"""Proofs of campaigns: written from the books, and checked without them."""
