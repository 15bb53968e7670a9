package node

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
)

// mostNow is how many messages are remembered that do not wait for a better link.
const mostNow = 64

// links is what the person chose for this device's link, and what the system says of it: on one that is metered large files wait, both
// ways. [API-177]
type links struct {
	mu     sync.Mutex // guards the following
	choice store.LinkChoice
	system bool // the system says that it is metered
}

// readLink reads what was chosen.
func (n *Node) readLink() error {
	return n.store.View(func(tx *store.Tx) (err error) {
		n.links.choice, err = tx.LinkChoice()
		return err
	})
}

// metered reports whether large things wait.
func (l *links) metered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.meteredLocked()
}

func (l *links) meteredLocked() bool { return l.choice.Metered || l.system && !l.choice.Normal }

// waits reports whether a message with so many bytes of files waits.
func (l *links) waits(message keys.MessageID, files uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	over := cmp.Or(l.choice.FilesOver, api.DefaultFilesOver)
	return l.meteredLocked() && files > over && !slices.Contains(l.choice.Now, message)
}

// waitsForLink reports whether the files of a message of this account wait for a better link.
func (o *organization) waitsForLink(message keys.MessageID) bool {
	if !o.node.links.metered() {
		return false
	}
	files := uint64(0)
	err := o.node.store.View(func(tx *store.Tx) error {
		record, err := tx.Message(o.org, message)
		if err != nil || record.Message == nil {
			return err
		}
		for _, file := range record.Message.Text.Files {
			files += file.Size
		}
		return nil
	})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		o.log.Warn("reading how large the files of a message are", "error", err)
	}
	return o.node.links.waits(message, files)
}

// mayTravel reports whether an envelope may go over the link as it is.
func (o *organization) mayTravel(w store.Waiting) bool {
	return w.Message == nil || isSmall(w) || !o.waitsForLink(*w.Message)
}

// lackLink says of recipients for whom a message is held that it waits for a better link, if it does.
func (o *organization) lackLink(id keys.MessageID, recipients []api.Recipient) {
	if len(recipients) == 0 || !o.waitsForLink(id) {
		return
	}
	for i := range recipients {
		if r := &recipients[i]; r.State == api.StateHeld && r.Lack == "" {
			r.Lack = api.LackLink
		}
	}
}

// Link says what was chosen for the link, and how many messages wait for a better one.
func (n *Node) Link(context.Context) (api.Link, error) {
	n.links.mu.Lock()
	choice, metered := n.links.choice, n.links.meteredLocked()
	n.links.mu.Unlock()
	link := api.Link{Mode: api.LinkAuto, Metered: metered, FilesOver: int64(cmp.Or(choice.FilesOver, api.DefaultFilesOver))}
	switch {
	case choice.Metered:
		link.Mode = api.LinkMetered
	case choice.Normal:
		link.Mode = api.LinkNormal
	}
	for _, o := range n.all() {
		held := make(map[keys.MessageID]bool)
		err := n.store.View(func(tx *store.Tx) error {
			if err := tx.Jobs(o.org, func(j store.Job) (bool, error) { // nothing of it is sealed, or not all
				if j.Message != nil && j.Kind == 0 {
					held[*j.Message] = true
				}
				return true, nil
			}); err != nil {
				return err
			}
			return tx.Waiting(o.org, 0, func(w store.Waiting) (bool, error) {
				if w.Message != nil && !w.Accepted && isLarge(w) {
					held[*w.Message] = true
				}
				return true, nil
			})
		})
		if err != nil {
			return link, err
		}
		for message := range held {
			if o.waitsForLink(message) {
				link.Waiting++
			}
		}
	}
	return link, nil
}

// SetLink chooses what the link is like, or has one message not wait.
func (n *Node) SetLink(ctx context.Context, request api.LinkRequest) (api.Link, error) {
	if !slices.Contains([]api.LinkMode{"", api.LinkAuto, api.LinkNormal, api.LinkMetered}, request.Mode) {
		return api.Link{}, api.Errorf(api.CodeUsage, "a link is %s, %s or %s", api.LinkAuto, api.LinkNormal, api.LinkMetered)
	}
	if request.FilesOver != nil && *request.FilesOver <= 0 {
		return api.Link{}, api.Errorf(api.CodeUsage, "files wait above a number of bytes")
	}
	var now *keys.MessageID
	if request.Now != "" {
		_, record, err := n.findMessage(request.Org, request.Now)
		if err != nil {
			return api.Link{}, err
		}
		id := record.Message.ID()
		now = &id
	}
	if err := n.chooseLink(request, now); err != nil {
		return api.Link{}, err
	}
	return n.Link(ctx)
}

// chooseLink stores a choice and has what waits looked at again.
func (n *Node) chooseLink(request api.LinkRequest, now *keys.MessageID) error {
	n.links.mu.Lock()
	choice, was := n.links.choice, n.links.meteredLocked()
	if request.Mode != "" {
		choice.Metered, choice.Normal = request.Mode == api.LinkMetered, request.Mode == api.LinkNormal
	}
	if request.FilesOver != nil {
		choice.FilesOver = uint64(*request.FilesOver)
	}
	if now != nil && !slices.Contains(choice.Now, *now) {
		choice.Now = append(slices.Clone(choice.Now), *now)
		choice.Now = choice.Now[max(0, len(choice.Now)-mostNow):]
	}
	err := n.store.Update(func(tx *store.Tx) error { return tx.PutLinkChoice(choice) })
	if err == nil {
		n.links.choice = choice
	}
	is := n.links.meteredLocked()
	n.links.mu.Unlock()
	if err != nil {
		return err
	}
	n.lookAtLinkAgain(was != is)
	return nil
}

// keepLinkCost takes what the system says of the link, until the context ends.
func (n *Node) keepLinkCost(ctx context.Context) error {
	n.config.LinkCost(ctx, n.log, n.noteLinkCost)
	return nil
}

// noteLinkCost notes that the system says that the link is metered, or that it is not.
func (n *Node) noteLinkCost(metered bool) {
	n.links.mu.Lock()
	was := n.links.meteredLocked()
	n.links.system = metered
	is := n.links.meteredLocked()
	n.links.mu.Unlock()
	n.log.Info("the system says what the link is", "metered", metered, "files_wait", is)
	if was != is {
		n.lookAtLinkAgain(true)
	}
}

// lookAtLinkAgain has what waits, or need not wait any more, looked at again. Sessions begin anew if the link is another: what the rendezvous
// node brings in pieces depends on it.
func (n *Node) lookAtLinkAgain(another bool) {
	for _, o := range n.all() {
		if another && o.connection() != nil {
			o.reconnect()
		}
		for _, p := range o.mesh.all() {
			p.again()
		}
		wake(o.wakeOffer)
	}
}
