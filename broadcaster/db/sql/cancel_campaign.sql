WITH cancelled AS (
    UPDATE messages m
    SET state = 'cancelled', changed_at = now(), reason = 'the campaign was cancelled'
    FROM campaigns c
    WHERE c.id = %(campaign_id)s AND m.segment = c.segment AND m.campaign_id = c.id
        AND m.state = 'pending'
    RETURNING 1
)
UPDATE campaigns
SET state = 'cancelled', finished_at = now()
WHERE id = %(campaign_id)s
RETURNING state, (SELECT count(*) FROM cancelled) AS messages
