package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/terminal"
	"muster.example/membership"
	"muster.example/rendezvous/archive/reader"
)

const longArchiveRead = `read opens a store with the archive's private key. Do it where the key is, offline: with
a copy of the store, or with its bucket.

  muster-rendezvous archive read list      what was said, one line each
  muster-rendezvous archive read search    the same, of what holds a text
  muster-rendezvous archive read export    into a folder: JSON lines or mbox, and files
  muster-rendezvous archive read verify    everything that is not as it should be

--roll names the roll in a file, as muster admin roll --export writes it: it gives names
to members and groups, and whoever signed is held against it. Everything is opened
anew each time, in the order in which it came.`

// readOptions are the flags of all that opens a store.
type readOptions struct {
	store   storeOptions
	against headOptions
	keys    []string
	roll    string
}

func newArchiveRead() *cobra.Command {
	var options readOptions
	command := &cobra.Command{
		Use:     "read",
		Short:   "list, search, export and verify with the key",
		Example: "muster-rendezvous archive read list --store /srv/store --key archive.key --roll roll.cbor",
		Long:    longArchiveRead,
		Args:    usageArgs(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	flags := command.PersistentFlags()
	options.store.addTo(flags)
	options.against.addTo(flags)
	flags.StringArrayVar(&options.keys, "key", nil, "a `file` with a private key of the archive; may be given again")
	flags.StringVar(&options.roll, "roll", "", "the organization's roll in a `file`, of muster admin roll --export")
	command.AddCommand(newReadList(&options), newReadSearch(&options), newReadExport(&options), newReadVerify(&options))
	return command
}

// read opens the store and visits what is in it.
func (o *readOptions) read(c *cobra.Command, verify bool, report func(reader.Notice), visit func(*reader.Entry) error) (reader.Summary, error) {
	private, err := archivePrivate(c, o.keys)
	if err != nil {
		return reader.Summary{}, err
	}
	state, err := o.state()
	if err != nil {
		return reader.Summary{}, err
	}
	heads, since, err := o.against.read(warnLine(c))
	if err != nil {
		return reader.Summary{}, err
	}
	place, err := o.store.open()
	if err != nil {
		return reader.Summary{}, err
	}
	defer place.Close()
	return reader.Read(c.Context(), place, reader.Options{Keys: private, State: state, Heads: heads, Since: since, Verify: verify, Report: report}, visit)
}

// state folds the roll of a file by all rules; nil if none was named.
func (o *readOptions) state() (*membership.State, error) {
	if o.roll == "" {
		return nil, nil
	}
	data, err := readSmall(o.roll, membership.MaxRollFile)
	if err != nil {
		return nil, fmt.Errorf("reading the roll: %w", err)
	}
	file, err := membership.ParseRollFile(data)
	if err != nil {
		return nil, fmt.Errorf("reading the roll: %w", err)
	}
	roll, _, err := file.Fold()
	if err != nil {
		return nil, fmt.Errorf("the roll in %s does not hold: %w", o.roll, err)
	}
	return roll.State(), nil
}

// queryOptions are the flags that say what is wanted.
type queryOptions struct {
	from, to, after, before string
	kinds                   []string
}

func (o *queryOptions) addTo(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&o.from, "from", "", "only of this `member`: name, id, or device")
	flags.StringVar(&o.to, "to", "", "only to this `member` or group: name or id")
	flags.StringVar(&o.after, "after", "", "only what came to the archive at this `time` or later: 2026-11-30, or as RFC 3339 has it")
	flags.StringVar(&o.before, "before", "", "only what came before this `time`")
	flags.StringArrayVar(&o.kinds, "kind", nil, "only this `kind`: message, edit, deletion, reaction, read, introduction, report, other; may be given again")
}

func (o *queryOptions) query() (q reader.Query, err error) {
	q = reader.Query{From: o.from, To: o.to}
	for _, kind := range o.kinds {
		if !reader.IsKind(reader.Kind(kind)) {
			return q, usageError{fmt.Errorf("--kind %q is none that there is", kind)}
		}
		q.Kinds = append(q.Kinds, reader.Kind(kind))
	}
	if q.After, err = parseTime("after", o.after); err == nil {
		q.Before, err = parseTime("before", o.before)
	}
	return q, err
}

func parseTime(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{fmt.Errorf("--%s %q is no day like 2026-11-30 and no time like 2026-11-30T08:00:00Z", flag, text)}
}

const longReadList = `list prints what was said, one line each: when it came to the archive, what it is, who
said it and to whom, subject and text. The time is that of the archive's service: what
authors say of time is theirs, and is in --json beside it.

With --json it prints a line of JSON each
  {"schema", "item", "kind", "id", "about", "conversation", "from": {"id", "name"},
   "device", "to": [..], "group", "guest", "arrived", "time", "subject", "text",
   "emoji", "thread", "reply", "attachments": [{"name", "size", "sha256", "file"}],
   "forwarded", "again", "envelope", "content"}
of which those are missing that say nothing. What does not open goes to standard
error; archive read verify says more.`

func newReadList(options *readOptions) *cobra.Command {
	var wanted queryOptions
	command := &cobra.Command{
		Use:     "list",
		Short:   "what was said, one line each",
		Example: "muster-rendezvous archive read list --store /srv/store --key archive.key --roll roll.cbor --from anna --after 2026-11-01",
		Long:    longReadList,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			query, err := wanted.query()
			if err != nil {
				return err
			}
			return options.show(c, query)
		},
	}
	wanted.addTo(command)
	return command
}

func newReadSearch(options *readOptions) *cobra.Command {
	var wanted queryOptions
	command := &cobra.Command{
		Use:     "search QUERY",
		Short:   "what holds a text in subject, text or the name of a file",
		Example: "muster-rendezvous archive read search invoice --store /srv/store --key archive.key --roll roll.cbor",
		Long:    "search prints what list does, of what holds QUERY in its subject, its text or the name of a\nfile, in letters of either case. It goes through everything.",
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			query, err := wanted.query()
			if err != nil {
				return err
			}
			if query.Text = args[0]; strings.TrimSpace(query.Text) == "" {
				return usageError{errors.New("QUERY is a text to look for")}
			}
			return options.show(c, query)
		},
	}
	wanted.addTo(command)
	return command
}

// show prints the entries that are wanted.
func (o *readOptions) show(c *cobra.Command, query reader.Query) error {
	out, found := c.OutOrStdout(), false
	_, err := o.read(c, false, func(n reader.Notice) {
		terminal.Printf(c.ErrOrStderr(), "warning: %s\n", terminal.Line(n.String()))
	}, func(e *reader.Entry) error {
		if !query.Wants(e) {
			return nil
		}
		found = true
		if wantsJSON(c) {
			return terminal.JSON(out, e)
		}
		_, err := terminal.Printf(out, "%s  %s  %s\n", terminal.Line(e.Arrived.Format(time.DateTime)), terminal.Line(string(e.Kind)), e.Line())
		return err
	})
	if err == nil && !found {
		terminal.Println(c.ErrOrStderr(), "the archive has nothing of that kind; names are those of the roll, given with --roll")
	}
	return err
}

const longReadExport = `export writes what was said into a folder that is empty or is made: messages.jsonl, with
the lines of list --json, or messages.mbox for programs that read mail; and the files
of messages in files/, as they are named there. What is not whole is reported, and the
exit code is then 1.

With --json it prints {"entries", "files", "notices"}.`

func newReadExport(options *readOptions) *cobra.Command {
	var wanted queryOptions
	var format string
	command := &cobra.Command{
		Use:     "export FOLDER",
		Short:   "into a folder: JSON lines or mbox, and files",
		Example: "muster-rendezvous archive read export case-7 --store /srv/store --key archive.key --roll roll.cbor --from anna",
		Long:    longReadExport,
		Args:    usageArgs(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			query, err := wanted.query()
			if err != nil {
				return err
			}
			if format != "json" && format != "mbox" {
				return usageError{fmt.Errorf("--format %q is not json or mbox", format)}
			}
			return options.export(c, args[0], format == "mbox", query)
		},
	}
	wanted.addTo(command)
	command.Flags().StringVar(&format, "format", "json", "`json`, a line each, or mbox")
	return command
}

func (o *readOptions) export(c *cobra.Command, dir string, mbox bool, query reader.Query) error {
	notices := 0
	report := func(n reader.Notice) {
		notices++
		terminal.Printf(c.ErrOrStderr(), "warning: %s\n", terminal.Line(n.String()))
	}
	export, err := reader.NewExport(dir, mbox, query, report)
	if err != nil {
		return err
	}
	_, err = o.read(c, false, report, export.Add)
	if err = errors.Join(err, export.Close()); err != nil {
		return err
	}
	if wantsJSON(c) {
		err = terminal.JSON(c.OutOrStdout(), map[string]int{"entries": export.Entries, "files": export.Files, "notices": notices})
	} else {
		_, err = terminal.Printf(c.OutOrStdout(), "%d entries and %d files in %s\n", export.Entries, export.Files, terminal.Line(dir))
	}
	if err == nil && notices > 0 {
		err = errFound
	}
	return err
}

const longReadVerify = `verify opens everything and says what is not as it should be: all that archive verify
says, and
  unopened    an item that does not open for the archive, with sender, time and envelope
  differs     a receiver opened something else than the archive: a sender who cheats
  absent      a receiver opened what the archive never got
  gap         a rendezvous node says that it passed messages on without a copy
  numbers     an author left numbers out: messages that the archive does not have
  line        a message names another one before it than the archive has there
  stranger    the roll does not know who signed
  unreadable  it opened, and this version does not know what it says
A released account's messages are not archived while it is released: that shows as
numbers that are not here. The exit code is 1 if there is anything.

With --json it prints
  {"summary": {"chains", "messages", "others", "notices"},
   "notices": [{"kind", "item", "envelope", "device", "name", "time", "what"}], "more"}`

func newReadVerify(options *readOptions) *cobra.Command {
	return &cobra.Command{
		Use:     "verify",
		Short:   "everything that is not as it should be",
		Example: "muster-rendezvous archive read verify --store /srv/store --key archive.key --roll roll.cbor --heads heads",
		Long:    longReadVerify,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return options.verify(c.Context(), c)
		},
	}
}

// readVerified is what read verify answers.
type readVerified struct {
	Summary reader.Summary  `json:"summary"`
	Notices []reader.Notice `json:"notices"`
	More    int             `json:"more"`
}

func (o *readOptions) verify(_ context.Context, c *cobra.Command) error {
	answer := readVerified{Notices: []reader.Notice{}}
	summary, err := o.read(c, true, func(n reader.Notice) {
		switch {
		case !wantsJSON(c):
			terminal.Printf(c.OutOrStdout(), "%s\n", terminal.Line(n.String()))
		case len(answer.Notices) < maxFindings:
			answer.Notices = append(answer.Notices, n)
		default:
			answer.More++
		}
	}, func(*reader.Entry) error { return nil })
	if err != nil {
		return err
	}
	answer.Summary = summary
	if wantsJSON(c) {
		err = terminal.JSON(c.OutOrStdout(), answer)
	} else {
		_, err = terminal.Printf(c.OutOrStdout(), "%d messages and %d other envelopes opened; %d notices\n", summary.Messages, summary.Others, summary.Notices)
	}
	if err == nil && summary.Notices > 0 {
		err = errFound
	}
	return err
}
