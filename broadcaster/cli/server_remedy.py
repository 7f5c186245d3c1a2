"""What to do where an embedded server does not answer."""

from __future__ import annotations

from broadcaster.domain.standstill import Remedy
from broadcaster.embedded import RoleState, StackState, StackStatus


def server_remedy(stack: StackStatus) -> Remedy:
    """How an embedded server comes back that does not answer, as the stack stands that it belongs to."""
    match stack.state:
        case StackState.STOPPED | StackState.LOST:
            return Remedy("start it with", "broadcaster up")
        case StackState.STARTING:
            return Remedy("it is being started, follow that with", "broadcaster status")
        case StackState.STOPPING:
            return Remedy("it is being stopped; once it has, start it with", "broadcaster up")
    ailing = ", ".join(f"{role.name} is {role.state}" for role in stack.roles if role.state is not RoleState.READY)
    return Remedy(
        f"{f'{ailing}; ' if ailing else ''}what does not answer is ended and started again by itself within a minute; "
        "if it lasts, start all anew with `broadcaster down` and",
        "broadcaster up",
    )
