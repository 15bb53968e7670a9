package node

import (
	"context"
	"crypto/rand"
	"errors"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
)

// seriesSearch is how many keys of a series are tried: as many as a person can have used.
const seriesSearch = recoverySeries

// readWords reads recovery words. What was typed is in no error.
func readWords(words string) (keys.RecoverySeed, error) {
	seed, err := keys.ParseWords(words)
	if err != nil {
		return seed, api.Errorf(api.CodeUsage, "these are not 24 recovery words: check each word and their order")
	}
	return seed, nil
}

// ownRecovery returns the private half of the account's recovery key, made from the words.
func (o *organization) ownRecovery(words string) (keys.PrivateKey, error) {
	seed, err := readWords(words)
	if err != nil {
		return keys.PrivateKey{}, err
	}
	profile, err := o.node.profile()
	if err != nil {
		return keys.PrivateKey{}, err
	}
	choice, err := o.choice()
	if err != nil {
		return keys.PrivateKey{}, err
	}
	o.mu.Lock()
	self, _ := o.roll.State().Member(o.member)
	o.mu.Unlock()
	for _, from := range []uint32{choice.Number, profile.First, 0} {
		for number := from; number < from+seriesSearch; number++ {
			if key := seed.Key(number); key.Public() == self.Recovery {
				return key, nil
			}
		}
	}
	return keys.PrivateKey{}, api.Errorf(api.CodeRefused, "these are not the recovery words of your account in %s", o.name()).
		WithHint("they are good words, and of another person or organization, or were replaced by new ones since")
}

// choice returns what the owner chose for this device.
func (o *organization) choice() (choice store.Choice, err error) {
	err = o.node.store.View(func(tx *store.Tx) (err error) {
		choice, err = tx.Choice(o.org)
		return err
	})
	return choice, err
}

// profile returns what belongs to the person, the zero value before the first organization.
func (n *Node) profile() (profile store.Profile, err error) {
	err = n.store.View(func(tx *store.Tx) (err error) {
		profile, err = tx.Profile()
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		return err
	})
	return profile, err
}

// MakeWords makes new recovery words. They are kept nowhere, and count for nothing until Recover puts them in the place of others.
func (n *Node) MakeWords(context.Context, api.WordsRequest) (api.WordsResult, error) {
	seed, err := keys.NewRecoverySeed(rand.Reader)
	if err != nil {
		return api.WordsResult{}, err
	}
	return api.WordsResult{RecoveryWords: seed.Words()}, nil
}
