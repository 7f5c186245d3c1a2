"""A WAChatPro gateway to develop and test against. It shares no code with the client.

In a test, inside an event loop or beside it:

    async with Simulator(SimulatorConfig(instances=(InstanceConfig(name="a", key="k"),))) as sim:
        sim.base_url                            # http://127.0.0.1:PORT
        sim.ledger.entries                      # list[Entry]: every request, accepted or not
        await sim.ledger.wait(accepted=10)
        sim.gateway.faults = FaultPlan([parse_fault("kind=http_500_after_accept,nth=3")])

    with background(SimulatorConfig()) as sim:  # the same, in a thread of its own
        ...

As a process, `serve(config)` or

    python -m broadcaster.simulator --port 0 --ledger FILE --instance a:key --fault 'kind=http_429,probability=0.1'

prints `simulator listening on http://127.0.0.1:PORT` when it is ready and stops on SIGTERM or SIGINT. By default it
takes any key. An unconfigured instance is named `key-` and the first 12 hex digits of its key's SHA-256.

`.fault_plan` lists the fault kinds, `.lasting_troubles` what lasting troubles say, `.listings` how `/wa/messages` and
`/wa/chats` can distort the truth, `.ledger.Entry` the fields of a ledger line, `.dialects` the shapes of replies
(`sent`, `status`, `serialized`, `ok`, `self`, or `rotate`), `.config` the parsers of options and files. `guide()` is
the text of the first three.

Control, from the same machine only:

    GET  /_sim/ledger?since=N                       JSON list of the entries with seq > N; also instance=NAME and
                                                    key_sha256=HASH (`hash_of_key`)
    GET  /_sim/stats                                requests, accepted, doubled, accepted_by_instance, faults, …
    POST /_sim/faults?seed=N                        JSON list of rules, which replaces the rules in force
    POST /_sim/listing?instance=NAME                a listing (JSON), of one instance or of all
    POST /_sim/reset                                empty ledger, the rules and listings it was started with
    GET  /_sim/wait?accepted=N&timeout=S            200 once so many are accepted, 408 after S (30) seconds;
                                                    also requests=N (entered), arrived=N (entered
                                                    or not yet, since a fault delays them), instance=NAME
    POST /_sim/incoming                             {"instance", "phone", "body"}: a message from a phone
    POST /_sim/outgoing                             the same, to a phone: written by hand, not through the API
"""

from broadcaster.simulator.config import (
    InstanceConfig,
    SimulatorConfig,
    SimulatorOptions,
    build_config,
    load_faults,
    load_instances,
    parse_fault,
    parse_faults,
    parse_instance,
    parse_listing,
)
from broadcaster.simulator.fault_plan import FaultPlan, FaultRule
from broadcaster.simulator.guide import guide
from broadcaster.simulator.ledger import Entry, Ledger, hash_of_key
from broadcaster.simulator.listings import Hide, Listing
from broadcaster.simulator.server import Simulator, background, serve

__all__ = [
    "Entry",
    "FaultPlan",
    "FaultRule",
    "Hide",
    "InstanceConfig",
    "Ledger",
    "Listing",
    "Simulator",
    "SimulatorConfig",
    "SimulatorOptions",
    "background",
    "build_config",
    "guide",
    "hash_of_key",
    "load_faults",
    "load_instances",
    "parse_fault",
    "parse_faults",
    "parse_instance",
    "parse_listing",
    "serve",
]
