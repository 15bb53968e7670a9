package export_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
	"muster.example/node/export"
)

// history is some conversations in memory.
type history struct {
	conversations []export.Conversation
	messages      map[string][]export.Message
	files         map[string][]byte // by message and place
	broken        bool              // files cannot be read to the end
}

func (h *history) Conversations() []export.Conversation { return h.conversations }

func (h *history) Messages(_ context.Context, conversation string, visit func(export.Message) error) error {
	for _, m := range h.messages[conversation] {
		if err := visit(m); err != nil {
			return err
		}
	}
	return nil
}

func (h *history) Open(_ context.Context, m export.Message, index int) (io.ReadCloser, error) {
	content := io.Reader(bytes.NewReader(h.files[fmt.Sprint(m.ID, index)]))
	if h.broken {
		content = io.MultiReader(content, broken{})
	}
	return io.NopCloser(content), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("a piece is gone") }

const org = "ORGabc-_123"

// add adds a message with files to a conversation, which is made if there is none of the id.
func (h *history) add(conversation, title string, m api.Message, files map[string][]byte) {
	if !slices.ContainsFunc(h.conversations, func(c export.Conversation) bool { return c.ID == conversation }) {
		h.conversations = append(h.conversations, export.Conversation{Org: org, OrgName: "Lighthouse", ID: conversation, Title: title, Messages: 1})
	}
	if h.messages == nil {
		h.messages, h.files = make(map[string][]export.Message), make(map[string][]byte)
	}
	m.ID = fmt.Sprintf("M%d-%s-0123456789abcdef", len(h.messages[conversation]), conversation)
	m.Org, m.OrgName, m.Conversation, m.Kind = org, "Lighthouse", conversation, api.KindMessage
	if m.Time.IsZero() {
		m.Time = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	}
	m.Received = m.Time.Add(time.Second)
	if m.From == "" {
		m.From, m.FromMember = "Bo", "bo-id"
	}
	out := export.Message{Message: m}
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		out.Files = append(out.Files, export.File{Name: name, Size: int64(len(files[name])), SHA256: sha256.Sum256(files[name]), Here: files[name] != nil})
		h.files[fmt.Sprint(m.ID, i)] = files[name]
	}
	h.messages[conversation] = append(h.messages[conversation], out)
}

// awkward is a history with what formats stumble over.
func awkward() *history {
	h := &history{}
	from := func(name, text string) api.Message {
		return api.Message{From: name, FromMember: "id-" + fmt.Sprint(len(name)), Text: text}
	}
	for _, text := range []string{
		"", "plain", "From the start\nFrom here\n>From there\n", "trailing  \n \n\n", "\r\nlines\r of \n\r all kinds\r", "= equals =3D\t", strings.Repeat("long ", 5000),
		strings.Repeat("x", 3000), "dots\n.\n..\n", "Grüße — שלום — 你好 🎉", "--boundary\n--", "\x00\x01\x7f null", ".\r\n.\r\n", "\xef\xbb\xbfbom",
	} {
		m := from("Bo", text)
		m.Subject = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return '|'
			}
			return r
		}, text)
		m.Subject = strings.ToValidUTF8(m.Subject[:min(len(m.Subject), 1000)], "")
		h.add("one", "Bo", m, nil)
	}
	for _, name := range []string{`Bo "the boss" <bo@evil.example>`, "Bo, Cy; and: all", `back\slash`, "=?utf-8?q?evil?=", "Ñandú שרה", strings.Repeat("ü", 64)} {
		m := from(name, "hello")
		m.To = []api.Person{{Member: "ann", Name: name}, {Member: "cy", Name: "Cy"}}
		m.Thread, m.Reply, m.Tags = "M0-one-0123456789abcdef", "M1-one-0123456789abcdef", []string{"später", "now"}
		h.add("one", "Bo", m, nil)
	}
	h.add("two", "../../etc/CON", from("Cy", "files"), map[string][]byte{
		"plan.txt": []byte("the plan\r\nFrom me\n"), "Größe – 地図.png": bytes.Repeat([]byte{0, 1, 2, 255}, 50_001), "empty": {}, `we"ird; name=x.pdf`: []byte("%PDF"),
		strings.Repeat("ä", 127): []byte("long"),
	})
	h.add("two", "", from("Cy", "one is missing"), map[string][]byte{"later.bin": nil})
	h.add("three", "../../ETC/con", from("Cy", "# not a title\n![x](http://evil.example/x.png) <script>alert(1)</script> &lt; \x1b[31m"), nil)
	deleted := from("Cy", "")
	deleted.Deleted = true
	h.add("three", "", deleted, nil)
	return h
}

// write returns the files of an export by name.
func write(t *testing.T, h *history, o export.Options) (files map[string][]byte, done export.Manifest) {
	t.Helper()
	var body bytes.Buffer
	folder, kind := export.Stream(&body)
	o.Now, o.Flags, o.Version = time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), ":", "1"
	done, err := export.Write(t.Context(), h, folder, o)
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	files = make(map[string][]byte)
	for parts := multipart.NewReader(&body, parameters["boundary"]); ; {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return files, done
		} else if err != nil {
			t.Fatal(err)
		}
		_, parameters, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
		if err != nil {
			t.Fatal(err)
		}
		name := parameters["filename"]
		if _, twice := files[name]; twice || !plain(name) {
			t.Errorf("a file called %q", name)
		}
		if files[name], err = io.ReadAll(part); err != nil {
			t.Fatal(err)
		}
	}
}

// plain reports whether a name stays in its folder, on each system.
func plain(name string) bool {
	for _, part := range strings.Split(strings.TrimSuffix(name, "/"), "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.ContainsAny(part, `\*?<>|"`) || strings.EqualFold(part, "con") {
			return false
		}
	}
	return true
}

func TestJSON(t *testing.T) {
	h := awkward()
	files, done := write(t, h, export.Options{Format: export.JSON})
	var manifest export.Manifest
	if err := json.Unmarshal(files["export.json"], &manifest); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(done, manifest); diff != "" || manifest.Messages != 24 || manifest.Attachments != 5 || manifest.Missing != 1 || len(manifest.Conversations) != 3 {
		t.Errorf("%+v\n%s", manifest, diff)
	}
	for _, c := range manifest.Conversations {
		decoder := json.NewDecoder(bytes.NewReader(files[c.Path+"/messages.jsonl"]))
		decoder.DisallowUnknownFields()
		for i, want := range h.messages[c.Conversation] {
			var line export.Line
			if err := decoder.Decode(&line); err != nil {
				t.Fatal(err)
			}
			if line.Text != strings.ToValidUTF8(want.Text, "\ufffd") || line.Subject != want.Subject || line.ID != want.ID || line.From.Name != want.From || len(line.Attachments) != len(want.Files) {
				t.Errorf("message %d of %s is\n%+v, not\n%+v", i, c.Title, line, want)
			}
			for j, a := range line.Attachments {
				if content, ok := files[c.Path+"/"+a.File]; want.Files[j].Here != ok || ok && fmt.Sprintf("%x", sha256.Sum256(content)) != a.SHA256 || a.Name != want.Files[j].Name {
					t.Errorf("file %+v, there %v", a, ok)
				}
			}
		}
		if decoder.More() {
			t.Error("there is more")
		}
	}
}

// The text of a message is no markup: nothing in it is fetched, or steers a terminal.
func TestMarkdownIsInert(t *testing.T) {
	files, done := write(t, awkward(), export.Options{Format: export.Markdown})
	text := string(files[done.Conversations[2].Path+"/conversation.md"])
	for _, bad := range []string{`\n> #`, `[^\\][!\[<]`, `\x1b`, `&lt;`} {
		if regexp.MustCompile(bad).MatchString(text) {
			t.Errorf("%q is in\n%s", bad, text)
		}
	}
	if !strings.Contains(text, `\# not a title`) || !strings.Contains(text, "*deleted by its author*") {
		t.Error(text)
	}
}

// An export since a time, or without files, has just that.
func TestOptions(t *testing.T) {
	h := awkward()
	late := api.Message{Text: "late", Time: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)}
	h.add("two", "", late, map[string][]byte{"late.txt": []byte("late")})
	files, done := write(t, h, export.Options{Format: export.JSON, Since: late.Time})
	if done.Messages != 1 || done.Attachments != 1 {
		t.Errorf("%+v", done)
	}
	for name := range files {
		if strings.Contains(name, "plan") {
			t.Errorf("%s is there", name)
		}
	}
	for _, format := range export.Formats() {
		files, done = write(t, h, export.Options{Format: format, NoFiles: true})
		if done.Attachments != 0 || done.Missing != 0 || done.Files {
			t.Errorf("%s: %+v", format, done)
		}
		for name, data := range files {
			if strings.Contains(name, "/files/") || bytes.Contains(data, []byte("JVBER")) {
				t.Errorf("%s: %s is there", format, name)
			}
		}
	}
}

// A zip file has the same as the stream.
func TestZip(t *testing.T) {
	want, _ := write(t, awkward(), export.Options{Format: export.JSON})
	var body bytes.Buffer
	o := export.Options{Format: export.JSON, Flags: ":", Version: "1", Now: time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)}
	if _, err := export.Write(t.Context(), awkward(), export.Zip(&body, o.Now), o); err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(body.Bytes()), int64(body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range r.File {
		content, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(content)
		if err != nil || !bytes.Equal(data, want[file.Name]) || file.Mode().Perm() != 0o600 {
			t.Errorf("%s: %d bytes, not %d, mode %v, %v", file.Name, len(data), len(want[file.Name]), file.Mode(), err)
		}
		delete(want, file.Name)
	}
	if len(want) > 0 {
		t.Errorf("the zip file lacks %d files", len(want))
	}
}

// What breaks off has no manifest and no end.
func TestBrokenOff(t *testing.T) {
	for _, format := range export.Formats() {
		h := awkward()
		h.broken = true
		var body bytes.Buffer
		folder, _ := export.Stream(&body)
		_, err := export.Write(t.Context(), h, folder, export.Options{Format: format, Flags: ":", Version: "1"})
		if err == nil || !strings.Contains(err.Error(), "a piece is gone") || bytes.Contains(body.Bytes(), []byte("export.json")) {
			t.Errorf("%s: %v", format, err)
		}
	}
}
