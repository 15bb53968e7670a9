package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/vault"
)

// uninstalled is what uninstall did.
type uninstalled struct {
	Service bool             `json:"service"` // one was removed
	Removed api.List[string] `json:"removed"` // paths
	Left    api.List[string] `json:"left"`
	Program string           `json:"program"` // which it does not remove
}

func (a *app) newUninstall() *cobra.Command {
	var data bool
	return withData(&data, a.command(manual{
		use:   "uninstall [--data]",
		short: "remove what Muster put on this computer",
		about: `Removes the service, and from the node's folder what is made anew by itself: the socket, the
search index, the log. Your keys and messages stay, and it says where they are.

With --data they go too, after you said yes. Nothing brings them back: without another device
or the recovery words you lose the accounts, and messages that only this device has. What
Muster did not make, such as files that you put into the folder, stays, and so do a key file
elsewhere and files that you saved. The program itself goes as it came: it says how.

If a node runs in the folder that the service did not start, stop it first.`,
		output:   "What was removed, what is left, and how that is removed.",
		json:     `{"service", "removed": [..], "left": [..], "program"}`,
		examples: []string{"muster uninstall", "muster uninstall --data"},
		see:      []string{"service remove", "device"},
	}, exactly(), func(c *cobra.Command, _ []string) error { return a.uninstall(c.Context(), data) }))
}

func withData(data *bool, c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(data, "data", false, "remove your keys and messages too, for good")
	return c
}

func (a *app) uninstall(ctx context.Context, data bool) error {
	dir, err := a.folder()
	if err != nil {
		return err
	}
	here := vault.Exists(dir)
	if data && here && !a.confirm("Remove your keys and all messages in "+dir+", for good?") {
		return a.refusedUnlessYes()
	}
	var result uninstalled
	if result.Program, err = os.Executable(); err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	if result.Service, err = removeService(ctx); err != nil {
		return err
	}
	if here {
		err := vault.Apart(dir, func() error { return result.clear(dir, data) })
		if errors.Is(err, vault.ErrInUse) {
			return api.Errorf(api.CodeFailed, "a node runs in %s: nothing in the folder was removed", dir).WithHint("stop it (Ctrl-C where it runs), then do this again")
		}
		if err != nil {
			return err
		}
		if data { // by now it is empty, unless there is something of the person's own in it
			os.Remove(filepath.Join(dir, "LOCK")) //nolint:errcheck // it is named as left then
			os.Remove(dir)                        //nolint:errcheck // as above
		}
		result.look(dir)
	}
	return a.answer(result, func(w io.Writer) { result.print(w, dir, here) })
}

// removeService removes the service where the system has any.
func removeService(ctx context.Context) (bool, error) {
	manager, err := serviceManager()
	if err != nil {
		return false, nil // a system without services has none of ours
	}
	was, err := manager.Remove(ctx)
	return was, explainService(err)
}

// clear removes the parts of the folder: all of them with data.
func (u *uninstalled) clear(dir string, data bool) error {
	if socket, err := api.FindSocket(dir); err == nil && filepath.Dir(socket) != dir {
		if info, err := os.Lstat(socket); err == nil && info.Mode().Type() == fs.ModeSocket {
			if err := os.Remove(socket); err != nil {
				return fmt.Errorf("removing the socket: %w", err)
			}
			u.Removed = append(u.Removed, socket)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("reading the folder: %w", err)
	}
	for _, p := range parts {
		for _, entry := range entries { // a part has more names than one after its data key was replaced
			if own, known := partNamed(entry.Name()); !known || own.name != p.name {
				continue
			}
			if err := u.remove(filepath.Join(dir, entry.Name()), p, data); err != nil {
				return err
			}
		}
	}
	return nil
}

// remove removes a part if it is one that goes.
func (u *uninstalled) remove(path string, p part, data bool) error {
	if p.about != "" && !data || p.name == "LOCK" { // LOCK is held
		return nil
	}
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("removing %s: %w", path, err)
	}
	u.Removed = append(u.Removed, path)
	return nil
}

// look notes what is left in the folder.
func (u *uninstalled) look(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return // it is gone
	}
	for _, entry := range entries {
		u.Left = append(u.Left, filepath.Join(dir, entry.Name()))
	}
}

func (u *uninstalled) print(w io.Writer, dir string, here bool) {
	if u.Service {
		terminal.Println(w, "Removed the service.")
	}
	for _, path := range u.Removed {
		terminal.Printf(w, "Removed %s\n", terminal.Line(path))
	}
	if !u.Service && len(u.Removed) == 0 {
		terminal.Println(w, "There was nothing to remove.")
	}
	if len(u.Left) > 0 {
		terminal.Printf(w, "\nLeft in %s:\n", terminal.Line(dir))
		ours := false
		for _, path := range u.Left {
			about := "not made by Muster"
			if p, known := partNamed(filepath.Base(path)); known {
				about, ours = p.about, true
			}
			terminal.Printf(w, "  %s  %s\n", terminal.Line(filepath.Base(path)), terminal.Line(about))
		}
		if ours {
			terminal.Println(w, "Your keys and messages are there as long as the key slots and the store are. To remove them for good:")
			terminal.Printf(w, "  muster uninstall --data --dir %s\n", terminal.Line(dir))
		}
	} else if !here {
		terminal.Printf(w, "There is no node's folder %s\n", terminal.Line(dir))
	}
	terminal.Println(w)
	terminal.Println(w, "A key file elsewhere, and files that you saved, are where you put them.")
	how := terminal.Line("delete " + u.Program)
	if u.Program == packaged {
		how = "apt remove muster"
	}
	terminal.Printf(w, "To remove the program: %s\n", how)
}

// packaged is where Debian's package puts the program.
const packaged = "/usr/bin/muster"
