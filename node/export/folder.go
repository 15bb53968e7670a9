package export

import (
	"archive/zip"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"net/textproto"
	"time"
)

// zipFolder is a folder as a zip file.
type zipFolder struct {
	zip *zip.Writer
	now time.Time
}

// Zip returns a folder that is written as a zip file, as it comes.
func Zip(w io.Writer, now time.Time) Folder { return &zipFolder{zip.NewWriter(w), now} }

// Create implements Folder.
func (z *zipFolder) Create(name string) (io.Writer, error) {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: z.now}
	h.SetMode(0o600)
	if name[len(name)-1] == '/' {
		h.Method = zip.Store
		h.SetMode(fs.ModeDir | 0o700)
	}
	return z.zip.CreateHeader(h)
}

// Close implements Folder.
func (z *zipFolder) Close() error { return z.zip.Close() }

// stream is a folder as a body of many parts, as HTTP has it: each file a part, named by its disposition.
type stream struct{ parts *multipart.Writer }

// Stream returns a folder that is written as a body of type multipart/mixed, and the type with its boundary. Unlike a zip file it can be
// taken apart as it comes.
func Stream(w io.Writer) (folder Folder, contentType string) {
	parts := multipart.NewWriter(w)
	return stream{parts}, mime.FormatMediaType("multipart/mixed", map[string]string{"boundary": parts.Boundary()})
}

// Create implements Folder.
func (s stream) Create(name string) (io.Writer, error) {
	return s.parts.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {mime.FormatMediaType("attachment", map[string]string{"filename": name})},
	})
}

// Close implements Folder.
func (s stream) Close() error { return s.parts.Close() }
