SELECT /* export_messages */
-- The messages of a campaign in %(states)s, in file order.
    phone,
    instance,
    state,
    changed_at,
    attempts,
    reason,
    gateway_id,
    last_outcome,
    last_http_status,
    last_reply,
    content_version,
    variables
FROM message_log
WHERE campaign_id = %(campaign_id)s AND state::text = ANY(%(states)s)
ORDER BY seq
