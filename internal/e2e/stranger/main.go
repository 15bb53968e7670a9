// Command stranger plays an outsider with a sound libp2p host, the addresses and even the names of everything, and no
// invitation. It tries every protocol of a rendezvous node, above all to write to a member's device, says in plain words
// what came of each attempt, and succeeds only if all of them were refused.
//
// It must not use anything that an outsider could not have: no key, token or link of the organization.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/internal/wire"
	"muster.example/rendezvous/rvclient"
)

// enough is how long all attempts together may take.
const enough = time.Minute

func main() {
	node := flag.String("node", "", "the rendezvous node's `key`")
	addresses := flag.String("addresses", "", "its `addresses`, with commas between them")
	org := flag.String("org", "", "the organization's `id`")
	member := flag.String("member", "", "the `device` of a member, to write to")
	flag.Parse()
	s, err := newStranger(*node, *org, *member, strings.Split(*addresses, ","))
	if err != nil {
		fmt.Fprintln(os.Stderr, "stranger: error:", err)
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	inside, err := s.tryAll(ctx)
	cancel()
	err = errors.Join(err, s.client.Host.Close())
	if err != nil {
		fmt.Fprintln(os.Stderr, "stranger: error:", err)
	}
	if err != nil || inside > 0 {
		os.Exit(1)
	}
}

// stranger is the outsider with what they found out about the organization.
type stranger struct {
	key    keys.PrivateKey
	client *rvclient.Client
	member keys.PublicKey
}

func newStranger(node, org, member string, addresses []string) (*stranger, error) {
	s := &stranger{key: keys.Generate(), client: &rvclient.Client{Addresses: addresses}}
	var err error
	if s.client.Node, err = keys.ParsePublicKey(node); err != nil {
		return nil, fmt.Errorf("-node: %w", err)
	}
	if s.client.Org, err = keys.ParseID[keys.Org](org); err != nil {
		return nil, fmt.Errorf("-org: %w", err)
	}
	if s.member, err = keys.ParsePublicKey(member); err != nil {
		return nil, fmt.Errorf("-member: %w", err)
	}
	s.client.Host, err = p2p.NewHost(p2p.Config{Identity: s.key, Relayed: true})
	return s, err
}

// tryAll makes every attempt and returns how many got the stranger anything. An error means that an attempt came to
// nothing for another reason than a refusal, which proves nothing.
func (s *stranger) tryAll(ctx context.Context) (inside int, err error) {
	fmt.Printf("The stranger's host is %s.\n", s.key.Public())
	for _, attempt := range s.attempts() {
		how, refused, err := judge(attempt.try(ctx))
		if err != nil {
			return inside, fmt.Errorf("%s: %w", attempt.what, err)
		}
		if !refused {
			inside++
		}
		fmt.Printf("  %-58s %s\n", attempt.what, how)
	}
	if inside > 0 {
		return inside, nil
	}
	fmt.Println("The stranger got nothing in and nothing out.")
	return 0, nil
}

// judge says whether an attempt was refused, and how. Its error is one that is no refusal.
func judge(outcome error) (how string, refused bool, err error) {
	status, answered := errors.AsType[wire.Status](outcome)
	switch {
	case outcome == nil:
		return "WAS LET IN", false, nil
	case answered && status.Retryable():
		return "", false, outcome
	case answered:
		return "refused: " + status.Error(), true, nil
	case errors.Is(outcome, errUnknown):
		return "refused: the node has no such service", true, nil
	case errors.Is(outcome, errCut), errors.Is(outcome, network.ErrReset):
		return "refused: cut off", true, nil
	}
	return "", false, outcome
}
