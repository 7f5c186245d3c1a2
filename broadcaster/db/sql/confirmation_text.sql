SELECT /* confirmation_text */
-- An instance that confirms opt-outs, and what it says.
name, confirm_opt_out AS text
FROM instances
WHERE id = %(lane_id)s AND confirm_opt_out IS NOT NULL AND retired_at IS NULL
