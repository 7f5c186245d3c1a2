SELECT lane_id, count(*) AS messages FROM staged_messages GROUP BY lane_id
