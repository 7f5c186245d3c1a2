-- What contradicts the invariants, in words: nothing, however statements met.
WITH recount AS (
    SELECT
        campaign_id, lane_id, count(*) AS total,
        {recounted},
        min(next_attempt_at) FILTER (WHERE state = 'pending') AS due
    FROM messages GROUP BY campaign_id, lane_id
), failures AS (
    SELECT campaign_id, lane_id, state, failure_reason(reason) AS reason, count(*) AS messages
    FROM messages WHERE state IN ('failed', 'unknown', 'skipped', 'expired') GROUP BY 1, 2, 3, 4
)
SELECT format(
    'I1: campaign %s, lane %s: %s kept, %s counted', campaign_id, lane_id, ({kept}), ({counted})
)
FROM (SELECT * FROM campaign_lanes WHERE campaign_id NOT IN (SELECT campaign_id FROM purges)) cl
FULL JOIN recount USING (campaign_id, lane_id)
WHERE (cl.total, {kept}) IS DISTINCT FROM (coalesce(recount.total, 0), {counted})
UNION ALL
SELECT format('I1: failures of campaign %s, lane %s, %s: %s kept, %s counted', campaign_id, lane_id, state,
    f.messages, failures.messages)
FROM (SELECT * FROM failure_counts WHERE messages > 0 AND campaign_id NOT IN (SELECT campaign_id FROM purges)) f FULL JOIN failures USING (campaign_id, lane_id, state, reason)
WHERE f.messages IS DISTINCT FROM failures.messages
UNION ALL
SELECT format('I1: campaign %s is finished, and %s of it are %s', c.id, count(*), m.state)
FROM campaigns c JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
WHERE c.state = 'finished' AND m.state IN ('pending', 'sending', 'in_doubt') GROUP BY c.id, m.state
UNION ALL
SELECT format('I1: campaign %s is finished, and its counter of lane %s is open', c.id, lane_id)
FROM campaigns c JOIN campaign_lanes ON campaign_id = c.id WHERE c.state = 'finished' AND open
UNION ALL
SELECT format('I1: campaign %s, lane %s is closed, and has something that is not final', campaign_id, lane_id)
FROM campaign_lanes WHERE NOT open AND pending + sending + in_doubt > 0
UNION ALL
SELECT format('I1: campaign %s, lane %s is never served: its next message is due at %s, not at %s',
    campaign_id, lane_id, due, next_due_at)
FROM campaign_lanes JOIN recount USING (campaign_id, lane_id)
WHERE due < next_due_at AND NOT (campaign_id = 1 AND lane_id = 2) -- which the books begin with
UNION ALL
SELECT format('moves: lane %s has %s messages of campaign %s, and %s by those that it had and what moved', lane_id, cl.total,
    campaign_id, was.total + moved.messages)
FROM campaign_lanes cl
JOIN saved.campaign_lanes was USING (campaign_id, lane_id)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(CASE lane_id WHEN to_lane_id THEN messages ELSE -messages END), 0) AS messages
    FROM lane_moves m WHERE m.campaign_id = cl.campaign_id AND lane_id IN (from_lane_id, to_lane_id)
) moved
WHERE campaign_id <> 9 -- which gets its messages meanwhile
    AND cl.total <> was.total + moved.messages
UNION ALL
SELECT format('canary: message %s of campaign %s has left, and of its slices %s are open', m.seq, c.id, j.open_slices)
FROM campaigns c
JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
LEFT JOIN campaign_judgements j ON j.campaign_id = c.id
WHERE c.care ? 'canary' AND m.attempt > 0 AND coalesce(j.open_slices, 0) <= jsonb_array_length(c.care -> 'canary')
    AND canary_turn(m.seq) >= coalesce((c.care -> 'canary' ->> (j.open_slices - 1))::float8, 0)
UNION ALL
SELECT format('canary: message %s of campaign %s is held for ever', m.seq, c.id)
FROM campaigns c
JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id
LEFT JOIN campaign_judgements j ON j.campaign_id = c.id
WHERE m.state = 'pending' AND m.next_attempt_at = 'infinity' AND coalesce(j.released_slices, 0) = coalesce(j.open_slices, 0)
    AND coalesce(j.open_slices, 0) >= coalesce(jsonb_array_length(c.care -> 'canary') + 1, 0)
UNION ALL
SELECT format('I5: %s of %s places of limit %s are taken', places_taken(l, now()), l.most, l.id)
FROM limits l WHERE places_taken(l, now()) > l.most
UNION ALL
SELECT format('I5: limit %s counts %s, and %s are being sent through its lanes', l.id, places_taken(l, now()), count(*))
FROM limits l JOIN lane_limits ll ON ll.limit_id = l.id JOIN messages m ON m.lane_id = ll.lane_id AND m.state = 'sending'
WHERE l.id > 2 -- which hold for nobody as the books begin: what is being sent counts from the moment that they do
GROUP BY l.id HAVING places_taken(l, now()) < count(*)
UNION ALL
SELECT format('I5: limit %s counts %s, and %s are being sent of its campaigns', l.id, places_taken(l, now()), count(*))
FROM limits l
JOIN campaign_limits cl ON cl.limit_id = l.id
JOIN messages m ON m.campaign_id = cl.campaign_id AND m.state = 'sending'
GROUP BY l.id HAVING places_taken(l, now()) < count(*)
UNION ALL
SELECT format('I5: limit %s counts %s, and its campaigns have sent %s', l.id, places_taken(l, now()), count(*))
FROM limits l
JOIN campaign_limits cl ON cl.limit_id = l.id
JOIN LATERAL (
    SELECT FROM messages m WHERE m.campaign_id = cl.campaign_id AND m.state = 'sending'
    UNION ALL
    SELECT FROM attempts a WHERE a.campaign_id = cl.campaign_id AND a.outcome IN ('accepted', 'rejected', 'unknown')
) sent ON true
WHERE l.name = 'later' -- which holds for nobody as the books begin
GROUP BY l.id HAVING places_taken(l, now()) < count(*)
UNION ALL
SELECT format('attempts of campaign %s, account %s in %s that are %s: %s kept, %s counted', campaign_id, account_id, slot,
    outcome, kept.attempts, counted.attempts)
FROM (SELECT * FROM attempt_slots WHERE attempts > 0 AND campaign_id NOT IN (SELECT campaign_id FROM purges)) kept
FULL JOIN (
    SELECT campaign_id, account_id, date_bin('5 min', finished_at, 'epoch') AS slot, outcome, count(*) AS attempts
    FROM attempts GROUP BY 1, 2, 3, 4
) counted USING (campaign_id, account_id, slot, outcome)
WHERE kept.attempts IS DISTINCT FROM counted.attempts
UNION ALL
SELECT format('attempts of account %s that are %s: %s in slots, %s in hours', account_id, outcome, slots.attempts,
    hours.attempts)
FROM (SELECT account_id, outcome, sum(attempts) AS attempts FROM attempt_slots GROUP BY 1, 2) slots
FULL JOIN (SELECT account_id, outcome, sum(attempts) AS attempts FROM attempt_hours GROUP BY 1, 2) hours
    USING (account_id, outcome)
WHERE slots.attempts IS DISTINCT FROM hours.attempts
UNION ALL
SELECT format('accepted of account %s: %s in slots, %s counted', account_id, slots.attempts, counted.attempts)
FROM (
    SELECT s.account_id, sum(s.attempts) AS attempts
    FROM attempt_slots s JOIN campaigns c ON c.id = s.campaign_id
    WHERE s.outcome = 'accepted' AND c.test_of IS NULL GROUP BY 1
) slots
FULL JOIN accepted_counts counted USING (account_id)
WHERE slots.attempts IS DISTINCT FROM counted.attempts
UNION ALL
SELECT format('cap: %s of two claims or more is sent %s messages', phone, count(*))
FROM messages WHERE state = 'sending' AND changed_at > now() - interval '5 minutes' GROUP BY phone HAVING count(*) > 1
UNION ALL
SELECT format('I2: message %s of campaign %s is %s with the claim %s', seq, campaign_id, state, claim_token)
FROM messages WHERE (state = 'sending') <> (claim_token IS NOT NULL)
UNION ALL
SELECT format('I2: message %s of campaign %s is sending through lane %s, which nobody holds', seq, campaign_id, l.id)
FROM messages m JOIN lanes l ON l.id = m.lane_id WHERE m.state = 'sending' AND l.lease_token IS NULL
UNION ALL
SELECT format('I4: message %s of campaign %s is %s and its doubt %s', seq, campaign_id, m.state,
    CASE WHEN d.seq IS NULL THEN 'is not there' ELSE coalesce(d.resolved_as::text, 'is open') END)
FROM messages m LEFT JOIN doubts d USING (segment, campaign_id, seq, attempt)
WHERE (m.state = 'in_doubt') <> (d.seq IS NOT NULL AND d.resolved_as IS NULL)
UNION ALL
SELECT format('I4: the doubt about attempt %s of message %s of campaign %s is open beyond the attempt', d.attempt, seq,
    campaign_id)
FROM doubts d JOIN messages m USING (segment, campaign_id, seq)
WHERE d.resolved_as IS NULL AND d.attempt <> m.attempt
UNION ALL
SELECT format('I4: message %s of campaign %s is in doubt at lane %s, and goes through lane %s now', seq, campaign_id,
    d.lane_id, m.lane_id)
FROM messages m JOIN doubts d USING (segment, campaign_id, seq, attempt)
WHERE m.state = 'in_doubt' AND d.lane_id <> m.lane_id
UNION ALL
SELECT format('message %s of campaign %s is %s with version %s of the content, which there is not', seq, campaign_id, state,
    content_version)
FROM messages m
WHERE (m.attempt > 0) <> EXISTS (
    SELECT FROM content_versions v WHERE v.campaign_id = m.campaign_id AND v.version = m.content_version
)
UNION ALL
SELECT format('attempt %s at message %s of campaign %s sent version %s, and the message says %s', attempt, seq, campaign_id,
    a.content_version, m.content_version)
FROM messages m JOIN attempts a USING (segment, campaign_id, seq, attempt)
WHERE a.content_version <> m.content_version
UNION ALL
SELECT format('I3: message %s of campaign %s is %s without a record of attempt %s', seq, campaign_id, m.state,
    m.attempt)
FROM messages m LEFT JOIN attempts a USING (segment, campaign_id, seq, attempt)
WHERE m.state IN ('sent', 'failed', 'in_doubt', 'unknown') AND a.seq IS NULL
UNION ALL
SELECT format('I1: of campaign %s %s were deleted, and %s had been sent', campaign_id, p.messages, kept.sent)
FROM purges p
CROSS JOIN LATERAL (SELECT sum(total) AS total, sum(sent) AS sent FROM campaign_lanes cl WHERE cl.campaign_id = p.campaign_id) kept
WHERE kept.sent <> (p.messages ->> 'sent')::bigint
    OR kept.total <> (SELECT sum(n::bigint) FROM jsonb_each_text(p.messages) AS each (state, n))
UNION ALL
SELECT format('campaign %s is purged, and %s of it is left', id, tableoid::regclass)
FROM campaigns CROSS JOIN LATERAL (
    SELECT tableoid FROM messages WHERE campaign_id = id
    UNION ALL SELECT tableoid FROM attempts WHERE campaign_id = id
    UNION ALL SELECT tableoid FROM doubts WHERE campaign_id = id
) left_over (tableoid)
WHERE purged_at IS NOT NULL
UNION ALL
SELECT format('campaign %s is %s and purged at %s, and its proof says %s', c.id, c.state, c.purged_at, p.purged_at)
FROM campaigns c FULL JOIN purges p ON p.campaign_id = c.id
WHERE c.purged_at IS DISTINCT FROM p.purged_at OR (c.purged_at IS NOT NULL AND c.state <> 'finished')
UNION ALL
SELECT format('message %s of campaign %s is to somebody who was forgotten', seq, campaign_id)
FROM messages WHERE phone = '628777000000' AND EXISTS (SELECT FROM forgotten_phones)
UNION ALL
SELECT format('campaign %s has rejected somebody who was forgotten', campaign_id)
FROM rejected_recipients WHERE phone LIKE '%000000' AND EXISTS (SELECT FROM forgotten_phones)
UNION ALL
SELECT format('audience %s has a member who was forgotten', audience_id)
FROM audience_members WHERE phone = '628777000000' AND EXISTS (SELECT FROM forgotten_phones)
UNION ALL
SELECT format('somebody has taken the number of message %s of campaign %s away', seq, campaign_id)
FROM messages WHERE phone IS NULL AND NOT EXISTS (SELECT FROM forgotten_phones)
UNION ALL
SELECT format('I10: opt-out %s of %s is %s', opt_out_id, phone,
    CASE WHEN g.is_there THEN 'looked up, and holds no more' ELSE 'not looked up' END)
FROM (SELECT *, true AS is_there FROM opted_out) g
FULL JOIN (
    SELECT id AS opt_out_id, lane_id, unnest(forms) AS phone, true AS holds FROM opt_outs WHERE ended_at IS NULL
) o USING (phone, lane_id, opt_out_id)
WHERE g.is_there IS DISTINCT FROM o.holds
UNION ALL
SELECT format('I10: %s has opted out and is being sent message %s of campaign %s', phone, seq, campaign_id)
FROM messages WHERE state = 'sending' AND phone = '628777000001'
    AND EXISTS (SELECT FROM opted_out WHERE phone = '628777000001')
UNION ALL
SELECT format('message %s of campaign %s is skipped as opted out, and nobody has of %s', seq, campaign_id, phone)
FROM messages WHERE state = 'skipped' AND reason = 'opted_out' AND phone IS NOT NULL
    AND NOT EXISTS (SELECT FROM opt_outs o WHERE messages.phone = ANY (o.forms))
UNION ALL
SELECT format('I10: campaign %s requires consent, and message %s to %s is %s without it', c.id, m.seq, m.phone, m.state)
FROM campaigns c JOIN messages m ON m.campaign_id = c.id
WHERE c.require_consent AND c.started_at IS NOT NULL AND m.state IN ('pending', 'sending')
    AND NOT EXISTS (SELECT FROM consent_records r WHERE m.phone = ANY (r.forms))
UNION ALL
SELECT format('%s has had %s confirmations through lane %s', phone, count(*), lane_id)
FROM confirmed_opt_outs WHERE phone IS NOT NULL GROUP BY phone, lane_id HAVING count(*) > 1
UNION ALL
SELECT format('there is a consent of somebody who was forgotten')
FROM consent_records WHERE phone = '628777000000' AND EXISTS (SELECT FROM forgotten_phones)
UNION ALL
SELECT format('there is an opt-out with the number of somebody who was forgotten')
FROM opt_outs WHERE phone = '628777000000' AND EXISTS (SELECT FROM forgotten_phones)
UNION ALL
SELECT format('I2: %s gets campaign %s and its rests %s times', phone, first, times)
FROM (
    SELECT coalesce(c.rest_of, c.id) AS first, m.phone, count(*) AS times
    FROM messages m JOIN campaigns c ON c.id = m.campaign_id
    WHERE m.phone IS NOT NULL
        AND (m.state IN ('sent', 'sending', 'in_doubt', 'unknown') OR (m.state = 'pending' AND c.state <> 'cancelled'))
    GROUP BY 1, m.phone, m.ordinal
) each
WHERE times > 1
UNION ALL
SELECT format('a message of somebody who was forgotten was taken in')
FROM inbound_messages WHERE phone = '628777000000' AND EXISTS (SELECT FROM forgotten_phones)
UNION ALL
SELECT format('chat %s is to be read %s times', chat, looks) FROM inbox_chats WHERE looks < 0
