-- What was claimed for people then does not count any more, since it provably was not accepted. Locks the rows of people in
-- the order of their phones, as claims do.
CREATE FUNCTION give_back(returned person_claim[]) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM FROM public.messaged_phones p
    WHERE p.phone IN (SELECT r.phone FROM unnest(returned) r)
    ORDER BY p.phone
    FOR NO KEY UPDATE;
    IF FOUND THEN
        UPDATE public.messaged_phones p
        SET moments = ARRAY(
            SELECT had.moment
            FROM unnest(p.moments) WITH ORDINALITY AS had (moment, place)
            WHERE NOT EXISTS (
                SELECT FROM unnest(returned) r WHERE r.phone = p.phone AND r.claimed_at = had.moment
            )
            ORDER BY had.place
        )
        WHERE p.phone IN (SELECT r.phone FROM unnest(returned) r);
    END IF;
END
$$;
