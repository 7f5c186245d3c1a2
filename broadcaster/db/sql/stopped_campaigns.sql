SELECT /* stopped_campaigns */
-- Campaigns that are paused for a reason: no operator gives one.
    c.name,
    c.state_reason AS reason,
    messages_by_state(c.id) AS messages
FROM campaigns c
WHERE c.state = 'paused' AND c.state_reason IS NOT NULL AND c.test_of IS NULL
ORDER BY c.id
