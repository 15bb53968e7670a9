package rvclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/protocol"

	"muster.example/internal/keys"
	"muster.example/internal/p2p"
	"muster.example/rendezvous/rvproto"
)

var (
	// ErrOrg means that the node greets the device as a member of another organization than the client's.
	ErrOrg = errors.New("rvclient: the node serves this device in another organization")
	// ErrSilent means that the node did not answer for rvproto.Patience, or took nothing for rvproto.WriteTime, and is given up.
	ErrSilent = errors.New("rvclient: the node has fallen silent")
	// ErrProtocol means that the node sent something that the protocol has no place for.
	ErrProtocol = errors.New("rvclient: the node breaks the protocol")
)

// Client speaks for one device of one organization to one rendezvous node. It holds no connection: a method dials if
// there is none, so Connect is only for those who want to know early. Safe for concurrent use; the fields are fixed.
type Client struct {
	Host      host.Host      // with the device's identity in the organization
	Node      keys.PublicKey // the rendezvous node
	Addresses []string       // of the node, as p2p.AddressInfo takes them
	Org       keys.OrgID     // zero until the organization is founded
	Slow      int            // how many times as long as else an answer is waited for, at most rvproto.Slow; 0 stands for 1
}

// times returns a time as it is on the client's link.
func (c *Client) times(d time.Duration) time.Duration {
	return time.Duration(min(max(c.Slow, 1), rvproto.Slow)) * d
}

// Page is what a node knows of the roll beyond a size: what membership's Roll.Extend takes, undecoded.
type Page struct {
	Checkpoint []byte     // signed note
	Entries    [][]byte   // from the size asked for to the checkpoint's, each the encoding of an entry
	Proof      [][32]byte // consistency proof between the two sizes
}

// maxRollBytes bounds what Fetch gathers before it gives the pages back: a roll of about a million entries. Each counts
// for entryCost bytes more than it has, so that many small ones do not take much more memory than that.
const (
	maxRollBytes = 512 << 20
	entryCost    = 128
)

// Connect dials the node unless it is connected. That it succeeds says nothing of admission; a stream's hello does.
func (c *Client) Connect(ctx context.Context) error {
	info, err := p2p.AddressInfo(c.Node, c.Addresses)
	if err != nil {
		return fmt.Errorf("rendezvous node %s: %w", c.Node.Short(), err)
	}
	if err := p2p.Connect(ctx, c.Host, info, rvproto.PostPieces); err != nil {
		return fmt.Errorf("connecting to rendezvous node %s: %w", c.Node.Short(), err)
	}
	return nil
}

// Fetch returns everything of the roll from position from on, up to the node's newest checkpoint.
func (c *Client) Fetch(ctx context.Context, from uint64) (Page, error) {
	return c.gather(from, func(from, to uint64) (rvproto.RollAnswer, error) {
		return c.roll(ctx, rvproto.RollRequest{Fetch: &rvproto.FetchRequest{From: from, To: to}})
	})
}

// Submit hands in a signed event of this device. nil means that the roll holds it, now or already: Fetch shows where.
func (c *Client) Submit(ctx context.Context, event []byte) error {
	_, err := c.roll(ctx, rvproto.RollRequest{Submit: event})
	return err
}

// SubmitMove hands in a signed move of the sequencing duty at the node that had it, with a checkpoint by which the node
// that has taken over shows that it did. nil means that this node has given the duty up.
func (c *Client) SubmitMove(ctx context.Context, move, checkpoint []byte) error {
	_, err := c.roll(ctx, rvproto.RollRequest{Submit: move, Checkpoint: checkpoint})
	return err
}

// Claim founds an organization with the token of a claim link, a signed found event and a signed rendezvous event that
// names the node. Repeating the same claim is no error. The client's own organization is not looked at.
func (c *Client) Claim(ctx context.Context, token [32]byte, found, rendezvous []byte) error {
	_, err := c.join(ctx, rvproto.JoinRequest{
		Claim: &rvproto.ClaimRequest{Token: token, Found: found, Rendezvous: rendezvous},
	})
	return err
}

// View returns the roll from position from on, for a device that is not on it but holds an invitation.
func (c *Client) View(ctx context.Context, invitation keys.PrivateKey, from uint64) (Page, error) {
	proof, err := c.proof(invitation)
	if err != nil {
		return Page{}, err
	}
	return c.gather(from, func(from, to uint64) (rvproto.RollAnswer, error) {
		return c.join(ctx, rvproto.JoinRequest{View: &rvproto.ViewRequest{
			Org: c.Org, Invitation: invitation.Public(), Proof: proof, From: from, To: to,
		}})
	})
}

// SubmitJoin hands in the join event of this device, signed also with the invitation's key. nil means that the device
// is a member's. Repeating the same event is no error.
func (c *Client) SubmitJoin(ctx context.Context, invitation keys.PrivateKey, event []byte) error {
	proof, err := c.proof(invitation)
	if err != nil {
		return err
	}
	_, err = c.join(ctx, rvproto.JoinRequest{Submit: &rvproto.SubmitRequest{
		Org: c.Org, Invitation: invitation.Public(), Proof: proof, Event: event,
	}})
	return err
}

// PutPrekey publishes this device's signed prekey. One that states an earlier last sealing date than the one that the
// node holds is wire.StatusStale.
func (c *Client) PutPrekey(ctx context.Context, prekey []byte) error {
	var answer rvproto.PrekeyAnswer
	err := c.request(ctx, rvproto.Prekey, rvproto.PrekeyRequest{Put: prekey}, &answer, rvproto.MaxPrekeyAnswer)
	if err != nil {
		return err
	}
	return refusal(answer.Status, answer.Move)
}

// GetPrekeys returns the signed prekeys of up to rvproto.MaxPrekeys devices in their order, empty where the node has
// none. The caller verifies each.
func (c *Client) GetPrekeys(ctx context.Context, devices []keys.PublicKey) ([][]byte, error) {
	var answer rvproto.PrekeyAnswer
	err := c.request(ctx, rvproto.Prekey, rvproto.PrekeyRequest{Get: devices}, &answer, rvproto.MaxPrekeyAnswer)
	if err == nil {
		err = errors.Join(refusal(answer.Status, answer.Move), answer.Check())
	}
	if err == nil && len(answer.Prekeys) != len(devices) {
		err = fmt.Errorf("%w: %d prekeys for %d devices", ErrProtocol, len(answer.Prekeys), len(devices))
	}
	if err != nil {
		return nil, err
	}
	return answer.Prekeys, nil
}

// PutGrant publishes a signed grant of this device's member, or for them. One with a lower number than the one that the
// node holds for the pair is wire.StatusStale. With a grant for a conversation of several go all its members, ascending.
func (c *Client) PutGrant(ctx context.Context, grant []byte, members ...keys.MemberID) error {
	var answer rvproto.GrantAnswer
	request := rvproto.GrantRequest{Put: grant, Members: members}
	err := c.request(ctx, rvproto.Grant, request, &answer, rvproto.MaxStatusAnswer)
	if err != nil {
		return err
	}
	return refusal(answer.Status, answer.Move)
}

// gather asks page by page until it holds every entry up to the checkpoint of the first answer.
func (c *Client) gather(from uint64, ask func(from, to uint64) (rvproto.RollAnswer, error)) (Page, error) {
	first, err := ask(from, 0)
	if err != nil {
		return Page{}, err
	}
	page := Page{Checkpoint: first.Checkpoint, Entries: first.Entries, Proof: first.Proof}
	size, err := rvproto.CheckpointSize(first.Checkpoint)
	if err != nil {
		return Page{}, fmt.Errorf("%w: %v", ErrProtocol, err)
	}
	if from >= size {
		return page, nil
	}
	held, bytes := from+uint64(len(first.Entries)), total(first.Entries)
	for held < size {
		next, err := ask(held, size)
		if err != nil {
			return Page{}, err
		}
		bytes += total(next.Entries)
		if len(next.Entries) == 0 || bytes > maxRollBytes {
			return Page{}, fmt.Errorf("%w: entries %d to %d of the roll do not come", ErrProtocol, held, size)
		}
		page.Entries = append(page.Entries, next.Entries...)
		held += uint64(len(next.Entries))
	}
	if held > size {
		return Page{}, fmt.Errorf("%w: more entries than its checkpoint covers", ErrProtocol)
	}
	return page, nil
}

func total(entries [][]byte) (bytes int) {
	for _, entry := range entries {
		bytes += len(entry) + entryCost
	}
	return bytes
}

// proof signs that this device holds the invitation, for this node alone. [RV-8]
func (c *Client) proof(invitation keys.PrivateKey) (keys.Signature, error) {
	return c.prove(keys.DomainInvitation, invitation)
}

// prove signs that this device holds a key, for this node alone. [RV-8] [RV-60]
func (c *Client) prove(domain keys.Domain, key keys.PrivateKey) (keys.Signature, error) {
	device, err := p2p.Key(c.Host.ID())
	if err != nil {
		return keys.Signature{}, err
	}
	return key.Sign(domain, c.Org, rvproto.ProofBytes(c.Node, device)), nil
}

func (c *Client) join(ctx context.Context, request rvproto.JoinRequest) (rvproto.RollAnswer, error) {
	var answer rvproto.RollAnswer
	err := c.request(ctx, rvproto.Join, request, &answer, rvproto.MaxRollAnswer)
	if err == nil {
		err = errors.Join(refusal(answer.Status, answer.Move), answer.Check())
	}
	return answer, err
}

func (c *Client) roll(ctx context.Context, request rvproto.RollRequest) (rvproto.RollAnswer, error) {
	var answer rvproto.RollAnswer
	err := c.request(ctx, rvproto.Roll, request, &answer, rvproto.MaxRollAnswer)
	if err == nil {
		err = errors.Join(refusal(answer.Status, answer.Move), answer.Check())
	}
	return answer, err
}

func (c *Client) request(ctx context.Context, id protocol.ID, request, answer any, max int) error {
	if err := c.Connect(ctx); err != nil {
		return err
	}
	return p2p.Request(p2p.WithPatience(ctx, c.times(rvproto.RequestTime)), c.Host, p2p.PeerID(c.Node), id, request, answer, max)
}
