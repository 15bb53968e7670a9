package membership

import (
	"encoding/hex"

	"muster.example/internal/keys"
)

// smallOrder lists the encodings, without the sign bit, of the Ed25519 points whose order divides eight. Under such a
// key one signature fits many messages, so that anybody could speak for it; no honest key is among them. [ROLL-8]
var smallOrder = func() map[keys.PublicKey]bool {
	set := make(map[keys.PublicKey]bool)
	for _, text := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		raw, err := hex.DecodeString(text)
		if err != nil {
			panic(err)
		}
		set[keys.PublicKey(raw)] = true
	}
	return set
}()

func weak(k keys.PublicKey) bool {
	k[len(k)-1] &= 0x7f
	return smallOrder[k]
}

// use is what a key is for in an organization. A key has one use for ever. [ROLL-9]
type use uint8

const (
	useDevice use = iota + 1
	useRecovery
	useRoot
	useInvitation
	useNode
	usePromised // named by a re-admission that nobody entered
	useArchive
	useEnrolment
)

// holding is what the state knows of a key.
type holding struct {
	use     use
	account *account // whose device or recovery key it is
}

// newKeys checks that keys are strong, differ from each other and are in no use yet. [ROLL-8] [ROLL-9]
func (s *State) newKeys(added ...keys.PublicKey) error {
	for i, key := range added {
		if weak(key) {
			return refuse(ReasonKey, "%s", key.Short())
		}
		if _, known := s.keys[key]; known {
			return refuse(ReasonDuplicateKey, "%s", key.Short())
		}
		for _, earlier := range added[:i] {
			if key == earlier {
				return refuse(ReasonDuplicateKey, "%s twice in one event", key.Short())
			}
		}
	}
	return nil
}
