-- Whom of an audience a campaign goes to: a view with parameters, which the planner inlines.
--   conditions          [{variable, operator, kind, value}]: those to whom all of them apply (domain/conditions.py)
--   campaign_variables  {name: value}: over the members' own
--   template            {required: [name], filled: [name], never_blank, parts: [{name, fallback, growth, extra}],
--                       literals, fallbacks, growth, longest, blanks: {name: ""}, adds_phone,
--                       unreadable: {name: {value: why}}}: what the text is made of; lengths are in characters. A value
--                       is shown at most `growth` times as long, and `extra` longer. `adds_phone`: the phone is a
--                       variable too
-- `fault` is why somebody can be sent nothing; null: nothing is in the way.
CREATE FUNCTION audience_recipients(audience bigint, conditions jsonb, campaign_variables jsonb, template jsonb)
RETURNS TABLE (phone text, variables jsonb, fault text) LANGUAGE sql STABLE AS $$
    SELECT
        m.phone,
        (template -> 'blanks') || own.variables,
        CASE
            WHEN NOT own.variables ?& ARRAY(SELECT jsonb_array_elements_text(template -> 'required')) THEN (
                SELECT 'has no ' || string_agg(name, ', ')
                FROM jsonb_array_elements_text(template -> 'required') AS required (name)
                WHERE NOT own.variables ? name
            )
            WHEN jsonb_array_length(template -> 'filled') > 0 AND EXISTS (
                SELECT
                FROM jsonb_array_elements_text(template -> 'filled') AS filled (name)
                WHERE coalesce(trimmed(own.variables ->> name), '') = ''
            ) THEN (
                SELECT 'has nothing in ' || string_agg(name, ', ')
                FROM jsonb_array_elements_text(template -> 'filled') AS filled (name)
                WHERE coalesce(trimmed(own.variables ->> name), '') = ''
            )
            WHEN template ? 'unreadable' AND EXISTS (
                SELECT
                FROM jsonb_object_keys(template -> 'unreadable') AS read (name)
                WHERE template #> ARRAY['unreadable', read.name, own.variables ->> read.name] IS NOT NULL
            ) THEN (
                SELECT template #>> ARRAY['unreadable', read.name, own.variables ->> read.name]
                FROM jsonb_object_keys(template -> 'unreadable') AS read (name)
                WHERE template #> ARRAY['unreadable', read.name, own.variables ->> read.name] IS NOT NULL
                ORDER BY read.name
                LIMIT 1
            )
            WHEN NOT (template ->> 'never_blank')::boolean AND NOT EXISTS (
                SELECT
                FROM jsonb_to_recordset(template -> 'parts') AS part (name text)
                WHERE trimmed(own.variables ->> part.name) <> ''
            ) THEN 'the text would be blank'
            -- No value is longer than all of them together, whose size costs nothing to know.
            WHEN (template ->> 'literals')::integer + (template ->> 'fallbacks')::integer
                + jsonb_array_length(template -> 'parts') * (template ->> 'growth')::integer * pg_column_size(own.variables)
                > (template ->> 'longest')::integer
                AND (
                    SELECT (template ->> 'literals')::integer + sum(
                        CASE
                            WHEN trimmed(known.value) <> '' THEN length(known.value) * part.growth + part.extra
                            ELSE part.fallback
                        END
                    )
                    FROM jsonb_to_recordset(template -> 'parts')
                        AS part (name text, fallback integer, growth integer, extra integer)
                    CROSS JOIN LATERAL (SELECT own.variables ->> part.name) AS known (value)
                ) > (template ->> 'longest')::integer
                THEN 'the text would be too long'
        END
    FROM public.audience_members m
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN (template ->> 'adds_phone')::boolean THEN jsonb_build_object('phone', m.phone) || m.variables
            ELSE m.variables
        END || coalesce(campaign_variables, '{}')
    ) AS own (variables)
    WHERE m.audience_id = audience
        AND NOT EXISTS (
            SELECT
            FROM jsonb_to_recordset(conditions) AS c (variable text, operator text, kind text, value text)
            CROSS JOIN LATERAL (SELECT coalesce(trimmed(m.variables ->> c.variable), '')) AS known (value)
            CROSS JOIN LATERAL (
                SELECT CASE
                    WHEN c.kind = 'number' AND length(known.value) <= 100
                        AND known.value ~ '^[+-]?[0-9]+(?:[.][0-9]+)?$'
                        THEN sign(known.value::numeric - c.value::numeric)::integer
                    WHEN c.kind = 'date' AND known.value ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}($|[T ])'
                        THEN (left(known.value, 10) > c.value COLLATE "C")::integer
                            - (left(known.value, 10) < c.value COLLATE "C")::integer
                    WHEN c.kind = 'text' AND lower(known.value) = lower(c.value) THEN 0
                END
            ) AS compared (sign)
            WHERE NOT CASE c.operator
                WHEN '=' THEN coalesce(compared.sign = 0, false)
                WHEN '!=' THEN coalesce(compared.sign <> 0, true)
                WHEN '<' THEN coalesce(compared.sign < 0, false)
                WHEN '<=' THEN coalesce(compared.sign <= 0, false)
                WHEN '>' THEN coalesce(compared.sign > 0, false)
                WHEN '>=' THEN coalesce(compared.sign >= 0, false)
                ELSE false
            END
        )
$$;
