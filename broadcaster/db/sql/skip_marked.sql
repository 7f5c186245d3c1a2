WITH /* skip_marked */
-- Whoever was marked is skipped before anything of a campaign that starts can be claimed: in the transaction that makes it
-- `running`.
theirs AS MATERIALIZED (
    SELECT m.segment, m.campaign_id, m.seq, marked.reason
    FROM candidates marked
    JOIN messages m ON m.segment = %(segment)s AND m.campaign_id = %(campaign_id)s AND m.seq = marked.seq
    WHERE marked.reason IS NOT NULL AND m.state = 'pending'
    ORDER BY m.seq
    FOR UPDATE OF m
)
UPDATE messages m
SET state = 'skipped', changed_at = now(), reason = theirs.reason
FROM theirs
WHERE m.segment = theirs.segment AND m.campaign_id = theirs.campaign_id AND m.seq = theirs.seq
    AND m.state::text = 'pending'
