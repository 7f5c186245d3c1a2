WITH /* rejected_by_reason */
-- Why rows of a campaign's recipients became no messages, the most frequent reason first, with the first row of each. A
-- reason is told without the number that it may name, so that the same one is one row.
told AS (
    SELECT without_numbers(reason) AS reason, sum(rows)::bigint AS rows, min(line) AS line
    FROM (
        SELECT reason, count(*) AS rows, min(line) AS line
        FROM rejected_recipients
        WHERE campaign_id = %(campaign_id)s
        GROUP BY reason
    ) each_reason
    GROUP BY 1
    ORDER BY 2 DESC, 1
    LIMIT %(most)s
)
SELECT told.reason, told.rows, told.line, r.phone AS example
FROM told
JOIN rejected_recipients r ON r.campaign_id = %(campaign_id)s AND r.line = told.line
ORDER BY told.rows DESC, told.reason
