SELECT /* note_operation */ note_operation(%(kind)s, %(name)s, %(detail)s)
