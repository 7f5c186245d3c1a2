CREATE TABLE forgotten_phones (
    digest bytea PRIMARY KEY,
    ending bytea NOT NULL,
    forgotten_at timestamptz NOT NULL DEFAULT now(),
    form_of bytea
);
COMMENT ON TABLE forgotten_phones IS 'Who was forgotten, and is not taken in again.';
COMMENT ON COLUMN forgotten_phones.digest IS 'Keyed hash of the number: tells that it is the same, and never which.';
COMMENT ON COLUMN forgotten_phones.ending IS
    'The same of its last eight digits: for rejected rows, which are kept as they were written.';
COMMENT ON COLUMN forgotten_phones.forgotten_at IS 'When it was forgotten.';
COMMENT ON COLUMN forgotten_phones.form_of IS
    'The digest of the number that was given, where this is another one under which WhatsApp may keep the person.';
CREATE INDEX forgotten_phones_form_of_idx ON forgotten_phones (form_of) WHERE form_of IS NOT NULL;

CREATE TABLE forgetting_key (
    is_only boolean PRIMARY KEY DEFAULT true,
    key_encrypted bytea NOT NULL,
    CONSTRAINT forgetting_key_one_check CHECK (is_only)
);
COMMENT ON TABLE forgetting_key IS
    'The key of forgotten_phones. Numbers are not known any more, so it can never be another one.';
COMMENT ON COLUMN forgetting_key.is_only IS 'There is one, for good.';
COMMENT ON COLUMN forgetting_key.key_encrypted IS 'What digests are keyed with, sealed like accounts.';
