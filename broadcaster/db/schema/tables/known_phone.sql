CREATE TABLE known_phones (
    account_id integer NOT NULL REFERENCES accounts ON DELETE CASCADE,
    phone text NOT NULL,
    is_contact boolean NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, phone, is_contact)
);
COMMENT ON TABLE known_phones IS
    'Whom an account knows: its contacts, as they were last read, and who wrote to it before any campaign had messaged them.';
COMMENT ON COLUMN known_phones.account_id IS 'Who knows the person.';
COMMENT ON COLUMN known_phones.phone IS 'One of the numbers that are this person''s for certain.';
COMMENT ON COLUMN known_phones.is_contact IS 'Whether it is a contact; otherwise the person wrote first.';
COMMENT ON COLUMN known_phones.noted_at IS 'Since when that is known.';
