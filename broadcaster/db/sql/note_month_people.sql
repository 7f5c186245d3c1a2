INSERT /* note_month_people */ INTO month_people (phone, selection)
-- Those candidates who are not left out are in this selection.
SELECT phone, %(selection)s FROM candidates WHERE reason IS NULL
