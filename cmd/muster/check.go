package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/membership"
	"muster.example/node"
	"muster.example/node/api"
	"muster.example/node/rotation"
	"muster.example/node/vault"
)

func (a *app) newCheck() *cobra.Command {
	var evidence, roll, keyFile string
	var passphraseFD int
	c := a.command(manual{
		use:   "check",
		short: "check this device's folder, evidence, or an exported roll",
		about: `Without --evidence: reads all of the folder while no node runs in it, and changes
nothing. Each roll is folded again from its entries and held against its checkpoint, each
message against its author's signature. It unlocks the folder as muster start does.

With --evidence: verifies a file that a device saved when a rendezvous node broke its
word, such as by showing two members two rolls (muster status names such files). It needs
no folder, no node and no network, and believes nobody: the file proves it or does not.

With --roll: folds a roll again that muster admin roll --export wrote, by all rules, and holds
it against its checkpoint. Compare the organization's id with one that you know.`,
		output: `What the folder holds, and what of it is damaged; or what the evidence proves. The exit
status is 1 if anything is damaged, or if the evidence proves nothing, and 2 if the file is
no evidence.`,
		json: `{"orgs": [{"org", "name", "entries", "checkpoint", "distrusted", "records", "messages",
  "alarms"}], "values", "proofs", "damage": [..]}
with --evidence: {"proved", "org", "org_name", "node", "term", "what"}
with --roll: {"org", "org_name", "entries", "hidden", "checkpoint", "node", "term", "members"}`,
		examples: []string{"muster check", "muster check --key-file bot.key --json", "muster check --evidence proof.cbor"},
		see:      []string{"status", "start"},
	}, exactly(), func(c *cobra.Command, _ []string) error {
		switch {
		case c.Flags().Changed("evidence") && c.Flags().Changed("roll"):
			return usage("--evidence and --roll are two questions")
		case c.Flags().Changed("evidence"):
			return a.checkEvidence(evidence)
		case c.Flags().Changed("roll"):
			return a.checkRoll(roll)
		}
		return a.checkFolder(c.Context(), keyFile, passphraseFD)
	})
	c.Flags().StringVar(&evidence, "evidence", "", "verify this `file` of evidence instead")
	c.Flags().StringVar(&roll, "roll", "", "fold this `file` of a roll instead")
	c.Flags().StringVar(&keyFile, "key-file", "", "unlock with this `file`")
	c.Flags().IntVar(&passphraseFD, "passphrase-fd", -1, "read the passphrase from descriptor `N`, its first line")
	c.PreRunE = descriptorGiven(&passphraseFD)
	return c
}

// checkEvidence verifies one file.
func (a *app) checkEvidence(path string) error {
	verdict, err := node.VerifyEvidence(path)
	switch {
	case errors.Is(err, membership.ErrUnproved):
		return api.Errorf(api.CodeFailed, "%v", err).WithHint("whoever made the file has shown nothing by it")
	case err != nil:
		return usage("%v", err).WithHint("name a file that muster status shows behind an alarm")
	}
	return a.answer(api.EvidenceResult{
		Proved: true, Org: verdict.Org.String(), OrgName: verdict.OrgName, Node: verdict.Node.String(), Term: verdict.Term, What: verdict.What,
	}, func(w io.Writer) {
		terminal.Printf(w, "Proved: the rendezvous node %s\n", verdict.What)
		terminal.Printf(w, "  organization  %s (%s)\n", verdict.OrgName, verdict.Org.String())
		terminal.Printf(w, "  node          %s, term %d\n", verdict.Node.String(), verdict.Term)
	})
}

// checkFolder reads the folder of a node that does not run.
func (a *app) checkFolder(ctx context.Context, keyFile string, passphraseFD int) error {
	dir, err := a.folder()
	if err != nil {
		return err
	}
	if !vault.Exists(dir) {
		return api.Errorf(api.CodeNotFound, "there is no node's folder %s", dir).WithHint("name it with --dir, or with MUSTER_DIR")
	}
	unlock, missing := a.unlock(ctx, keyFile, passphraseFD)
	v, err := vault.Open(dir, unlock)
	switch {
	case errors.Is(err, vault.ErrInUse):
		return api.Errorf(api.CodeFailed, "the node of %s is running", dir).
			WithHint("stop it first: what is read while it is written would look damaged")
	case missing != nil && errors.Is(err, vault.ErrNoUnlock):
		return missing // only now: a running node says more
	case err != nil:
		return explain(err)
	}
	defer v.Close()
	if err := rotation.Sweep(v); err != nil {
		return explain(err)
	}
	result, err := node.Check(node.Config{
		Dir: v.Path(rotation.Store), Key: v.Key("store"), Evidence: filepath.Join(v.Dir(), "evidence"),
	})
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	if err := a.answer(result, func(w io.Writer) { printCheck(w, result) }); err != nil {
		return err
	}
	if n := len(result.Damage); n > 0 {
		return api.Errorf(api.CodeFailed, "%s in %s", plural(n, "damaged thing"), dir).
			WithHint("nothing was changed: put the folder back from a copy, or join anew")
	}
	return nil
}

func printCheck(w io.Writer, result api.CheckResult) {
	for _, o := range result.Orgs {
		terminal.Printf(w, "%s (%s)\n  roll     %s, as of %s\n", o.Name, shortID(o.Org), plural(int(o.Entries), "event"), moment(o.Checkpoint))
		if o.Distrusted {
			terminal.Println(w, "           the rendezvous node was caught lying: no event is taken from it any more")
		}
		terminal.Printf(w, "  history  %s, %s\n", plural(o.Records, "record"), plural(o.Messages, "message"))
		if o.Alarms > 0 {
			terminal.Printf(w, "  alarms   %d\n", o.Alarms)
		}
	}
	terminal.Printf(w, "%s read, %s of evidence verified\n", plural(result.Values, "value"), plural(result.Proofs, "file"))
	for _, damage := range result.Damage {
		terminal.Printf(w, "DAMAGE  %s\n", terminal.Diagnosis(damage))
	}
	if len(result.Damage) == 0 {
		terminal.Println(w, "No damage.")
	}
}
