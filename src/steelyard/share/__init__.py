"""The verb ``share``: offers, and the signed bundles that homes hand each other. Data only goes up; leaves stay at home."""

from steelyard.share.offers import make_offer, offer_named, offers_of
from steelyard.share.pack import Packed, hand_over, pack, seals_over
from steelyard.share.receive import Received, fetch, receive
from steelyard.share.trust import peers_of, policy_of, revoke, trust

__all__ = [
    "Packed", "Received", "fetch", "hand_over", "make_offer", "offer_named", "offers_of", "pack", "peers_of", "policy_of", "receive",
    "revoke", "seals_over", "trust",
]  # fmt: skip
