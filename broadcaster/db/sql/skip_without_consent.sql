WITH /* skip_without_consent */
-- Whoever of a campaign that starts has not agreed to messages is skipped before anything of it can be claimed: in the
-- transaction that makes it `running`. An opt-out outweighs a consent, and is the reason where there is one. What the
-- claim looks up holds afterwards: a consent is withdrawn by an opt-out, or by forgetting the person.
theirs AS MATERIALIZED (
    SELECT m.segment, m.campaign_id, m.seq
    FROM messages m
    WHERE m.segment = (SELECT segment FROM campaigns WHERE id = %(campaign_id)s)
        AND m.campaign_id = %(campaign_id)s
        AND m.state = 'pending'
        AND NOT EXISTS (
            SELECT FROM (SELECT unnest(forms) AS form FROM consent_records) agreed WHERE agreed.form = m.phone
        )
    ORDER BY m.seq
    FOR UPDATE OF m
)
UPDATE messages m
SET
    state = 'skipped',
    changed_at = now(),
    reason = CASE
        WHEN EXISTS (SELECT FROM opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id)) THEN 'opted_out'
        ELSE 'no_consent'
    END
FROM theirs
WHERE m.segment = theirs.segment AND m.campaign_id = theirs.campaign_id AND m.seq = theirs.seq
