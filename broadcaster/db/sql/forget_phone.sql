SELECT held_by, messages, members, rejected FROM forget_phone(%(phone)s, %(digest)s)
