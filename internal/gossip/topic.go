package gossip

import "muster.example/internal/keys"

// blinded marks the hash that is a topic's name.
type blinded struct{}

// Topic returns the name of the topic of an organization. It shows who knows the organization's id that this is its
// topic, and tells nothing to others. [GOS-2]
func Topic(org keys.OrgID) string { return keys.Hash[blinded](keys.DomainGossip, org[:]).String() }

// GroupTopic returns the name of the topic of a group of an organization. It tells nothing to who does not know the ids of
// both. [GOS-10]
func GroupTopic(org keys.OrgID, group keys.GroupID) string {
	return keys.Hash[blinded](keys.DomainGossip, append(org[:], group[:]...)).String()
}
