-- Until the end of the transaction, where the server lets this user decide. The pages of a new index go into the WAL
-- whole, and to compress them takes longer than to sort them.
SELECT set_config('wal_compression', 'off', true) WHERE has_parameter_privilege('wal_compression', 'SET')
