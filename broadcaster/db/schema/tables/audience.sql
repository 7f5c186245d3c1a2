CREATE TABLE audiences (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    variables text[] NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE audiences IS 'Recipients that are kept under a name.';
COMMENT ON COLUMN audiences.id IS 'Members carry it.';
COMMENT ON COLUMN audiences.name IS 'What operators call it.';
COMMENT ON COLUMN audiences.variables IS 'The variables that its members may have, in the order in which they came.';
COMMENT ON COLUMN audiences.created_at IS 'When it was first imported.';
COMMENT ON COLUMN audiences.changed_at IS 'When its members last changed.';

CREATE TABLE audience_members (
    audience_id bigint NOT NULL REFERENCES audiences ON DELETE CASCADE,
    phone text NOT NULL,
    variables jsonb NOT NULL DEFAULT '{}',
    added_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (audience_id, phone)
);
COMMENT ON TABLE audience_members IS 'One phone of one audience each.';
COMMENT ON COLUMN audience_members.audience_id IS 'The audience that it belongs to.';
COMMENT ON COLUMN audience_members.phone IS 'E.164 digits without the plus.';
COMMENT ON COLUMN audience_members.variables IS
    'Template variables by name; one that is not known of this member is left out.';
COMMENT ON COLUMN audience_members.added_at IS 'When it came in.';
COMMENT ON COLUMN audience_members.changed_at IS 'When its variables last changed.';
