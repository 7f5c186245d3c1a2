SELECT note_operation(%(kind)s, %(name)s, %(detail)s)
