package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"muster.example/internal/bundle"
	"muster.example/node/api"
)

// makings are the bundles that browsers are saving, one an organization at most. The zero value has none.
//
// A browser saves one file at a time, when the person says so, and the node keeps none of them. So each file is made by an export
// of its own that goes on behind the files before, as one does that broke off ([CAR-18]): what those hold is known by the tags of
// their frames.
type makings struct {
	mu  sync.Mutex // guards the following
	all map[string]*making
}

// making is one of them.
type making struct {
	id      uint64 // of the transfer under way, or the last
	request api.BundleRequest
	name    string // of its files, without number and ending
	files   []madeFile
	stop    context.CancelFunc // of the transfer under way, nil if there is none
	sending int                // the number of its file
	done    *api.BundleWritten // once the last file was sent
}

// madeFile is a file that the browser took whole.
type madeFile struct {
	Name    string
	Size    int64
	outline bundle.Outline
}

// savedScreen is a bundle that is being saved.
type savedScreen struct {
	For     []string // ids of members and groups; none: everybody
	Names   []string // of these
	Files   []madeFile
	Next    int // the number of the file to save next, 0 if that was the last
	Sending int // the number of the file that the browser takes now, 0 if it takes none
	Split   bool
	Done    *api.BundleWritten
}

// Last is the name of the file that was saved last, empty if there is only one.
func (s savedScreen) Last() string {
	if len(s.Files) == 0 || !s.Split {
		return ""
	}
	return s.Files[len(s.Files)-1].Name
}

// begin begins a bundle, in the place of one that was begun before.
func (m *makings) begin(org string, request api.BundleRequest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropLocked(org)
	if m.all == nil {
		m.all = make(map[string]*making)
	}
	m.all[org] = &making{request: request, name: "muster-" + time.Now().Format("20060102")}
}

// drop forgets a bundle, and ends its transfer.
func (m *makings) drop(org string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropLocked(org)
}

func (m *makings) dropLocked(org string) {
	if one := m.all[org]; one != nil && one.stop != nil {
		one.stop()
	}
	delete(m.all, org)
}

// shown returns what there is to be shown of a bundle.
func (m *makings) shown(org string) (savedScreen, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one, ok := m.all[org]
	if !ok {
		return savedScreen{}, false
	}
	s := savedScreen{For: one.request.For, Files: slices.Clone(one.files), Sending: one.sending, Split: one.request.Split > 0, Done: one.done}
	if one.done == nil {
		s.Next = len(one.files) + 1
	}
	return s, true
}

// transfer is one file on its way to a browser.
type transfer struct {
	of      *making
	id      uint64
	number  int
	name    string
	request api.BundleRequest
	follow  bundle.Follower
}

// start begins to send a file: the next, or one again, after which the later ones are to be saved anew. A transfer that is under
// way ends: a browser does not say that a person stopped it.
func (m *makings) start(org string, number int, stop context.CancelFunc) (*transfer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one, ok := m.all[org]
	if !ok || number < 1 || number > len(one.files)+1 || one.done != nil && number > len(one.files) {
		return nil, false
	}
	if one.stop != nil {
		one.stop()
	}
	one.id++
	one.files, one.done, one.stop, one.sending = one.files[:number-1], nil, stop, number
	t := &transfer{of: one, id: one.id, number: number, name: one.name, request: one.request}
	if one.request.Split > 0 {
		t.name += "-" + strconv.Itoa(number)
	}
	t.name += ".muster"
	if number > 1 {
		before := one.files[number-2].outline
		t.request.Resume = &api.BundleResume{First: one.files[0].outline.First, Part: uint64(number - 1), Size: before.Size, Items: uint64(len(before.Tags))}
		for _, f := range one.files {
			for _, tag := range f.outline.Tags {
				t.request.Resume.Tags = append(t.request.Resume.Tags, tag[:]...)
			}
		}
	}
	return t, true
}

// end notes what came of a transfer, unless another has begun: whether the browser took the file, and whether that was the last.
func (m *makings) end(t *transfer, whole bool, done *api.BundleWritten) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.of.id != t.id {
		return
	}
	t.of.stop, t.of.sending = nil, 0
	if whole {
		o := t.follow.Outline()
		t.of.files, t.of.done = append(t.of.files, madeFile{t.name, o.Size, o}), done
	}
}

// errFileGone is said of a file that comes after the last, or of a bundle that was forgotten.
var errFileGone = api.Errorf(api.CodeNotFound, "that file of a bundle is not to be had any more")

// errFileWhole ends an export where the next file would begin.
var errFileWhole = errors.New("the file is whole")

// exportBundle answers with one file of the bundle.
func exportBundle(v *visit) (answer, error) {
	f, err := v.form()
	if err != nil {
		return answer{}, err
	}
	number, err := strconv.Atoi(f.text("file"))
	ctx, stop := context.WithCancel(v.ctx())
	t, ok := v.server.bundles.start(v.Org.Org, number, stop)
	if err != nil || !ok {
		stop()
		return answer{}, errFileGone
	}
	return answer{write: func(w http.ResponseWriter) {
		defer stop()
		v.sendFile(ctx, w, t)
	}}, nil
}

// sendFile sends the file of a transfer. One that is not whole is cut, so that the browser sees it.
func (v *visit) sendFile(ctx context.Context, w http.ResponseWriter, t *transfer) {
	control := http.NewResponseController(w)
	begun := false
	written, err := v.backend().ExportBundle(ctx, t.request, func(part uint64) (io.Writer, error) {
		switch {
		case part < uint64(t.number):
			return io.Discard, nil // saved before: nothing comes of it
		case part > uint64(t.number):
			return nil, errFileWhole
		}
		begun = true
		header := w.Header()
		header.Set("Content-Type", "application/octet-stream")
		header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		header.Set("Content-Disposition", disposition(t.name))
		return io.MultiWriter(&paced{w, control}, &t.follow), nil
	})
	done := &written
	if errors.Is(err, errFileWhole) {
		done, err = nil, nil
	}
	if err == nil && begun {
		err = control.Flush()
	}
	v.server.bundles.end(t, err == nil && begun, done)
	switch {
	case begun && err != nil:
		panic(http.ErrAbortHandler)
	case !begun:
		if err == nil {
			err = errFileGone
		}
		a, err := v.again(err, exportedBundle)
		if err != nil {
			v.server.fail(w, v, err)
			return
		}
		v.server.look.render(w, a.status, v, a.screen)
	}
}
