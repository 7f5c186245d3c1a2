WITH /* settle_handed_over */
-- What an instance was to send is there once its message is sent, and did not arrive where that ended otherwise. What an
-- operator has sent again, or has found to be sent, is there after all.
ended AS MATERIALIZED (
    SELECT d.id, m.state::text AS state, m.reason, m.changed_at
    FROM deliveries d
    LEFT JOIN campaigns c ON c.id = d.campaign_id
    LEFT JOIN messages m ON m.segment = c.segment AND m.campaign_id = c.id AND m.seq = 1
    WHERE d.delivered_at IS NULL AND d.campaign_id IS NOT NULL
        AND (
            m.state::text = 'sent'
            OR d.given_up_at IS NULL AND coalesce(m.state::text, 'purged') NOT IN ('pending', 'sending', 'in_doubt')
        )
)
UPDATE deliveries d
SET
    delivered_at = CASE WHEN e.state = 'sent' THEN e.changed_at END,
    given_up_at = CASE WHEN e.state IS DISTINCT FROM 'sent' THEN now() END,
    answer = CASE
        WHEN e.state = 'sent' THEN d.answer
        ELSE without_numbers(left(concat_ws(
            ': ',
            'its message is ' || coalesce(e.state, 'purged'),
            CASE WHEN e.state = 'skipped' THEN replace(e.reason, '_', ' ') ELSE e.reason END
        ), 300))
    END
FROM ended e
WHERE d.id = e.id AND d.delivered_at IS NULL
