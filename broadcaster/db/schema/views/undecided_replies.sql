-- Blocking the phone decides, also where it has been unblocked since, and so does whatever the person writes later that
-- does not ask for it again. The end of an opt-out by a reply decides nothing: it may be read long after it was written.
CREATE VIEW undecided_replies AS
SELECT r.id, r.phone, r.lane_id, r.noted_at
FROM inbound_messages r
WHERE r.meaning = 'near_miss'
    AND r.phone IS NOT NULL
    AND NOT EXISTS (SELECT FROM opted_out o WHERE o.phone = r.phone AND o.lane_id IN (0, r.lane_id))
    AND NOT EXISTS (
        SELECT
        FROM (
            SELECT unnest(forms) AS form, lane_id, ended_at
            FROM opt_outs
            WHERE ended_at IS NOT NULL AND phone IS NOT NULL AND ended_way <> 'reply'
        ) ended
        WHERE ended.form = r.phone AND ended.lane_id IN (0, r.lane_id) AND ended.ended_at > r.noted_at
    )
    AND NOT EXISTS (
        SELECT
        FROM inbound_messages later
        WHERE later.phone = r.phone AND later.said_at > r.said_at AND later.body IS NOT NULL
            AND later.meaning IS DISTINCT FROM 'near_miss'
    );
COMMENT ON VIEW undecided_replies IS
    'One row per message that may ask to stop, of which nobody has decided: neither by a block nor by another message.';
