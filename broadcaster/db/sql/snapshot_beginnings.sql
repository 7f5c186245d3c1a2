SELECT /* snapshot_beginnings */ DISTINCT left(phone, %(digits)s) FROM recipient_snapshot WHERE fault IS NULL
