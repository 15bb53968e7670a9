package main

import (
	"context"
	"html"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
	"muster.example/node/vault"
)

func (a *app) newWeb() *cobra.Command {
	return a.command(manual{
		use:   "web",
		short: "open the app in a browser",
		about: `Makes a link by which a browser comes to the app that this device's node serves. From a
terminal with a display the browser is opened. A browser stays signed in until the node
stops, or until it was not used for 30 days.`,
		output:   "The link, http://HOST:PORT/login/CODE. It works once, for ten minutes.",
		json:     `{"link", "expires"}`,
		examples: []string{"muster web"},
		see:      []string{"start"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		return a.withNode(func(client *apiclient.Client) error {
			login, err := client.Login(c.Context())
			if err != nil {
				return err
			}
			a.browse(c.Context(), login)
			return a.answer(login, func(w io.Writer) { terminal.Println(w, terminal.Line(login.Link)) })
		})
	})
}

// browserLimit is how long the system has to start a browser.
const browserLimit = 10 * time.Second

// loginFile is the page in the node's folder by which a browser gets a login link.
const loginFile = "open.html"

// browse opens a login link if a person sits at a terminal with a display. It fails in silence: the link is printed too.
func (a *app) browse(ctx context.Context, login api.Login) {
	opener := browserOpener()
	if _, person := a.terminal(); !person || len(opener) == 0 {
		return
	}
	dir, err := a.folder()
	if err != nil {
		return
	}
	// Everybody can read the arguments of a program, and whoever comes first uses the link up: it travels in a file.
	page := `<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=` + html.EscapeString(login.Link) + `"><title>Muster</title>`
	if err := vault.WriteFile(dir, loginFile, []byte(page)); err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, browserLimit)
	defer cancel()
	command := exec.CommandContext(ctx, opener[0], append(opener[1:], filepath.Join(dir, loginFile))...)
	command.Run() //nolint:errcheck // as above
}

// browserOpener returns the command that opens a file in the person's browser; none without a display.
func browserOpener() []string {
	switch {
	case runtime.GOOS == "darwin":
		return []string{"open"}
	case runtime.GOOS == "windows":
		return []string{"rundll32", "url.dll,FileProtocolHandler"}
	case os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "":
		return []string{"xdg-open"}
	}
	return nil
}
