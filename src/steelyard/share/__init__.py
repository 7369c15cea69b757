"""The verb ``share``: offers, and the signed bundles that homes hand each other. Data only goes up; leaves stay at home."""

from steelyard.share.heard import heard
from steelyard.share.offers import make_offer, offer_named, offers_of
from steelyard.share.pack import Packed, hand_over, pack, seals_over
from steelyard.share.pull import Pulled, pull
from steelyard.share.push import Pushed, push
from steelyard.share.receive import Received, receive, receive_many
from steelyard.share.trust import peer_of, peers_of, policy_of, revoke, trust, trust_many
from steelyard.share.wire import fetch

__all__ = [
    "Packed", "Pulled", "Pushed", "Received", "fetch", "hand_over", "heard", "make_offer", "offer_named", "offers_of", "pack",
    "peer_of", "peers_of", "policy_of", "pull", "push", "receive", "receive_many", "revoke", "seals_over", "trust", "trust_many",
]  # fmt: skip
