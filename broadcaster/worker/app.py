"""The Celery application and beat's static table."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from celery import Celery
from celery.loaders.app import AppLoader

from broadcaster.settings import Settings, load
from broadcaster.worker import flower_command
from broadcaster.worker.own_task import OwnTask

DISPATCH = "broadcaster.dispatch"
LIFECYCLE = "broadcaster.lifecycle"
RECOVER = "broadcaster.recover"
RECONCILE = "broadcaster.reconcile"
SCHEDULES = "broadcaster.schedules"
NOTICES = "broadcaster.notices"
PURGE = "broadcaster.purge"
SEND = "broadcaster.send"
READ_BACK = "broadcaster.read_back"
READ_REPLIES = "broadcaster.read_replies"
OCCURRENCE = "broadcaster.occurrence"
DELIVER = "broadcaster.deliver"

TICKS = "ticks"
SENDS = "sends"

BEAT: dict[str, dict[str, Any]] = {
    "dispatch": {"task": DISPATCH, "schedule": 1.0},
    "lifecycle": {"task": LIFECYCLE, "schedule": 1.0},
    "schedules": {"task": SCHEDULES, "schedule": 1.0},
    "recover": {"task": RECOVER, "schedule": 1.0},
    "reconcile": {"task": RECONCILE, "schedule": 5.0},
    "notices": {"task": NOTICES, "schedule": 10.0},
}

PURGE_SECONDS = 3600.0
"""Seconds between purges of old campaigns, if a retention is set. It is no tick: being late does no harm."""

# A starting beat fires everything at once, instead of after the first period.
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def configuration(settings: Settings) -> dict[str, Any]:
    """Celery's settings. The reasons for the unusual ones are in docs/decisions/0004-celery-carries-wake-ups.md."""
    return {
        "broker_url": settings.broker_url,
        "broker_use_ssl": settings.broker_tls,
        "broker_connection_retry_on_startup": True,
        "broker_channel_error_retry": True,
        "broker_transport_options": {
            # Redis keeps no task that a worker has taken but not begun. Such a task is published again within two
            # seconds, and restoring it from Redis would mean trusting what others may have written there.
            "ack_emulation": False,
            # Without timeouts a paused Redis hangs the worker for ever.
            "socket_timeout": 5,
            "socket_connect_timeout": 5,
            "socket_keepalive": True,
        },
        # An expiry needs Lua scripts, which no user of Redis may run (deploy/redis-users.acl). Without it a killed
        # process only leaves its name in a set.
        "control_queue_expires": None,
        "event_queue_expires": None,
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": False,
        # Without an exchange of a name there is no table of bindings in Redis, in whose place somebody could put what
        # lets nobody start any more.
        "task_queues": {name: {"exchange": "", "routing_key": name} for name in (TICKS, SENDS)},
        "task_default_exchange": "",
        "task_default_queue": TICKS,
        "task_routes": {task: {"queue": SENDS} for task in (SEND, READ_BACK, READ_REPLIES, OCCURRENCE, DELIVER)},
        "imports": ["broadcaster.worker.tasks", "broadcaster.worker.hooks"],
        "worker_pool": "threads",
        "worker_concurrency": settings.worker_threads,
        "worker_prefetch_multiplier": 1,
        "worker_send_task_events": True,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "beat_schedule": {name: {**entry, "last_run_at": _LONG_AGO} for name, entry in _fired(settings).items()},
        "beat_max_loop_interval": 1,
        # Ticks need nothing that beat could remember across restarts, so it keeps no file.
        "beat_scheduler": "celery.beat:Scheduler",
        "timezone": "UTC",
    }


def _fired(settings: Settings) -> dict[str, dict[str, Any]]:
    """The tasks that beat fires, and how often."""
    purge = {} if settings.retention_days is None else {"purge": {"task": PURGE, "schedule": PURGE_SECONDS}}
    return BEAT | purge


class Loader(AppLoader):  # type: ignore[misc]  # Celery ships no types
    """Imports installed modules only. Celery's own loader looks in the current directory first."""

    def import_from_cwd(self, module: str, imp: Any = None, package: str | None = None) -> Any:
        """Import as usual, not from the current directory."""
        return (imp or self.import_module)(module, package=package)


def make_app(settings: Settings) -> Celery:
    """The Celery application on the configured broker; nothing connects yet."""
    app = Celery("broadcaster", set_as_current=True, loader=Loader, task_cls=OwnTask)
    app.conf.update(configuration(settings))
    return app


settings = load()
"""The settings of this process and its roles."""
app = make_app(settings)
flower_command.replace()
