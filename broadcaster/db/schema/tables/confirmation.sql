-- The one message to who has opted out: a campaign of its own, marked by the opt-out that it confirms.
ALTER TABLE campaigns
    ADD COLUMN confirms bigint UNIQUE REFERENCES opt_outs,
    ADD CONSTRAINT campaigns_confirms_alone_check CHECK (confirms IS NULL OR test_of = id);
COMMENT ON COLUMN campaigns.confirms IS
    'The opt-out of which its one message tells the person that it is heard; null: it is no confirmation.';

CREATE TABLE confirmed_opt_outs (
    lane_id integer NOT NULL,
    phone text,
    opt_out_id bigint NOT NULL REFERENCES opt_outs,
    digest bytea,
    CONSTRAINT confirmed_opt_outs_forgotten_check CHECK ((phone IS NULL) = (digest IS NOT NULL))
);
COMMENT ON TABLE confirmed_opt_outs IS
    'Who has had a confirmation through an instance, and gets no other one: each form of the number. No row is deleted.';
COMMENT ON COLUMN confirmed_opt_outs.lane_id IS 'The instance.';
COMMENT ON COLUMN confirmed_opt_outs.phone IS 'E.164 digits without the plus; null: forgotten.';
COMMENT ON COLUMN confirmed_opt_outs.opt_out_id IS 'What was confirmed.';
COMMENT ON COLUMN confirmed_opt_outs.digest IS 'forgotten_phones.digest, where the number is forgotten.';
CREATE UNIQUE INDEX confirmed_opt_outs_phone_idx ON confirmed_opt_outs (phone, lane_id) WHERE phone IS NOT NULL;
CREATE INDEX confirmed_opt_outs_digest_idx ON confirmed_opt_outs (digest) WHERE digest IS NOT NULL;
