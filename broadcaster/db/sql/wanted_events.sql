SELECT /* wanted_events */
-- What any receiver is told of; nothing where there is none.
    DISTINCT unnest(events)::text
FROM receivers
