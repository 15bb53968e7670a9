package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// hostile is what somebody may put into every text that a command prints.
const hostile = "https://evil.example www.evil.example evil.example mailto:eve@evil.example евил.рф evil。example " +
	"\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x07 \x1b[2J\x9b31m \u009b31m \u202egro.live\u2066x\u2069 z\u200be\u200dr\ufeffo " +
	"\U000e0065\U000e007f\nmuster: error: forged\r\ttab z\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301 \u2028 \x00\x7f"

// clickable is what a terminal makes a link of, in hostile text.
var clickable = regexp.MustCompile(`(?i)https?:/|www\.|evil\.example|mailto:|eve@|евил\.рф|evil。|live\.org|gro\.live`)

// own are the fields whose text the node itself makes, for people to copy or to know: nobody else writes them.
var own = map[string]bool{"Invitation": true, "Link": true, "Card": true, "Request": true, "Payload": true, "Login": true, "Key": true, "About": true, "Version": true}

// fill returns a value of a type in which every text is hostile and every list has one element. Recursion ends at depth.
func fill(typ reflect.Type, name string, truth bool, depth int) reflect.Value {
	v := reflect.New(typ).Elem()
	switch {
	case typ == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1700000000, 0).UTC()))
	case name == "Next": // of a page
	case own[name] && typ.Kind() == reflect.String:
		v.SetString("muster:own/abc")
	default:
		fillKind(v, name, truth, depth)
	}
	return v
}

func fillKind(v reflect.Value, name string, truth bool, depth int) {
	switch typ := v.Type(); typ.Kind() {
	case reflect.String:
		v.SetString(strings.ToValidUTF8(hostile, "")) // as JSON brings it
	case reflect.Bool:
		v.SetBool(truth)
	case reflect.Slice:
		if depth > 0 && typ.Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.Append(v, fill(typ.Elem(), name, truth, depth-1)))
		}
	case reflect.Pointer:
		if depth > 0 {
			v.Set(reflect.New(typ.Elem()))
			v.Elem().Set(fill(typ.Elem(), name, truth, depth-1))
		}
	case reflect.Struct:
		for i := range typ.NumField() {
			if typ.Field(i).IsExported() {
				v.Field(i).Set(fill(typ.Field(i).Type, typ.Field(i).Name, truth, depth-1))
			}
		}
	case reflect.Map, reflect.Interface:
	default:
		if v.CanInt() {
			v.SetInt(1)
		} else if v.CanUint() {
			v.SetUint(1)
		}
	}
}

// hostileNode serves the local API in dir: whatever is asked, every text of the answer is hostile.
type hostileNode struct {
	mu      sync.Mutex
	asked   string                  // the last request's method and path
	answers map[string]reflect.Type // by method and path
	adapt   func(answer reflect.Value)
	truth   bool
	fail    bool
}

// ServeHTTP implements http.Handler.
func (n *hostileNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = r.Method + " " + r.URL.Path
	w.Header().Set("Content-Type", "application/json")
	typ := n.answers[n.asked]
	switch {
	case n.fail:
		w.WriteHeader(http.StatusForbidden)
		typ = reflect.TypeFor[api.Error]()
	case typ == nil:
		w.WriteHeader(http.StatusNotFound)
		return
	}
	answer := fill(typ, "", n.truth, 8)
	if n.adapt != nil && !n.fail {
		n.adapt(answer)
	}
	if err := json.NewEncoder(w).Encode(answer.Interface()); err != nil {
		panic(err)
	}
}

// startHostile serves and learns which method of the client asks for which answer.
func startHostile(t *testing.T) (node *hostileNode, dir string) {
	t.Helper()
	dir = t.TempDir()
	node = &hostileNode{answers: make(map[string]reflect.Type)}
	listener, err := net.Listen("unix", filepath.Join(dir, api.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(node)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	client, err := apiclient.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	methods := reflect.ValueOf(client)
	for i := range methods.NumMethod() {
		call := methods.Method(i)
		typ := call.Type()
		if typ.NumOut() != 2 || typ.NumIn() == 0 || typ.NumIn() > 2 || typ.In(0) != reflect.TypeFor[context.Context]() {
			continue // files and events
		}
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		if typ.NumIn() == 2 {
			args = append(args, reflect.Zero(typ.In(1)))
		}
		node.asked = ""
		call.Call(args)
		if node.asked != "" {
			node.answers[node.asked] = typ.Out(0)
		}
	}
	return node, dir
}

// words24 are recovery words with a right checksum.
var words24 = strings.Repeat("abandon ", 23) + "art"

// hostileRuns has for each command how it is run. A command without a line here fails the test.
var hostileRuns = map[string][]string{
	"status": {""}, "org list": {""}, "org create": {"X --claim muster:claim/x --as Bo"}, "org follow": {"muster:join/x"},
	"device list": {""}, "device bar": {"x", "x --since 1d"}, "device freeze": {"", "--lift --words-fd 0"}, "device refuse": {"x"}, "device wiper": {"nobody"},
	"device card": {""}, "device add": {""}, "device confirm": {"", "--no"}, "pair": {"muster:pair/x"}, "device recover": {"--words-fd 0 --cancel-wipe this", "--words-fd 0 muster:card/x", "--lost muster:card/x --as Bo"},
	"invite": {"", "--qr", "--nearby"}, "vouch": {"Zoe"}, "contact card": {"--nearby", "--nearby 01234-zoo-zoo-able"},
	"join":      {"muster:join/x --as Bo", "muster:join/x --as Bo -m hello", "--nearby --code 01234-zoo-zoo-able --as Bo", "--give-up Acme", "--sso https://enrol.example.org"},
	"introduce": {"Bo hello"}, "accept": {"Bo"}, "block": {"Bo"}, "unblock": {"Bo"}, "decline": {"Bo"}, "contacts": {"", "--all"},
	"verify": {"Bo", "Bo --qr", "Bo --confirm"}, "name": {"Bo"}, "presence": {""}, "around": {"", "--call Bo"}, "presence set": {"away"}, "presence share": {"nobody"},
	"typing": {"Bo"}, "send": {"Bo -m hello", "--again abcdefgh"}, "inbox": {"", "--hidden"}, "read": {"abcdefgh"}, "edit": {"abcdefgh -m x"}, "delete": {"abcdefgh"},
	"react": {"abcdefgh +"}, "forward": {"abcdefgh --to Bo"}, "report": {"abcdefgh -m x"}, "settings": {"", "receipts on"}, "bundle export": {"nowhere/x"}, "bundle import": {"hostile_test.go"}, "bundle list": {""}, "retention": {"", "12m", "12m --yes"}, "link": {"", "metered --files-over 1M", "now abcdefgh"}, "export": {"--to nowhere/x"}, "import": {"hostile_test.go"},
	"group create": {"Crew Bo"}, "group list": {""}, "group show": {"Crew"}, "group edit": {"Crew --name Crew2"}, "group invite": {"Crew Bo"},
	"group join": {"Crew"}, "group leave": {"Crew"}, "group admit": {"Crew Bo"}, "group remove": {"Crew Bo"}, "group close": {"Crew"},
	"conversation join": {"abcdefgh"}, "conversation leave": {"abcdefgh"}, "conversation add": {"abcdefgh Bo -m x"},
	"admin members": {""}, "admin invitations": {""}, "admin role": {"Bo desk"}, "admin rename": {"Bo Bob"}, "admin suspend": {"Bo"},
	"admin reinstate": {"Bo"}, "admin remove": {"Bo"}, "admin bar": {"abcdefgh"}, "admin revoke": {"abcdefgh"}, "admin readmit": {"Bo muster:again/x"},
	"admin dismiss": {"--from 1"}, "admin sso show": {"", "--all"}, "admin sso set": {"abcdefgh --daily 5"}, "admin sso end": {"abcdefgh", "abcdefgh --suspend-all"}, "admin archive": {""}, "admin archive show": {""}, "admin archive set": {"--closed"}, "admin archive designate": {"Bo"}, "admin archive release": {"Bo"}, "admin policy": {""}, "admin policy set": {"vouches=2"}, "admin skin": {""}, "admin skin set": {"font=mono"}, "admin rendezvous": {""},
	"admin rendezvous move": {"muster:claim/x", "--to 9mExHX659m"}, "admin rendezvous list": {""}, "admin rendezvous add": {"--claim muster:claim/x"}, "admin rendezvous remove": {"9mExHX659m"}, "admin rendezvous here": {""}, "admin rendezvous status": {""}, "admin roll": {""}, "admin applications": {""}, "admin applications approve": {"Zoe"},
	"admin applications decline": {"Zoe"}, "search": {"hello"}, "undo": {"abcdefgh"}, "web": {""},
	"backup auto": {"--to /x", "--off x", "--every 1h"}, "backup now": {"--no-wait"}, "backup list": {""}, "backup verify": {""}, "backup pause": {""}, "backup resume": {""},
	"backup key": {"--words-fd 0"},
	"lock":       {"", "--idle 5m"}, "unlock": {"--passphrase-fd 0", "--keyring"}, "passphrase": {"--list", "--keyring on --passphrase-fd 0"},
	"open": {"abcdefgh", "abcdefgh --close"}, "keys make": {"--name desk"}, "keys import": {"-"}, "keys show": {"", "Bo --qr"}, "keys export": {"Bo --identity --into nowhere/x"},
	"keys add": {"Bo age1x"}, "keys trust": {"Bo"}, "keys untrust": {"Bo"}, "keys revoke": {"Bo"}, "keys announce": {""},
}

// apart are commands that print nothing of others, or are tested below.
var apart = map[string]bool{
	"start": true, "check": true, "version": true, "watch": true, "backup restore": true,
	"logs": true, "uninstall": true, "service install": true, "service remove": true, "service status": true,
}

// TestNoCommandPrintsHostileText runs every command against a node all of whose texts are hostile.
func TestNoCommandPrintsHostileText(t *testing.T) {
	node, dir := startHostile(t)
	run := func(t *testing.T, line string, adapt func(reflect.Value)) string {
		var stdout, stderr bytes.Buffer
		args := append(strings.Fields(line), "--dir", dir, "--yes")
		node.adapt = adapt
		code := run(t.Context(), args, strings.NewReader(words24), &stdout, &stderr)
		if out := stdout.String() + stderr.String(); out == "" && code != 0 || code == api.ExitUsage {
			t.Errorf("muster %s: exit status %d, printed %q", line, code, out)
		}
		return stdout.String() + stderr.String()
	}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		name := strings.TrimPrefix(c.CommandPath(), "muster ")
		if c.Hidden || apart[name] || strings.HasPrefix(name, "completion") || strings.Contains(c.Use, "COMMAND") || !c.HasParent() {
			return
		}
		if len(hostileRuns[name]) == 0 {
			t.Errorf("muster %s has no line in hostileRuns", name)
		}
		for _, arguments := range hostileRuns[name] {
			for _, node.truth = range []bool{true, false} {
				for _, node.fail = range []bool{true, false} {
					checkHostile(t, name, run(t, name+" "+arguments, nil), true)
				}
				checkHostile(t, name, run(t, name+" "+arguments, fromAcquaintance), false)
			}
		}
	}
	visit((&app{}).newRoot())
}

// fromAcquaintance makes each message one that somebody sent who may.
func fromAcquaintance(v reflect.Value) {
	if m, ok := v.Addr().Interface().(*api.Message); ok {
		m.Kind, m.Guest, m.Hidden = api.KindMessage, nil, false
		return
	}
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			fromAcquaintance(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fromAcquaintance(v.Field(i))
			}
		}
	}
}

func checkHostile(t *testing.T, name, out string, stranger bool) {
	t.Helper()
	for line := range strings.Lines(out) {
		text := strings.TrimSuffix(line, "\n")
		if strings.ContainsFunc(strings.ReplaceAll(text, "\t", ""), terminal.Deceptive) {
			t.Errorf("muster %s prints a character that does something: %q", name, text)
		}
		if strings.HasPrefix(text, "muster: error: forged") {
			t.Errorf("muster %s: a text of another's begins a line", name)
		}
		if found := clickable.FindString(text); found != "" && stranger {
			t.Errorf("muster %s prints %q in %q", name, found, text)
		}
	}
}

// TestEventsAndFilesPrintNoHostileText is the same for what comes unasked and from files.
func TestEventsAndFilesPrintNoHostileText(t *testing.T) {
	for _, truth := range []bool{true, false} {
		var out bytes.Buffer
		a := &app{stdout: &out, stderr: &out}
		event := fill(reflect.TypeFor[api.Event](), "", truth, 8).Interface().(api.Event)
		event.Message.Sent = false
		event.Change.Recipient.State = api.StateReturned
		if err := a.showEvent(event); err != nil {
			t.Fatal(err)
		}
		printCheck(&out, fill(reflect.TypeFor[api.CheckResult](), "", truth, 8).Interface().(api.CheckResult))
		checkHostile(t, "watch", out.String(), true)
		if !strings.Contains(out.String(), "https[:]//evil[.]example") {
			t.Errorf("printed %q", out.String())
		}
	}
}

// TestAcquaintancesShowLinks: what those write whom the reader lets write is text that can be copied.
func TestAcquaintancesShowLinks(t *testing.T) {
	for _, c := range []struct {
		m    api.Message
		link bool
	}{
		{api.Message{Kind: api.KindMessage}, true},
		{api.Message{Kind: api.KindMessage, FromMember: "gil", Guest: &api.Person{Member: "gil"}}, false},
		{api.Message{Kind: api.KindMessage, FromMember: "cy", Guest: &api.Person{Member: "gil"}}, true},
		{api.Message{Kind: api.KindMessage, FromMember: "gil", Guest: &api.Person{Member: "gil"}, Sent: true}, true},
		{api.Message{Kind: api.KindMessage, Hidden: true}, false},
		{api.Message{Kind: api.KindIntroduction}, false},
		{api.Message{Kind: api.KindInvitation}, false},
		{api.Message{Kind: api.KindReport}, false},
		{api.Message{Kind: "new"}, false},
	} {
		c.m.Subject, c.m.Text = "www.x.example", "a\nhttps://x.example"
		c.m.Attachments = api.List[api.Attachment]{{Name: "x.example"}}
		c.m.Forwarded = api.List[api.Forwarded]{{Text: "https://x.example", Subject: "x.example"}}
		c.m.From = "evil.example"
		var inbox, whole bytes.Buffer
		printMessage(&inbox, c.m)
		printWhole(&whole, c.m)
		for _, out := range []string{inbox.String(), whole.String()} {
			if links := strings.Count(out, "x.example"); links != 5 && c.link || links != 0 && !c.link || strings.Contains(out, "evil.example") {
				t.Errorf("%s of %q shows %d links:\n%s", c.m.Kind, c.m.FromMember, links, out)
			}
		}
	}
}

// TestNamesThatAreNotShownAreNotToBeTyped: a command to be copied names the id in place of such a name.
func TestNamesThatAreNotShownAreNotToBeTyped(t *testing.T) {
	for name, want := range map[string]string{"Bo": "Bo", "Ann Lee": `"Ann Lee"`, "evil.example": "k3x9", "x\u202ey": "k3x9", "v1.5": "v1.5"} {
		if got := quote(name, "k3x9"); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
