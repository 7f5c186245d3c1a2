INSERT /* note_confirmation */ INTO confirmed_opt_outs (lane_id, phone, opt_out_id)
-- Notes that a person gets the confirmation of an opt-out through an instance, under each form of the number. Those that
-- have had one are left out: two readers that note the same person wait for each other, and one of them is late.
SELECT %(lane_id)s, form, %(opt_out_id)s
FROM unnest(%(forms)s::text[]) form
ORDER BY form
ON CONFLICT (phone, lane_id) WHERE phone IS NOT NULL DO NOTHING
