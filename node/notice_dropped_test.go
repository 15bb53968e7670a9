package node

import (
	"testing"

	"muster.example/node/api"
)

// A person is told how many envelopes their device let go, in a form that pages have words for. [API-184]
func TestDroppedIsTold(t *testing.T) {
	w := newIslands(t)
	w.ann.carriers.sayDropped(3)
	status, err := w.ann.node.Status(t.Context())
	if err != nil || len(status.Orgs) != 1 || len(status.Orgs[0].Notices) != 1 {
		t.Fatal(status, err)
	}
	n := status.Orgs[0].Notices[0]
	if n.Kind != api.NoticeDropped || n.Count != 3 || n.Returned != nil || n.Text == "" {
		t.Errorf("%+v", n)
	}
}
