"""Why a campaign fired or held: every reason, and how it is said.

A decision carries the reason's name and the values of its blanks, never personal data; the
sentence is made here when somebody asks.
"""

from __future__ import annotations

from typing import Final

FIRED: Final = "fired"
HELD_OUT: Final = "held_out"
ALREADY_DECIDED: Final = "already_decided"
PAUSED: Final = "paused"
REMOVED: Final = "removed"
BEFORE_START: Final = "before_start"
STALE: Final = "stale"
CONDITION: Final = "condition"
SUPPRESSED: Final = "suppressed"
NO_CONSENT: Final = "no_consent"
SEGMENT_SKIPPED: Final = "segment_skipped"
NO_STEPS: Final = "no_steps"
NOT_RECEIVED: Final = "not_received"
COOLDOWN: Final = "cooldown"
PER_CUSTOMER: Final = "per_customer"
FREQUENCY_CAP: Final = "frequency_cap"
AT_MOST_PER_HOUR: Final = "at_most_per_hour"
BUDGET: Final = "budget"
BUDGET_CURRENCY: Final = "budget_currency"
QUIET_HOURS: Final = "quiet_hours"

# reason -> sentence. `by` names whose rule it was: "the campaign" or "segment at_risk".
REASONS: Final[dict[str, str]] = {
    FIRED: "All conditions and limits passed; the steps were decided at a cost of at most {cost}.",
    HELD_OUT: "Everything passed, but this customer is in the control group ({share:.0%}).",
    ALREADY_DECIDED: "This occasion ({occasion}) was decided before; nothing happens twice.",
    PAUSED: "The campaign is paused.",
    REMOVED: "The campaign was removed.",
    BEFORE_START: "It happened before the campaign was started.",
    STALE: "It was heard of {age} after it happened; the campaign takes up to {limit}.",
    CONDITION: "Expected, and not so: {condition}.",
    SUPPRESSED: "The customer is never to be contacted.",
    NO_CONSENT: "Consent for {channel} is not given ({by} asks for it).",
    SEGMENT_SKIPPED: "The campaign skips segment {segment}.",
    NO_STEPS: "The campaign has no steps for segment {segment}.",
    NOT_RECEIVED: "{by} may not receive a {step}; only {allowed}.",
    COOLDOWN: "The last time was {ago} ago; {by} waits {limit}.",
    PER_CUSTOMER: "Times the customer has had this campaign: {times}; {by} allows {limit}.",
    FREQUENCY_CAP: "Contacts with the customer in {per}: {times}; {by} allows {limit}.",
    AT_MOST_PER_HOUR: "Customers reached this hour: {times}; {by} allows {limit}.",
    BUDGET: "{spent} of {limit} in {per} is used; this would cost up to {cost} (set by {by}).",
    BUDGET_CURRENCY: "The budget of {by} is in {currency}, the store sells in {store}.",
    QUIET_HOURS: "It is quiet time ({hours} in {zone}, set by {by}).",
}
