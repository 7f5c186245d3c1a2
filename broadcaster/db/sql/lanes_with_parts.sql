SELECT /* lanes_with_parts */
-- The lanes through which something is left to send: of the campaign called %(name)s, or of any that is running
-- or scheduled.
DISTINCT cl.lane_id
FROM campaign_lanes cl
JOIN campaigns c ON c.id = cl.campaign_id
WHERE cl.open AND (cl.sending > 0 OR NOT cl.retired) AND CASE
    WHEN %(name)s::text IS NULL THEN c.state IN ('running', 'scheduled') AND cl.pending + cl.sending > 0
    ELSE c.name = %(name)s
END
