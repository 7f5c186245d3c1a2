-- No opt-out without its evidence, and no evidence without its opt-out: whoever writes or ends a row of opt_outs changes
-- in the same statement what the claim looks up, and nobody else may. One that has ended holds never again.
CREATE FUNCTION keep_opted_out() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO opted_out (phone, opt_out_id, lane_id)
        SELECT form, n.id, n.lane_id
        FROM new_rows n
        CROSS JOIN LATERAL unnest(n.forms) form
        WHERE n.ended_at IS NULL;
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM old_rows o JOIN new_rows n USING (id) WHERE o.ended_at IS NOT NULL AND n.ended_at IS NULL) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'an opt-out that has ended holds never again: write another one';
    END IF;
    DELETE FROM opted_out g
    USING old_rows o
    JOIN new_rows n USING (id)
    WHERE g.phone = ANY (o.forms) AND g.opt_out_id = o.id AND (n.ended_at IS NOT NULL OR n.phone IS NULL);
    RETURN NULL;
END
$$;

-- Who may call it may tie it to a table of his own, and stop anybody without evidence.
REVOKE ALL ON FUNCTION keep_opted_out() FROM PUBLIC;

CREATE TRIGGER keep_started AFTER INSERT ON opt_outs
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_opted_out();

CREATE TRIGGER keep_ended AFTER UPDATE ON opt_outs
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_opted_out();
