SET /* secure_session */
-- What a session sets for itself first, because any role may set it for all its own sessions to come, and a database's
-- owner for everybody's. A commit is on disk before it is told: only `off` promises less. The statements want to see what
-- was committed before each of them, may write, and are ended by no limit but their own. Tables are found in `public`.
-- First of all the limit that would end the next statement.
statement_timeout = 0;
SELECT set_config(wanted.name, wanted.value, false)
FROM (
    VALUES
        (
            'synchronous_commit',
            CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END
        ),
        ('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), 'public')),
        ('default_transaction_isolation', 'read committed'),
        ('default_transaction_read_only', 'off'),
        ('default_transaction_deferrable', 'off'),
        ('lock_timeout', '0'),
        ('transaction_timeout', '0'),
        ('idle_in_transaction_session_timeout', '0'),
        ('idle_session_timeout', '0'),
        ('client_encoding', 'UTF8'),
        ('DateStyle', 'ISO, MDY'),
        ('IntervalStyle', 'postgres'),
        ('standard_conforming_strings', 'on'),
        ('array_nulls', 'on')
) AS wanted (name, value)
-- Postgres 16 has no limit to a transaction.
WHERE current_setting(wanted.name, true) IS NOT NULL
