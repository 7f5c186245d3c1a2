-- Several spellings of one number are one message: the first one stays.
CREATE FUNCTION delete_repeated_of_segment(campaign bigint)
RETURNS TABLE (seq integer, first_seq integer, phone text) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        $dml$
        DELETE FROM %1$s m
        USING (SELECT phone, min(seq) AS seq FROM %1$s GROUP BY phone HAVING count(*) > 1) first
        WHERE m.phone = first.phone AND m.seq > first.seq
        RETURNING m.seq, first.seq, m.phone
        $dml$,
        new_segment(campaign)
    );
END
$$;

REVOKE ALL ON FUNCTION delete_repeated_of_segment(bigint) FROM PUBLIC;
