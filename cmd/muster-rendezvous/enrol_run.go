package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"muster.example/internal/task"
	"muster.example/membership"
	"muster.example/rendezvous/enrolment"
)

const longEnrolRun = `run serves until it gets SIGINT or SIGTERM. Devices and people reach it under --url, by
HTTPS: with --tls-cert and --tls-key it has a certificate itself, which is read anew for
each connection; without, it listens on loopback alone, behind a proxy that has one and
says in X-Forwarded-For who asks.

--org is the organization's card, muster:card/..., which muster admin sso show prints: it says
where the roll is. --issuer, --client-id and --url must be what the roll
names. At the provider, register a confidential web client with the redirect URI URL/callback,
authorization code with PKCE, and refresh tokens (scope offline_access). The client's secret is
read from a file.

Who may join: --require CLAIM=VALUE, all that are given; a claim that is a list has to hold
the value. --desk CLAIM=VALUE makes a desk of who matches, if the roll lets the key.
--group CLAIM=VALUE:GROUP takes who matches into a listed group that the roll names for the key.
Claims may need further scopes: --scope email.

How people leave: every --check the provider is asked about each account. Whom it refuses
twice, a minute apart, is suspended; a provider that does not answer suspends nobody.

Every option is also a setting of a configuration file, as for run.`

// enrolOptions are the flags of enrol run.
type enrolOptions struct {
	org, url, issuer, client, secretFile, ca string
	listen, cert, key                        string
	scopes, require, desk, groups            []string
	check                                    time.Duration
	logFormat, logLevel                      string
}

func newEnrolRun() *cobra.Command {
	var o enrolOptions
	var printOnly bool
	command := &cobra.Command{
		Use:   "run",
		Short: "serve the enrolment of members by a login",
		Example: "muster-rendezvous enrol run --dir /srv/enrolment --config /etc/muster/enrolment.toml\n" +
			"muster-rendezvous enrol run --org muster:card/... --url https://enrol.example.org --issuer https://login.example.org" +
			" --client-id muster --client-secret-file secret --listen 127.0.0.1:8080 --require groups=staff",
		Long: longEnrolRun,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := enrolFolder(c)
			if err != nil {
				return err
			}
			if err := c.Flags().Set("dir", dir); err != nil {
				return err
			}
			held, err := readSettings(c)
			if err != nil {
				return err
			}
			if printOnly {
				return held.print(c, dir)
			}
			cfg, err := o.config(dir)
			if err != nil {
				return err
			}
			return runEnrol(c.Context(), cfg)
		},
	}
	flags := command.Flags()
	flags.String("config", "", "read settings from this `file` (default: the file config in the folder, if there is one)")
	flags.BoolVar(&printOnly, "print-config", false, "show the settings that hold, as a configuration file, and start nothing")
	flags.StringVar(&o.org, "org", "", "the organization's `card`, muster:card/...")
	flags.StringVar(&o.url, "url", "", "the `URL` under which people and devices reach the service, https://...")
	flags.StringVar(&o.issuer, "issuer", "", "the provider's issuer, a `URL`")
	flags.StringVar(&o.client, "client-id", "", "the service's `id` at the provider")
	flags.StringVar(&o.secretFile, "client-secret-file", "", "the `file` with the client's secret at the provider")
	flags.StringVar(&o.ca, "provider-ca", "", "trust the certificates of this PEM `file` for the provider, beside the system's")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8080", "listen at `host:port`")
	flags.StringVar(&o.cert, "tls-cert", "", "the `file` of the certificate for the URL")
	flags.StringVar(&o.key, "tls-key", "", "the `file` of its key")
	flags.StringArrayVar(&o.scopes, "scope", nil, "ask the provider for this `scope` too")
	flags.StringArrayVar(&o.require, "require", nil, "let in who has this `claim=value`, and the others given")
	flags.StringArrayVar(&o.desk, "desk", nil, "make a desk of who has this `claim=value`")
	flags.StringArrayVar(&o.groups, "group", nil, "take who has a claim into a group: `claim=value:group`")
	flags.DurationVar(&o.check, "check", enrolment.DefaultCheck, "how often the provider is asked about each account, a `duration`")
	flags.StringVar(&o.logFormat, "log-format", "text", "how the log is written: `text` or json")
	flags.StringVar(&o.logLevel, "log-level", "info", "what is logged: `debug`, info, warn or error, and what is worse")
	return command
}

// config turns the flags into settings.
func (o *enrolOptions) config(dir string) (cfg enrolment.Config, err error) {
	cfg = enrolment.Config{
		Dir: dir, URL: o.url, Issuer: o.issuer, Client: o.client, Scopes: o.scopes, Check: o.check, Listen: o.listen, Cert: o.cert, Key: o.key,
	}
	if err := checkLog(o.logFormat, o.logLevel); err != nil {
		return cfg, err
	}
	cfg.Logger = slog.New(newHandler(os.Stderr, o.logFormat, o.logLevel))
	if cfg.Org, err = membership.ParseCard(o.org); err != nil {
		return cfg, usageError{fmt.Errorf("--org is not the organization's card, which begins with muster:card/")}
	}
	for _, text := range o.require {
		match, err := enrolment.ParseMatch(text)
		if err != nil {
			return cfg, usageError{fmt.Errorf("--require: %w", err)}
		}
		cfg.Rules.Require = append(cfg.Rules.Require, match)
	}
	for _, text := range o.desk {
		match, err := enrolment.ParseMatch(text)
		if err != nil {
			return cfg, usageError{fmt.Errorf("--desk: %w", err)}
		}
		cfg.Rules.Desk = append(cfg.Rules.Desk, match)
	}
	for _, text := range o.groups {
		rule, err := enrolment.ParseGroupRule(text)
		if err != nil {
			return cfg, usageError{fmt.Errorf("--group: %w", err)}
		}
		cfg.Rules.Groups = append(cfg.Rules.Groups, rule)
	}
	if cfg.Secret, err = readSecret(o.secretFile); err != nil {
		return cfg, err
	}
	cfg.HTTP, err = trusting(o.ca)
	return cfg, err
}

// trusting returns a client that trusts the certificates of a file beside the system's; nil for no file.
func trusting(path string) (*http.Client, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the provider's certificates: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, usageError{fmt.Errorf("--provider-ca: %s holds no certificate", path)}
	}
	return &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true,
	}}, nil
}

// runEnrol runs the service until a signal.
func runEnrol(ctx context.Context, cfg enrolment.Config) error {
	service, err := enrolment.New(cfg)
	if errors.Is(err, enrolment.ErrConfig) {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	life, end := context.WithCancel(ctx)
	defer end()
	group := task.New(ctx)
	var failed error
	group.Go("service", func(context.Context) error {
		failed = service.Run(life)
		group.Stop() // the others wait for that
		return nil
	})
	group.Go("greeting", func(ctx context.Context) error {
		select {
		case <-ctx.Done():
		case <-service.Ready():
			cfg.Logger.Info("enrolling members", "at", service.Address(), "url", cfg.URL, "issuer", cfg.Issuer)
		}
		return nil
	})
	group.Go("signals", func(ctx context.Context) error { return obey(ctx, signals, end, os.Exit) })
	return errors.Join(group.Wait(), failed)
}

// firstLineOf returns the first line of a small file.
func firstLineOf(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}
