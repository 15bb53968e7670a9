package main

import (
	"context"
	"os/exec"

	"muster.example/internal/terminal"
	"muster.example/node/api"
	"muster.example/node/apiclient"
)

// joinSSO joins by the login that the person has at their organization's provider.
func (a *app) joinSSO(ctx context.Context, address, as string) error {
	address, err := a.firstLine(address, "URL")
	if err != nil {
		return err
	}
	opener := browserOpener()
	if _, person := a.terminal(); !person {
		opener = nil // nobody would see the browser
	}
	return a.withNode(func(client *apiclient.Client) error {
		login, err := client.BeginSSO(ctx, api.SSORequest{URL: address, As: as, Browser: len(opener) > 0})
		if err != nil {
			return err
		}
		if err := a.tellLogin(ctx, login, opener); err != nil {
			return err
		}
		result, err := client.FinishSSO(ctx, api.SSOFinishRequest{ID: login.ID})
		if err != nil {
			return err
		}
		if result.Joined == nil {
			return api.Errorf(api.CodeFailed, "the time for the login is over").WithHint("begin again")
		}
		return a.printJoined(*result.Joined, as)
	})
}

// tellLogin opens the login in a browser of this computer, or says where to log in with which code.
func (a *app) tellLogin(ctx context.Context, login api.SSOLogin, opener []string) error {
	if login.Code == "" {
		a.inform("Log in to %s in the browser that opens now. If none does, open this page on this computer:", login.OrgName)
		terminal.Println(a.stderr, terminal.Line(login.Login))
		if err := exec.CommandContext(ctx, opener[0], append(opener[1:], login.Login)...).Start(); err != nil {
			a.inform("No browser could be opened: %v", err)
		}
		return nil
	}
	a.inform("To log in to %s, open this page on any computer or telephone and type the code:", login.OrgName)
	terminal.Println(a.stderr, terminal.Line(login.Login))
	a.inform("  code   %s", login.Code)
	a.inform("After the login the page asks whether your device shows these words. Say yes only if they are the same:")
	a.inform("  words  %s", login.Words)
	return nil
}
