CREATE VIEW consents AS
SELECT
    r.id,
    r.phone,
    NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = r.phone AND o.lane_id = 0) AS holds,
    r.given_on,
    r.source,
    r.words,
    r.came_with,
    r.operator,
    r.command,
    r.noted_at
FROM consent_records r;
COMMENT ON VIEW consents IS
    'Who has agreed to messages: how, when, in which words, and who took that in; it holds unless an opt-out from all does.';
