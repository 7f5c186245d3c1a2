SELECT /* wants_look */
-- Whether accepted messages of a kind, the latest of which was accepted at %(accepted_at)s, have yet to be looked for on
-- behalf of any of these doubts: in the last %(pause)s, and since its request ended, none has been.
EXISTS (
    SELECT
    FROM jsonb_to_recordset(%(rows)s) AS r (segment bigint, campaign_id bigint, seq int, attempt smallint)
    JOIN doubts d USING (segment, campaign_id, seq, attempt)
    WHERE d.resolved_as IS NULL
        AND %(accepted_at)s >= d.started_at
        AND NOT EXISTS (
            SELECT
            FROM looks l
            WHERE l.account_id = d.account_id AND l.number_class = %(number_class)s
                AND l.content_kind = %(content_kind)s::content_kind
                AND l.looked_at <= now()
                AND l.looked_at >= greatest(CASE WHEN d.ended_at <= now() THEN d.ended_at END, now() - %(pause)s)
        )
) AS wanted
