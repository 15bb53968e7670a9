package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/lock"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// describeLock says what a message is locked for, nil if nothing of it is. A file is told by its name alone: what it is shows when
// it is opened. [LOCK-5]
func describeLock(text string, files []api.Attachment) *api.Locked {
	info, isText := lock.IsText(text)
	if !isText && !slices.ContainsFunc(files, func(a api.Attachment) bool { return a.Locked }) {
		return nil
	}
	described := &api.Locked{Text: isText, Passphrase: info.ByPassphrase()}
	for _, kind := range info.Kinds {
		described.Kinds = append(described.Kinds, string(kind))
	}
	return described
}

// unlessLocked returns a text that is not locked. What a locked one says is not to be found, and its armor is no words.
func unlessLocked(text string) string {
	if _, locked := lock.IsText(text); locked {
		return ""
	}
	return text
}

func hasLockedName(name string) bool { return strings.HasSuffix(strings.ToLower(name), lockedName) }

// kindsText says for how many keys of which kinds something is locked.
func kindsText(kinds []lock.Kind) string {
	var order []lock.Kind
	count := make(map[lock.Kind]int)
	for _, kind := range kinds {
		if count[kind]++; count[kind] == 1 {
			order = append(order, kind)
		}
	}
	words := make([]string, 0, len(order))
	for _, kind := range order {
		noun := "keys"
		if count[kind] == 1 {
			noun = "key"
		}
		words = append(words, fmt.Sprintf("%d %s %s", count[kind], kind, noun))
	}
	return strings.Join(words, ", ")
}

// Open opens a locked message: its text is answered, and held for as long as was asked, with what opens its files. Nothing of it
// is stored. [API-113]
func (n *Node) Open(_ context.Context, request api.OpenRequest) (api.Opened, error) {
	if request.For < 0 || request.For > api.MaxOpen {
		return api.Opened{}, api.Errorf(api.CodeUsage, "a message stays open for %d seconds at most", api.MaxOpen)
	}
	o, m, shown, err := n.lockedMessage(request.Org, request.ID)
	if err != nil {
		return api.Opened{}, err
	}
	with, err := o.keysToOpen(request)
	if err != nil {
		return api.Opened{}, err
	}
	defer clear(with.Passphrase)
	if text, kept, _, ok := n.locks.isOpen(m.ID()); ok && request.Passphrase == "" && request.Identity == "" {
		defer clear(kept.Passphrase)
		return n.keepOpen(o, m, shown, []byte(text), kept, request.For), nil
	}
	text := []byte(shown.Text)
	if _, isText := lock.IsText(shown.Text); isText {
		if text, err = lock.OpenText(shown.Text, with); err != nil {
			return api.Opened{}, lockError(err)
		}
	} else if err := n.tryFiles(m, with); err != nil {
		return api.Opened{}, err
	}
	if _, err := o.mark([]keys.MessageID{m.ID()}, true); err != nil {
		return api.Opened{}, err
	}
	return n.keepOpen(o, m, shown, text, with, request.For), nil
}

// keepOpen holds what a message says for some seconds, and describes it. The text is the caller's no more.
func (n *Node) keepOpen(o *organization, m history.Message, shown history.Shown, text []byte, with lock.Keys, seconds int) api.Opened {
	opened := o.describeOpened(m, shown, string(text))
	if seconds == 0 {
		clear(text)
		return opened
	}
	until := time.Now().Add(time.Duration(seconds) * time.Second)
	with.Passphrase = slices.Clone(with.Passphrase)
	n.locks.open(m.ID(), &openedMessage{text: text, keys: with, until: until})
	opened.Until = until.UTC()
	return opened
}

func (o *organization) describeOpened(m history.Message, shown history.Shown, text string) api.Opened {
	o.mu.Lock()
	defer o.mu.Unlock()
	opened := api.Opened{ID: m.ID().String(), Org: o.org.String(), From: o.memberNameLocked(m.Member), Subject: shown.Subject, Text: text}
	for _, file := range m.Text.Files {
		opened.Attachments = append(opened.Attachments, openedFile(file.Name))
	}
	return opened
}

// openedFile is what a file is called once it is open.
func openedFile(name string) api.OpenedFile {
	if plain := name[:max(len(name)-len(lockedName), 0)]; hasLockedName(name) && plain != "" && history.ValidateFileName(plain) == nil {
		return api.OpenedFile{Name: plain, Locked: true}
	}
	return api.OpenedFile{Name: name, Locked: hasLockedName(name)}
}

// lockedMessage finds a message of which something can be locked.
func (n *Node) lockedMessage(org, id string) (*organization, history.Message, history.Shown, error) {
	o, r, err := n.findMessage(org, id)
	if err != nil {
		return nil, history.Message{}, history.Shown{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	shown, err := o.shownLocked(*r.Message)
	switch _, isText := lock.IsText(shown.Text); {
	case err != nil:
		return nil, history.Message{}, shown, err
	case shown.Deleted || r.Message.Erased > 0:
		return nil, history.Message{}, shown, api.Errorf(api.CodeRefused, "its author took the message back")
	case !isText && len(r.Message.Text.Files) == 0:
		return nil, history.Message{}, shown, api.Errorf(api.CodeUsage, "nothing of the message is locked").WithHint("muster read shows it")
	}
	return o, *r.Message, shown, nil
}

// keysToOpen returns what an opening is tried with: a key that was given along, and all own ones.
func (o *organization) keysToOpen(request api.OpenRequest) (with lock.Keys, err error) {
	if request.Identity != "" {
		if with.Identities, err = lock.ParseIdentities(strings.NewReader(request.Identity)); err != nil {
			return with, lockError(err)
		}
	}
	o.mu.Lock()
	own := o.identitiesLocked()
	o.mu.Unlock()
	with.Identities = append(with.Identities, own[:min(len(own), lock.MaxIdentities-min(len(with.Identities), lock.MaxIdentities))]...)
	with.Passphrase, with.Turn = []byte(request.Passphrase), &o.node.locks.turn
	return with, nil
}

// tryFiles looks whether keys open the first file of a message that is locked. It reads nothing but its header.
func (n *Node) tryFiles(m history.Message, with lock.Keys) error {
	for _, file := range m.Text.Files {
		content := n.fileOf(context.Background(), m, file)
		start := make([]byte, 64)
		read, _ := io.ReadFull(content, start)
		if !lock.Looks(start[:read]) {
			continue
		}
		_, err := lock.Open(n.fileOf(context.Background(), m, file), with)
		return lockError(err)
	}
	return api.Errorf(api.CodeUsage, "nothing of the message is locked").WithHint("muster read shows it; a file may still be on its way")
}

// fileOf reads a file of a message as it is stored.
func (n *Node) fileOf(ctx context.Context, m history.Message, file history.File) *fileReader {
	id := store.FileID{Author: m.Author, Nonce: file.Nonce}
	n.mu.Lock()
	for _, o := range n.organizations {
		if o.device == m.Author {
			id.Author = keys.PublicKey{}
		}
	}
	n.mu.Unlock()
	return newFileReader(ctx, n.store, id, file)
}

// Opened returns what a message says that is open, and opens nothing. [API-113]
func (n *Node) Opened(_ context.Context, query api.OpenedQuery) (api.Opened, error) {
	o, m, shown, err := n.lockedMessage(query.Org, query.ID)
	if err != nil {
		return api.Opened{}, err
	}
	text, with, until, ok := n.locks.isOpen(m.ID())
	clear(with.Passphrase)
	if !ok {
		return api.Opened{}, api.Errorf(api.CodeNotFound, "the message is not open").WithHint("open it: muster open ID")
	}
	opened := o.describeOpened(m, shown, text)
	opened.Until = until.UTC()
	return opened, nil
}

// CloseOpened locks again what is open: one message, or all. [API-113]
func (n *Node) CloseOpened(_ context.Context, request api.CloseRequest) (api.CloseResult, error) {
	if request.ID == "" {
		return api.CloseResult{Closed: n.locks.close(keys.MessageID{})}, nil
	}
	_, r, err := n.findMessage(request.Org, request.ID)
	if err != nil {
		return api.CloseResult{}, err
	}
	return api.CloseResult{Closed: n.locks.close(r.Message.ID())}, nil
}

// OpenedAttachment opens a file of a message that is open, or that own keys open. Its size is known only once all was read; what was
// read before an error must not be used.
func (n *Node) OpenedAttachment(ctx context.Context, id string, index int) (api.OpenedFile, io.ReadCloser, error) {
	o, m, _, err := n.lockedMessage("", id)
	if err != nil {
		return api.OpenedFile{}, nil, err
	}
	file, content, err := n.Attachment(ctx, id, index)
	if err != nil {
		return api.OpenedFile{}, nil, err
	}
	named := openedFile(file.Name)
	buffered := bufio.NewReader(content)
	start, _ := buffered.Peek(64)
	if !lock.Looks(start) {
		return api.OpenedFile{Name: file.Name}, readCloser{buffered, content}, nil
	}
	_, with, _, ok := n.locks.isOpen(m.ID())
	if !ok {
		if with, err = o.keysToOpen(api.OpenRequest{}); err != nil {
			return named, nil, errors.Join(err, content.Close())
		}
	}
	defer clear(with.Passphrase)
	plain, err := lock.Open(buffered, with)
	if err != nil {
		return named, nil, errors.Join(lockError(err), content.Close())
	}
	named.Locked = true
	return named, readCloser{plain, content}, nil
}

// readCloser reads from one and closes another.
type readCloser struct {
	io.Reader
	io.Closer
}
