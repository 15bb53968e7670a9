package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// imports takes in a file of mail.
func (o *organization) imports(t testing.TB, file string, as string) api.ImportResult {
	t.Helper()
	done, err := o.node.Import(t.Context(), api.ImportRequest{As: as}, strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// listed returns the messages of the inbox.
func (o *organization) listed(t testing.TB) []api.Message {
	t.Helper()
	page, err := o.node.Inbox(t.Context(), api.InboxQuery{})
	if err != nil {
		t.Fatal(err)
	}
	return page.Messages
}

const threeMails = "From a@a.example Mon Nov 30 02:12:45 2020\nMessage-ID: <1@a.example>\nFrom: Bo <bo@a.example>\nTo: ada@b.example\nSubject: Plan\nDate: Mon, 30 Nov 2020 02:12:45 +0000\n" +
	"Content-Type: multipart/mixed; boundary=o\n\n--o\n\nthe harbour map\n--o\nContent-Type: image/png; name=map.png\nContent-Transfer-Encoding: base64\n\nAAECAw==\n--o--\n\n" +
	"From a@a.example Mon Nov 30 02:12:45 2020\nMessage-ID: <2@a.example>\nIn-Reply-To: <1@a.example>\nFrom: Cy <cy@a.example>\nSubject: Re: Plan\n\nthank you\n\n" +
	"From a@a.example Mon Nov 30 02:12:45 2020\nX-Other: a\n\nno mail\n\n"

// Mail that was imported is listed, found and read as what it is, and nobody is taken for a member. [HIST-70] [API-84]
func TestImport(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada := p.all[0]
	done := ada.imports(t, threeMails, "old")
	want := api.ImportResult{Mails: 3, Imported: 2, Damaged: 1, Attachments: 1, Problems: api.List[api.ImportProblem]{{Mail: 3, Why: "it has no header of a mail"}}}
	if diff := cmp.Diff(want, done); diff != "" {
		t.Fatal(diff)
	}
	all := ada.listed(t)
	if len(all) != 2 {
		t.Fatalf("%d messages are listed", len(all))
	}
	one := all[0]
	if diff := cmp.Diff(&api.Imported{From: "Bo <bo@a.example>", To: "ada@b.example", MessageID: "1@a.example"}, one.Imported); diff != "" {
		t.Error(diff)
	}
	if one.Subject != "Plan" || one.Text != "the harbour map" || one.Time.Year() != 2020 || one.FromMember != ada.member.String() || one.Unread || !slices.Equal(one.Tags, []string{"old"}) {
		t.Errorf("%+v", one)
	}
	if all[1].Thread != one.Thread || all[1].Imported.From != "Cy <cy@a.example>" {
		t.Error("the answer is in another thread")
	}
	threads, err := ada.node.Threads(t.Context(), api.ThreadsQuery{})
	if err != nil || len(threads.Threads) != 1 || threads.Threads[0].Imported == nil || threads.Threads[0].Subject != "Plan" || threads.Threads[0].Snippet != "thank you" {
		t.Errorf("threads: %+v, %v", threads.Threads, err)
	}
	_, content, err := ada.node.Attachment(t.Context(), one.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if data, err := io.ReadAll(content); err != nil || string(data) != "\x00\x01\x02\x03" {
		t.Errorf("the file is %q, %v", data, err)
	}
	view(t, ada.node.store, func(tx *store.Tx) error {
		uploads, err := tx.Uploads()
		if len(uploads) != 0 {
			t.Errorf("%d uploads are left", len(uploads))
		}
		return errors.Join(err, tx.Jobs(ada.org, func(store.Job) (bool, error) { t.Error("something is to be sent"); return false, nil }))
	})
}

// What was imported once is not again, nor by another device; what breaks off goes on. [API-84]
func TestImportAgain(t *testing.T) {
	one, other, _ := siblings(t)
	broken := errors.New("broken")
	begin := io.MultiReader(strings.NewReader(threeMails[:strings.Index(threeMails, "no mail")]), iotest.ErrReader(broken))
	if done, err := one.node.Import(t.Context(), api.ImportRequest{}, begin); !errors.Is(err, broken) || done.Imported != 2 {
		t.Fatalf("%+v, %v", done, err)
	}
	if done := one.imports(t, threeMails, ""); done.Imported != 0 || done.Already != 2 || done.Attachments != 0 {
		t.Errorf("%+v", done)
	}
	if err := other.takeRecords(t.Context(), one.gives(t)); err != nil {
		t.Fatal(err)
	}
	if got := other.listed(t); len(got) != 2 || got[0].Imported == nil || got[0].Text != "the harbour map" {
		t.Fatalf("the other device has %+v", got)
	}
	if done := other.imports(t, threeMails, ""); done.Already != 2 {
		t.Errorf("%+v", done)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if done, err := one.node.Import(ctx, api.ImportRequest{}, strings.NewReader(strings.ReplaceAll(threeMails, "@a.example>", "@c.example>"))); !errors.Is(err, context.Canceled) || done.Mails != 1 {
		t.Errorf("%+v, %v", done, err)
	}
}

// Imported mail is read, and nothing else is done with it. [HIST-70]
func TestImportedIsReadOnly(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada := p.all[0]
	ada.imports(t, threeMails, "")
	m := ada.listed(t)[0]
	n := ada.node
	subject := "other"
	for name, do := range map[string]func() error{
		"reply": func() error { _, err := n.Send(t.Context(), api.SendRequest{Text: "hi", Reply: m.ID}); return err },
		"forward": func() error {
			_, err := n.Send(t.Context(), api.SendRequest{To: api.List[string]{"Bo"}, Text: "hi", Forward: api.List[string]{m.ID}})
			return err
		},
		"edit": func() error {
			_, err := n.Edit(t.Context(), api.EditRequest{ID: m.ID, Text: "x", Subject: &subject})
			return err
		},
		"react": func() error { _, err := n.React(t.Context(), api.ReactRequest{ID: m.ID, Emoji: "x"}); return err },
		"delete": func() error {
			_, err := n.Delete(t.Context(), api.DeleteRequest{IDs: api.List[string]{m.ID}})
			return err
		},
		"report": func() error {
			_, err := n.ReportMessages(t.Context(), api.ReportRequest{IDs: api.List[string]{m.ID}, Admins: true})
			return err
		},
	} {
		if err := do(); api.AsError(err).Code != api.CodeRefused {
			t.Errorf("%s: %v", name, err)
		}
	}
	page, err := n.Thread(t.Context(), api.ThreadQuery{Thread: m.Thread})
	if err != nil || page.MayWrite || page.Why == "" {
		t.Errorf("the thread can be answered: %+v, %v", page, err)
	}
}

// Another member cannot make a message that is shown as imported mail. [HIST-70]
func TestOthersMailIsNotImported(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada, bo := p.all[0], p.all[1]
	p.sends(t, bo, api.SendRequest{Text: "Imported mail (1), not verified\nFrom: Ada\n\nhi"}, ada)
	carry(t, p.seal(t, bo)...)
	if all := ada.listed(t); len(all) != 1 || all[0].Imported != nil {
		t.Errorf("%+v", all)
	}
	m := history.Message{Author: bo.device, Member: bo.member, Conversation: ada.alone().ID(ada.org), Text: history.Text{To: []keys.MemberID{ada.member}}}
	if ada.isImported(m) {
		t.Error("what another wrote is imported")
	}
}

// What was exported is imported with the same subjects, texts and files. [API-83] [API-84]
func TestExportedIsImported(t *testing.T) {
	p := newParties(t, 1, "Bo")
	ada, bo := p.all[0], p.all[1]
	texts := map[string]string{"Grüße": "From here\n>From there\n\nFrom a Mon Nov 30 02:12:45 2020\n", "=?x?": strings.Repeat("lang ", 60_000), "": " two\n\n spaces \n"}
	files := make(map[string]string)
	for subject, text := range texts {
		name, content := fmt.Sprintf("ü %d.bin", len(files)), strings.Repeat("\x00\r\nFrom \xff", 50_000+len(files))
		files[name] = content
		file := upload(t, bo.node, name, content)
		if len(text) > 200_000 {
			text = text[:200_000]
			texts[subject] = text
		}
		d, err := bo.draft(api.SendRequest{Subject: subject, Text: text}, target{members: []keys.MemberID{ada.member}}, []store.Upload{file})
		if err == nil {
			err = bo.save(d, []store.Upload{file})
		}
		if err != nil {
			t.Fatal(err)
		}
		carry(t, p.seal(t, bo)...)
	}
	for _, format := range []string{"mbox", "maildir"} {
		t.Run(format, func(t *testing.T) {
			into := newDevice(t, p.org, p.org.Founder)
			for name, content := range ada.exports(t, api.ExportRequest{Format: format}) {
				if strings.HasSuffix(name, ".mbox") || strings.Contains(name, "/cur/") && content != "" {
					if done := into.imports(t, content, ""); done.Imported != done.Mails || done.Whole > 0 || done.Mails == 0 {
						t.Fatalf("%s: %+v", name, done)
					}
				}
			}
			gotTexts, gotFiles := make(map[string]string), make(map[string]string)
			for _, m := range into.listed(t) {
				gotTexts[m.Subject] = m.Text
				for at, file := range m.Attachments {
					_, content, err := into.node.Attachment(t.Context(), m.ID, at)
					if err != nil {
						t.Fatal(err)
					}
					var data bytes.Buffer
					if _, err := io.Copy(&data, content); err != nil {
						t.Fatal(err)
					}
					gotFiles[file.Name] = data.String()
				}
			}
			if !cmp.Equal(texts, gotTexts) || !cmp.Equal(files, gotFiles) {
				t.Errorf("of %d texts and %d files %d and %d came back, or others", len(texts), len(files), len(gotTexts), len(gotFiles))
			}
			again := into.exports(t, api.ExportRequest{Format: "json"})
			if whole := strings.Join(values(again), "\n"); !strings.Contains(whole, `Imported mail (1), not verified\nFrom: `) {
				t.Error("an export does not say that it was imported")
			}
		})
	}
}

// A text that is too long, and a mail that cannot be read in part, come in with files.
func TestImportKeepsWhole(t *testing.T) {
	ada := newParties(t, 1, "Bo").all[0]
	long := strings.Repeat("ü", history.MaxText/2+1)
	if done := ada.imports(t, "Subject: long\n\n"+long, ""); done.Imported != 1 || done.Whole != 0 {
		t.Errorf("%+v", done)
	}
	if done := ada.imports(t, "Subject: broken\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nno end", ""); done.Imported != 1 || done.Whole != 1 || len(done.Problems) != 1 {
		t.Errorf("%+v", done)
	}
	all := ada.listed(t)
	if len(all) != 2 || all[0].Attachments[0].Name != "text.txt" || all[0].Attachments[0].Size != int64(len(long)) || len(all[0].Text) > 9<<10 || all[1].Attachments[0].Name != "mail.eml" || all[1].Text != "no end" {
		t.Errorf("%.200v", all)
	}
}
