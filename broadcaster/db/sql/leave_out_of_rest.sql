WITH /* leave_out_of_rest */
-- Takes those who are no rest out of the snapshot; says how many there were for each reason.
gone AS (
    DELETE FROM recipient_snapshot WHERE left_out IS NOT NULL RETURNING left_out
)
SELECT left_out AS reason, count(*) AS messages
FROM gone
GROUP BY left_out
