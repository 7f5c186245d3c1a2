CREATE TABLE messages (
    segment bigint NOT NULL,
    campaign_id bigint NOT NULL,
    seq integer NOT NULL,
    lane_id integer NOT NULL,
    phone text,
    ordinal smallint NOT NULL DEFAULT 1,
    recipient_group smallint NOT NULL DEFAULT 0,
    variables jsonb,
    state message_state NOT NULL DEFAULT 'pending',
    changed_at timestamptz NOT NULL DEFAULT now(),
    attempt smallint NOT NULL DEFAULT 0,
    spent smallint NOT NULL DEFAULT 0,
    content_version smallint,
    next_attempt_at timestamptz NOT NULL DEFAULT '-infinity',
    claim_token uuid,
    gateway_id text,
    reason text,
    home_lane_id integer,
    PRIMARY KEY (segment, campaign_id, seq),
    UNIQUE (segment, campaign_id, phone, ordinal),
    CONSTRAINT messages_forgotten_is_final_check CHECK (
        phone IS NOT NULL OR state IN ('sent', 'failed', 'unknown', 'skipped', 'cancelled', 'expired')
    )
) PARTITION BY LIST (segment);
COMMENT ON TABLE messages IS
    'One recipient of one campaign each. No foreign keys: ingest writes campaign and messages together.';
COMMENT ON COLUMN messages.segment IS 'Partition key: campaigns.segment.';
COMMENT ON COLUMN messages.campaign_id IS 'The campaign that it belongs to.';
COMMENT ON COLUMN messages.seq IS 'The row''s number among the campaign''s recipients, from 1.';
COMMENT ON COLUMN messages.lane_id IS 'The instance that sends it.';
COMMENT ON COLUMN messages.phone IS 'E.164 digits without the plus; null: forgotten.';
COMMENT ON COLUMN messages.ordinal IS
    'Which of the campaign''s messages to this phone it is; above 1 only with one for each row.';
COMMENT ON COLUMN messages.recipient_group IS
    'recipient_groups.id, where the campaign''s hours go by the recipient; 0: they do not.';
COMMENT ON COLUMN messages.variables IS 'Template variables by name; null: none.';
COMMENT ON COLUMN messages.state IS 'Where it stands (docs/states.md).';
COMMENT ON COLUMN messages.changed_at IS 'Since when it is in this state.';
COMMENT ON COLUMN messages.attempt IS 'Number of the latest attempt.';
COMMENT ON COLUMN messages.spent IS
    'Attempts that count against campaigns.max_attempts; trouble of the instance does not.';
COMMENT ON COLUMN messages.content_version IS
    'The content_versions of the latest attempt, as the claim took it; null: none was made.';
COMMENT ON COLUMN messages.next_attempt_at IS 'A pending message is due from then on; nothing else says when it is tried again.';
COMMENT ON COLUMN messages.claim_token IS 'The claim that took it; guards every later write.';
COMMENT ON COLUMN messages.gateway_id IS 'The gateway''s id of the accepted message, where it gave one.';
COMMENT ON COLUMN messages.reason IS 'Why it is where it is, where that needs a reason.';
COMMENT ON COLUMN messages.home_lane_id IS
    'The instance that the person knows, where the campaign asks for it; null: any may send it.';
CREATE INDEX messages_due_idx ON messages (campaign_id, lane_id, recipient_group, next_attempt_at, seq)
    WHERE state = 'pending';
CREATE INDEX messages_failure_idx ON messages (campaign_id, state)
    WHERE state IN ('failed', 'unknown', 'skipped', 'expired');
CREATE INDEX messages_held_idx ON messages (lane_id, state) WHERE state IN ('sending', 'in_doubt');

CREATE TABLE attempts (
    segment bigint NOT NULL,
    campaign_id bigint NOT NULL,
    seq integer NOT NULL,
    attempt smallint NOT NULL,
    content_version smallint NOT NULL,
    account_id integer NOT NULL,
    outcome outcome NOT NULL,
    reason text NOT NULL,
    http_status smallint,
    reply text,
    duration_ms integer,
    finished_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (segment, campaign_id, seq, attempt)
) PARTITION BY LIST (segment);
COMMENT ON TABLE attempts IS 'One HTTP request made, or about to be made, for a message.';
COMMENT ON COLUMN attempts.segment IS 'Partition key: campaigns.segment.';
COMMENT ON COLUMN attempts.campaign_id IS 'The campaign that it belongs to.';
COMMENT ON COLUMN attempts.seq IS 'messages.seq';
COMMENT ON COLUMN attempts.attempt IS 'Counts from 1 per message.';
COMMENT ON COLUMN attempts.content_version IS 'What was sent: of content_versions.';
COMMENT ON COLUMN attempts.account_id IS 'The account it went through.';
COMMENT ON COLUMN attempts.outcome IS 'What it came to.';
COMMENT ON COLUMN attempts.reason IS 'What was concluded from the reply or the failure.';
COMMENT ON COLUMN attempts.http_status IS 'Null: no reply.';
COMMENT ON COLUMN attempts.reply IS 'The raw reply, at most 2 KB, key redacted.';
COMMENT ON COLUMN attempts.duration_ms IS 'From the request''s start to its end; null: nobody measured it.';
COMMENT ON COLUMN attempts.finished_at IS 'When its outcome was recorded.';
CREATE INDEX attempts_account_idx ON attempts (account_id, finished_at);

CREATE TABLE doubts (
    segment bigint NOT NULL,
    campaign_id bigint NOT NULL,
    seq integer NOT NULL,
    attempt smallint NOT NULL,
    lane_id integer NOT NULL,
    account_id integer NOT NULL,
    phone text,
    started_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    polls smallint NOT NULL DEFAULT 0,
    absences smallint NOT NULL DEFAULT 0,
    next_poll_at timestamptz NOT NULL DEFAULT now(),
    reading text,
    is_unread boolean NOT NULL DEFAULT false,
    unreadable_seconds double precision NOT NULL DEFAULT 0,
    resolved_as resolution,
    resolved_at timestamptz,
    PRIMARY KEY (segment, campaign_id, seq, attempt),
    CONSTRAINT doubts_forgotten_is_resolved_check CHECK (phone IS NOT NULL OR resolved_as IS NOT NULL),
    CONSTRAINT doubts_resolved_at_a_time_check CHECK ((resolved_as IS NULL) = (resolved_at IS NULL))
);
COMMENT ON TABLE doubts IS
    'Attempts of which nobody knows whether the gateway accepted them, and what reading back says of them.';
COMMENT ON COLUMN doubts.segment IS 'campaigns.segment';
COMMENT ON COLUMN doubts.campaign_id IS 'The campaign that it belongs to.';
COMMENT ON COLUMN doubts.seq IS 'messages.seq';
COMMENT ON COLUMN doubts.attempt IS 'attempts.attempt';
COMMENT ON COLUMN doubts.lane_id IS 'The instance it went through.';
COMMENT ON COLUMN doubts.account_id IS 'The account whose chats may show it.';
COMMENT ON COLUMN doubts.phone IS 'Whose chat may show it; null: forgotten.';
COMMENT ON COLUMN doubts.started_at IS 'When its intent was committed: the request left no earlier.';
COMMENT ON COLUMN doubts.ended_at IS 'When its request had ended for certain.';
COMMENT ON COLUMN doubts.polls IS 'How often its chat was asked for.';
COMMENT ON COLUMN doubts.absences IS
    'How many of the latest polls, one after the other and settled, showed that it is not there.';
COMMENT ON COLUMN doubts.next_poll_at IS 'When its chat is asked for next.';
COMMENT ON COLUMN doubts.reading IS 'What the latest poll came to, or the one that decided, for people.';
COMMENT ON COLUMN doubts.is_unread IS 'Whether its chat could not be read at the latest poll.';
COMMENT ON COLUMN doubts.unreadable_seconds IS
    'For how long its account could not be read meanwhile: no part of its deadline.';
COMMENT ON COLUMN doubts.resolved_as IS 'What was concluded; null: nothing yet.';
COMMENT ON COLUMN doubts.resolved_at IS 'When that was.';
CREATE INDEX doubts_open_idx ON doubts (account_id, next_poll_at) WHERE resolved_as IS NULL;

CREATE TABLE settlements (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    segment bigint NOT NULL,
    campaign_id bigint NOT NULL,
    seq integer NOT NULL,
    attempt smallint NOT NULL,
    from_state message_state NOT NULL,
    to_state message_state NOT NULL,
    settled_by text NOT NULL,
    reason text,
    settled_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE settlements IS
    'What operators decided about messages of which nobody knew whether they were accepted.';
COMMENT ON COLUMN settlements.id IS 'In the order of the settlements.';
COMMENT ON COLUMN settlements.segment IS 'campaigns.segment';
COMMENT ON COLUMN settlements.campaign_id IS 'The campaign that it belongs to.';
COMMENT ON COLUMN settlements.seq IS 'messages.seq';
COMMENT ON COLUMN settlements.attempt IS 'The attempt that was in doubt.';
COMMENT ON COLUMN settlements.from_state IS 'Where the message stood.';
COMMENT ON COLUMN settlements.to_state IS 'Where the operator put it; pending: sent again.';
COMMENT ON COLUMN settlements.settled_by IS 'Who said so.';
COMMENT ON COLUMN settlements.reason IS 'Why, in the operator''s words.';
COMMENT ON COLUMN settlements.settled_at IS 'When it was settled.';
CREATE INDEX settlements_campaign_id_seq_idx ON settlements (campaign_id, seq);

-- Segment 0 holds ordinary campaigns; a campaign with a segment of its own is dropped with its partition.
-- Rows change twice on their way, so pages keep room and vacuum comes early.
CREATE TABLE messages_0 PARTITION OF messages FOR VALUES IN (0)
    WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE attempts_0 PARTITION OF attempts FOR VALUES IN (0);
