package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"

	"muster.example/node/api"
)

// maxBundleForm is the most bytes of all files that the page takes in at once.
const maxBundleForm = 64 << 30

// bundleImportPattern is the address that files are sent to.
const bundleImportPattern = "POST /o/{org}/bundles/import"

// importedScreen is what came of some files.
type importedScreen struct {
	Files []importedFile
	Fresh int  // messages that are unread now and were not there before
	Cut   bool // the browser broke off: what is listed came in
	Back  bool // there is something to go on to others, or back
}

// importedFile is what came of one file.
type importedFile struct {
	Name string
	api.BundleImport
	Other   bool       // it is of another organization of this device
	Problem *api.Error // why nothing came of it
}

// importedLine is one thing that a file held, by the key of its words.
type importedLine struct {
	Key   string
	Count int
}

// Lines are what the file held, what is for the person first.
func (f importedFile) Lines() []importedLine {
	all := []importedLine{
		{"bundles.opened", f.Opened}, {"bundles.already", f.Already}, {"bundles.got", f.Receipts}, {"bundles.waiting", f.Waiting},
		{"bundles.unopened", f.Unopened}, {"bundles.carriedon", f.Carried}, {"bundles.passed", f.Passed}, {"bundles.refused", f.Refused},
		{"bundles.expired", f.Expired}, {"bundles.dropped", f.Dropped}, {"bundles.entries", f.Entries}, {"bundles.bars", f.Bars},
		{"bundles.prekeys", f.Prekeys}, {"bundles.unknown", f.Unknown}, {"bundles.malformed", f.Malformed},
	}
	return slices.DeleteFunc(all, func(l importedLine) bool { return l.Count == 0 })
}

// Nothing reports whether the file held nothing that is new.
func (f importedFile) Nothing() bool { return len(f.Lines()) == 0 && !f.Behind }

// Short reports whether the file ends before it should, without a place that could be named.
func (f importedFile) Short() bool { return !f.Whole && f.Damage == 0 && f.Malformed == 0 }

// ByNode reports whether a rendezvous node made the bundle.
func (f importedFile) ByNode() bool { return f.Maker == "rendezvous node" }

// importBundles takes in files as the browser sends them, one after the other. Nothing of them is kept here.
func importBundles(v *visit) (answer, error) {
	return answer{write: func(w http.ResponseWriter) {
		s, err := takeBundles(v, http.NewResponseController(w))
		a, failed := show("importedbundles", "bundles.import", s)
		if err != nil {
			v.r.PostForm = make(map[string][]string) // read as it came: the form stands empty again
			a, failed = v.again(err, bundles)
		}
		if failed != nil {
			v.server.fail(w, v, failed)
			return
		}
		v.server.look.render(w, max(a.status, http.StatusOK), v, a.screen)
	}}, nil
}

// takeBundles reads the form: files, each of which is a part of some bundle. A file of which nothing comes hinders no other.
func takeBundles(v *visit, control *http.ResponseController) (importedScreen, error) {
	s := importedScreen{}
	_, parameters, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return s, api.Errorf(api.CodeUsage, "the form is not understood")
	}
	before, err := v.unread()
	if err != nil {
		return s, err
	}
	body := &pacedBody{r: v.r.Body, control: control}
	parts := multipart.NewReader(body, parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && len(s.Files) == 0 {
			return s, body.explain(err)
		}
		if err != nil {
			s.Cut = true
			break
		}
		if part.FormName() != "bundle" || part.FileName() == "" {
			continue
		}
		one := importedFile{Name: part.FileName()}
		one.BundleImport, err = v.backend().ImportBundle(v.ctx(), api.BundleImportRequest{}, part)
		if err != nil && body.err == nil {
			one.Problem = api.AsError(err)
		}
		one.Other = one.Org != "" && one.Org != v.Org.Org
		s.Cut = body.err != nil
		s.Back = s.Back || one.Opened+one.Unopened+one.Carried+one.Passed > 0
		s.Files = append(s.Files, one)
	}
	if len(s.Files) == 0 {
		return s, api.Errorf(api.CodeUsage, "no file of a bundle was chosen")
	}
	after, err := v.unread()
	s.Fresh = max(0, after-before)
	return s, err
}

// unread is how many messages of all organizations are unread now.
func (v *visit) unread() (n int, err error) {
	orgs, err := v.backend().Orgs(v.ctx())
	for _, org := range orgs {
		n += org.Unread
	}
	return n, err
}
