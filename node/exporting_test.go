package node

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"muster.example/internal/keys"
	"muster.example/node/api"
	"muster.example/node/export"
	"muster.example/node/store"
)

// exports returns the files of a zip file by name.
func (o *organization) exports(t *testing.T, request api.ExportRequest) map[string]string {
	t.Helper()
	var body bytes.Buffer
	request.Zip = true
	err := o.node.Export(t.Context(), request, func(api.ExportStart) io.Writer { return &body })
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(body.Bytes()), int64(body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, file := range r.File {
		content, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		files[file.Name] = string(data)
	}
	return files
}

// An export has what is here of a conversation, the files included, and nothing of others or of what is hidden or gone. [API-83]
func TestExport(t *testing.T) {
	p := newParties(t, 1, "bo", "cy")
	ada, bo, cy := p.all[0], p.all[1], p.all[2]
	file := upload(t, bo.node, "plan.txt", strings.Repeat("the plan ", 40_000))
	d, err := bo.draft(api.SendRequest{Subject: "Plan", Text: "here it is"}, target{members: []keys.MemberID{ada.member}}, []store.Upload{file})
	if err != nil {
		t.Fatal(err)
	}
	if err := bo.save(d, []store.Upload{file}); err != nil {
		t.Fatal(err)
	}
	carry(t, p.seal(t, bo)...)
	p.sends(t, ada, api.SendRequest{Text: "thank you", Reply: d.message.ID().String()}, bo)
	gone := p.sends(t, bo, api.SendRequest{Text: "a slip"}, ada)
	carry(t, p.seal(t, bo)...)
	if _, err := bo.node.Delete(t.Context(), api.DeleteRequest{IDs: []string{gone.String()}}); err != nil {
		t.Fatal(err)
	}
	carry(t, p.seal(t, bo)...)
	p.sends(t, cy, api.SendRequest{Text: "of another"}, ada)
	carry(t, p.seal(t, cy)...)

	all := ada.exports(t, api.ExportRequest{Format: "json"})
	whole := strings.Join(values(all), "\n")
	for _, want := range []string{`"here it is"`, `"thank you"`, `"of another"`, strings.Repeat("the plan ", 40_000)} {
		if !strings.Contains(whole, want) {
			t.Errorf("%.40q is missing", want)
		}
	}
	if strings.Contains(whole, "a slip") {
		t.Error("what was deleted is there")
	}
	some := strings.Join(values(ada.exports(t, api.ExportRequest{Format: "mbox", Conversations: []string{"cy"}})), "\n")
	if !strings.Contains(some, "of another") || strings.Contains(some, "here it is") {
		t.Errorf("of one conversation:\n%s", some)
	}
	refuse := func(request api.ExportRequest, code api.Code) {
		t.Helper()
		err := ada.node.Export(t.Context(), request, func(api.ExportStart) io.Writer {
			t.Error("it begins")
			return io.Discard
		})
		if api.AsError(err).Code != code {
			t.Errorf("%+v: %v", request, err)
		}
	}
	refuse(api.ExportRequest{Format: "html"}, api.CodeUsage)
	refuse(api.ExportRequest{Format: "json", Conversations: []string{"nobody"}}, api.CodeNotFound)
	refuse(api.ExportRequest{Format: "json", Org: "Nowhere"}, api.CodeNotFound)
}

func values(files map[string]string) (all []string) {
	for _, text := range files {
		all = append(all, text)
	}
	return all
}

// The history has private keys to lock for, and what backups are written with, as settings: no copy of it that leaves the node does, in
// whatever format, nor the list of settings, nor what was opened of a locked message. [LOCK-2] [API-83]
func TestExportHoldsNoKeys(t *testing.T) {
	const kingfisher, statement = "kingfisher", "c3RhdGVtZW50LW9mLWJhY2t1cHM"
	p := newParties(t, 1, "bo")
	ada, bo := p.all[0], p.all[1]
	bo.keyed(t, api.KeyRequest{Do: "make"})
	ada.keyed(t, api.KeyRequest{Do: "make", Name: "heron"})
	p.exchange(t, bo)
	id := ada.locks(t, api.LockRequest{Keys: []string{"member"}}, api.SendRequest{Subject: "Birds", Text: kingfisher}, bo)
	if opened, err := ada.node.Open(t.Context(), api.OpenRequest{ID: id}); err != nil || opened.Text != kingfisher {
		t.Fatalf("opened %q, %v", opened.Text, err)
	}
	if err := ada.choose(settingBackup, statement); err != nil {
		t.Fatal(err)
	}
	own, _ := ada.view.Setting(settingOwnKey + "heron")
	_, secret, _ := strings.Cut(own, "\n")
	if !strings.HasPrefix(secret, "AGE-SECRET-KEY-") {
		t.Fatal("there is no private key to look for")
	}
	copies := make(map[string]string)
	for _, format := range export.Formats() {
		copies[string(format)] = strings.Join(values(ada.exports(t, api.ExportRequest{Format: string(format)})), "\n")
		if !strings.Contains(copies[string(format)], "Birds") {
			t.Errorf("%s: the message is missing", format)
		}
	}
	settings, err := ada.node.Settings(t.Context(), api.SettingsQuery{})
	if err != nil || len(settings) == 0 {
		t.Fatal(settings, err)
	}
	listed, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	copies["settings"] = string(listed)
	for name, text := range copies {
		for _, never := range []string{secret, "AGE-SECRET-KEY-", settingOwnKey, settingBackup, statement, kingfisher} {
			if strings.Contains(strings.ToUpper(text), strings.ToUpper(never)) {
				t.Errorf("%s holds %.20q", name, never)
			}
		}
	}
}
