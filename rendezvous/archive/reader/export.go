package reader

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muster.example/internal/filename"
	"muster.example/internal/keys"
	"muster.example/sync/history"
)

// Export writes what is read into a folder: messages.jsonl with a line an entry, or messages.mbox, and the files of messages
// in files/. Its Add is what Read visits with; Close puts the files together. [ARC-64]
type Export struct {
	dir    string
	mbox   bool
	query  Query
	out    *os.File
	wanted []wantedFile
	parts  map[string]bool // of whom there is something, by the name of the file with the pieces
	report func(Notice)

	Entries int // that were written
	Files   int // that are whole
}

// wantedFile is a file of a message that was written.
type wantedFile struct {
	file  history.File
	parts string // where its pieces are
	name  string // where it is to be
	entry Entry
}

const partsFolder = "parts"

// ErrNotEmpty means that a folder to export to is there and not empty.
var ErrNotEmpty = errors.New("reader: the folder is not empty")

// NewExport makes the folder, mode 0700, which must be missing or empty.
func NewExport(dir string, mbox bool, query Query, report func(Notice)) (*Export, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder to export to: %w", err)
	}
	held, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("looking into the folder to export to: %w", err)
	}
	if len(held) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrNotEmpty, dir)
	}
	name := "messages.jsonl"
	if mbox {
		name = "messages.mbox"
	}
	err = errors.Join(os.Mkdir(filepath.Join(dir, "files"), 0o700), os.Mkdir(filepath.Join(dir, partsFolder), 0o700))
	if err != nil {
		return nil, fmt.Errorf("making the folder to export to: %w", err)
	}
	out, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("beginning the export: %w", err)
	}
	return &Export{dir: dir, mbox: mbox, query: query, out: out, parts: make(map[string]bool), report: report}, nil
}

// Add writes an entry that is wanted, and keeps the pieces of files.
func (x *Export) Add(e *Entry) error {
	if e.Kind == kindPart {
		return x.piece(e)
	}
	if !x.query.Wants(e) {
		return nil
	}
	for i, file := range e.nonce {
		name := fmt.Sprintf("files/%d-%d-%s", e.Item, i+1, filename.Safe(file.Name))
		e.Attachments[i].File = name
		x.wanted = append(x.wanted, wantedFile{file: file, parts: partsOf(e.Device, file.Nonce), name: name, entry: Entry{Item: e.Item, Device: e.Device, Arrived: e.Arrived, Envelope: e.Envelope}})
	}
	var err error
	if x.mbox {
		err = writeMail(x.out, e)
	} else {
		encoder := json.NewEncoder(x.out)
		encoder.SetEscapeHTML(false)
		err = encoder.Encode(e)
	}
	if err != nil {
		return fmt.Errorf("writing an entry: %w", err)
	}
	x.Entries++
	return nil
}

// partsOf names the file with the pieces of a file: by its author's device and nonce, as they do.
func partsOf(device keys.PublicKey, nonce [history.NonceSize]byte) string {
	return filepath.Join(partsFolder, device.String()+"-"+hex.EncodeToString(nonce[:]))
}

// piece writes one piece of a file to its place.
func (x *Export) piece(e *Entry) error {
	name := partsOf(e.Device, e.part.File)
	file, err := os.OpenFile(filepath.Join(x.dir, name), os.O_WRONLY|os.O_CREATE, 0o600)
	if err == nil {
		_, err = file.WriteAt(e.part.Data, int64(e.part.Index)*history.ChunkSize)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		return fmt.Errorf("writing a piece of a file: %w", err)
	}
	x.parts[name] = true
	return nil
}

// Close gives whole files their names, reports those that are not, and removes what is left over.
func (x *Export) Close() error {
	for _, w := range x.wanted {
		what, err := x.finish(w)
		if err != nil {
			return errors.Join(fmt.Errorf("putting %s together: %w", w.name, err), x.out.Close())
		}
		if what == "" {
			x.Files++
			continue
		}
		x.report(Notice{Kind: NoticeFile, Item: w.entry.Item, Envelope: w.entry.Envelope, Device: w.entry.Device, Time: w.entry.Arrived,
			What: fmt.Sprintf("the file %q %s", w.file.Name, what)})
	}
	return errors.Join(os.RemoveAll(filepath.Join(x.dir, partsFolder)), x.out.Sync(), x.out.Close())
}

// finish gives a file its name if it is whole, and says else what it is.
func (x *Export) finish(w wantedFile) (what string, err error) {
	from, to := filepath.Join(x.dir, w.parts), filepath.Join(x.dir, filepath.FromSlash(w.name))
	if w.file.Size == 0 {
		return "", os.WriteFile(to, nil, 0o600)
	}
	file, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return "is not in the archive", nil
	}
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, file)
	switch {
	case err != nil:
		return "", err
	case uint64(size) != w.file.Size || [32]byte(sum.Sum(nil)) != w.file.Hash:
		return "is not whole", nil
	}
	if err := os.Link(from, to); err == nil { // a message that was sealed anew names it again
		return "", nil
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	copied, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(copied, file)
	return "", errors.Join(err, copied.Close())
}

// clean returns text as one line.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}
