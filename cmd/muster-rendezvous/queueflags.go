package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/spf13/pflag"

	"muster.example/rendezvous"
	"muster.example/rendezvous/queue/replicated"
)

// embedded is the queue in the node's folder.
const embedded = "embedded"

// queueOptions say where messages wait.
type queueOptions struct {
	at, credentials string
}

func (o *queueOptions) addTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.at, "queue", embedded, "where messages wait: `embedded`, in the folder, or nats://HOST:PORT,HOST:PORT, in a cluster")
	flags.StringVar(&o.credentials, "queue-credentials", "", "the `file` with the node's key and certificate for the cluster")
}

func (o *queueOptions) remote() bool { return o.at != embedded }

func (o *queueOptions) check() error {
	_, _, err := parseQueue(o.at)
	switch {
	case err != nil:
		return usageError{fmt.Errorf("--queue %q %w", o.at, err)}
	case o.remote() && o.credentials == "":
		return usageError{fmt.Errorf("--queue %s: give the file with the node's key and certificate with --queue-credentials", o.at)}
	case !o.remote() && o.credentials != "":
		return usageError{fmt.Errorf("--queue-credentials is for a queue in a cluster: give --queue nats://HOST:PORT too")}
	}
	return nil
}

// prefixes is what the names of a queue's streams may begin with.
var prefixes = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// parseQueue reads embedded, or nats://HOST:PORT,HOST:PORT and perhaps /PREFIX.
func parseQueue(text string) (servers []string, prefix string, err error) {
	if text == embedded {
		return nil, "", nil
	}
	wrong := fmt.Errorf("is neither %s nor nats://HOST:PORT,HOST:PORT, with /PREFIX behind it if several nodes share the cluster", embedded)
	rest, is := strings.CutPrefix(text, "nats://")
	if !is {
		return nil, "", wrong
	}
	hosts, prefix, has := strings.Cut(rest, "/")
	if has && !prefixes.MatchString(prefix) {
		return nil, "", wrong
	}
	for _, server := range strings.Split(hosts, ",") {
		host, port, err := net.SplitHostPort(server)
		if err != nil || host == "" || port == "" || strings.ContainsAny(server, "@?# ") {
			return nil, "", wrong
		}
		if _, err := url.Parse("nats://" + server); err != nil {
			return nil, "", wrong
		}
		servers = append(servers, server)
	}
	return servers, prefix, nil
}

// engine returns what the engine of a cluster is opened with.
func (o *queueOptions) engine(cfg rendezvous.Config) (replicated.Options, error) {
	servers, prefix, err := parseQueue(o.at)
	if err != nil {
		return replicated.Options{}, err
	}
	credentials, err := replicated.ReadCredentials(o.credentials)
	if err != nil {
		return replicated.Options{}, err
	}
	quotas, log := cfg.Quotas.WithDefaults(), cfg.Logger
	if log == nil {
		log = slog.Default()
	}
	return replicated.Options{
		Servers: servers, Prefix: prefix, Credentials: credentials, Logger: log, MaxBytes: quotas.Bytes,
		DeviceEntries: int(quotas.DeviceEntries), DeviceBytes: quotas.DeviceBytes,
	}, nil
}
