SELECT /* snapshot_beginnings */ DISTINCT left(phone, %(digits)s) FROM audience_snapshot WHERE fault IS NULL
