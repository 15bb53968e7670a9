package node

import (
	"encoding/binary"
	"errors"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/face"
	"muster.example/node/pairing"
)

const (
	// protocolMeet is what two devices of which one shows a code and the other has it entered speak, with nothing between
	// them. [PAIR-14]
	protocolMeet = "/muster/meet/1"
	// meetingBytes is the most that goes one way in one visit: as much as a slot passes on, and the lengths of frames.
	meetingBytes = pairing.MaxFrame + 1<<10
	// rollBytes and askBytes are what goes beyond that where a roll is handed over, and where it is asked for, with the padding of each
	// frame. [FACE-9]
	rollBytes = face.MaxRoll + pieces*5<<10
	askBytes  = pieces * 5 << 10
	pieces    = face.MaxRoll/face.MaxPiece + 1
	// meetingLife is the longest visit.
	meetingLife = pairing.Life + pairing.SignTime
	// meetingCalls is how many announcers of one code are called: whoever announces what they have not can ask for a guess.
	meetingCalls = pairing.Visits
	// callTime bounds each of these calls, which go on at once.
	callTime = 5 * time.Second
)

// meetingPurpose is what a meeting is for. Who looks for one kind sees no other. The list is append-only.
type meetingPurpose uint8

// meetToPair is for a device that is added to an account.
const meetToPair meetingPurpose = 1

// meetingPlace says which meeting is meant.
type meetingPlace struct {
	purpose meetingPurpose
	slot    uint32 // the number in the code, 0 to 99,999
}

// meetingVersion is that of what is announced of a meeting.
const meetingVersion = 1

// meetingNotice is what is announced of a meeting: everybody on the network reads it. [PAIR-13]
type meetingNotice struct {
	meetingPlace
	key keys.PublicKey // who waits there: an identity for this alone
}

// noticeSize is the size of an announcement of a meeting in bytes.
const noticeSize = 2 + 4 + keys.PublicKeySize

// encode returns the version, the purpose, the slot as four bytes, big-endian, and the key.
func (m meetingNotice) encode() []byte {
	payload := []byte{meetingVersion, byte(m.purpose)}
	payload = binary.BigEndian.AppendUint32(payload, m.slot)
	return append(payload, m.key[:]...)
}

// errNotice means that something else was announced than a meeting.
var errNotice = errors.New("not an announcement of a meeting")

// readNotice reads what encode writes, and nothing else.
func readNotice(payload []byte) (m meetingNotice, err error) {
	if len(payload) != noticeSize || payload[0] != meetingVersion || payload[1] == 0 {
		return m, errNotice
	}
	m.purpose, m.slot = meetingPurpose(payload[1]), binary.BigEndian.Uint32(payload[2:])
	copy(m.key[:], payload[6:])
	if m.slot >= pairing.Slots || m.key.IsZero() {
		return m, errNotice
	}
	return m, nil
}
