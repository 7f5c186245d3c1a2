UPDATE /* mend_frequency */
-- For how long a gateway may take to accept a message, as the settings have it now (%(grace)s seconds).
frequency_records
SET grace_seconds = %(grace)s
WHERE grace_seconds <> %(grace)s
