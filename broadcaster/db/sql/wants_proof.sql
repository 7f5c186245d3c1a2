-- Whether showing a message that was accepted at %(accepted_at)s would prove more than what the lanes of these doubts
-- have: a proof that still counts for each of them, of a message that was younger. A doubt that is only too young for
-- such a proof has to wait; proving again, by a message that grows older as fast as the doubt, would never end.
SELECT EXISTS (
    SELECT
    FROM jsonb_to_recordset(%(rows)s) AS r (segment bigint, campaign_id bigint, seq int, attempt smallint)
    JOIN doubts d USING (segment, campaign_id, seq, attempt)
    JOIN lanes l ON l.id = d.lane_id
    WHERE d.resolved_as IS NULL
        AND (
            l.readback_proven_at IS NULL
            OR l.readback_proven_at > now()
            OR l.readback_proven_at < greatest(d.ended_at, now() - %(proof)s)
            OR l.readback_delay_seconds > extract(epoch FROM now() - %(accepted_at)s)
        )
) AS wanted
