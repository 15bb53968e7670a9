package keys

// Domain separates the uses of one key: a signature or hash made for one purpose is worth nothing for another.
// The list is append-only and is part of every wire and disk format. [KEY-3]
type Domain string

// The domains in use. Each names one kind of object and the version of its layout.
const (
	DomainOrg          Domain = "muster/org/1"          // hash: founding event → organization
	DomainMember       Domain = "muster/member/1"       // hash: admitting event → member
	DomainEvent        Domain = "muster/event/1"        // signature and hash: an event of the roll
	DomainLeaf         Domain = "muster/leaf/1"         // hash: the opening of a leaf of the roll
	DomainInvitation   Domain = "muster/invitation/1"   // signature: proof of holding an invitation
	DomainClaim        Domain = "muster/claim/1"        // hash: a claim token as the node keeps it
	DomainGrant        Domain = "muster/grant/1"        // signature: leave to write
	DomainPrekey       Domain = "muster/prekey/1"       // signature and hash: a device's prekey
	DomainChain        Domain = "muster/chain/1"        // hash: a chain's id, committing to its first key
	DomainAnnounce     Domain = "muster/announce/1"     // signature and HPKE info: a chain announcement
	DomainConversation Domain = "muster/conversation/1" // hash: the place of a conversation
	DomainContent      Domain = "muster/content/1"      // signature and hash: the content of a message
	DomainIntroduction Domain = "muster/introduction/1" // signature and HPKE info: an introduction
	DomainEnvelope     Domain = "muster/envelope/1"     // hash: sealed bytes and sender → envelope id
	DomainReceipt      Domain = "muster/receipt/1"      // signature: a device's receipt
	DomainRecovery     Domain = "muster/recovery/1"     // key derivation: the numbered recovery keys
	DomainMessage      Domain = "muster/message/1"      // hash: author's device and nonce → message id
	DomainStore        Domain = "muster/store/1"        // key derivation: keys of the store at rest
	DomainGossip       Domain = "muster/gossip/1"       // hash: organization → the topic of its gossip
	DomainVerify       Domain = "muster/verify/1"       // hash: two members → their safety number
	DomainProof        Domain = "muster/proof/1"        // signature: proof of holding a recovery or root key
	DomainGroup        Domain = "muster/group/1"        // hash: creating event → group
	DomainReport       Domain = "muster/report/1"       // signature and HPKE info: a report
	DomainRecord       Domain = "muster/record/1"       // hash: a record of history → its id
	DomainReconcile    Domain = "muster/reconcile/1"    // hash: a range of history → its fingerprint
	DomainPairing      Domain = "muster/pairing/1"      // key derivation and CPace context: the pairing of a device
)
