SELECT /* speak_as */
-- What this transaction changes is in the audit trail, under this name in place of an operator's.
set_config('broadcaster.operator', %(name)s, true)
