"""A campaign as it is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine

from broadcaster.domain.care import Care
from broadcaster.domain.conditions import Condition, described_source
from broadcaster.domain.contents import Content
from broadcaster.domain.dealing import LaneRates
from broadcaster.domain.opening_hours import OpeningHours
from broadcaster.domain.sharing import Sharing, refuse_strangers
from broadcaster.domain.states import CampaignState
from broadcaster.services.campaigns.group_numbers import GroupNumbers
from broadcaster.services.campaigns.loading import OnePer
from broadcaster.services.campaigns.new_campaign import NewCampaign
from broadcaster.services.campaigns.new_content import StoredContent
from broadcaster.services.campaigns.recipient_files import RecipientFiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A campaign as it is asked for."""

    name: str
    instances: Sequence[str]
    content: Content
    max_attempts: int
    starts_at: datetime | None = None
    """Aware; None: at once."""
    hours: OpeningHours | None = None
    """When it may be sent; None: always."""
    expires_at: datetime | None = None
    """What has not left by then (aware) is expired; None: never."""
    priority: int = 0
    draft: bool = False
    conditions: Sequence[Condition] = ()
    """Which rows of its file are meant: all of these hold, when it is submitted."""
    one_per: OnePer = OnePer.PHONE
    files: RecipientFiles | None = None
    """Each recipient's own; None: they get the same."""
    require_consent: bool = False
    """Skip whoever has not agreed to messages when it starts."""
    care: Care | None = None
    """At which figures it pauses itself, in which slices it begins, whom it skips; None: none of it."""
    weights: Mapping[str, float] = field(default_factory=dict)
    """By which its instances share its messages; empty: by their rates."""
    sharing: Sharing = Sharing()  # noqa: RUF009 - it never changes
    """What becomes of messages whose instance is in trouble, and whether people keep theirs."""
    limits: Sequence[str] | None = None
    """The names of limits that hold for it; None: none, or of a rest those of its campaign."""
    limit_ids: Sequence[int] = ()
    """The same as they are stored, once they are known to be for campaigns (`with_limits`)."""
    strict: bool = False
    """Refuse a content that there is a warning about."""

    def __post_init__(self) -> None:
        """Raise UsageError where its options contradict each other."""
        refuse_strangers(self.sharing, self.care)

    @property
    def state(self) -> CampaignState:
        """Its first one."""
        return CampaignState.DRAFT if self.draft else CampaignState.SCHEDULED

    def groups(self, engine: Engine | None) -> GroupNumbers | None:
        """What tells its recipients apart by where they are; None: that plays no part."""
        return GroupNumbers(engine) if self.hours is not None and self.hours.goes_by_recipient else None

    def new_campaign(self, content: StoredContent, lanes: LaneRates, source: str) -> NewCampaign:
        """What is to be stored of it; what its recipients make of it is left to say."""
        return NewCampaign(
            name=self.name,
            content=content,
            lanes=lanes,
            weights={lane: weight for lane, weight in lanes.items() if self.weights and weight is not None},
            sharing=self.sharing,
            limits=self.limit_ids,
            max_attempts=self.max_attempts,
            priority=self.priority,
            starts_at=self.starts_at,
            expires_at=self.expires_at,
            state=self.state,
            source=described_source(source, self.conditions),
            file_column=self.content.file_column,
            require_consent=self.require_consent,
            care=self.care,
        )
