package web

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"time"

	"muster.example/node/api"
)

// maxImportForm is the most bytes of a file of mail that the page takes. The command line takes more.
const maxImportForm = 1 << 30

// maxTagForm is the most bytes that are read of each of its other fields.
const maxTagForm = 1 << 10

// importPattern is the address that such a file is sent to.
const importPattern = "POST /o/{org}/settings/history/import"

// readTimeout is what a browser has to send the next bytes of a file.
const readTimeout = 30 * time.Second

// importMail takes in a file of mail as the browser sends it, and says what became of it. Nothing of the file is kept here.
func importMail(v *visit) (answer, error) {
	return answer{write: func(w http.ResponseWriter) {
		result, err := takeMail(v, http.NewResponseController(w))
		a, failed := show("importedmail", "history.import", result)
		if err != nil {
			v.r.PostForm = make(map[string][]string) // read as it came: the form stands empty again
			a, failed = v.again(err, historyPage)
		}
		if failed != nil {
			v.server.fail(w, v, failed)
			return
		}
		v.server.look.render(w, max(a.status, http.StatusOK), v, a.screen)
	}}, nil
}

// takeMail reads the form: what the mail is to be tagged with, and then the file.
func takeMail(v *visit, control *http.ResponseController) (api.ImportResult, error) {
	_, parameters, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return api.ImportResult{}, api.Errorf(api.CodeUsage, "the form is not understood")
	}
	body := &pacedBody{r: v.r.Body, control: control}
	parts := multipart.NewReader(body, parameters["boundary"])
	request := api.ImportRequest{Org: v.Org.Org}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) || err == nil && part.FormName() == "mail" && part.FileName() == "" {
			return api.ImportResult{}, api.Errorf(api.CodeUsage, "no file of mail was chosen")
		}
		if err != nil {
			return api.ImportResult{}, body.explain(err)
		}
		if part.FormName() == "mail" {
			result, err := v.backend().Import(v.ctx(), request, part)
			return result, body.explain(err)
		}
		text, err := io.ReadAll(io.LimitReader(part, maxTagForm))
		if err != nil {
			return api.ImportResult{}, body.explain(err)
		}
		if part.FormName() == "as" {
			request.As = strings.TrimSpace(strings.ToValidUTF8(string(text), ""))
		}
	}
}

// pacedBody gives the browser readTimeout to send each piece, and remembers what was wrong with one.
type pacedBody struct {
	r       io.Reader
	control *http.ResponseController
	err     error
}

// Read implements io.Reader.
func (p *pacedBody) Read(b []byte) (int, error) {
	p.control.SetReadDeadline(time.Now().Add(readTimeout)) //nolint:errcheck // the read says what is wrong
	n, err := p.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = err
	}
	return n, err
}

// explain returns the error of reading the form, if there was one, and else that of what was done with it.
func (p *pacedBody) explain(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](p.err); tooLarge {
		return api.Errorf(api.CodeUsage, "the form holds too much")
	}
	return err
}
