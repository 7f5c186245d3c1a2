INSERT /* stop_staged */ INTO opt_outs (phone, forms, lane_id, way, words)
-- The staged numbers opt out, each once, with their evidence; those that have in the same way stay as they are. In the
-- order of numbers, so that two files with the same ones wait for each other and not in a circle.
SELECT DISTINCT phone, forms, %(lane_id)s::integer, %(way)s::opt_out_way, %(words)s::text
FROM staged_opt_outs
ORDER BY phone
ON CONFLICT (phone, lane_id, way) WHERE ended_at IS NULL AND phone IS NOT NULL DO NOTHING
