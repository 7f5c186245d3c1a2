-- Whether showing a message that was accepted at %(accepted_at)s would prove more than what is known of its kind: a proof
-- that still counts for each of these doubts, of a message that was accepted no earlier than theirs were intended, and
-- that was younger. A doubt that is only too young for such a proof has to wait; proving again, by a message that grows
-- older as fast as the doubt, would never end.
SELECT EXISTS (
    SELECT
    FROM jsonb_to_recordset(%(rows)s) AS r (segment bigint, campaign_id bigint, seq int, attempt smallint)
    JOIN doubts d USING (segment, campaign_id, seq, attempt)
    LEFT JOIN proofs p ON p.account_id = d.account_id AND p.number_class = %(number_class)s
        AND p.content_kind = %(content_kind)s::content_kind
    WHERE d.resolved_as IS NULL
        AND %(accepted_at)s >= d.started_at
        AND (
            p.proven_at IS NULL
            OR p.proven_at > now()
            OR p.proven_at < greatest(d.ended_at, now() - %(proof)s)
            OR p.proven_at - make_interval(secs => p.delay_seconds) < d.started_at
            OR p.delay_seconds > extract(epoch FROM now() - %(accepted_at)s)
        )
) AS wanted
