UPDATE /* number_repeated_phones */ staged_messages m
-- Gives each message of a phone a number of its own, up to %(most)s and one more. So it is in segments
-- (number_repeated_of_segment.sql).
SET ordinal = least(each.ordinal, %(most)s + 1)
FROM (
    SELECT
        seq,
        row_number() OVER (PARTITION BY phone ORDER BY seq) AS ordinal,
        min(seq) OVER (PARTITION BY phone) AS first_seq
    FROM staged_messages
) each
WHERE m.seq = each.seq AND each.ordinal > 1
RETURNING m.seq, each.first_seq, m.ordinal
