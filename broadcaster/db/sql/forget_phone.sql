SELECT /* forget_phone */
    held_by, held_until, extract(epoch FROM held_until - now())::double precision AS wait, messages, members, rejected,
    opt_outs, consents, replies
FROM forget_phone(%(phones)s::text[], %(digests)s::bytea[], %(ending)s)
