SELECT held_by, held_until, messages, members, rejected FROM forget_phone(%(phone)s, %(digest)s, %(ending)s)
