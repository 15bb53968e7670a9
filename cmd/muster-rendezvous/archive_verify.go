package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/keys"
	"muster.example/internal/terminal"
	"muster.example/rendezvous/archive/audit"
	"muster.example/rendezvous/archive/segment"
	"muster.example/rendezvous/archive/storage"
)

const longArchiveVerify = `verify goes through a store and says what is not as its service wrote it: segments and
items that are missing, altered, under another name, or cut off; what others put
there, or tried to. It needs no private key. What it finds it names by the numbers of
segments and items, and the exit code is 1.

That nothing was taken from the end shows only by a head that was kept elsewhere: from
archive status, or from the file of archive run --heads. --service says whose chain
there must be; compare it with the key on the roll, since anybody can write a chain of
their own. --since names the head up to which a store was let go, because nobody has
to keep it longer.

With --json it prints
  {"chains": [{"org", "service", "segments", "items", "bytes", "from", "until",
               "findings", "head"}],
   "findings": [{"kind", "service", "object", "first_segment", "last_segment",
                 "first_item", "last_item", "envelope", "what"}], "more"}
of which findings has the first 10,000 and more says how many there are beyond them.
Kinds: missing, altered, reordered, truncated, forked, foreign, touched.`

// maxFindings is how many findings are collected for JSON.
const maxFindings = 10_000

// verified is what verify answers.
type verified struct {
	Chains   []verifiedChain `json:"chains"`
	Findings []audit.Finding `json:"findings"`
	More     int             `json:"more"`
}

type verifiedChain struct {
	audit.Summary
	Head string `json:"head,omitempty"`
}

func newArchiveVerify() *cobra.Command {
	var store storeOptions
	var against headOptions
	var services []string
	command := &cobra.Command{
		Use:     "verify",
		Short:   "hold a store against its chain; needs no key",
		Example: "muster-rendezvous archive verify --store /srv/store --heads /mnt/elsewhere/heads\nmuster-rendezvous archive verify --store s3://archive --s3-endpoint https://s3.example.org --s3-credentials s3.toml",
		Long:    longArchiveVerify,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			expected, err := parseServices(services)
			if err != nil {
				return err
			}
			heads, since, err := against.read(warnLine(c))
			if err != nil {
				return err
			}
			place, err := store.open()
			if err != nil {
				return err
			}
			defer place.Close()
			v := verifying{store: place, heads: heads, since: since, expected: expected, out: c.OutOrStdout(), asJSON: wantsJSON(c)}
			return v.verify(c.Context())
		},
	}
	store.addTo(command.Flags())
	against.addTo(command.Flags())
	command.Flags().StringArrayVar(&services, "service", nil, "the `key` of a service whose chain must be there, and no other's; may be given again")
	return command
}

func warnLine(c *cobra.Command) func(line int) {
	return func(line int) {
		terminal.Printf(c.ErrOrStderr(), "warning: line %d of the file of heads is no head\n", line)
	}
}

func parseServices(texts []string) (all []keys.PublicKey, err error) {
	for _, text := range texts {
		key, err := keys.ParsePublicKey(text)
		if err != nil {
			return nil, usageError{fmt.Errorf("--service %q is no key of a service", text)}
		}
		all = append(all, key)
	}
	return all, nil
}

// verifying is one run of verify.
type verifying struct {
	store        storage.Storage
	heads, since []segment.SignedHead
	expected     []keys.PublicKey
	out          io.Writer
	asJSON       bool

	answer verified
	found  int
}

func (v *verifying) verify(ctx context.Context) error {
	v.answer = verified{Chains: []verifiedChain{}, Findings: []audit.Finding{}}
	services, err := audit.Services(ctx, v.store, func(name string) {
		v.report(audit.Finding{Kind: audit.Foreign, Object: name, What: "nothing of an archive has such a name"})
	})
	if err != nil {
		return err
	}
	for _, service := range v.all(services) {
		summary, err := audit.Walk(ctx, v.store, service, audit.Options{Since: sinceOf(v.since, service), Heads: v.heads, Report: v.report}, nil)
		if err != nil {
			return err
		}
		v.chain(summary)
	}
	if len(v.answer.Chains) == 0 {
		return fmt.Errorf("there is no chain in %s", v.store)
	}
	return v.finish()
}

// all returns the services that are there, ought to be, or signed a head; those that nobody expects are reported.
func (v *verifying) all(there []keys.PublicKey) (all []keys.PublicKey) {
	seen := make(map[keys.PublicKey]bool)
	add := func(service keys.PublicKey) {
		if !seen[service] {
			seen[service] = true
			all = append(all, service)
		}
	}
	for _, service := range there {
		add(service)
	}
	for _, service := range v.expected {
		if !seen[service] {
			v.report(audit.Finding{Kind: audit.Missing, Service: service, What: "there is no chain of this service"})
		}
		add(service)
	}
	for _, head := range v.heads {
		add(head.Service)
	}
	if len(v.expected) == 0 {
		return all
	}
	for _, service := range there {
		if !contains(v.expected, service) {
			v.report(audit.Finding{Kind: audit.Foreign, Service: service, Object: audit.Prefix(service), What: "a chain of a service that --service does not name"})
		}
	}
	return all
}

func contains(all []keys.PublicKey, key keys.PublicKey) bool {
	for _, other := range all {
		if other == key {
			return true
		}
	}
	return false
}

func sinceOf(all []segment.SignedHead, service keys.PublicKey) *segment.SignedHead {
	for i := range all {
		if all[i].Service == service {
			return &all[i]
		}
	}
	return nil
}

func (v *verifying) report(f audit.Finding) {
	v.found++
	switch {
	case !v.asJSON:
		terminal.Printf(v.out, "%s\n", terminal.Line(f.String()))
	case len(v.answer.Findings) < maxFindings:
		v.answer.Findings = append(v.answer.Findings, f)
	default:
		v.answer.More++
	}
}

func (v *verifying) chain(summary audit.Summary) {
	chain := verifiedChain{Summary: summary}
	if summary.End != nil {
		chain.Head = summary.End.Text()
	}
	v.answer.Chains = append(v.answer.Chains, chain)
	if v.asJSON {
		return
	}
	terminal.Printf(v.out, "service %s of organization %s: %d segments, %d items, %d bytes\n", summary.Service, summary.Org, summary.Segments, summary.Items, summary.Bytes)
	if summary.End != nil {
		terminal.Printf(v.out, "  from %s to %s\n  head %s\n", terminal.Line(time.UnixMilli(summary.From).UTC().Format(statusTime)),
			terminal.Line(time.UnixMilli(summary.Until).UTC().Format(statusTime)), terminal.Line(chain.Head))
	}
}

func (v *verifying) finish() (err error) {
	switch {
	case v.asJSON:
		err = terminal.JSON(v.out, v.answer)
	case v.found > 0:
		_, err = terminal.Printf(v.out, "%d findings\n", v.found)
	case len(v.heads) == 0:
		_, err = terminal.Println(v.out, "what is there is as it was written; whether something was taken from the end, only a head that was kept says")
	default:
		_, err = terminal.Println(v.out, "everything is as it was written")
	}
	if v.found > 0 {
		err = errors.Join(err, errFound)
	}
	return err
}
