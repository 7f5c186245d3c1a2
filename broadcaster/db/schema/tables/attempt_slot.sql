CREATE TABLE attempt_slots (
    campaign_id bigint NOT NULL,
    account_id integer NOT NULL,
    slot timestamptz NOT NULL,
    outcome outcome NOT NULL,
    within_ms integer NOT NULL,
    attempts integer NOT NULL,
    PRIMARY KEY (campaign_id, account_id, slot, outcome, within_ms)
) WITH (fillfactor = 50);
COMMENT ON TABLE attempt_slots IS
    'How many attempts came to what in five minutes, by campaign and account: what reports add up.';
COMMENT ON COLUMN attempt_slots.campaign_id IS 'The campaign; what is purged of it stays counted.';
COMMENT ON COLUMN attempt_slots.account_id IS 'The account that they went through.';
COMMENT ON COLUMN attempt_slots.slot IS 'When the five minutes began.';
COMMENT ON COLUMN attempt_slots.outcome IS 'What they came to.';
COMMENT ON COLUMN attempt_slots.within_ms IS
    'Within how many milliseconds they ended, by a few bounds (slowest_ms); 0: nobody measured it.';
COMMENT ON COLUMN attempt_slots.attempts IS 'How many.';
CREATE INDEX attempt_slots_slot_idx ON attempt_slots (slot);
