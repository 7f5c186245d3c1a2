-- Whom of an audience a campaign may go to: a view with parameters, which the planner inlines. Conditions go into the
-- WHERE of whoever asks, over `own`, the member's variables, and `known`, the numbers of those of `wanted` that hold.
--   wanted              what `known_of_members` takes; null: nothing
--   campaign_variables  {name: value}: over the members' own
--   template            {required: [name], filled: [name], never_blank, parts: [{name, fallback, growth, extra}],
--                       literals, fallbacks, growth, longest, blanks: {name: ""}, adds_phone,
--                       unreadable: {name: {value: why}}}: what the text is made of; lengths are in characters. A value
--                       is shown at most `growth` times as long, and `extra` longer. `adds_phone`: the phone is a
--                       variable too
-- `fault` is why somebody can be sent nothing; null: nothing is in the way.
CREATE FUNCTION audience_recipients(audience bigint, wanted jsonb, campaign_variables jsonb, template jsonb)
RETURNS TABLE (phone text, variables jsonb, fault text, own jsonb, known integer[]) LANGUAGE sql STABLE AS $$
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
                            WHEN trimmed(rendered.value) <> '' THEN length(rendered.value) * part.growth + part.extra
                            ELSE part.fallback
                        END
                    )
                    FROM jsonb_to_recordset(template -> 'parts')
                        AS part (name text, fallback integer, growth integer, extra integer)
                    CROSS JOIN LATERAL (SELECT own.variables ->> part.name) AS rendered (value)
                ) > (template ->> 'longest')::integer
                THEN 'the text would be too long'
        END,
        m.variables,
        known.leaves
    FROM public.audience_members m
    LEFT JOIN (
        SELECT k.phone, array_agg(DISTINCT k.leaf) AS leaves
        FROM public.known_of_members(audience, NULL, coalesce(wanted, '[]')) k
        GROUP BY k.phone
    ) known ON known.phone = m.phone
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN (template ->> 'adds_phone')::boolean THEN jsonb_build_object('phone', m.phone) || m.variables
            ELSE m.variables
        END || coalesce(campaign_variables, '{}')
    ) AS own (variables)
    WHERE m.audience_id = audience
$$;
