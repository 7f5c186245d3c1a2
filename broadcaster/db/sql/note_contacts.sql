WITH /* note_contacts */
-- The contacts of an account are those that its list has now, under every form that is theirs for certain.
listed AS (
    SELECT DISTINCT unnest(%(phones)s::text[]) AS phone
), gone AS (
    DELETE FROM known_phones k
    WHERE k.account_id = %(account)s AND k.is_contact AND NOT EXISTS (SELECT FROM listed WHERE listed.phone = k.phone)
)
INSERT INTO known_phones (account_id, phone, is_contact)
SELECT %(account)s, phone, true FROM listed ORDER BY phone
ON CONFLICT DO NOTHING
