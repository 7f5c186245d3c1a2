INSERT /* stop_phone */ INTO opt_outs (phone, forms, lane_id, way, words, inbound_id)
-- One opt-out with its evidence, which holds from the commit on; no row where it holds already in the same way.
VALUES (%(phone)s, %(forms)s::text[], %(lane_id)s, %(way)s, %(words)s, %(inbound_id)s)
ON CONFLICT (phone, lane_id, way) WHERE ended_at IS NULL AND phone IS NOT NULL DO NOTHING
RETURNING id
