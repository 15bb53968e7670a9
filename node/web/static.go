package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed static
var staticFiles embed.FS

// static serves styles, scripts and pictures of the program. Their addresses hold a hash of them all, so that a browser keeps
// them until they change.
type static struct {
	version string
	files   map[string][]byte // by name
}

// readStatic reads the files: those of css, in the order of their names, as one app.css; the rest by their names.
func readStatic() (*static, error) {
	s := &static{files: make(map[string][]byte)}
	hash := sha256.New()
	var css bytes.Buffer
	err := fs.WalkDir(staticFiles, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) == ".md" {
			return err
		}
		data, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(data), data)
		if path.Ext(name) == ".css" {
			css.Write(data)
			return nil
		}
		base := path.Base(name)
		if _, twice := s.files[base]; twice {
			return fmt.Errorf("two files are named %s", base)
		}
		s.files[base] = data
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading styles and scripts: %w", err)
	}
	s.files["app.css"] = css.Bytes()
	s.version = hex.EncodeToString(hash.Sum(nil)[:8])
	return s, nil
}

// path returns the address of a file. A name that does not exist is an error of the template.
func (s *static) path(name string) (string, error) {
	if _, ok := s.files[name]; !ok {
		return "", fmt.Errorf("there is no file %q", name)
	}
	return "/static/" + s.version + "/" + name, nil
}

func (s *static) serves(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/static/") }

// ServeHTTP implements http.Handler.
func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	data, ok := s.files[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.PathValue("version") == s.version {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	w.Header().Set("Content-Type", contentType(name))
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}

// contentType does not ask the system, whose tables differ.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".txt", "": // a licence
		return "text/plain; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	}
	return mime.TypeByExtension(path.Ext(name))
}
