SELECT /* forget_phone */
    held_by, held_until, extract(epoch FROM held_until - now())::double precision AS wait, messages, members, rejected
FROM forget_phone(%(phone)s, %(digest)s, %(ending)s)
