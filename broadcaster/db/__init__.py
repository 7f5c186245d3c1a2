"""The schema, the engine and the named queries. Nothing above this layer writes SQL."""
