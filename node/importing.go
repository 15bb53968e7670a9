package node

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"muster.example/internal/envelope"
	"muster.example/internal/filename"
	"muster.example/internal/keys"
	"muster.example/internal/wire"
	"muster.example/node/api"
	"muster.example/node/mail"
	"muster.example/node/store"
	"muster.example/sync/history"
)

const (
	// importedAtOnce is how many mails one transaction stores, and importedBytes how much text makes it full.
	importedAtOnce = 128
	importedBytes  = 512 << 10
	// importedFiles is how many files a mail brings: two more are the whole mail, and a text that is too long.
	importedFiles = history.MaxFiles - 2
	// beginningBytes is how much of such a text stands in the message.
	beginningBytes = 8 << 10
	// rememberedMails is how many mails of a file are remembered for the threads of those behind them.
	rememberedMails = 1 << 17
)

// Import takes in an mbox file, or one mail, as history that nobody answers: messages of this account to itself, which are never sent
// and go to its other devices as all history does. What was imported before is left alone. What came in stays if r breaks off, or ctx
// ends. [API-84] [HIST-70]
func (n *Node) Import(ctx context.Context, request api.ImportRequest, r io.Reader) (api.ImportResult, error) {
	o, err := n.oneOrganization(request.Org)
	if err != nil {
		return api.ImportResult{}, err
	}
	if err := o.mayAct(); err != nil {
		return api.ImportResult{}, err
	}
	i := importing{organization: o, tag: norm.NFC.String(strings.TrimSpace(request.As)), roots: make(map[string]string), topics: make(map[string]string)}
	if i.tag != "" && history.CheckTag(i.tag) != nil {
		return api.ImportResult{}, api.Errorf(api.CodeUsage, "%q is no tag", request.As).WithHint("a tag is one line of at most %d characters", history.MaxTag)
	}
	err = i.file(ctx, r)
	err = errors.Join(err, i.flush(), i.drop())
	o.mu.Lock()
	defer o.mu.Unlock()
	if i.done.Imported > 0 {
		o.tellHistoryLocked()
		wake(o.wakeSiblings)
	}
	return i.done, err
}

// importing is a file of mail while it is taken in.
type importing struct {
	*organization
	tag    string
	done   api.ImportResult
	roots  map[string]string // by a mail's id the one with which its thread began
	topics map[string]string // by a subject the same

	batch   []history.Text
	nonces  map[[history.NonceSize]byte]bool // of batch
	uploads []store.Upload                   // of batch
	bytes   int
}

// file takes in each mail of a file.
func (i *importing) file(ctx context.Context, r io.Reader) error {
	in := bufio.NewReaderSize(r, 64<<10)
	begin, _ := in.Peek(1 << 10) // what is wrong shows again when it is read
	if !mail.IsMbox(begin) {
		data, err := io.ReadAll(io.LimitReader(in, mail.MaxMail+1))
		if err != nil {
			return fmt.Errorf("reading mail: %w", err)
		}
		return i.one(ctx, data)
	}
	for mails := mail.NewMbox(in); ; {
		data, err := mails.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, mail.ErrLarge):
			i.done.Mails++
			i.damaged("", err)
			continue
		case err != nil:
			return fmt.Errorf("reading mail %d: %w", i.done.Mails+1, err)
		}
		if err := i.one(ctx, data); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// one takes in one mail.
func (i *importing) one(ctx context.Context, data []byte) error {
	i.done.Mails++
	m, err := mail.Parse(data)
	if err != nil {
		i.damaged("", err)
		return nil
	}
	root := i.rootOf(m)
	nonce := nonceOf(m)
	if had, err := i.has(nonce); err != nil || had {
		if had {
			i.done.Already++
		}
		return err
	}
	note, at := mail.NoteOf(m, i.now())
	self := i.member
	thread := keys.Hash[keys.Message](keys.DomainImport, []byte("thread"), i.org[:], self[:], []byte(root))
	text := history.Text{Nonce: nonce, To: []keys.MemberID{self}, Subject: m.Subject, Time: at.UnixMilli(), Thread: &thread}
	whole := m.Whole || len(m.Files) > importedFiles
	for at, file := range m.Files[:min(len(m.Files), importedFiles)] {
		content, ok := file.Content()
		whole = whole || !ok
		if err := i.attach(ctx, &text, file.Name, content); err != nil {
			return fmt.Errorf("file %d of mail %d: %w", at+1, i.done.Mails, err)
		}
	}
	if len(note.String()) > history.MaxText {
		if err := i.attach(ctx, &text, "text.txt", []byte(note.Text)); err != nil {
			return err
		}
		note.Text = beginning(note.Text) + "\n\n[… text.txt]"
	}
	if whole {
		if err := i.attach(ctx, &text, "mail.eml", data); err != nil {
			return err
		}
		i.done.Whole++
		i.problem(m.Subject, "not all of it could be read: the mail itself is attached as mail.eml")
	}
	text.Text = note.String()
	if err := text.Validate(); err != nil {
		i.damaged(m.Subject, err)
		return nil
	}
	return i.add(text)
}

// rootOf returns the mail with which a mail's thread began: by what it names, else by its subject if that is marked as an answer.
func (i *importing) rootOf(m mail.Mail) string {
	topic, answer := m.Topic()
	root := m.ID
	if root == "" {
		root = hex.EncodeToString(m.Hash[:])
	}
	switch {
	case len(m.References) > 0:
		root = m.References[0]
		for _, id := range m.References {
			if known, ok := i.roots[id]; ok {
				root = known
				break
			}
		}
	case answer && i.topics[topic] != "":
		root = i.topics[topic]
	}
	if len(i.roots) < rememberedMails {
		if m.ID != "" {
			i.roots[m.ID] = root
		}
		if topic != "" && i.topics[topic] == "" {
			i.topics[topic] = root
		}
	}
	return root
}

// nonceOf returns the nonce of the message that a mail becomes: by it the same mail is known again.
func nonceOf(m mail.Mail) (nonce [history.NonceSize]byte) {
	id := keys.Hash[keys.Message](keys.DomainImport, []byte("mail"), []byte(m.ID), m.Hash[:])
	copy(nonce[:], id[:])
	return nonce
}

// has reports whether a mail is here already, whichever device of the account imported it.
func (i *importing) has(nonce [history.NonceSize]byte) (had bool, err error) {
	if i.nonces[nonce] {
		return true, nil
	}
	i.mu.Lock()
	devices := i.roll.State().EveryDevice(i.member)
	i.mu.Unlock()
	err = i.node.store.View(func(tx *store.Tx) error {
		for _, device := range devices {
			_, err := tx.Message(i.org, history.MessageID(device, nonce))
			if had = err == nil; had || !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
		return nil
	})
	return had, err
}

// attach stores a file of a mail.
func (i *importing) attach(ctx context.Context, text *history.Text, name string, content []byte) error {
	if history.ValidateFileName(name) != nil {
		name = filename.Safe(name)
	}
	upload := store.Upload{Name: name, Time: i.node.now().UnixMilli()}
	rand.Read(upload.Nonce[:])
	i.uploads = append(i.uploads, upload)
	if err := i.node.store.Update(func(tx *store.Tx) error { return tx.PutUpload(upload) }); err != nil {
		return err
	}
	if err := i.node.takeIn(ctx, &upload, bytes.NewReader(content)); err != nil {
		return err
	}
	text.Files = append(text.Files, history.File{Nonce: upload.Nonce, Name: name, Size: upload.Size, Hash: upload.Hash})
	i.done.Attachments++
	return nil
}

// add has a message be stored with the next ones.
func (i *importing) add(text history.Text) error {
	if i.nonces == nil {
		i.nonces = make(map[[history.NonceSize]byte]bool)
	}
	i.batch, i.nonces[text.Nonce] = append(i.batch, text), true
	if i.bytes += len(text.Text); len(i.batch) < importedAtOnce && i.bytes < importedBytes {
		return nil
	}
	return i.flush()
}

// flush stores the messages that wait.
func (i *importing) flush() error {
	if len(i.batch) == 0 {
		return nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.sendingLocked(); err != nil {
		return err
	}
	if err := inParts(i.batch, i.storeLocked); err != nil {
		return fmt.Errorf("storing mail: %w", err)
	}
	i.batch, i.bytes = nil, 0
	clear(i.nonces)
	if err := i.drop(); err != nil {
		return err
	}
	if time.Since(i.historyTold) >= tellTime {
		i.tellHistoryLocked()
	}
	return nil
}

// storeLocked stores messages with what this device signed of them: so other devices of the account take them as they take all
// messages. Callers hold mu. [HIST-25] [HIST-70]
func (i *importing) storeLocked(part []history.Text) error {
	var effects effects
	stored := 0
	place := i.alone()
	conversation := place.ID(i.org)
	err := i.node.store.Update(func(tx *store.Tx) error {
		effects = newEffects()
		out, err := tx.Outgoing(i.org, conversation)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		line := envelope.Line{Sequence: out.Sequence, Previous: out.Previous}
		stored = 0
		for _, text := range part {
			if _, err := tx.Message(i.org, history.MessageID(i.device, text.Nonce)); err == nil { // another import brought it meanwhile
				continue
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			stored++
			quote, err := envelope.SignContent(i.self, i.org, place, &line, envelope.Content{Kind: uint8(history.KindText), Body: wire.Encode(text)})
			if err != nil {
				return err
			}
			m := history.Message{
				Author: i.device, Member: i.member, Conversation: conversation, Text: text,
				Signed: history.Proof{Content: quote.Content, Signature: quote.Signature}.Encode(),
			}
			if err := i.append(tx, history.Record{Kind: history.RecordMessage, Message: &m}, &effects); err != nil {
				return err
			}
			if i.tag != "" {
				tag := history.Tag{Message: m.ID(), Tag: i.tag}
				if err := i.append(tx, history.Record{Kind: history.RecordTag, Tag: &tag}, &effects); err != nil {
					return err
				}
			}
			for _, file := range text.Files {
				if err := tx.DeleteUpload(file.Nonce); err != nil {
					return err
				}
			}
		}
		out.Place, out.Sequence, out.Previous = place, line.Sequence, line.Previous
		return tx.PutOutgoing(i.org, conversation, out)
	})
	if err == nil {
		i.applyLocked(effects)
		i.done.Imported += stored
		i.done.Already += len(part) - stored
	}
	return err
}

// append stores a record, of which nobody is told by itself: there may be very many.
func (i *importing) append(tx *store.Tx, r history.Record, effects *effects) error {
	record, err := tx.AppendRecord(i.org, i.self, i.now().UnixMilli(), r)
	effects.arrived = append(effects.arrived, record)
	return err
}

// drop removes the files of mails that were not stored.
func (i *importing) drop() error {
	for _, upload := range i.uploads {
		err := i.node.store.View(func(tx *store.Tx) error { _, err := tx.Upload(upload.Nonce); return err })
		if errors.Is(err, store.ErrNotFound) { // it went with its message
			continue
		}
		if err := errors.Join(err, i.node.deleteUpload(upload)); err != nil {
			return err
		}
	}
	i.uploads = nil
	return nil
}

func (i *importing) damaged(subject string, why error) {
	i.done.Damaged++
	i.problem(subject, strings.TrimPrefix(why.Error(), "mail: "))
}

func (i *importing) problem(subject, why string) {
	if len(i.done.Problems) < api.MaxProblems {
		i.done.Problems = append(i.done.Problems, api.ImportProblem{Mail: i.done.Mails, Subject: subject, Why: why})
	}
}

// beginning returns the beginning of a text, cut between characters.
func beginning(text string) string {
	end := min(len(text), beginningBytes)
	for end > 0 && end < len(text) && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
