"""The demo's comparison of Postgres with the gateway's ledger: it must be able to fail."""

from __future__ import annotations

from broadcaster.cli.demo.proof import Delivery, prove_nothing_is_doubled, prove_the_books_agree

A, B = (Delivery("north", phone, "/wa/send") for phone in ("12025550100", "12025550101"))


def test_one_message_taken_for_each_one_planned_is_a_proof() -> None:
    proof = prove_nothing_is_doubled([A, B], [B, A])
    assert proof.holds
    assert "2 messages" in proof.evidence


def test_a_message_taken_twice_is_no_proof_and_names_the_phone() -> None:
    proof = prove_nothing_is_doubled([A, B], [A, B, A])
    assert not proof.holds
    assert proof.evidence == "1 taken too often or unplanned (12025550100 via north)"


def test_a_message_that_never_reached_the_gateway_is_no_proof() -> None:
    proof = prove_nothing_is_doubled([A, B], [A])
    assert not proof.holds
    assert proof.evidence == "1 never reached the gateway (12025550101 via north)"


def test_a_message_through_the_wrong_instance_is_both_missing_and_unplanned() -> None:
    elsewhere = A._replace(instance="south")
    proof = prove_nothing_is_doubled([A], [elsewhere])
    assert not proof.holds
    assert "12025550100 via north" in proof.evidence
    assert "12025550100 via south" in proof.evidence


def test_books_that_differ_in_one_phone_do_not_agree() -> None:
    assert prove_the_books_agree([A, B], [A, B]).holds
    proof = prove_the_books_agree([A], [A, B])
    assert not proof.holds
    assert proof.evidence == "1 only in the gateway's ledger (12025550101 via north)"
