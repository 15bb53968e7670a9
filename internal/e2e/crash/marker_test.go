//go:build crash

package crash

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"muster.example/internal/e2e/program"
	"muster.example/node/api"
)

// markers are random texts, each of one place where a person writes.
type markers map[string]string

// of returns the marker of a place: a word of 20 random letters.
func (m markers) of(place string) string {
	if m[place] == "" {
		raw := make([]byte, 20)
		rand.Read(raw)
		for i := range raw {
			raw[i] = 'a' + raw[i]%26
		}
		m[place] = string(raw)
	}
	return m[place]
}

// forms are the ways in which a marker can stand in bytes, by their names.
func (m markers) forms() map[string][]byte {
	all := make(map[string][]byte)
	for place, marker := range m {
		all[place] = []byte(marker)
		var wide []byte
		for _, unit := range utf16.Encode([]rune(marker)) {
			wide = append(wide, byte(unit), byte(unit>>8))
		}
		all[place+" in UTF-16"] = wide
		all[place+" in hexadecimal"] = []byte(hex.EncodeToString([]byte(marker)))
		for shift := range 3 { // where it begins within three bytes is not known: the first and last characters differ
			text := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + marker))
			all[fmt.Sprintf("%s in base64 (%d)", place, shift)] = []byte(text[4 : len(text)-4])
		}
	}
	return all
}

// in looks for markers in the files of folders, and in their names.
func (m markers) in(t *testing.T, when string, folders ...string) (files int) {
	t.Helper()
	forms := m.forms()
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				if os.IsNotExist(err) {
					return nil // gone meanwhile
				}
				return err
			}
			data := []byte(nil)
			if entry.Type().IsRegular() {
				if data, err = os.ReadFile(path); err != nil && !os.IsNotExist(err) {
					return err
				}
				files++
			}
			for name, form := range forms {
				if bytes.Contains(data, form) || bytes.Contains([]byte(path), form) {
					t.Errorf("%s: %s holds the %s", when, path, name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// writeEverywhere writes a marker wherever a person can write something, on both sides, and has the one read what the other wrote.
func writeEverywhere(t *testing.T, m markers, alice, bob *person) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := bob.Client.SetSetting(ctx, api.SettingRequest{Name: "away", Value: "back on Monday " + m.of("away text")})
	must(err)
	upload := func(place string, p *person, times int) string {
		content := strings.Repeat("a line of it "+m.of(place)+"\n", times)
		up, err := p.Client.Upload(ctx, m.of("file name")+".txt", strings.NewReader(content))
		must(err)
		return up.ID
	}
	_, err = alice.Client.Send(ctx, api.SendRequest{
		To: []string{bob.id}, Subject: "of " + m.of("subject"), Text: "in it " + m.of("text"), Attachments: []string{upload("attachment", alice, 9000)},
	})
	must(err)
	upload("upload that is never sent", alice, 100)
	_, err = alice.Client.SaveDraft(ctx, api.Draft{To: []string{bob.id}, Subject: m.of("subject of a draft"), Text: m.of("draft")})
	must(err)
	program.Await(t, 2*time.Minute, "the message and the away notice have come", func() bool {
		return len(bob.inbox()) > 0 && len(alice.inbox()) > 0
	})
	page, err := bob.Client.Search(ctx, api.SearchQuery{Text: m.of("text")})
	must(err)
	if len(page.Found) != 1 {
		t.Fatalf("the search finds %d messages", len(page.Found))
	}
	message := page.Found[0].Message
	_, err = bob.Client.Search(ctx, api.SearchQuery{Text: m.of("search")})
	must(err)
	_, err = bob.Client.Tag(ctx, api.TagRequest{IDs: []string{message.ID}, Tag: m.of("tag")})
	must(err)
	program.Await(t, 2*time.Minute, "the attachment has come", func() bool {
		_, file, err := bob.Client.Attachment(ctx, message.ID, 0)
		if err != nil {
			return false
		}
		defer file.Close()
		var all bytes.Buffer
		_, err = all.ReadFrom(file)
		return err == nil && strings.Contains(all.String(), m.of("attachment"))
	})
}

// TestCrashLeavesNothingInTheClear has two people write to each other, with a rendezvous node in the one's program, and looks for what
// they wrote in everything that the programs leave on the disk: while they run, after they were killed, and after they ended.
func TestCrashLeavesNothingInTheClear(t *testing.T) {
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	m := markers{}
	alice, bob := startPerson(t, "alice"), startPerson(t, "bob")
	ctx := t.Context()
	created, err := alice.Client.CreateOrg(ctx, api.CreateOrgRequest{
		Here: true, Name: m.of("organization"), As: "alice", Listen: []string{fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", freePort(t))},
	})
	if err != nil {
		t.Fatal(err)
	}
	alice.id = created.Member
	invited, err := alice.Client.Invite(ctx, api.InviteRequest{})
	if err != nil {
		t.Fatal(err)
	}
	joined, err := bob.Client.Join(ctx, api.JoinRequest{Invitation: invited.Invitation, As: "bob " + m.of("name")})
	if err != nil {
		t.Fatal(err)
	}
	bob.id = joined.Member
	acquaint(t, alice, bob)
	writeEverywhere(t, m, alice, bob)

	look := func(when string) {
		t.Helper()
		if files := m.in(t, when, alice.Dir, bob.Dir, temporary); files < 20 {
			t.Errorf("%s: %d files looked at", when, files)
		}
	}
	look("while they run")
	for _, p := range []*person{alice, bob} {
		if held := inMemory(t, p.ID(), m); len(held) == 0 {
			t.Errorf("nothing is found in the memory of %s: it is not looked at right", p.Name)
		}
	}
	for _, p := range []*person{alice, bob} {
		p.End(syscall.SIGKILL)
	}
	look("after they were killed")
	for _, p := range []*person{alice, bob} {
		p.Start()
	}
	program.Await(t, 2*time.Minute, "both are connected again", func() bool {
		return connected(alice) && connected(bob)
	})
	for _, p := range []*person{alice, bob} {
		p.End(syscall.SIGTERM)
	}
	look("after they ended")
}

func connected(p *person) bool {
	status, err := p.Client.Status(context.Background())
	if err != nil || len(status.Orgs) == 0 {
		return false
	}
	for _, node := range status.Orgs[0].Rendezvous {
		if node.Connected {
			return true
		}
	}
	return false
}
