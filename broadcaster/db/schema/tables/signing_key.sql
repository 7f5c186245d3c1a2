CREATE TABLE signing_keys (
    public_key bytea PRIMARY KEY,
    key_encrypted bytea,
    made_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT signing_keys_public_key_length_check CHECK (length(public_key) = 32)
);
COMMENT ON TABLE signing_keys IS 'What proofs are signed with (Ed25519). Those from before remain, to be known again.';
COMMENT ON COLUMN signing_keys.public_key IS 'What others check signatures with.';
COMMENT ON COLUMN signing_keys.key_encrypted IS
    'The private key, sealed like those of accounts; null: it was replaced, and signs nothing more.';
COMMENT ON COLUMN signing_keys.made_at IS 'When it was made.';
CREATE UNIQUE INDEX signing_keys_one_signs_idx ON signing_keys ((key_encrypted IS NOT NULL))
    WHERE key_encrypted IS NOT NULL;
