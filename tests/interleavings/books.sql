-- A campaign in each situation in which a statement does something; see books.py for the names of the numbers.
-- Lanes: 1 and 4 are held, 2 is free, 3 has been left behind. Through 1 and 3 something is being sent.
INSERT INTO contents (kind, digest, body) VALUES ('text', '\x00', 'Hi');
-- Hours that are always open.
INSERT INTO opening_hours (digest, document) VALUES ('\x00', '{}');
INSERT INTO openings (hours_id, recipient_group, closes_at) VALUES (1, 0, 'infinity');
INSERT INTO audiences (name, variables) VALUES ('customers', '{}');
INSERT INTO audience_members (audience_id, phone, variables)
SELECT 1, '120255500' || n, '{}' FROM generate_series(10, 15) n;
INSERT INTO accounts (fingerprint, key_encrypted, base_url, wire)
SELECT ('lane ' || n)::bytea, '\x00', 'http://127.0.0.1:9', 'json' FROM generate_series(1, 4) n;
INSERT INTO instances (name, account_id, burst, interval_seconds, tolerance_seconds, max_in_flight)
SELECT 'lane ' || id, id, 1, 0, 0, 100 FROM accounts ORDER BY id;
INSERT INTO lanes (id, account_id) SELECT id, account_id FROM instances;
-- Two lanes share a limit that has three places left.
INSERT INTO limits (name, most, span_seconds, bucket_seconds, grace_seconds, counts, newest)
VALUES ('customers', 5, 86400, 1800, 75, '{0,2}', floor(extract(epoch FROM now()) / 1800) - 1);
INSERT INTO limits (lane_id, most, span_seconds, bucket_seconds, grace_seconds, counts, newest, ramp, step, step_since)
VALUES (4, 20, 86400, 1800, 75, '{1}', floor(extract(epoch FROM now()) / 1800), '{10,20,30}', 2, now() - interval '2 days');
INSERT INTO lane_limits VALUES (4, 2);
INSERT INTO limits (name, most, span_seconds, bucket_seconds, grace_seconds) VALUES ('roomy', 100, 86400, 1800, 75);
INSERT INTO lane_limits SELECT l.id, 1 FROM lanes l WHERE l.id IN (1, 4);
-- Two campaigns share one that has one place left; another one has one left for what a campaign has sent by now.
INSERT INTO limits (name, most, span_seconds, bucket_seconds, grace_seconds, counts, newest)
VALUES ('promos', 9, 86400, 1800, 75, '{8}', floor(extract(epoch FROM now() - interval '10 minutes') / 1800));
INSERT INTO limits (name, most, span_seconds, bucket_seconds, grace_seconds) VALUES ('later', 2, 86400, 1800, 75);
-- Of an account that no instance has any more nothing is in doubt; the first one cannot be read.
INSERT INTO accounts (fingerprint, key_encrypted, base_url, wire) VALUES ('old', '\x00', 'http://127.0.0.1:9', 'json');
UPDATE accounts SET unreadable_since = now() - interval '1 hour' WHERE id = 1;
INSERT INTO looks
SELECT id, 1, 1, 1, 'plain', 'text', now(), now(), true, 0, 100 FROM accounts;
UPDATE lanes SET
    clock = now() - interval '1 hour',
    lease_token = ('00000000-0000-0000-0000-00000000010' || id)::uuid,
    lease_holder = 'worker ' || id,
    lease_expires_at = now() + CASE id WHEN 3 THEN interval '-1 minute' ELSE interval '1 hour' END
WHERE id <> 2;
UPDATE lanes SET clock = now() - interval '1 hour' WHERE id = 2;

INSERT INTO campaigns (id, name, state, max_attempts, starts_at, started_at, audience_id)
SELECT id, 'campaign ' || id, state::campaign_state, 3, now() + CASE id WHEN 19 THEN 1 ELSE -1 END * interval '3 hours',
    CASE WHEN state IN ('running', 'paused') THEN now() - interval '3 hours' END, CASE id WHEN 9 THEN 1 END
FROM (VALUES
    (1, 'running'), (2, 'running'), (3, 'running'), (4, 'paused'), (5, 'running'), (6, 'running'), (7, 'scheduled'),
    (8, 'draft'), (9, 'scheduled'), (10, 'running'), (11, 'running'), (12, 'running'), (13, 'paused'), (15, 'running'), (16, 'running'), (17, 'running'),
    (18, 'running'), (19, 'scheduled'), (14, 'running'), (20, 'scheduled')
) c (id, state);
INSERT INTO content_versions (campaign_id, version, content_id) SELECT id, 1, 1 FROM campaigns;
INSERT INTO campaign_limits SELECT id, 4 FROM campaigns WHERE id IN (1, 4);
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO campaign_lanes (campaign_id, lane_id)
SELECT c.id, l.id FROM campaigns c CROSS JOIN lanes l
WHERE l.id <= CASE c.id WHEN 9 THEN 2 ELSE 4 END;

UPDATE campaigns SET require_consent = true WHERE id = 20;
UPDATE campaigns SET care = '{"canary": [0.25], "stops": {"failures": 0.1}}' WHERE id = 10;
INSERT INTO campaign_judgements (campaign_id, since, open_slices, released_slices, next_slice_at)
VALUES (10, '2026-01-01 00:00+00', 1, 0, now() - interval '1 minute');
UPDATE instances SET judged_since = '2026-01-01 00:00+00', stops = '{"failures": 0.1}' WHERE id = 1;
-- Lane 3 has been down for long: of one campaign others send what it has, of another they may begin to; and lane 4 is well
-- again.
UPDATE lanes SET health = 'down', health_since = now() - interval '1 hour' WHERE id = 3;
UPDATE lanes SET health_since = now() - interval '1 hour' WHERE id <> 3;
UPDATE campaigns SET sharing = '{"failover_after": 60}' WHERE id IN (1, 18);
INSERT INTO failovers (campaign_id, lane_id) VALUES (1, 3), (18, 4);
UPDATE campaign_lanes SET retired = true WHERE (campaign_id, lane_id) IN ((14, 4), (18, 1));

WITH part (campaign, lane, state, messages) AS (VALUES
    (1, 1, 'pending', 3), (1, 1, 'sending', 4), (1, 1, 'sent', 1), (1, 1, 'failed', 2), (1, 1, 'in_doubt', 2),
    (1, 1, 'unknown', 1), (1, 1, 'skipped', 1), (1, 1, 'cancelled', 1), (1, 1, 'expired', 1),
    (1, 2, 'pending', 3), (1, 2, 'failed', 1), (1, 2, 'in_doubt', 2), (1, 2, 'unknown', 1),
    (1, 3, 'pending', 2), (1, 3, 'sending', 3), (1, 3, 'in_doubt', 1),
    (1, 4, 'pending', 2), (1, 4, 'sent', 1),
    (2, 1, 'sent', 1), (2, 1, 'failed', 1), (2, 2, 'unknown', 1),
    (3, 1, 'sent', 1), (3, 1, 'failed', 1), (3, 2, 'unknown', 1), (3, 2, 'failed', 1),
    (4, 1, 'pending', 2), (4, 1, 'sending', 1), (4, 4, 'pending', 1), (4, 2, 'failed', 1), (4, 2, 'unknown', 1),
    (5, 2, 'pending', 2), (5, 1, 'sending', 1), (5, 1, 'cancelled', 1), (5, 2, 'in_doubt', 1), (5, 1, 'unknown', 1),
    (6, 1, 'cancelled', 1), (6, 2, 'sent', 1), (6, 2, 'unknown', 1),
    (7, 1, 'pending', 1), (7, 2, 'pending', 1),
    (8, 1, 'pending', 1), (8, 4, 'pending', 1),
    (20, 1, 'pending', 2), (20, 2, 'pending', 1),
    (10, 1, 'sent', 1), (10, 1, 'pending', 3), (10, 4, 'pending', 2),
    (11, 1, 'sending', 1), (11, 1, 'sent', 1),
    (12, 2, 'in_doubt', 1), (12, 2, 'sent', 1),
    (13, 1, 'failed', 1), (13, 2, 'unknown', 1),
    (15, 4, 'pending', 1), (15, 1, 'sent', 1),
    (16, 2, 'pending', 2),
    (18, 1, 'pending', 3), (18, 2, 'pending', 1), (18, 1, 'sending', 1), (18, 1, 'in_doubt', 1),
    (18, 3, 'pending', 2),
    (14, 1, 'pending', 2), (14, 1, 'sending', 1), (14, 2, 'in_doubt', 1), (14, 2, 'pending', 1), (14, 4, 'pending', 1),
    (17, 1, 'sent', 2), (17, 1, 'failed', 1), (17, 2, 'unknown', 1), (17, 2, 'sent', 1)
)
INSERT INTO messages (
    segment, campaign_id, seq, lane_id, phone, state, attempt, content_version, spent, changed_at, claim_token, reason
)
SELECT
    0, campaign, row_number() OVER (PARTITION BY campaign ORDER BY lane, state, n), lane,
    '6281' || campaign * 1000 + row_number() OVER (PARTITION BY campaign ORDER BY lane, state, n),
    state::message_state,
    CASE WHEN state IN ('pending', 'skipped', 'cancelled', 'expired') THEN 0 ELSE 1 END,
    CASE WHEN state NOT IN ('pending', 'skipped', 'cancelled', 'expired') THEN 1 END,
    CASE WHEN state IN ('failed', 'in_doubt', 'unknown') THEN 1 ELSE 0 END,
    now() - interval '10 minutes',
    CASE state WHEN 'sending' THEN ('00000000-0000-0000-0000-00000000020' || lane)::uuid END,
    CASE WHEN state IN ('failed', 'unknown', 'skipped', 'expired') THEN 'because' END
FROM part CROSS JOIN LATERAL generate_series(1, messages) n;
UPDATE campaigns SET expires_at = now() - interval '1 minute' WHERE id = 14;
UPDATE messages SET next_attempt_at = 'infinity' WHERE campaign_id = 10 AND state = 'pending';
-- One person of several campaigns, of whom nothing is being sent.
UPDATE messages m SET phone = '628777000000'
FROM (
    SELECT DISTINCT ON (campaign_id) campaign_id, seq FROM messages
    WHERE (campaign_id, state) IN (
        (1, 'pending'), (2, 'failed'), (3, 'unknown'), (4, 'pending'), (5, 'in_doubt'), (7, 'pending'), (12, 'in_doubt'),
        (15, 'pending')
    )
    ORDER BY campaign_id, seq
) hers
WHERE m.campaign_id = hers.campaign_id AND m.seq = hers.seq;
INSERT INTO audience_members (audience_id, phone, variables) VALUES (1, '628777000000', '{}');
INSERT INTO rejected_recipients (campaign_id, line, phone, reason) VALUES (2, 9, '+628 777-000000', 'because');

-- Nobody gets more than one message a day: she of several campaigns has had none, a second person one an hour ago, and is
-- still to get another one; a third waits for longer, and a fourth was messaged long ago.
INSERT INTO caps (span_seconds, most) VALUES (86400, 1);
INSERT INTO frequency_records (since, span_seconds, grace_seconds) VALUES (now() - interval '30 days', 86400, 75);
INSERT INTO messaged_phones (phone, moments)
SELECT phone, ARRAY[now() - interval '1 hour']
FROM (SELECT phone FROM messages WHERE campaign_id = 1 AND lane_id = 1 AND state = 'pending' ORDER BY seq LIMIT 1 OFFSET 1) m
UNION ALL
VALUES ('628777000009', ARRAY[now() - interval '10 days']);
UPDATE messages m SET reason = 'cap', next_attempt_at = now() + interval '1 hour'
FROM (
    SELECT seq FROM messages WHERE campaign_id = 4 AND lane_id = 1 AND state = 'pending' ORDER BY seq LIMIT 1 OFFSET 1
) waits
WHERE m.campaign_id = 4 AND m.seq = waits.seq;

-- Who has opted out of everything, and is still to get a message of each of these.
UPDATE messages m SET phone = '628777000001'
FROM (
    SELECT campaign_id, max(seq) AS seq FROM messages WHERE state = 'pending' AND campaign_id IN (1, 4, 7, 16)
    GROUP BY campaign_id
) theirs
WHERE m.campaign_id = theirs.campaign_id AND m.seq = theirs.seq;
INSERT INTO opt_outs (phone, forms, way, digest) VALUES
    ('628777000001', '{628777000001}', 'file', NULL),
    (NULL, '{}', 'command', '\x6565656565656565656565656565656565656565656565656565656565656565');

-- Of the campaign that requires consent one has agreed.
INSERT INTO consent_records (phone, forms, source, came_with)
SELECT phone, ARRAY[phone], 'form', 'list' FROM messages WHERE campaign_id = 20 AND seq = 2;

-- The old one is a rest of the cleared one: whom that did not reach, it failed to reach, too.
UPDATE campaigns SET rest_of = 6 WHERE id = 17;
UPDATE campaigns SET rest_taken_at = now() WHERE id = 6;
UPDATE messages SET phone = (SELECT phone FROM messages WHERE campaign_id = 6 AND state = 'cancelled')
WHERE campaign_id = 17 AND state = 'failed';

INSERT INTO attempts (segment, campaign_id, seq, attempt, content_version, account_id, outcome, reason, finished_at)
SELECT segment, campaign_id, seq, attempt, content_version, lane_id,
    CASE state WHEN 'sent' THEN 'accepted' WHEN 'failed' THEN 'rejected' ELSE 'unknown' END::outcome, 'because',
    now() - interval '2 hours'
FROM messages WHERE state IN ('sent', 'failed', 'in_doubt', 'unknown');
INSERT INTO doubts (segment, campaign_id, seq, attempt, lane_id, account_id, phone, started_at, ended_at, resolved_as, resolved_at)
SELECT segment, campaign_id, seq, attempt, lane_id, lane_id, phone, now() - interval '2 hours', now() - interval '2 hours',
    CASE state WHEN 'unknown' THEN 'unknown'::resolution END, CASE state WHEN 'unknown' THEN now() END
FROM messages WHERE state IN ('in_doubt', 'unknown');

-- A clock that has been put back left these behind.
UPDATE messages SET changed_at = now() + interval '1 hour', next_attempt_at = now() + interval '2 hours'
WHERE campaign_id = 1 AND (lane_id, seq) IN (SELECT lane_id, max(seq) FROM messages WHERE state = 'pending' AND campaign_id = 1 GROUP BY 1);
UPDATE campaign_lanes SET last_claimed_at = now() + interval '1 hour' WHERE campaign_id = 1 AND lane_id <> 3;
UPDATE campaign_lanes SET next_due_at = 'infinity' WHERE campaign_id = 1 AND lane_id = 2;

UPDATE campaigns SET state = 'finished', finished_at = now() WHERE id = 3;
UPDATE campaign_lanes SET open = false WHERE campaign_id = 3;
UPDATE campaigns SET state = 'cancelled', finished_at = now() WHERE id IN (5, 6);
ALTER TABLE campaigns DISABLE TRIGGER refuse_backdating;
UPDATE campaigns SET state = 'finished', finished_at = now() - interval '30 days' WHERE id = 17;
ALTER TABLE campaigns ENABLE TRIGGER refuse_backdating;

-- Through lane 4 replies are read: its chats are to be listed, and two of them have changed.
UPDATE instances SET read_replies_seconds = 30 WHERE id = 4;
INSERT INTO inboxes (account_id, since, listed_until, polls)
VALUES (4, '2026-01-01', '2026-02-01', 1);
INSERT INTO inbox_chats (account_id, chat, changed_at, looks, reads)
SELECT 4, chat, '2026-02-01T00:00:00Z', 2, 1 FROM unnest(ARRAY['628777000000', '628777000009']) chat;
INSERT INTO inbound_messages (account_id, lane_id, identity, chat, phone, body, said_at, noted_at)
VALUES (4, 4, '\x01', '628777000008', '628777000008', 'hello', now() - interval '30 days', now() - interval '30 days');
