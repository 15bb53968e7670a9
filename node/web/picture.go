package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster.example/node/api"
	pictures "muster.example/node/web/picture"
)

const (
	// picturesAtOnce is how many pictures are read at the same time: each may take some 300 MB while it is.
	picturesAtOnce = 1
	// pictureTimeout is how long a browser waits for its turn, and for the bytes of a picture.
	pictureTimeout = 30 * time.Second
	// picturesShown is the most files of a message of which it is looked whether they are pictures.
	picturesShown = 16
)

func pictureRoutes() []route {
	return []route{{"GET /o/{org}/m/{id}/image/{index}", showPicture}}
}

// showPicture answers with a picture of a message, written anew. What cannot be shown is answered with 415: the file itself can
// be saved.
func showPicture(v *visit) (answer, error) {
	index, err := strconv.Atoi(v.path("index"))
	if err != nil || index < 0 {
		return notFound(v)
	}
	ctx, cancel := context.WithTimeout(v.ctx(), pictureTimeout)
	defer cancel()
	select {
	case v.server.pictures <- struct{}{}:
		defer func() { <-v.server.pictures }()
	case <-ctx.Done():
		return answer{}, api.Errorf(api.CodeInterrupted, "too many pictures are being read")
	}
	content, err := v.content(ctx, v.path("id"), index)
	if err != nil {
		return answer{}, err
	}
	made, err := pictures.Make(content)
	if err != nil {
		return unshown(v, err)
	}
	return answer{write: func(w http.ResponseWriter) {
		header := w.Header()
		header.Set("Content-Type", made.Type)
		header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
		header.Set("Content-Disposition", "inline")
		header.Set("Content-Length", strconv.Itoa(len(made.Content)))
		header.Set("Cache-Control", "no-store")                                      // no browser keeps on its disk what the node keeps encrypted
		http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout)) //nolint:errcheck // the write says what is wrong
		w.Write(made.Content)                                                        //nolint:errcheck // the browser has gone
	}}, nil
}

// unshown says that a file is no picture that can be shown.
func unshown(v *visit, why error) (answer, error) {
	v.server.log.Debug("a file is not shown as a picture", "error", why)
	return answer{write: func(w http.ResponseWriter) {
		said := pictures.ErrBroken
		for _, known := range []error{pictures.ErrKind, pictures.ErrLarge} {
			if errors.Is(why, known) {
				said = known
			}
		}
		http.Error(w, said.Error()+"; the file can be saved", http.StatusUnsupportedMediaType)
	}}, nil
}

// content reads a file of a message, as much of it as may be a picture.
func (v *visit) content(ctx context.Context, id string, index int) ([]byte, error) {
	file, opened, err := v.backend().Attachment(ctx, id, index)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	if file.Size > pictures.MaxBytes {
		return nil, nil // no kind of picture: answered as what cannot be shown
	}
	content, err := io.ReadAll(io.LimitReader(opened, file.Size))
	if err != nil {
		return nil, fmt.Errorf("reading the picture: %w", err)
	}
	return content, nil
}

// shownPicture is what a thread shows of a file that is a picture.
type shownPicture struct {
	Address       string
	Width, Height int
}

// pictureNames are the ends of names of which it is looked whether the file is a picture. Its content decides.
var pictureNames = []string{"png", "jpg", "jpeg", "gif", "webp", "jfif"}

// Picture returns how a file of a message is shown, nil if it is no picture, or has not come yet. Only its beginning is read.
func (v *visit) Picture(m api.Message, index int) *shownPicture {
	file := m.Attachments[index]
	end := strings.ToLower(strings.TrimPrefix(path.Ext(file.Name), "."))
	if index >= picturesShown || file.Size > pictures.MaxBytes || !slices.Contains(pictureNames, end) {
		return nil
	}
	_, opened, err := v.backend().Attachment(v.ctx(), m.ID, index)
	if err != nil {
		return nil
	}
	defer opened.Close()
	width, height, err := pictures.Size(io.LimitReader(opened, 1<<20))
	if err != nil {
		return nil
	}
	return &shownPicture{v.In("m", m.ID, "image", strconv.Itoa(index)), width, height}
}
