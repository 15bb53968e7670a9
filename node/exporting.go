package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/export"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// exportedAtOnce is how many messages of an export are read while organization.mu is held.
const exportedAtOnce = 64

// Export writes a copy of the history. begin is called once, before the first byte; an error before that has written nothing. [API-83]
func (n *Node) Export(ctx context.Context, request api.ExportRequest, begin func(api.ExportStart) io.Writer) error {
	format := export.Format(request.Format)
	if !slices.Contains(export.Formats(), format) {
		return api.Errorf(api.CodeUsage, "there is no format %q", request.Format).WithHint("it is json, mbox, maildir or markdown")
	}
	named, err := n.organizationsNamed(request.Org)
	if err != nil {
		return err
	}
	x := exporting{node: n, of: make(map[string]*organization)}
	for _, o := range named {
		if err := x.add(o, request.Conversations); err != nil {
			return err
		}
	}
	for _, word := range request.Conversations {
		if !x.found[word] {
			return api.Errorf(api.CodeNotFound, "there is no conversation %q", word).WithHint("`muster conversation list` lists them; a member or a group is named by name or id")
		}
	}
	now := x.node.now()
	start := api.ExportStart{Name: "muster-" + now.UTC().Format(time.DateOnly) + "-" + string(format)}
	for _, c := range x.conversations {
		start.Messages += c.Messages
	}
	var out later
	var folder export.Folder
	if request.Zip {
		folder, start.Type = export.Zip(&out, now), "application/zip"
	} else {
		folder, start.Type = export.Stream(&out)
	}
	out.w = begin(start)
	options := export.Options{Format: format, Since: request.Since, NoFiles: request.NoFiles, Flags: ":", Now: now, Version: n.config.Version}
	if runtime.GOOS == "windows" { // where no name holds a colon
		options.Flags = ";"
	}
	_, err = export.Write(ctx, &x, folder, options)
	return err
}

// later is a writer that is known before anything is written.
type later struct{ w io.Writer }

// Write implements io.Writer.
func (l *later) Write(data []byte) (int, error) { return l.w.Write(data) }

// exporting is the histories of some organizations as an export reads them.
type exporting struct {
	node          *Node
	conversations []export.Conversation
	of            map[string]*organization // by conversation
	found         map[string]bool          // what was asked for and is there
}

// add has the conversations of an organization be exported that some words mean; without words all.
func (x *exporting) add(o *organization, words []string) error {
	if x.found == nil {
		x.found = make(map[string]bool)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.threadsLocked().Conversations()
	slices.SortStableFunc(all, func(a, b history.ConversationCount) int { return strings.Compare(a.ID.String(), b.ID.String()) })
	for _, c := range all {
		people, group, guest := o.talkersLocked(c.Conversation)
		title := titleOf(people, group, guest)
		if c.Report {
			title = "reports"
		}
		if c.ID == o.alone().ID(o.org) {
			title = "imported mail"
		}
		if len(words) > 0 && !slices.ContainsFunc(words, func(word string) bool { return x.means(word, c, people, group) }) {
			continue
		}
		x.of[c.ID.String()] = o
		x.conversations = append(x.conversations, export.Conversation{
			Org: o.org.String(), OrgName: o.roll.State().OrgName(), ID: c.ID.String(), Title: title, People: people, Group: group, Messages: c.Messages,
		})
	}
	return nil
}

// means reports whether a word means a conversation: by its id, or as that with one member, or of a group.
func (x *exporting) means(word string, c history.ConversationCount, people []api.Person, group *api.GroupName) bool {
	is := len(word) >= 4 && strings.HasPrefix(c.ID.String(), word) || group != nil && (group.Name == word || group.Group == word) ||
		group == nil && len(people) == 1 && !c.Report && (people[0].Name == word || people[0].Member == word)
	x.found[word] = x.found[word] || is
	return is
}

func titleOf(people []api.Person, group *api.GroupName, guest *api.Person) string {
	switch {
	case group != nil && group.Name != "":
		return group.Name
	case group != nil:
		return "group"
	case guest != nil && len(people) != 1:
		return guest.Name
	case len(people) == 0:
		return "notes"
	}
	var names []string
	for _, p := range people {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// Conversations implements export.History.
func (x *exporting) Conversations() []export.Conversation { return x.conversations }

// Messages implements export.History.
func (x *exporting) Messages(ctx context.Context, conversation string, visit func(export.Message) error) error {
	o := x.of[conversation]
	id, err := keys.ParseID[keys.Conversation](conversation)
	if err != nil {
		return err
	}
	o.mu.Lock()
	ids := o.threadsLocked().MessagesIn(id)
	o.mu.Unlock()
	for some := range slices.Chunk(ids, exportedAtOnce) {
		messages, err := o.exported(some)
		if err != nil {
			return err
		}
		for _, m := range messages {
			if err := visit(m); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// exported describes messages; those that went meanwhile are left out.
func (o *organization) exported(ids []keys.MessageID) (all []export.Message, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		var r history.Record
		err := o.node.store.View(func(tx *store.Tx) (err error) { r, err = tx.Message(o.org, id); return err })
		if errors.Is(err, store.ErrNotFound) || err == nil && isOver(r, o.now()) {
			continue
		} else if err != nil {
			return nil, fmt.Errorf("reading message %s: %w", id.Short(), err)
		}
		m := export.Message{Message: o.messageLocked(r)}
		m.Text = exportedNote(m.Message)
		if !m.Deleted {
			if m.Files, err = o.exportedFiles(r); err != nil {
				return nil, err
			}
		}
		all = append(all, m)
	}
	return all, nil
}

func (o *organization) exportedFiles(r history.Record) (files []export.File, err error) {
	err = o.node.store.View(func(tx *store.Tx) error {
		for _, file := range r.Message.Text.Files {
			progress, err := tx.FileProgress(o.fileID(r, file))
			if err != nil {
				return err
			}
			files = append(files, export.File{Name: file.Name, Size: int64(file.Size), SHA256: file.Hash, Here: progress.Count() >= file.Chunks()})
		}
		return nil
	})
	return files, err
}

// fileID names a file of a message as its pieces are named here.
func (o *organization) fileID(r history.Record, file history.File) store.FileID {
	id := store.FileID{Author: r.Message.Author, Nonce: file.Nonce}
	if r.Message.Author == o.device {
		id.Author = keys.PublicKey{}
	}
	return id
}

// Open implements export.History.
func (x *exporting) Open(ctx context.Context, m export.Message, index int) (io.ReadCloser, error) {
	_, content, err := x.node.Attachment(ctx, m.ID, index)
	return content, err
}
