package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
	"muster.example/node/logfile"
	"muster.example/node/rotation"
)

// diagnosisLog is how many lines of the log a diagnosis holds.
const diagnosisLog = 500

// piece is one file of a diagnosis. Each is made of what may be known by anybody, and not by leaving out of what may not.
type piece struct {
	Name  string `json:"name"`
	About string `json:"about"`
	text  []byte
}

// diagnose writes what helps another person to see what is wrong, after it has said what that is.
func (a *app) diagnose(ctx context.Context, out string) error {
	dir, err := a.folder()
	if err != nil {
		return err
	}
	if out == "" {
		out = "muster-report-" + time.Now().UTC().Format("20060102-150405") + ".zip"
	}
	if out, err = filepath.Abs(out); err != nil {
		return err
	}
	all, err := a.pieces(ctx, dir)
	if err != nil {
		return err
	}
	a.inform("The file holds no message, name, address, word or key. What is in it:")
	for _, p := range all {
		a.inform("  %-14s %7s  %s", terminal.Line(p.Name), terminal.Line(fileSize(int64(len(p.text)))), terminal.Line(p.About))
	}
	if _, person := a.terminal(); person && !a.confirm("Write it to "+out+"?") {
		return a.refusedUnlessYes()
	}
	if err := writeDiagnosis(out, all); err != nil {
		if errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			return api.Errorf(api.CodeFailed, "%v", err).WithHint("name a new file, in a folder where you may write, with --out")
		}
		return err
	}
	answer := struct {
		File     string          `json:"file"`
		Contents api.List[piece] `json:"contents"`
	}{out, all}
	return a.answer(answer, func(w io.Writer) { terminal.Println(w, terminal.Line(out)) })
}

// pieces makes the files of a diagnosis.
func (a *app) pieces(ctx context.Context, dir string) ([]piece, error) {
	lines, err := logfile.Tail(dir, diagnosisLog)
	if err != nil {
		lines = []string{"the log cannot be read"}
	}
	log := ""
	for _, line := range lines {
		log += line + "\n"
	}
	files, err := folderFiles(dir)
	if err != nil {
		return nil, err
	}
	all := []piece{
		{Name: "version.json", About: "version of Muster and of Go, the system and its processor"},
		{Name: "status.json", About: "for each organization numbers: events, devices, connections, what waits; 8 characters of its id"},
		{Name: "settings.json", About: "whether folder and service are as by default; no path"},
		{Name: "files.json", About: "names, sizes and modes of Muster's own files in the folder; others are counted"},
		{Name: "log.txt", About: fmt.Sprintf("the last %s of muster logs", plural(len(lines), "line")), text: []byte(log)},
	}
	values := []any{
		map[string]any{"version": version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "processors": runtime.NumCPU()},
		diagnosisStatus(ctx, dir), a.diagnosisSettings(ctx, dir), files,
	}
	for i, value := range values {
		if all[i].text, err = json.MarshalIndent(value, "", "  "); err != nil {
			return nil, fmt.Errorf("writing %s: %w", all[i].Name, err)
		}
	}
	var contents bytes.Buffer
	for _, p := range all {
		terminal.Printf(&contents, "%-14s %s\n", terminal.Line(p.Name), terminal.Line(p.About)) //nolint:errcheck // memory
	}
	first := piece{Name: "README.txt", About: "this list", text: append([]byte("What muster report has put into this file:\n\n"), contents.Bytes()...)}
	return append([]piece{first}, all...), nil
}

// orgFigures is what a diagnosis says of an organization: numbers, and the beginning of its id.
type orgFigures struct {
	Org        string    `json:"org"`
	Events     uint64    `json:"events"`
	Fresh      bool      `json:"fresh"`
	Checkpoint time.Time `json:"checkpoint"`
	Distrusted bool      `json:"distrusted"`
	Devices    int       `json:"devices"`
	Rendezvous int       `json:"rendezvous"`
	Connected  int       `json:"connected"`
	Peers      int       `json:"peers"`
	Missing    uint64    `json:"missing"`
	Outbox     int       `json:"outbox"`
	Alarms     int       `json:"alarms"`
	Warnings   int       `json:"warnings"`
	Notices    int       `json:"notices"`
	Evidence   int       `json:"evidence"`
	Excluded   bool      `json:"excluded"`
	Frozen     bool      `json:"frozen"`
}

// diagnosisStatus asks the node for its status and keeps the figures.
func diagnosisStatus(ctx context.Context, dir string) any {
	client, err := apiclient.New(dir)
	if err != nil {
		return map[string]any{"running": false}
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, statusLimit)
	defer cancel()
	status, err := client.Status(ctx)
	if err != nil {
		code := api.AsError(err).Code
		return map[string]any{"running": code != api.CodeNotRunning, "answers": false, "code": code}
	}
	figures := []orgFigures{}
	for _, o := range status.Orgs {
		f := orgFigures{
			Org: plainID(o.Org), Events: o.Roll.Size, Fresh: o.Roll.Fresh, Checkpoint: o.Roll.Time, Distrusted: o.Roll.Distrusted,
			Devices: len(o.Devices), Rendezvous: len(o.Rendezvous), Peers: len(o.Peers), Missing: o.Missing, Outbox: o.Outbox,
			Alarms: len(o.Alarms), Warnings: len(o.Warnings), Notices: len(o.Notices), Evidence: len(o.Evidence),
			Excluded: o.Excluded != nil, Frozen: o.FrozenUntil.After(time.Now()),
		}
		for _, r := range o.Rendezvous {
			if r.Connected {
				f.Connected++
			}
		}
		figures = append(figures, f)
	}
	return map[string]any{"running": true, "answers": true, "same_version": status.Version == version, "orgs": figures,
		"applications": len(status.Applications), "joining": len(status.Joining), "wiped": len(status.Wiped)}
}

var idForm = regexp.MustCompile(`^[a-z2-7]{16,}$`)

// plainID returns the beginning of an id, or nothing of what is none.
func plainID(id string) string {
	if !idForm.MatchString(id) {
		return "-"
	}
	return shortID(id)
}

func (a *app) diagnosisSettings(ctx context.Context, dir string) any {
	settings := map[string]any{
		"folder_given":    a.dir != "" || os.Getenv("MUSTER_DIR") != "",
		"json":            a.json,
		"display":         len(browserOpener()) > 0,
		"runtime_folder":  os.Getenv("XDG_RUNTIME_DIR") != "",
		"packaged":        false,
		"socket_in_place": false,
	}
	if program, err := os.Executable(); err == nil {
		settings["packaged"] = program == packaged
	}
	if path, err := api.FindSocket(dir); err == nil {
		settings["socket_in_place"] = filepath.Dir(path) == dir
	}
	if manager, err := serviceManager(); err == nil {
		s := manager.Status(ctx)
		settings["service"] = map[string]any{"system": s.System, "installed": s.Installed, "state": s.State}
	}
	return settings
}

// fileFigures is what a diagnosis says of one file.
type fileFigures struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Mode string `json:"mode"`
}

// storeFile are the names that the storage engine gives.
var storeFile = regexp.MustCompile(`^([0-9]{1,9}\.(sst|vlog|mem)|MANIFEST|KEYREGISTRY|DISCARD|LOCK|FORMAT|TALLY|COUNT)$`)

// maxFiles is how many files a diagnosis lists.
const maxFiles = 2000

// folderFiles lists the files whose names the program gives; of others, whose names may say something, there is the number.
func folderFiles(dir string) (any, error) {
	all, others := []fileFigures{}, 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // none, or gone meanwhile
			}
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		top, rest, inside := strings.Cut(name, "/")
		_, known := partNamed(top)
		if name != "." && (!known || inside && (rotation.PartOf(top) != rotation.Store || !storeFile.MatchString(rest))) || len(all) == maxFiles {
			others++
			if entry.IsDir() && !inside {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return nil // gone meanwhile
		}
		all = append(all, fileFigures{name, info.Size(), info.Mode().String()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking at the files of the folder: %w", err)
	}
	slices.SortFunc(all, func(x, y fileFigures) int { return strings.Compare(x.Name, y.Name) })
	return map[string]any{"files": all, "others": others}, nil
}

// writeDiagnosis writes a file that is its owner's alone, in the place of none.
func writeDiagnosis(path string, all []piece) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the diagnosis: %w", err)
	}
	z := zip.NewWriter(file)
	for _, p := range all {
		w, failed := z.Create(p.Name)
		if failed == nil {
			_, failed = w.Write(p.text)
		}
		err = errors.Join(err, failed)
	}
	if err = errors.Join(err, z.Close(), file.Close()); err != nil {
		os.Remove(path)
		return fmt.Errorf("writing the diagnosis: %w", err)
	}
	return nil
}
