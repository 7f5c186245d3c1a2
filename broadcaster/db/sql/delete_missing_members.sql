DELETE /* delete_missing_members */ FROM audience_members m
WHERE m.audience_id = %(audience_id)s
    AND NOT EXISTS (SELECT FROM imported_members i WHERE i.phone = m.phone)
