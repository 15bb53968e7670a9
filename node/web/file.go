package web

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"muster.example/internal/filename"
	"muster.example/node/web/richtext"
)

func fileRoutes() []route {
	return []route{{"GET /o/{org}/m/{id}/files/{index}", download}}
}

// download answers with a file of a message, to be saved and never to be shown: a browser does nothing with it.
func download(v *visit) (answer, error) {
	index, err := strconv.Atoi(v.path("index"))
	if err != nil {
		return notFound(v)
	}
	file, content, err := v.backend().Attachment(v.ctx(), v.path("id"), index)
	if err != nil {
		return answer{}, err
	}
	return answer{write: func(w http.ResponseWriter) {
		defer content.Close()
		header := w.Header()
		header.Set("Content-Type", "application/octet-stream")
		header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		header.Set("Content-Disposition", disposition(file.Name))
		header.Set("Content-Length", strconv.FormatInt(file.Size, 10))
		if _, err := io.CopyN(&paced{w, http.NewResponseController(w)}, content, file.Size); err != nil {
			panic(http.ErrAbortHandler) // cut, so that the browser sees that it is not whole
		}
	}}, nil
}

// disposition names a file for saving, in the form of RFC 6266: once in plain letters, once in all. The name is one that is
// plain on every system.
func disposition(name string) string {
	name = filename.Safe(name)
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\/:*?<>|%`, r) {
			return '_'
		}
		return r
	}, name)
	return fmt.Sprintf(`attachment; filename="%s"; filename*=UTF-8''%s`, plain, url.PathEscape(name))
}

// paced gives the browser writeTimeout to take each piece.
type paced struct {
	w       io.Writer
	control *http.ResponseController
}

// Write implements io.Writer.
func (p *paced) Write(b []byte) (int, error) {
	p.control.SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:errcheck // the write says what is wrong
	return p.w.Write(b)
}

// nameLength is how many characters of a file's name are shown.
const nameLength = 80

// shownName returns a file's name on one line; of a long one the beginning, and the end, which says what it is.
func shownName(name string) string {
	runes := []rune(richtext.Line(name))
	if len(runes) <= nameLength {
		return string(runes)
	}
	return string(runes[:nameLength-20]) + "…" + string(runes[len(runes)-19:])
}
