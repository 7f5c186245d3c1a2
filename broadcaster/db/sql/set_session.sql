SELECT /* set_session */
-- Settings of this session, by name.
set_config(name, value, false)
FROM unnest(%(names)s::text[], %(values)s::text[]) AS setting (name, value)
