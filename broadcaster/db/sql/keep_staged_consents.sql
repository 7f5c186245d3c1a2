INSERT /* keep_staged_consents */ INTO consent_records (phone, forms, source, words, given_on, came_with)
-- The staged consents are kept, each once; one that is known from the same source, in the same words, stays as it is. In
-- the order of numbers, so that two lists with the same ones wait for each other and not in a circle.
SELECT DISTINCT ON (phone, coalesce(words, '')) phone, forms, %(source)s, words, given_on, %(came_with)s
FROM staged_consents
ORDER BY phone, coalesce(words, '')
ON CONFLICT (phone, source, coalesce(words, '')) DO NOTHING
