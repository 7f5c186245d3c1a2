CREATE TABLE attempt_slots (
    campaign_id bigint NOT NULL,
    account_id integer NOT NULL,
    slot timestamptz NOT NULL,
    outcome outcome NOT NULL,
    attempts integer NOT NULL,
    PRIMARY KEY (campaign_id, account_id, slot, outcome)
) WITH (fillfactor = 50);
COMMENT ON TABLE attempt_slots IS
    'How many attempts came to what in five minutes, by campaign and account: what reports add up.';
COMMENT ON COLUMN attempt_slots.campaign_id IS 'The campaign; what is purged of it stays counted.';
COMMENT ON COLUMN attempt_slots.account_id IS 'The account that they went through.';
COMMENT ON COLUMN attempt_slots.slot IS 'When the five minutes began.';
COMMENT ON COLUMN attempt_slots.outcome IS 'What they came to.';
COMMENT ON COLUMN attempt_slots.attempts IS 'How many.';

CREATE TABLE attempt_hours (
    account_id integer NOT NULL,
    hour timestamptz NOT NULL,
    outcome outcome NOT NULL,
    within_ms integer NOT NULL,
    attempts integer NOT NULL,
    PRIMARY KEY (account_id, hour, outcome, within_ms)
) WITH (fillfactor = 50);
COMMENT ON TABLE attempt_hours IS
    'How many attempts came to what in an hour, and how soon, by account: what reports of instances add up.';
COMMENT ON COLUMN attempt_hours.account_id IS 'The account that they went through.';
COMMENT ON COLUMN attempt_hours.hour IS 'When the hour began.';
COMMENT ON COLUMN attempt_hours.outcome IS 'What they came to.';
COMMENT ON COLUMN attempt_hours.within_ms IS
    'Within how many milliseconds they ended, by a few bounds (slowest_ms); 2147483647: within none; 0: nobody measured it.';
COMMENT ON COLUMN attempt_hours.attempts IS 'How many.';
CREATE INDEX attempt_hours_hour_idx ON attempt_hours (hour);

CREATE TABLE accepted_counts (
    account_id integer NOT NULL,
    attempts bigint NOT NULL,
    PRIMARY KEY (account_id)
) WITH (fillfactor = 50);
COMMENT ON TABLE accepted_counts IS
    'How many attempts the gateway accepted, by account, tests of campaigns apart: what monitors ask for every few seconds.';
COMMENT ON COLUMN accepted_counts.account_id IS 'The account that they went through.';
COMMENT ON COLUMN accepted_counts.attempts IS 'How many.';
