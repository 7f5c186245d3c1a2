"""The bundled Postgres and Redis, and the one-command stack. A leaf: it knows the settings and the errors only.

Servers for one's own process, such as a test session; they are those that the settings configure no URL for:

    with embedded.start_servers(settings):
        ...  # settings.postgres_url and settings.broker_url work here
"""

from broadcaster.embedded.servers import Servers, start_servers

__all__ = ["Servers", "start_servers"]
