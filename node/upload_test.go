package node

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"muster.example/node/api"
	"muster.example/node/store"
	"muster.example/sync/history"
)

// pattern returns n bytes that differ from place to place.
func pattern(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i*7 + i/251)
	}
	return data
}

// begun makes an upload in pieces for a new draft.
func (o *organization) begun(t *testing.T, name string, size int) (api.Draft, api.Partial) {
	t.Helper()
	d := o.drafted(t, api.Draft{To: []string{"bob"}, Text: "here it is"})
	p, err := o.node.BeginUpload(t.Context(), api.BeginUploadRequest{Draft: d.ID, Name: name, Size: int64(size), Fingerprint: "of Monday"})
	if err != nil {
		t.Fatal(err)
	}
	return d, p
}

// pieces returns how many chunks of an upload are in the store.
func (o *organization) pieces(t *testing.T, id string) (count uint64) {
	t.Helper()
	nonce, err := parseNonce(id, "an upload")
	if err != nil {
		t.Fatal(err)
	}
	view(t, o.node.store, func(tx *store.Tx) error {
		progress, err := tx.FileProgress(store.FileID{Nonce: nonce})
		count = progress.Count()
		return err
	})
	return count
}

// TestUploadGoesOnAfterBreaks breaks an upload off in different ways, opens the node anew, goes on from where it stands, and
// sends it: what arrives in the message is the file. [API-70]
func TestUploadGoesOnAfterBreaks(t *testing.T) {
	ada := newParties(t, 1, "bob").all[0]
	file := pattern(5*history.ChunkSize + 77)
	d, p := ada.begun(t, "chart.bin", len(file))

	broken := errors.New("the connection broke off")
	_, err := ada.node.ContinueUpload(t.Context(), p.ID, 0, io.MultiReader(bytes.NewReader(file[:2*history.ChunkSize+1000]), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Fatalf("a reader that breaks off: %v", err)
	}
	stands := func(want int) {
		t.Helper()
		got, err := ada.node.PartialUpload(t.Context(), p.ID)
		if err != nil || got.Offset != int64(want) || got.Fingerprint != "of Monday" || got.Draft != d.ID {
			t.Fatalf("it stands so: %+v (%v), want offset %d", got, err, want)
		}
	}
	stands(2 * history.ChunkSize)
	if _, err := ada.node.uploads([]string{p.ID}); code(err) != api.CodeNotFound {
		t.Errorf("half an upload can be sent: %v", err)
	}
	ada = ada.again(t)
	// A request that just ends too early is no error: the rest comes in another.
	short, err := ada.node.ContinueUpload(t.Context(), p.ID, 2*history.ChunkSize, bytes.NewReader(file[2*history.ChunkSize:4*history.ChunkSize]))
	if err != nil || short.Offset != 4*history.ChunkSize || short.Complete {
		t.Fatalf("two chunks more: %+v (%v)", short, err)
	}
	for name, offset := range map[string]int64{"behind": 0, "ahead": 5 * history.ChunkSize, "within a chunk": 4*history.ChunkSize + 1, "negative": -1} {
		if _, err := ada.node.ContinueUpload(t.Context(), p.ID, offset, bytes.NewReader(file)); code(err) != api.CodeRefused {
			t.Errorf("from %s: %v", name, err)
		}
	}
	stands(4 * history.ChunkSize)
	if all, err := ada.node.Drafts(t.Context(), api.DraftsQuery{ID: d.ID}); err != nil || len(all[0].Uploads) != 1 || all[0].Uploads[0].Offset != short.Offset {
		t.Errorf("the draft shows %+v (%v)", all, err)
	}
	whole, err := ada.node.ContinueUpload(t.Context(), p.ID, short.Offset, bytes.NewReader(file[short.Offset:]))
	if err != nil || !whole.Complete || whole.Offset != int64(len(file)) {
		t.Fatalf("the rest: %+v (%v)", whole, err)
	}
	kept, err := ada.node.uploads([]string{p.ID})
	if err != nil || kept[0].Hash != sha256.Sum256(file) {
		t.Fatalf("its hash is not the file's (%v)", err)
	}
	d.Attachments = []api.Upload{{ID: p.ID}}
	if d = ada.drafted(t, d); len(d.Uploads) != 0 || len(d.Attachments) != 1 {
		t.Errorf("the draft that names it: %+v", d)
	}
	sent := ada.sent(t, api.SendRequest{To: d.To, Text: d.Text, Draft: d.ID, Attachments: []string{p.ID}})
	_, content, err := ada.node.Attachment(t.Context(), sent.String(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if got, err := io.ReadAll(content); err != nil || !bytes.Equal(got, file) {
		t.Errorf("what was sent differs from the file: %d bytes (%v)", len(got), err)
	}
	if gone, err := ada.node.DropUpload(t.Context(), p.ID); err != nil || !gone.Already || ada.pieces(t, p.ID) != 6 {
		t.Errorf("to cancel what was sent: %+v (%v), %d pieces are left", gone, err, ada.pieces(t, p.ID))
	}
}

// Of two requests that write at one place one goes on, and the file is not mixed of both.
func TestUploadTakesOneWriter(t *testing.T) { // [API-70]
	ada := newParties(t, 1, "bob").all[0]
	file := pattern(3 * history.ChunkSize)
	_, p := ada.begun(t, "chart.bin", len(file))
	slow, feed := io.Pipe()
	result := make(chan error, 1)
	go func() {
		_, err := ada.node.ContinueUpload(t.Context(), p.ID, 0, slow)
		slow.CloseWithError(err)
		result <- err
	}()
	if _, err := feed.Write(file[:history.ChunkSize/2]); err != nil { // it has begun, and hangs
		t.Fatal(err)
	}
	if got, err := ada.node.ContinueUpload(t.Context(), p.ID, 0, bytes.NewReader(file)); err != nil || !got.Complete {
		t.Fatalf("the second: %+v (%v)", got, err)
	}
	feed.Write(make([]byte, history.ChunkSize)) //nolint:errcheck // refused by now
	if err := <-result; code(err) != api.CodeRefused {
		t.Errorf("the first, which hung: %v", err)
	}
	if kept, err := ada.node.uploads([]string{p.ID}); err != nil || kept[0].Hash != sha256.Sum256(file) || ada.pieces(t, p.ID) != 3 {
		t.Errorf("the file is not the second's (%v)", err)
	}
}

// What a draft has of uploads goes with it: cancelled, dropped or sent. [API-70]
func TestUploadsGoWithTheirDraft(t *testing.T) {
	ada := newParties(t, 1, "bob").all[0]
	half := func() (api.Draft, api.Partial) {
		d, p := ada.begun(t, "half.bin", 2*history.ChunkSize)
		if _, err := ada.node.ContinueUpload(t.Context(), p.ID, 0, bytes.NewReader(pattern(history.ChunkSize))); err != nil {
			t.Fatal(err)
		}
		return d, p
	}
	for name, end := range map[string]func(api.Draft, api.Partial) error{
		"cancelled": func(_ api.Draft, p api.Partial) error { _, err := ada.node.DropUpload(t.Context(), p.ID); return err },
		"dropped": func(d api.Draft, _ api.Partial) error {
			_, err := ada.node.DropDraft(t.Context(), api.DropDraftRequest{ID: d.ID})
			return err
		},
		"sent": func(d api.Draft, _ api.Partial) error {
			_, err := ada.node.Send(t.Context(), api.SendRequest{To: d.To, Text: "x", Draft: d.ID})
			return err
		},
	} {
		d, p := half()
		if err := end(d, p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := ada.node.PartialUpload(t.Context(), p.ID); code(err) != api.CodeNotFound || ada.pieces(t, p.ID) != 0 {
			t.Errorf("%s: %v, %d pieces are left", name, err, ada.pieces(t, p.ID))
		}
		if _, err := ada.node.ContinueUpload(t.Context(), p.ID, history.ChunkSize, strings.NewReader("x")); code(err) != api.CodeNotFound {
			t.Errorf("%s, and gone on with: %v", name, err)
		}
	}
}

// TestUploadsInPiecesGrowOld tidies up at times: half a file stays with its draft, and not without it. [STO-34]
func TestUploadsInPiecesGrowOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ada := newParties(t, 1, "bob").all[0]
		_, kept := ada.begun(t, "kept.bin", 1)
		d, orphan := ada.begun(t, "orphan.bin", 1)
		update(t, ada.node.store, func(tx *store.Tx) error { // as another own device drops it
			id, err := parseNonce(d.ID, "a draft")
			if err != nil {
				return err
			}
			return ada.dropDraft(tx, id)
		})
		has := func(p api.Partial) bool { _, err := ada.node.partial(p.ID); return err == nil }
		after := func(age time.Duration) {
			if err := ada.node.tidyUploads(time.Now().Add(age + time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		if after(0); !has(kept) || has(orphan) {
			t.Errorf("at once: %t, without its draft %t", has(kept), has(orphan))
		}
		if after(29 * 24 * time.Hour); !has(kept) {
			t.Error("29 days after its draft was saved it is gone")
		}
		if after(30 * 24 * time.Hour); has(kept) {
			t.Error("30 days after its draft was saved it is there")
		}
	})
}

func TestUploadsHaveBounds(t *testing.T) { // [API-70]
	ada := newParties(t, 1, "bob").all[0]
	d := ada.drafted(t, api.Draft{Text: "x"})
	begin := func(r api.BeginUploadRequest) (api.Partial, error) { return ada.node.BeginUpload(t.Context(), r) }
	for name, c := range map[string]struct {
		r    api.BeginUploadRequest
		want api.Code
	}{
		"no draft":    {api.BeginUploadRequest{Draft: strings.Repeat("ab", 16), Name: "a"}, api.CodeNotFound},
		"a path":      {api.BeginUploadRequest{Draft: d.ID, Name: "../a"}, api.CodeUsage},
		"negative":    {api.BeginUploadRequest{Draft: d.ID, Name: "a", Size: -1}, api.CodeUsage},
		"too large":   {api.BeginUploadRequest{Draft: d.ID, Name: "a", Size: history.MaxFileSize + 1}, api.CodeRefused},
		"fingerprint": {api.BeginUploadRequest{Draft: d.ID, Name: "a", Fingerprint: strings.Repeat("x", api.MaxFingerprint+1)}, api.CodeUsage},
	} {
		if _, err := begin(c.r); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty, err := begin(api.BeginUploadRequest{Draft: d.ID, Name: "empty"})
	if err != nil || !empty.Complete {
		t.Errorf("an empty file: %+v (%v)", empty, err)
	}
	if kept, err := ada.node.uploads([]string{empty.ID}); err != nil || kept[0].Hash != sha256.Sum256(nil) {
		t.Errorf("an empty file: %v", err)
	}
	small, err := begin(api.BeginUploadRequest{Draft: d.ID, Name: "small", Size: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ada.node.ContinueUpload(t.Context(), small.ID, 0, strings.NewReader("four")); code(err) != api.CodeUsage {
		t.Errorf("more than was announced: %v", err)
	}
	for range api.MaxPartialSize / history.MaxFileSize {
		if _, err := begin(api.BeginUploadRequest{Draft: d.ID, Name: "large", Size: history.MaxFileSize}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := begin(api.BeginUploadRequest{Draft: d.ID, Name: "one more", Size: 1}); code(err) != api.CodeRefused {
		t.Errorf("more bytes than there is room for: %v", err)
	}
	other := newParties(t, 1, "bob").all[0]
	d = other.drafted(t, api.Draft{Text: "x"})
	for i := range api.MaxPartials + 1 {
		_, err := other.node.BeginUpload(t.Context(), api.BeginUploadRequest{Draft: d.ID, Name: "one", Size: 1})
		if refused := code(err) == api.CodeRefused; err != nil && !refused || refused != (i == api.MaxPartials) {
			t.Errorf("number %d: %v", i+1, err)
		}
	}
}
