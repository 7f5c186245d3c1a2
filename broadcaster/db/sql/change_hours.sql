WITH /* change_hours */
-- The campaign is sent in these hours from now on; null: always. When the next of it is due, the next claim finds out.
-- The caller has locked the campaign. The counters are locked in the order in which the trigger does.
known AS MATERIALIZED (
    SELECT lane_id FROM campaign_lanes WHERE campaign_id = %(campaign_id)s ORDER BY lane_id FOR UPDATE
), changed AS (
    UPDATE campaigns SET hours_id = %(hours_id)s WHERE id = %(campaign_id)s
)
UPDATE campaign_lanes cl
SET next_due_at = '-infinity'
FROM known
WHERE cl.campaign_id = %(campaign_id)s AND cl.lane_id = known.lane_id
