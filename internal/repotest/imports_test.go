package repotest

import (
	"go/ast"
	"path"
	"strings"
	"testing"
)

// room is a part of the house and the rooms of ours that it may look into. Its packages may always import each other.
type room struct {
	name string
	may  []string
	why  string
}

// rooms holds the import directions: cmd → node, rendezvous → membership, sync, internal/envelope → internal/… → std.
// A package belongs to the room with the longest name that it begins with.
var rooms = []room{
	{"cmd", []string{"node", "rendezvous", "membership", "internal"},
		"programs wire the parts together"},
	{"node", []string{"rendezvous/rvproto", "rendezvous/rvclient", "rendezvous/enrolproto", "membership", "sync", "internal/envelope",
		"internal/durable", "internal/keys", "internal/wire", "internal/kv", "internal/task", "internal/p2p", "internal/nearby", "internal/beacon", "internal/gossip", "internal/filename",
		"internal/drive", "internal/machine", "internal/bundle"},
		"the device speaks to the rendezvous node only by its protocol, whose other end is hostile"},
	{"node/api", []string{"membership", "internal/keys"},
		"the local API's types are a contract with scripts: they must not follow what happens inside the node"},
	{"node/apiclient", []string{"node/api", "membership", "internal/keys"},
		"the command line reaches the node only through the local API"},
	{"node/agreement", []string{"internal/cpace", "internal/keys", "internal/wire"},
		"keys are agreed on without knowing what for, nor how frames travel"},
	{"node/pairing", []string{"node/agreement", "membership", "internal/keys", "internal/wire"},
		"what two devices say to each other must be playable without a network"},
	{"node/router", []string{"internal/keys"},
		"who carries what is decided from numbers: a week of it must be playable without a network"},
	{"node/landing", []string{"sync/reconcile", "internal/durable", "internal/keys", "internal/wire"},
		"what lies there was not judged by anybody: it is bytes under names"},
	{"node/face", []string{"node/agreement", "membership", "internal/keys", "internal/wire"},
		"what two people's devices say to each other must be playable without a network"},
	{"node/mesh", []string{"internal/keys", "internal/wire"},
		"what members' devices say to each other is bytes of a kind: who reads it says what they are worth"},
	{"node/backup", []string{"internal/durable", "internal/keys", "internal/wire"},
		"what is backed up is bytes under names: the drive must not learn more, nor a reader of it trust more"},
	{"node/autobackup", []string{"node/store", "internal/drive", "internal/task"},
		"when a backup begins must be decided without knowing what is in it"},
	{"node/account", []string{"membership", "internal/keys", "internal/wire"},
		"what a backup says of an account must be read without a device"},
	{"node/search", []string{"internal/keys"},
		"the index is told texts and gives ids: what of them is shown is the node's to say"},
	{"node/mail", nil,
		"what mail says is read from its bytes alone, whoever it is shown to"},
	{"node/lock", []string{"internal/keys"},
		"what locks and opens must not know whose the keys are, nor where what is opened goes"},
	{"node/web", []string{"node/api", "node/localapi", "internal/bundle", "internal/filename"},
		"pages are made of the local API's answers, as any program of the person could make them"},
	{"node/guard", []string{"node/api", "node/localapi", "node/vault", "internal/keyring", "internal/sleep", "internal/task"},
		"who locks a folder must not know what is done with what it holds"},
	{"node/rotation", []string{"node/landing", "node/store", "node/vault", "internal/durable", "internal/keys", "internal/kv"},
		"what is put under another key is bytes: who does it runs no node"},
	{"rendezvous", []string{"membership", "internal/envelope",
		"internal/bundle", "internal/durable", "internal/keys", "internal/wire", "internal/kv", "internal/machine", "internal/task", "internal/p2p", "internal/gossip"},
		"the thin server must not be able to open what it holds, nor know devices from inside"},
	{"rendezvous/rvproto", []string{"membership", "internal/envelope", "internal/keys", "internal/wire"},
		"both ends share the protocol's messages, so these know neither end"},
	{"rendezvous/enrolproto", []string{"membership", "internal/keys", "internal/wire"},
		"both ends share the messages of an enrolment, so these know neither end"},
	{"rendezvous/enrolment", []string{"rendezvous/enrolproto", "rendezvous/rvclient", "membership",
		"internal/durable", "internal/keys", "internal/wire", "internal/kv", "internal/task", "internal/p2p"},
		"who holds the enrolment key reaches the rendezvous node as a stranger does, and knows nothing of it inside"},
	{"rendezvous/rvclient", []string{"rendezvous/rvproto", "membership", "internal/envelope",
		"internal/keys", "internal/wire", "internal/task", "internal/p2p"},
		"devices link the client, which must not bring the server along"},
	{"rendezvous/queue", []string{"internal/durable", "internal/keys", "internal/wire", "internal/kv", "internal/task"},
		"engines behind the queue's interface know nothing of rolls and streams"},
	{"rendezvous/archive", []string{"rendezvous/rvproto", "rendezvous/rvclient", "internal/envelope",
		"internal/durable", "internal/keys", "internal/wire", "internal/kv", "internal/task", "internal/p2p"},
		"who stores what others sealed must not know who is a member, nor be a rendezvous node"},
	{"rendezvous/archive/reader", []string{"rendezvous/archive/audit", "rendezvous/archive/segment", "rendezvous/archive/storage",
		"rendezvous/rvproto", "membership", "sync/history", "internal/envelope", "internal/filename", "internal/keys"},
		"who has the archive's private key reads what was said; nobody who serves may import it"},
	{"rendezvous/archive/segment", []string{"internal/keys", "internal/wire"},
		"what is stored must be checked and opened from its bytes alone"},
	{"rendezvous/archive/storage", []string{"internal/task"},
		"what a storage is asked for has nothing to do with what lies there"},
	{"rendezvous/archive/folder", []string{"rendezvous/archive/storage", "internal/durable"},
		"a storage keeps bytes under names"},
	{"rendezvous/archive/bucket", []string{"rendezvous/archive/storage"},
		"a storage keeps bytes under names"},
	{"rendezvous/archive/audit", []string{"rendezvous/archive/segment", "rendezvous/archive/storage", "internal/keys", "internal/task"},
		"who verifies a store needs neither a key that opens nor a roll"},
	{"membership", []string{"internal/keys", "internal/wire"},
		"the rules of the roll must be decidable from its bytes alone"},
	{"sync", []string{"internal/keys", "internal/wire", "internal/kv", "internal/task"},
		"history between own devices needs no server and no roll"},
	{"internal/bundle", []string{"internal/keys", "internal/wire"},
		"what lies in a bundle is bytes of a kind: who reads it says what they are worth"},
	{"internal/envelope", []string{"internal/keys", "internal/wire"},
		"sealing must not depend on who is a member or how envelopes travel"},
	{"internal/keys", nil, "everything names things by keys"},
	{"internal/wire", nil, "everything is encoded by it"},
	{"internal/task", nil, "every part runs in its groups"},
	{"internal/machine", nil, "how much memory there is has nothing to do with what it is for"},
	{"internal/keyring", []string{"internal/task"}, "a keyring keeps bytes under names"},
	{"internal/sleep", []string{"internal/task"}, "that the computer sleeps is seen whatever is done then"},
	{"internal/netwatch", []string{"internal/task"}, "that the machine is on another network is seen whatever is done then"},
	{"internal/linkcost", []string{"internal/task"}, "that a link is metered is seen whatever is done then"},
	{"internal/durable", nil, "a folder is synced whatever is in it"},
	{"internal/coredump", nil, "memory is kept from dumps whatever is in it"},
	{"internal/drive", nil, "what is mounted has nothing to do with what is written there"},
	{"internal/cpace", nil, "a key agreement must not know who agrees, nor over what"},
	{"internal/terminal", nil, "what is safe to print is seen from its characters"},
	{"internal/service", nil, "what a system starts is seen from paths alone"},
	{"internal/notify", nil, "a service manager is told lines, and does not know of what"},
	{"internal/cluster", nil, "servers of a cluster are run without knowing what is kept there"},
	{"internal/packaging", []string{"internal/service"}, "packages hold what was built, and know nothing of it"},
	{"internal/filename", []string{"internal/terminal"}, "what a name is good for is seen from its characters"},
	{"internal/kv", []string{"internal/durable", "internal/keys", "internal/wire", "internal/task"},
		"the store holds bytes and does not know whose"},
	{"internal/p2p", []string{"internal/keys", "internal/wire", "internal/task"},
		"the host serves any protocol"},
	{"internal/gossip", []string{"internal/keys", "internal/task", "internal/p2p"},
		"gossip carries bytes whose meaning and readers others decide"},
	{"internal/nearby", []string{"internal/task"},
		"what is found on a network must not know who is a member"},
	{"internal/beacon", []string{"internal/keys"},
		"what is announced must be opened by its bytes alone"},
	{"internal/testnet", []string{"internal/p2p", "internal/nearby", "internal/task", "internal/keys"},
		"the simulated network serves any protocol"},
	{"internal/repotest", nil, "rules look at source, not at behaviour"},
	{"internal/e2e", []string{"cmd", "node", "rendezvous", "membership", "sync", "internal"},
		"tests from end to end see everything"},
	{"internal/bench", []string{"node", "rendezvous", "membership", "sync", "internal"},
		"measurements see everything, and nothing sees them"},
	{"internal/bench/carrying", []string{"node/router", "internal/keys"},
		"a simulated week tries the decisions, not what carries them out"},
	{"internal/bench/capacity", nil, "what a size needs follows from numbers alone"},
	{"docs", nil, "documents hold no code but vectors"},
}

// under reports whether a package is dir or below it.
func under(name, dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }

// roomOf returns the room of a package, nil if the house has none for it.
func roomOf(name string) *room {
	var best *room
	for i := range rooms {
		if under(name, rooms[i].name) && (best == nil || len(rooms[i].name) > len(best.name)) {
			best = &rooms[i]
		}
	}
	return best
}

func (r *room) allows(imported string) bool {
	if under(imported, r.name) {
		return true
	}
	for _, other := range r.may {
		if under(imported, other) {
			return true
		}
	}
	return false
}

// Tests are free to import what they need to play the other end; the compiler keeps them from going in circles.
func TestImportsRunOneWay(t *testing.T) {
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		home := roomOf(name)
		if home == nil {
			t.Errorf("%s is in no room of the house", name)
			continue
		}
		for _, imported := range p.Imports {
			inside, ours := strings.CutPrefix(imported, module+"/")
			if ours && !home.allows(inside) {
				t.Errorf("%s must not import %s: %s", name, inside, home.why)
			}
		}
	}
}

// ban keeps a foreign package out of all rooms but a few.
type ban struct {
	path string // the package and everything below it, or with a trailing $ only the package
	only []string
	why  string
}

var bans = []ban{
	{"github.com/libp2p/go-libp2p$", nil,
		"the root package links every transport and Noise: 7 MB more and a key exchange that is not post-quantum"},
	{"github.com/libp2p/go-libp2p/p2p/security/noise", nil, "Noise is not post-quantum"},
	{"github.com/libp2p/go-libp2p-pubsub", []string{"internal/gossip"},
		"one door to pubsub, whose defaults let strangers in"},
	{"github.com/libp2p", []string{"internal/p2p", "internal/gossip", "internal/testnet", "internal/e2e", "internal/bench", "node", "rendezvous"},
		"the network stays in rooms that own a part of it"},
	{"github.com/multiformats", []string{"internal/p2p", "internal/testnet", "internal/e2e", "internal/bench", "node", "rendezvous", "cmd"},
		"addresses are text outside the network's rooms"},
	{"github.com/dgraph-io/badger", []string{"internal/kv"},
		"one door to the storage engine, so that nothing is written that is not sealed"},
	{"github.com/ncruces", []string{"node/search"},
		"one door to SQLite, so that nothing is written that is not encrypted, and nothing that was typed is read as SQL"},
	{"github.com/coreos/go-oidc", []string{"rendezvous/enrolment"},
		"one door to login providers, and none in a device's program"},
	{"golang.org/x/oauth2", []string{"rendezvous/enrolment"},
		"one door to login providers, and none in a device's program"},
	{"github.com/gtank", []string{"internal/cpace"},
		"one door to the group, so that no share is multiplied unchecked"},
	{module + "/rendezvous/archive/reader", []string{"rendezvous/archive/reader", "cmd/muster-rendezvous", "internal/e2e"},
		"plaintext of the archive is seen where its private key is, and by no service"},
	{"github.com/minio", []string{"rendezvous/archive/bucket"},
		"one door to S3, through which nothing is replaced or removed"},
	{"github.com/fxamacker/cbor", []string{"internal/wire"},
		"one strict codec, so that no decoder is lax"},
	{"github.com/stretchr/testify", nil, "tests use the standard library and go-cmp"},
	{"testing", []string{"internal/testnet", "internal/repotest", "internal/e2e"},
		"programs must not link the test library"},
	{"unsafe", nil, "nothing here is worth it"},
}

// Packages for tests alone are named …test and never linked into programs (TestProgramsLinkOnlyWhatTheyNeed).
func isTestSupport(name string) bool { return strings.HasSuffix(name, "test") }

func TestForeignPackagesStayInTheirRooms(t *testing.T) {
	for _, p := range list(t, "./...") {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, imported := range p.Imports {
			for _, b := range bans {
				if b.matches(imported) && !b.spares(name) {
					t.Errorf("%s must not import %s: %s", name, imported, b.why)
				}
			}
		}
	}
}

func (b ban) matches(imported string) bool {
	if exact, ok := strings.CutSuffix(b.path, "$"); ok {
		return imported == exact
	}
	return under(imported, b.path)
}

func (b ban) spares(name string) bool {
	for _, dir := range b.only {
		if under(name, dir) {
			return true
		}
	}
	return b.path == "testing" && isTestSupport(name)
}

// pure rooms decide from their arguments alone, so that tests can play every case and two devices never disagree.
var pure = []string{"membership", "internal/bundle", "internal/envelope", "internal/cpace", "internal/beacon", "node/agreement", "node/pairing", "node/face", "node/mesh", "node/router", "node/account", "rendezvous/archive/segment"}

func inPureRoom(f *file) bool {
	for _, dir := range pure {
		if f.in(dir) && programGo(f) {
			return true
		}
	}
	return false
}

func TestPureRoomsTouchNothing(t *testing.T) {
	forbidden := map[string]string{
		"net": "no network", "os": "no disk", "io/fs": "no disk", "path/filepath": "no disk", "embed": "no disk",
		"crypto/rand": "randomness comes in as an io.Reader", "math/rand": "randomness comes in as an io.Reader",
		"math/rand/v2": "randomness comes in as an io.Reader", "log": "no output",
		"context": "nothing waits", "sync": "nothing is shared", "sync/atomic": "nothing is shared",
	}
	clock := map[string]bool{
		"Now": true, "Since": true, "Until": true, "After": true, "AfterFunc": true, "Tick": true,
		"NewTimer": true, "NewTicker": true, "Sleep": true,
	}
	each(t, inPureRoom, func(f *file) {
		if isTestSupport(path.Dir(f.path)) {
			return
		}
		for _, imported := range f.imports() {
			why := forbidden[imported]
			if strings.HasPrefix(imported, "net/") && imported != "net/netip" && imported != "net/url" {
				why = "no network"
			}
			if why != "" {
				t.Errorf("%s imports %s in a pure room: %s", f.path, imported, why)
			}
		}
		f.calls(func(call *ast.CallExpr, x, name string) {
			if x == "time" && clock[name] {
				t.Errorf("%s calls time.%s in a pure room: time comes in as an argument", where(call), name)
			}
			if x == "slog" && !strings.HasSuffix(name, "Value") { // secrets hide themselves by slog.StringValue
				t.Errorf("%s calls slog.%s in a pure room: no output", where(call), name)
			}
		})
	})
}

// The size and the key exchange of the programs depend on what is linked, which no single import shows.
func TestProgramsLinkOnlyWhatTheyNeed(t *testing.T) {
	unwanted := map[string]string{
		"github.com/libp2p/go-libp2p":                            "the root package brings every transport",
		"github.com/flynn/noise":                                 "Noise is not post-quantum",
		"github.com/libp2p/go-libp2p/p2p/security/noise":         "Noise is not post-quantum",
		"github.com/libp2p/go-libp2p/p2p/transport/webrtc":       "a transport that nobody uses",
		"github.com/libp2p/go-libp2p/p2p/transport/webtransport": "a transport that nobody uses",
		"github.com/libp2p/go-libp2p/p2p/transport/websocket":    "a transport that nobody uses",
		"github.com/pion/webrtc/v4":                              "a transport that nobody uses",
		"go.uber.org/fx":                                         "the host is assembled by hand",
		"testing":                                                "the test library in a program",
	}
	seen := false
	for _, p := range list(t, "-deps", "./cmd/...", "./internal/p2p") {
		if why, bad := unwanted[p.ImportPath]; bad {
			t.Errorf("the programs link %s: %s", p.ImportPath, why)
		}
		seen = seen || p.ImportPath == module+"/internal/p2p"
	}
	if !seen {
		t.Error("go list saw nothing of ours")
	}
}
