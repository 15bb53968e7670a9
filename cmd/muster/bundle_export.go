package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/bundle"
	"muster.example/internal/durable"
	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

const (
	bundleEnding = ".muster"
	partEnding   = ".part"
	// maxBundleParts bounds the files of one bundle.
	maxBundleParts = 9999
)

// bundled is what muster bundle export answers.
type bundled struct {
	api.BundleWritten
	Files api.List[string] `json:"files"`
}

func (a *app) newBundleExport() *cobra.Command {
	var request api.BundleRequest
	var split string
	var members []string
	c := a.command(manual{
		use:   "export FILE|DIR [--for MEMBER|GROUP]... [--split SIZE]",
		short: "write what waits for members into a file",
		about: `Into FILE, or a new file in the folder DIR: your own messages that not all their devices have,
what you carry for others, receipts on their way back, and what devices that were away need:
the newest of the roll, bars, and keys to write with. With --split into several files of at
most that size, each of which can be read alone. An export that broke off goes on when the
same command is given again. What is exported goes on being sent in other ways, too: copies
do no harm.`,
		args:   []string{"FILE|DIR   a new file, or a folder, of a stick say"},
		output: "The files. What is in them, and what is not, goes to stderr.",
		json: `{"bundle", "org", "made", "parts", "bytes", "own", "carried", "receipts", "entries",
  "bars", "prekeys", "unsealed", "too_large", "left", "messages", "receivers", "files"}`,
		examples: []string{"muster bundle export /media/ada/stick", "muster bundle export crew.muster --for Crew --split 700M"},
		see:      []string{"bundle"},
	}, exactly("FILE|DIR"), func(c *cobra.Command, args []string) error {
		request.For = members
		if split != "" {
			var err error
			if request.Split, err = sizeOf(split); err != nil {
				return err
			}
		}
		base, err := bundleBase(args[0], time.Now())
		if err != nil {
			return err
		}
		return a.withNode(func(client *apiclient.Client) error {
			done, err := a.exportBundle(c.Context(), client, request, base)
			if err != nil {
				return err
			}
			a.tellBundled(done.BundleWritten)
			return a.answer(done, func(w io.Writer) {
				for _, name := range done.Files {
					terminal.Println(w, terminal.Line(name))
				}
			})
		})
	})
	c.Flags().StringVar(&request.Org, "org", "", "of this `ORG`, by name or id")
	c.Flags().StringArrayVar(&members, "for", nil, "only what is for this `MEMBER|GROUP`; may be given several times")
	c.Flags().StringVar(&split, "split", "", "into files of at most this `SIZE`, like 700M or 4G")
	return c
}

// tellBundled says in words what lies in a bundle.
func (a *app) tellBundled(w api.BundleWritten) {
	if w.Own+w.Carried+w.Receipts == 0 {
		a.inform("Nothing that waits is in it: news of the organization, and keys to write with.")
	} else {
		a.inform("%s of yours, %s of others, %s on the way back, for %s.", plural(w.Own, "envelope"), plural(w.Carried, "envelope"),
			plural(w.Receipts, "receipt"), plural(w.Receivers, "device"))
	}
	for _, line := range []struct {
		count int
		text  string
	}{
		{w.Unsealed, "of yours not in it: that cannot be sealed before a server, or a bundle with the keys of those devices, was here"},
		{w.TooLarge, "larger than a file may be: not in it"},
		{w.Left, "left for another bundle: this one is as long as one may be"},
	} {
		if line.count > 0 {
			a.inform("%d %s.", line.count, terminal.Plain(line.text))
		}
	}
}

// bundleBase returns the path of a bundle's files without their ending.
func bundleBase(target string, now time.Time) (string, error) {
	target, err := filepath.Abs(target)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		target = filepath.Join(target, "muster-"+now.UTC().Format("20060102"))
		for n := 2; n < maxBundleParts && isWritten(target); n++ { // one a day and more; a name without a colon, for FAT
			target = strings.TrimSuffix(target, "-"+strconv.Itoa(n-1)) + "-" + strconv.Itoa(n)
		}
	}
	base := strings.TrimSuffix(target, bundleEnding)
	if isWritten(base) {
		return "", usage("%s is there already", base+bundleEnding).WithHint("name a file that is not there")
	}
	return base, nil
}

// isWritten reports whether a whole bundle has the name.
func isWritten(base string) bool {
	if _, err := os.Lstat(base + bundleEnding); err == nil {
		return true
	}
	names, err := os.ReadDir(filepath.Dir(base))
	if err != nil {
		return false
	}
	for _, entry := range names {
		if strings.HasPrefix(entry.Name(), filepath.Base(base)+".1-of-") && strings.HasSuffix(entry.Name(), bundleEnding) {
			return true
		}
	}
	return false
}

func partName(base string, part uint64) string {
	return base + "." + strconv.FormatUint(part, 10) + partEnding
}

// exportBundle writes beside the names that the files get, and renames them once all are whole and on the drive.
func (a *app) exportBundle(ctx context.Context, client *apiclient.Client, request api.BundleRequest, base string) (done bundled, err error) {
	if request.Resume, err = leftOver(base); err != nil {
		return done, err
	}
	if request.Resume != nil {
		a.inform("Going on with what is there: %s.", plural(len(request.Resume.Tags)/len(bundle.Tag{}), "item"))
	}
	from, err := client.ExportBundle(ctx, request)
	if err != nil {
		return done, err
	}
	defer from.Close()
	for {
		name, content, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return done, a.brokeOff(ctx, err)
		}
		if name == "result" {
			if err := json.NewDecoder(content).Decode(&done.BundleWritten); err != nil {
				return done, a.brokeOff(ctx, err)
			}
			continue
		}
		part, err := strconv.ParseUint(name, 10, 64)
		if err != nil || part == 0 || part > maxBundleParts {
			return done, fmt.Errorf("part %q of the bundle", name)
		}
		if err := writeBundlePart(partName(base, part), request.Resume, part, content); err != nil {
			return done, a.brokeOff(ctx, err)
		}
	}
	if done.Bundle == "" {
		return done, a.brokeOff(ctx, io.ErrUnexpectedEOF)
	}
	if err := nameBundle(base, &done); err != nil {
		return done, err
	}
	_, err = client.BundleKept(ctx, done.Bundle)
	return done, err
}

// brokeOff says how a bundle goes on.
func (a *app) brokeOff(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(cause, fs.ErrNotExist) {
		return api.Errorf(api.CodeNotFound, "writing the bundle: %v", cause).WithHint("see whether the folder is there, and the drive plugged in")
	}
	return api.Errorf(api.CodeFailed, "writing the bundle: %v", cause).
		WithHint("make room, or plug the drive in again, and give the same command: it goes on from there")
}

// writeBundlePart writes one part, or goes on with one, durably.
func writeBundlePart(name string, resume *api.BundleResume, part uint64, content io.Reader) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	size := int64(0)
	if resume != nil && resume.Part == part {
		size = resume.Size
	}
	if err = file.Truncate(size); err == nil {
		if _, err = file.Seek(size, io.SeekStart); err == nil {
			_, err = io.Copy(file, content)
		}
	}
	return errors.Join(err, file.Sync(), file.Close())
}

// nameBundle gives the files of a bundle their names.
func nameBundle(base string, done *bundled) error {
	for part := 1; part <= done.Parts; part++ {
		name := base + bundleEnding
		if done.Parts > 1 {
			name = fmt.Sprintf("%s.%d-of-%d%s", base, part, done.Parts, bundleEnding)
		}
		if err := os.Rename(partName(base, uint64(part)), name); err != nil {
			return err
		}
		done.Files = append(done.Files, name)
	}
	return durable.Folder(filepath.Dir(base))
}

// leftOver returns what an export that broke off has left; nil for nothing.
func leftOver(base string) (*api.BundleResume, error) {
	var found *api.BundleResume
	for part := uint64(1); part <= maxBundleParts; part++ {
		file, err := os.Open(partName(base, part))
		if errors.Is(err, fs.ErrNotExist) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		outline, err := bundle.ReadOutline(file)
		file.Close() //nolint:errcheck // it was read
		if err != nil {
			return nil, err
		}
		if len(outline.Tags) == 0 {
			return found, nil
		}
		if found == nil {
			found = &api.BundleResume{First: bytes.Clone(outline.First)}
		}
		found.Part, found.Size, found.Items = part, outline.Size, uint64(len(outline.Tags))
		for _, tag := range outline.Tags {
			found.Tags = append(found.Tags, tag[:]...)
		}
	}
	return found, nil
}
