"""WAChatPro over HTTP: the client of its six methods, and what its replies mean."""

from broadcaster.domain.instances import Wire
from broadcaster.gateway.classify import classify_response
from broadcaster.gateway.client import GatewayError, WAChatPro
from broadcaster.gateway.failures import classify_exception
from broadcaster.gateway.files import EncodedFile
from broadcaster.gateway.gates import AskingGate, BodyGate, TimedGate
from broadcaster.gateway.lists import Chat, Contact, GatewayMessage
from broadcaster.gateway.rules import DEFAULT_RULES, ReplyRules, read_rules
from broadcaster.gateway.transport import PooledTransport, Reply, Transport, open_transport
from broadcaster.gateway.wire import Body

__all__ = [
    "DEFAULT_RULES",
    "AskingGate",
    "Body",
    "BodyGate",
    "Chat",
    "Contact",
    "EncodedFile",
    "GatewayError",
    "GatewayMessage",
    "PooledTransport",
    "Reply",
    "ReplyRules",
    "TimedGate",
    "Transport",
    "WAChatPro",
    "Wire",
    "classify_exception",
    "classify_response",
    "open_transport",
    "read_rules",
]
