package rendezvous

import (
	"net/http"
	"strings"

	"muster.example/internal/kv"
)

// Health says what keeps the node from its work, each in a few words that name no file and nobody; nothing while it is
// well. Valid once Ready.
func (n *Node) Health() (troubles []string) {
	if n.stopping() {
		troubles = append(troubles, "stopping")
	}
	if n.diskFull() {
		troubles = append(troubles, "disk full")
	}
	if n.queueFails.Load() {
		troubles = append(troubles, "queue fails")
	}
	return troubles
}

// volume returns how many bytes may still be written on the volume of the node's folder, and its size.
func (n *Node) volume() (free, size uint64, err error) { return n.cfg.Volume(n.cfg.Dir) }

// diskFull reports whether there is too little room for the store to take anything.
func (n *Node) diskFull() bool {
	free, _, err := n.volume()
	return err == nil && free < kv.MinFree
}

// healthPage answers monitors: 200 while the node is well, else 503 with what is wrong.
func (n *Node) healthPage(w http.ResponseWriter, _ *http.Request) {
	if troubles := n.Health(); len(troubles) > 0 {
		http.Error(w, strings.Join(troubles, "\n"), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
