INSERT /* note_first_writers */ INTO known_phones (account_id, phone, is_contact)
-- Who of these wrote to the account before any campaign had messaged them: under every form that is theirs for certain.
SELECT DISTINCT r.account_id, form.phone, false
FROM jsonb_to_recordset(%(writers)s) AS said (id bigint, forms text[])
JOIN inbound_messages r ON r.id = said.id AND r.campaign_id IS NULL
CROSS JOIN LATERAL unnest(said.forms) AS form (phone)
ORDER BY 1, 2
ON CONFLICT DO NOTHING
