package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"

	"muster.example/internal/repotest/vector"
)

// signalledKey finds the programs that signal has signalled, by the argument that named them.
type signalledKey struct{}

// foundOrganization is `found RENDEZVOUS FOUNDER MEMBER...`: the nodes of these folders run already. The founder's
// creates the organization Lighthouse and the others join it, each under the name of their folder with a capital. It
// sets ORG, PORT (of the rendezvous node) and for each member ADA, BO, ... to the member's id. The words are in the files
// root.words, and ada.words, bo.words, ...
func foundOrganization(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: found rendezvous founder member...")
	}
	waitOK(ts, false, []string{"muster-rendezvous", "claim", "--dir", args[0]})
	claim := strings.TrimSpace(ts.ReadFile("stdout"))
	address := answerOf(ts, "addresses.0", "muster-rendezvous", "status", "--dir", args[0])
	ts.Setenv("PORT", address[strings.LastIndexByte(address, '/')+1:])
	invitation := ""
	for i, dir := range args[1:] {
		waitOK(ts, false, []string{"muster", "status", "--dir", dir})
		enter := []string{"join", invitation}
		if i == 0 {
			enter = []string{"org", "create", "Lighthouse", "--claim", claim}
		}
		member := answerOf(ts, "member", "muster", append(enter, "--as", nameOf(dir), "--dir", dir)...)
		saveWords(ts, "recovery_words", dir+".words")
		ts.Setenv(strings.ToUpper(dir), member)
		if i == 0 {
			saveWords(ts, "root_words", "root.words")
			ts.Setenv("ORG", answerOf(ts, "0.org", "muster", "org", "list", "--dir", dir))
			uses := strconv.Itoa(len(args))
			invitation = answerOf(ts, "invitation", "muster", "invite", "--uses", uses, "--dir", dir)
		}
	}
}

// saveWords writes the words of the last answer into a file.
func saveWords(ts *testscript.TestScript, field, path string) {
	var answer map[string]json.RawMessage
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &answer))
	var words []string
	ts.Check(json.Unmarshal(answer[field], &words))
	ts.Check(os.WriteFile(ts.MkAbs(path), []byte(strings.Join(words, " ")+"\n"), 0o600))
}

// nameOf returns the name of the member whose node has a folder: Ada for ada.
func nameOf(dir string) string { return strings.ToUpper(dir[:1]) + dir[1:] }

// answerOf runs a program with --json and returns the value at path of its answer.
func answerOf(ts *testscript.TestScript, path, program string, args ...string) string {
	ts.Check(ts.Exec(program, append(args, "--json")...))
	value, err := lookUp([]byte(ts.ReadFile("stdout")), path)
	ts.Check(err)
	return value
}

// acquaint is `acquaint ONE OTHER`: the member of the folder OTHER introduces themselves to ONE's, who accepts. It
// returns when both know.
func acquaint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: acquaint folder folder")
	}
	one, other := args[0], args[1]
	ts.Check(ts.Exec("muster", "introduce", nameOf(one), "It is "+nameOf(other)+".", "--dir", other))
	waitContact(ts, one, nameOf(other), "asks")
	ts.Check(ts.Exec("muster", "accept", nameOf(other), "--dir", one))
	waitContact(ts, other, nameOf(one), "acquainted")
}

func waitContact(ts *testscript.TestScript, dir, name, state string) {
	poll(ts, func() bool {
		if ts.Exec("muster", "contacts", "--json", "--dir", dir) != nil {
			return false
		}
		var contacts []struct{ Name, State string }
		ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &contacts))
		for _, c := range contacts {
			if c.Name == name && c.State == state {
				return true
			}
		}
		return false
	}, func() string { return fmt.Sprintf("%s is not %s: %s", name, state, ts.ReadFile("stdout")) })
}

// exitCode is `exitcode ARGUMENT NUMBER`, after the wait for a program that was signalled by the same ARGUMENT.
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: exitcode argument number")
	}
	command := ts.Value(signalledKey{}).(map[string]*exec.Cmd)[args[0]]
	if command == nil || command.ProcessState == nil {
		ts.Fatalf("no program with the argument %s was signalled and waited for", args[0])
	}
	if got := strconv.Itoa(command.ProcessState.ExitCode()); got != args[1] {
		ts.Fatalf("exit status %s, want %s", got, args[1])
	}
}

// waitError is `waiterr PATTERN PROGRAM ARGUMENT...`: it runs the program, which must fail, until its stderr fits the
// pattern.
func waitError(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: waiterr pattern program argument...")
	}
	pattern, err := regexp.Compile(args[0])
	ts.Check(err)
	poll(ts, func() bool {
		if ts.Exec(args[1], args[2:]...) == nil {
			ts.Fatalf("%s succeeded", args[1])
		}
		return pattern.MatchString(ts.ReadFile("stderr"))
	}, func() string { return "stderr: " + ts.ReadFile("stderr") })
}

// jsonShape is `shape FILE SHAPE`: it fails unless the JSON of FILE has at least what the JSON of the file SHAPE shows.
// There an object names the fields that must be present, a list of one element what a list must hold, at least one of
// it, and a string the type of a value: string, words (24 of them), bool, number, time, list or object.
func jsonShape(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: [!] shape file shape")
	}
	var value, shape any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &value))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &shape))
	if err := fits(value, shape); (err == nil) == neg {
		ts.Fatalf("%s and %s: %v", args[0], args[1], err)
	}
}

func fits(value, shape any) error {
	switch shape := shape.(type) {
	case map[string]any:
		object, ok := value.(map[string]any)
		if !ok {
			return fmt.Errorf("%v is no object", value)
		}
		for _, name := range slices.Sorted(maps.Keys(shape)) {
			field, present := object[name]
			if !present {
				return fmt.Errorf("there is no field %s", name)
			}
			if err := fits(field, shape[name]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		return nil
	case []any:
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			return fmt.Errorf("%v is no list with something in it", value)
		}
		for i, element := range list {
			if err := fits(element, shape[0]); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
		return nil
	}
	if !hasType(value, shape) {
		return fmt.Errorf("%v is no %v", value, shape)
	}
	return nil
}

func hasType(value, name any) bool {
	ok := false
	switch name {
	case "string":
		_, ok = value.(string)
	case "bool":
		_, ok = value.(bool)
	case "number":
		_, ok = value.(float64)
	case "list":
		_, ok = value.([]any)
	case "object":
		_, ok = value.(map[string]any)
	case "words":
		words, _ := value.([]any)
		ok = len(words) == 24
	case "time":
		text, _ := value.(string)
		_, err := time.Parse(time.RFC3339, text)
		ok = err == nil
	}
	return ok
}

// nowhere is `nowhere MARKER DIR...`: it fails if (with `!`: unless) a file or a file's name below one of the folders
// holds the marker, as it is or as another program would write it.
func nowhere(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: [!] nowhere marker folder...")
	}
	forms, found := formsOf(args[0]), ""
	for _, dir := range args[1:] {
		files := 0
		err := filepath.WalkDir(ts.MkAbs(dir), func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) { // a running node removes files
				return nil
			} else if err != nil {
				return err
			}
			for form, text := range forms {
				if bytes.Contains([]byte(entry.Name()), text) {
					found = fmt.Sprintf("the name %s holds it (%s)", path, form)
				}
			}
			if !entry.Type().IsRegular() {
				return nil
			}
			data, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			files++
			for form, text := range forms {
				if bytes.Contains(data, text) {
					found = fmt.Sprintf("%s holds it (%s)", path, form)
				}
			}
			return err
		})
		ts.Check(err)
		if files == 0 {
			ts.Fatalf("there is no file in %s: nothing was proved", dir)
		}
	}
	if (found != "") != neg {
		ts.Fatalf("the marker: %s", found)
	}
}

// formsOf returns a marker as bytes, UTF-16, hexadecimal digits, and base64 in the three places it can have there.
func formsOf(marker string) map[string][]byte {
	forms := map[string][]byte{"as it is": []byte(marker), "hexadecimal": []byte(hex.EncodeToString([]byte(marker)))}
	var wide []byte
	for _, unit := range utf16.Encode([]rune(marker)) {
		wide = append(wide, byte(unit), byte(unit>>8))
	}
	forms["UTF-16"] = wide
	for before := range 3 {
		// What depends on the neighbours, at either end, is cut off.
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, before), marker...))
		forms[fmt.Sprintf("base64, %d", before)] = []byte(text[(before*8+5)/6 : len(text)-1])
	}
	return forms
}

// canMount reports whether this process may mount a tmpfs.
var canMount = sync.OnceValue(func() bool {
	dir, err := os.MkdirTemp("", "muster-mount-*")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).Run() != nil {
		return false
	}
	return exec.Command("umount", dir).Run() == nil
})

// mountTmpfs is `tmpfs DIR SIZE`: it makes the folder and mounts an empty disk of that size on it, until the script
// ends.
func mountTmpfs(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tmpfs folder size")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "mode=700,size="+args[1], "tmpfs", dir).CombinedOutput(); err != nil {
		ts.Fatalf("mounting: %v: %s", err, out)
	}
	ts.Defer(func() {
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			ts.Logf("unmounting: %v: %s", err, out)
		}
	})
}

// swampFile is `swamp FILE [FREE]`: it writes until the file's disk is full, or only FREE MiB are left.
func swampFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: swamp file [mebibytes]")
	}
	file, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer file.Close()
	page := make([]byte, 4<<10)
	for err == nil {
		_, err = file.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		ts.Fatalf("filling the disk: %v", err)
	}
	if len(args) > 1 {
		free, err := strconv.ParseInt(args[1], 10, 32)
		ts.Check(err)
		all, err := file.Seek(0, io.SeekCurrent)
		ts.Check(err)
		ts.Check(file.Truncate(all - free<<20))
	}
}

// specVector is `specvector SPEC/NAME FILE`: it writes the bytes of a test vector of the specs.
func specVector(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: specvector spec/name file")
	}
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "spec", "testdata", filepath.FromSlash(args[0])+".txt"))
	ts.Check(err)
	v, err := vector.Parse(text)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), v.Data, 0o600))
}

// sparseFile is `sparse FILE BYTES`: the file has that length and takes no room.
func sparseFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: sparse file bytes")
	}
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), nil, 0o600))
	ts.Check(os.Truncate(ts.MkAbs(args[0]), size))
}

// helpPages is `pages COMMAND...`: each command's --help has the sections of a manual page, names its flags, fits a
// terminal of 100 columns and says nothing on stderr.
func helpPages(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: pages command...")
	}
	for _, command := range args {
		ts.Check(ts.Exec("muster", append(strings.Fields(command), "--help")...))
		page := ts.ReadFile("stdout")
		if noise := ts.ReadFile("stderr"); noise != "" {
			ts.Fatalf("%s --help: stderr: %s", command, noise)
		}
		if want := "NAME\n    muster " + command + " - "; !strings.HasPrefix(page, want) {
			ts.Fatalf("%s --help does not begin with %q", command, want)
		}
		for _, section := range []string{
			"SYNOPSIS", "DESCRIPTION", "OPTIONS", "OPTIONS OF EVERY COMMAND", "OUTPUT", "JSON", "EXIT STATUS", "EXAMPLES", "SEE ALSO",
		} {
			if !strings.Contains(page, "\n"+section+"\n    ") {
				ts.Fatalf("%s --help has no section %s", command, section)
			}
		}
		for line := range strings.Lines(page) {
			if len([]rune(line)) > 101 {
				ts.Fatalf("%s --help has a line of %d columns: %s", command, len([]rune(line))-1, line)
			}
		}
	}
}
