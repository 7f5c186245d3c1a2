-- The lanes of an account whose gateway has asked for a rest: meanwhile it is not read from either.
CREATE FUNCTION throttled_lanes(account integer) RETURNS TABLE (lane_id integer) LANGUAGE sql STABLE AS $$
    SELECT l.id
    FROM public.instances i
    JOIN public.lanes l ON l.id = i.id
    WHERE i.account_id = account AND l.health = 'throttled' AND l.not_before > now()
$$;
