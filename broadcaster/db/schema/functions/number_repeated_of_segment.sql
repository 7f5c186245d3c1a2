-- Where a campaign has one message for each row: gives each message of a phone a number of its own, up to `most` and one
-- more, at which whoever calls it gives up.
CREATE FUNCTION number_repeated_of_segment(campaign bigint, most integer)
RETURNS TABLE (seq integer, first_seq integer, ordinal smallint) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        $dml$
        UPDATE %1$s m
        SET ordinal = least(each.ordinal, $1 + 1)
        FROM (
            SELECT
                seq,
                row_number() OVER (PARTITION BY phone ORDER BY seq) AS ordinal,
                min(seq) OVER (PARTITION BY phone) AS first_seq
            FROM %1$s
        ) each
        WHERE m.seq = each.seq AND each.ordinal > 1
        RETURNING m.seq, each.first_seq, m.ordinal
        $dml$,
        new_segment(campaign)
    ) USING most;
END
$$;

REVOKE ALL ON FUNCTION number_repeated_of_segment(bigint, integer) FROM PUBLIC;
