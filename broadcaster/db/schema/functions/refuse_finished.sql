-- The lock conflicts with any change of the campaign. Who changes it in the same transaction has it already.
CREATE FUNCTION refuse_finished(campaign bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found_state campaign_state;
BEGIN
    SELECT state INTO found_state FROM campaigns WHERE id = campaign FOR SHARE;
    IF found_state = 'finished' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = 'campaign ' || campaign || ' is finished: it must run again before anything of it can be open';
    END IF;
END
$$;
