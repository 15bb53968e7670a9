package gossip

import "muster.example/internal/keys"

// blinded marks the hash that is a topic's name.
type blinded struct{}

// Topic returns the name of the topic of an organization. It shows who knows the organization's id that this is its
// topic, and tells nothing to others. [GOS-2]
func Topic(org keys.OrgID) string { return keys.Hash[blinded](keys.DomainGossip, org[:]).String() }
