-- What an occurrence is called within its schedule, as domain/recurrence.py calls it, but that of a time which the clocks
-- show twice both have the same: its local time, or where this server does not know the zone, that in UTC.
CREATE FUNCTION occurrence_label(due timestamptz, zone text) RETURNS text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN to_char(
        due AT TIME ZONE zone, 'YYYY-MM-DD"T"HH24:MI' || CASE extract(second FROM due) WHEN 0 THEN '' ELSE ':SS' END
    );
EXCEPTION
    WHEN invalid_parameter_value THEN
        RETURN to_char(due AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
END
$$;
