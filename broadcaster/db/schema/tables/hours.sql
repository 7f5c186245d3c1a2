CREATE TABLE opening_hours (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    document jsonb NOT NULL
);
COMMENT ON TABLE opening_hours IS 'When campaigns and instances may send, each stored once. A row never changes.';
COMMENT ON COLUMN opening_hours.id IS 'Instances, campaigns and schedules refer to it.';
COMMENT ON COLUMN opening_hours.digest IS 'SHA-256 of the document: each is stored once.';
COMMENT ON COLUMN opening_hours.document IS 'Windows, zone, days off (domain/opening_hours.py).';

CREATE TABLE recipient_groups (
    id smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    country text NOT NULL,
    zones text[] NOT NULL,
    UNIQUE (country, zones)
);
COMMENT ON TABLE recipient_groups IS 'Recipients who may be sent to at the same times: where their numbers are from.';
COMMENT ON COLUMN recipient_groups.id IS 'Messages carry it; 0 is no group: where recipients are plays no part.';
COMMENT ON COLUMN recipient_groups.country IS 'ISO 3166 code; 001: of no country.';
COMMENT ON COLUMN recipient_groups.zones IS 'The zones that their clocks may be set to; none: nobody can know.';

CREATE TABLE openings (
    hours_id integer NOT NULL REFERENCES opening_hours,
    recipient_group smallint NOT NULL,
    opens_at timestamptz NOT NULL DEFAULT '-infinity',
    closes_at timestamptz NOT NULL DEFAULT '-infinity',
    reckoned_at timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (hours_id, recipient_group)
);
COMMENT ON TABLE openings IS
    'When hours are open now or next, for a group of recipients. Ticks move it on; late ones leave it closed.';
COMMENT ON COLUMN openings.hours_id IS 'The hours that are open.';
COMMENT ON COLUMN openings.recipient_group IS 'For whom; 0: for everybody.';
COMMENT ON COLUMN openings.opens_at IS 'From when on.';
COMMENT ON COLUMN openings.closes_at IS 'Until before when.';
COMMENT ON COLUMN openings.reckoned_at IS 'The moment for which that was reckoned, which may be before it opens.';
