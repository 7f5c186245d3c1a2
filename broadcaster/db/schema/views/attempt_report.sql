CREATE VIEW attempt_report AS
SELECT
    s.campaign_id,
    c.name AS campaign,
    i.name AS instance,
    s.slot,
    s.outcome,
    s.attempts
FROM attempt_slots s
JOIN campaigns c ON c.id = s.campaign_id
LEFT JOIN instances i ON i.account_id = s.account_id
WHERE c.test_of IS NULL;
COMMENT ON VIEW attempt_report IS
    'Requests by campaign, instance, five minutes and outcome; without an instance: of an account that none has now.';
