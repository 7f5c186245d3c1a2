CREATE VIEW optouts AS
SELECT
    o.id,
    o.phone,
    i.name AS instance,
    o.ended_at IS NULL AS holds,
    o.stopped_at,
    o.way,
    o.operator,
    o.command,
    o.words,
    o.inbound_id,
    o.ended_at,
    o.ended_way,
    o.ended_operator,
    o.ended_command,
    o.ended_words,
    o.ended_inbound_id
FROM opt_outs o
LEFT JOIN instances i ON i.id = o.lane_id
WHERE o.phone IS NOT NULL;
COMMENT ON VIEW optouts IS
    'Who has opted out, since when, by what and why, and how that ended; without an instance: from the messages of all.';
