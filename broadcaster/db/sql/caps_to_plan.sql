SELECT /* caps_to_plan */
-- How many messages a person gets in which span, whatever the campaigns.
most, span_seconds AS span
FROM caps
ORDER BY span_seconds
