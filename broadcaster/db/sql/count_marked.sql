SELECT /* count_marked */ reason, count(*) AS messages FROM candidates WHERE reason IS NOT NULL GROUP BY reason
