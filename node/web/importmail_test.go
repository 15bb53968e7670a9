package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"muster.example/node/api"
)

// postmaster is a house that takes in mail.
type postmaster struct {
	*keeper
	asked api.ImportRequest
	mail  string
}

func (p *postmaster) Import(_ context.Context, request api.ImportRequest, r io.Reader) (api.ImportResult, error) {
	mail, err := io.ReadAll(r)
	p.asked, p.mail = request, string(mail)
	if err != nil {
		return api.ImportResult{}, err
	}
	return api.ImportResult{Mails: 4, Imported: 2, Already: 1, Damaged: 1, Attachments: 3,
		Problems: api.List[api.ImportProblem]{{Mail: 4, Subject: hostile, Why: "it has no end"}}}, p.fails
}

// sendMail posts the form as browsers send it; without a file if name is empty.
func sendMail(t *testing.T, app http.Handler, as, name string, mail io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	err := w.WriteField("as", as)
	file, failed := w.CreateFormFile("mail", name)
	if err = errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(file, mail); err != nil {
		t.Fatal(err)
	}
	w.Close() //nolint:errcheck // a buffer
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/o/org/settings/history/import", &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	answer := httptest.NewRecorder()
	app.ServeHTTP(answer, r)
	return answer
}

// A file of mail goes to the node as it comes; the page says what became of it, and what others wrote in it is only text. [API-84]
func TestImportPage(t *testing.T) {
	p := &postmaster{keeper: &keeper{house: full(), keeps: "forever"}}
	h := newHouse(t, p)
	answer := sendMail(t, h, " gmail ", "takeout.mbox", strings.NewReader("From a@b\n"))
	if diff := cmp.Diff(api.ImportRequest{Org: "org", As: "gmail"}, p.asked); diff != "" || p.mail != "From a@b\n" {
		t.Error(diff, p.mail)
	}
	for _, want := range []string{"2 mails were imported.", "3 files came with it.", "One mail was here already.", "One mail could not be read", "Mail 4:", "it has no end"} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("%q is missing in\n%s", want, answer.Body)
		}
	}
	if strings.Contains(answer.Body.String(), hostile) {
		t.Error("a subject is shown as it came")
	}
	if answer = sendMail(t, h, "", "", strings.NewReader("")); answer.Code != http.StatusBadRequest || !strings.Contains(answer.Body.String(), "No file of mail was chosen.") {
		t.Errorf("without a file: %d\n%s", answer.Code, answer.Body)
	}
	p.fails = api.Errorf(api.CodeUsage, "%q is no tag", "x")
	if answer = sendMail(t, h, "x", "one.eml", strings.NewReader("Subject: x\n\n")); answer.Code != http.StatusBadRequest {
		t.Errorf("refused: %d\n%s", answer.Code, answer.Body)
	}
}
