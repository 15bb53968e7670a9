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
	DomainHistory      Domain = "muster/history/1"      // signature: a record of history, by the device that noted it
	DomainPairing      Domain = "muster/pairing/1"      // key derivation and CPace context: the pairing of a device
	DomainMeeting      Domain = "muster/meeting/1"      // as those, and signature: two people face to face
	DomainReturn       Domain = "muster/return/1"       // signature and hash: a node's return of what was not delivered
	DomainNearby       Domain = "muster/nearby/1"       // key derivation and seal: what is announced on a local network
	DomainBackup       Domain = "muster/backup/1"       // key derivation and MAC: backups on a drive
	DomainBackupItem   Domain = "muster/backup-item/1"  // hash: id of what a backup holds and is no record
	DomainBackupKey    Domain = "muster/backup-key/1"   // signature: with what an account's backups are written
	DomainLockKey      Domain = "muster/lock-key/1"     // signature and hash: a key to lock for, its fingerprint
	DomainArchive      Domain = "muster/archive/1"      // signature, hash and HPKE info: a chain announced to the archive, its key's id; a node's gap
	DomainAttestation  Domain = "muster/attestation/1"  // signature, hash and HPKE info: what a device opened, for the archive
	DomainAck          Domain = "muster/ack/1"          // signature: a device's acknowledgement that travels through others
	DomainImport       Domain = "muster/import/1"       // hash: a mail → the nonce and thread of the message that it becomes
	DomainEnrol        Domain = "muster/enrol/1"        // signature and hash: what an enrolment service offers a device
	DomainCluster      Domain = "muster/cluster/1"      // seal and hash: bodies and notes of a replicated queue

	// The store of an archive.
	DomainArchiveHead    Domain = "muster/archive-head/1"    // signature: how far the chain of segments goes
	DomainArchiveItem    Domain = "muster/archive-item/1"    // hash and HPKE info: what one segment holds; hash: the archive's key
	DomainArchiveSegment Domain = "muster/archive-segment/1" // hash: the index of a segment
	DomainCarried        Domain = "muster/carried/1"         // signature: an envelope that travels through others, by its sender
	DomainBundle         Domain = "muster/bundle/1"          // key derivation, seal and signature: what lies in a bundle
)
