WITH /* skip_opted_out */
-- Whoever of a campaign that has just started has opted out is skipped at once, so that it shows, and the claim need not
-- meet each of them. What somebody else holds is left to the claim, which looks as well, and so is the confirmation of an
-- opt-out.
theirs AS MATERIALIZED (
    SELECT m.segment, m.campaign_id, m.seq
    FROM messages m
    WHERE m.segment = (SELECT segment FROM campaigns WHERE id = %(campaign_id)s AND confirms IS NULL)
        AND m.campaign_id = %(campaign_id)s
        AND m.state = 'pending'
        AND (SELECT true FROM opted_out LIMIT 1) -- where nobody has, no message is read
        AND EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id))
    ORDER BY m.seq
    FOR UPDATE OF m SKIP LOCKED
)
UPDATE messages m
SET state = 'skipped', changed_at = now(), reason = 'opted_out'
FROM theirs
WHERE m.segment = theirs.segment AND m.campaign_id = theirs.campaign_id AND m.seq = theirs.seq
