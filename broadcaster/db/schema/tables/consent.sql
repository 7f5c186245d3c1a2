CREATE TABLE consent_records (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    phone text NOT NULL,
    forms text[] NOT NULL,
    source text NOT NULL,
    words text,
    given_on date,
    came_with text NOT NULL,
    operator text DEFAULT nullif(left(current_setting('broadcaster.operator', true), 200), ''),
    command text DEFAULT nullif(left(current_setting('broadcaster.command', true), 200), ''),
    noted_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT consent_records_forms_check CHECK (phone = ANY (forms))
);
COMMENT ON TABLE consent_records IS
    'Who has agreed to messages, when and how: the evidence of each consent. Rows go when the person is forgotten.';
COMMENT ON COLUMN consent_records.id IS 'In the order in which they were written.';
COMMENT ON COLUMN consent_records.phone IS 'E.164 digits without the plus.';
COMMENT ON COLUMN consent_records.forms IS 'Every number that is this person''s for certain, and nobody else''s.';
COMMENT ON COLUMN consent_records.source IS 'How the person agreed, in the operator''s words.';
COMMENT ON COLUMN consent_records.words IS 'What the list says of when, as it is written there; null: it has no column of that.';
COMMENT ON COLUMN consent_records.given_on IS 'The day that these words mean; null: they may mean two, or there are none.';
COMMENT ON COLUMN consent_records.came_with IS 'The audience or campaign with whose recipients it came, and their list.';
COMMENT ON COLUMN consent_records.operator IS 'Who took it in, as the audit trail says it; null: not known.';
COMMENT ON COLUMN consent_records.command IS 'By which command; null: not known.';
COMMENT ON COLUMN consent_records.noted_at IS 'When it was taken in, by the database''s clock.';
-- The same list taken in again is the same evidence.
CREATE UNIQUE INDEX consent_records_same_idx ON consent_records (phone, source, coalesce(words, ''));
